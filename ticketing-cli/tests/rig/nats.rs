//! NATS by its text protocol over plain TCP, without any library of it.

use super::broker::{Notice, Published};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use uuid::Uuid;

/// How long the server may take to say the next thing.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

struct Connection {
    stream: BufReader<TcpStream>,
    /// Where the server answers this connection, and no other.
    inbox: String,
}

/// A message from the server.
struct Received {
    subject: String,
    reply: Option<String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Connection {
    /// Connects, and listens to an inbox of its own.
    async fn open(url: &str) -> Result<Self, String> {
        let address = url.trim_start_matches("nats://");
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let inbox = format!("_INBOX.{}", Uuid::new_v4().simple());
        let mut it = Self { stream: BufReader::new(stream), inbox };
        let hello = it.line().await?;
        if !hello.starts_with("INFO ") {
            return Err(hello);
        }
        let options =
            json!({"verbose": false, "pedantic": true, "headers": true, "protocol": 1, "lang": "raw"});
        // Each by its whole name: JetStream delivers to no subject that only a wildcard listens to.
        let (inbox, options) = (&it.inbox, options.to_string());
        let listen = format!("CONNECT {options}\r\nSUB {inbox}.answer 1\r\nSUB {inbox}.records 2\r\n");
        it.write(listen.as_bytes()).await?;
        Ok(it)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).await.map_err(|error| error.to_string())
    }

    async fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        let read = tokio::time::timeout(ANSWER_WITHIN, self.stream.read_line(&mut line)).await;
        match read {
            Err(_) => Err("the server says nothing".into()),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(0)) => Err("the connection ended".into()),
            Ok(Ok(_)) => Ok(line.trim_end().to_owned()),
        }
    }

    /// The next message, past all else that the server says.
    async fn receive(&mut self) -> Result<Received, String> {
        loop {
            let line = self.line().await?;
            let words: Vec<&str> = line.split(' ').collect();
            let (sizes, head) = match words.first() {
                Some(&"MSG") => (1, 0),
                Some(&"HMSG") => (2, words[words.len() - 2].parse::<usize>().map_err(|e| e.to_string())?),
                Some(&"PING") => {
                    self.write(b"PONG\r\n").await?;
                    continue;
                }
                Some(&"-ERR") => return Err(line),
                _ => continue,
            };
            let size: usize = words[words.len() - 1].parse().map_err(|_| line.clone())?;
            let mut bytes = vec![0; size + 2];
            let read = tokio::time::timeout(ANSWER_WITHIN, self.stream.read_exact(&mut bytes)).await;
            read.map_err(|_| "half a message came")?.map_err(|error| error.to_string())?;
            bytes.truncate(size);
            let body = bytes.split_off(head);
            let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
            let header = |line: &str| {
                line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            };
            let reply = (words.len() - sizes == 4).then(|| words[3].to_owned());
            let headers = text.lines().skip(1).filter_map(header).collect();
            return Ok(Received { subject: words[1].to_owned(), reply, headers, body });
        }
    }

    /// Asks JetStream's own interface; the answer comes as any other message.
    async fn ask(&mut self, subject: &str, question: &Value) -> Result<(), String> {
        let question = question.to_string();
        let request = format!("PUB {subject} {}.answer {}\r\n{question}\r\n", self.inbox, question.len());
        self.write(request.as_bytes()).await
    }
}

/// Publishes in order, and waits until the stream has each; an error says that some may not have been taken.
pub async fn publish(url: &str, subject: &str, batch: &[Notice]) -> Result<(), String> {
    let mut connection = Connection::open(url).await?;
    for notice in batch {
        let head = format!("NATS/1.0\r\nkey: {}\r\n\r\n", notice.key);
        let (body, total) = (&notice.body, head.len() + notice.body.len());
        let command =
            format!("HPUB {subject} {}.answer {} {total}\r\n{head}{body}\r\n", connection.inbox, head.len());
        connection.write(command.as_bytes()).await?;
        // One at a time: what was not taken must not be overtaken by what comes after it.
        let ack = connection.receive().await?;
        let answer: Value = serde_json::from_slice(&ack.body).map_err(|_| "no stream has it".to_owned())?;
        if answer.get("error").is_some() || answer["seq"].as_u64().is_none() {
            return Err(answer.to_string());
        }
    }
    Ok(())
}

/// A record of a stream.
struct Record {
    subject: String,
    sequence: i64,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Reads a whole stream.
async fn records(url: &str, stream: &str) -> Vec<Record> {
    let mut connection = Connection::open(url).await.unwrap();
    connection.ask(&format!("$JS.API.STREAM.INFO.{stream}"), &json!({})).await.unwrap();
    let info: Value = serde_json::from_slice(&connection.receive().await.unwrap().body).unwrap();
    let messages = info["state"]["messages"].as_u64().unwrap_or_else(|| panic!("{info}"));
    let consumer = json!({
        "stream_name": stream,
        "config": {
            "deliver_subject": format!("{}.records", connection.inbox),
            "deliver_policy": "all",
            "ack_policy": "none",
        },
    });
    connection.ask(&format!("$JS.API.CONSUMER.CREATE.{stream}"), &consumer).await.unwrap();
    let mut all = Vec::new();
    while (all.len() as u64) < messages {
        let record =
            connection.receive().await.unwrap_or_else(|e| panic!("{e}: {} of {messages}", all.len()));
        // The answer that there is a consumer now may come between its first records.
        if record.subject.ends_with(".answer") {
            let made: Value = serde_json::from_slice(&record.body).unwrap();
            assert!(made.get("error").is_none(), "{made}");
            continue;
        }
        // Where it stands in the stream is in the subject that an acknowledgement would go to.
        let place = record.reply.expect("a record says where it stands");
        let words: Vec<&str> = place.split('.').collect();
        assert!(words.len() == 9 && words[..2] == ["$JS", "ACK"], "{place}");
        let sequence = words[5].parse().unwrap();
        all.push(Record { subject: record.subject, sequence, headers: record.headers, body: record.body });
    }
    all
}

/// Reads the whole stream of what the platform published.
pub async fn read(url: &str, prefix: &str) -> Vec<Published> {
    let published = |record: Record| {
        let mut headers = record.headers;
        let key = headers.remove("key").expect("a record has a key");
        let subject = record.subject.strip_prefix(prefix).expect("a subject of this platform");
        Published {
            // Some events of the tickets' topic have a subject of their own.
            topic: if subject == "catalog-events" { subject } else { "ticket-events" }.to_owned(),
            subject: subject.to_owned(),
            key,
            headers,
            body: serde_json::from_slice(&record.body).unwrap(),
        }
    };
    records(url, &format!("{prefix}TICKETING")).await.into_iter().map(published).collect()
}

/// Reads all that the platform was told on a topic: what stands where.
pub async fn told(url: &str, prefix: &str, topic: &str) -> BTreeMap<(i64, i64), String> {
    let subject = format!("{prefix}{topic}");
    let all = records(url, &format!("{prefix}TICKETING_INBOUND")).await.into_iter();
    let of_topic = all.filter(|record| record.subject == subject);
    of_topic.map(|record| ((0, record.sequence), String::from_utf8(record.body).unwrap())).collect()
}
