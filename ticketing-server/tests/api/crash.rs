//! The real program, killed without warning in mid-load, again and again: what it acknowledged is there,
//! and nothing is there twice.

use crate::postgres::database;
use crate::support::client;
use crate::support::{City, hold_of};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_server::auth::{Role, mint};
use ticketing_server::secret::Secret;
use tokio::task::JoinSet;

const KILLS: usize = 10;
const CLIENTS: usize = 16;
pub(crate) const SECRET: &str = "b7c1f0a94be34d3c8a51e0d2f6a7c983";

/// A server as its own process, killed with this value.
pub(crate) struct Program {
    child: Child,
    pub(crate) base: String,
}

impl Program {
    /// Starts it and waits until its log says where it answers.
    pub(crate) fn start(data_dir: &Path, database_url: Option<&str>) -> Self {
        Self::start_with(data_dir, database_url, &[])
    }

    /// The same with more settings.
    pub(crate) fn start_with(data_dir: &Path, database_url: Option<&str>, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ticketing-server"));
        command.env("DATA_DIR", data_dir).env("PORT", "0").env("JWT_SECRET", SECRET);
        command.env("LOG_FORMAT", "json").env("LOG", "info").env_remove("DATABASE_URL");
        if let Some(url) = database_url {
            command.env("DATABASE_URL", url);
        }
        command.envs(settings.iter().copied());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server starts").unwrap();
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if line["message"] == "the server answers" {
                break line["address"].as_str().unwrap().to_owned();
            }
        };
        // Somebody must go on reading, or the program stands still with a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, base: format!("http://{address}") }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A key, the body that was sent with it, and the booking if it was acknowledged.
type Sent = (String, String, Option<Value>);

/// Books with one key after another until the server is gone.
async fn book_until_the_end(
    base: String,
    token: String,
    bodies: Arc<Vec<String>>,
    round: usize,
    me: usize,
) -> Vec<Sent> {
    let client = client().build().unwrap();
    let mut sent = Vec::new();
    for n in 0.. {
        let body = bodies[(n * CLIENTS + me + round) % bodies.len()].clone();
        let key = format!("k{round}-{me}-{n}");
        match book(&client, &base, &token, &key, &body).await {
            Answered::Booked(data) => sent.push((key, body, Some(data))),
            Answered::SoldOut => {}
            Answered::Nothing => {
                sent.push((key, body, None));
                break;
            }
        }
    }
    sent
}

enum Answered {
    Booked(Value),
    SoldOut,
    /// No whole answer came.
    Nothing,
}

async fn book(client: &reqwest::Client, base: &str, token: &str, key: &str, body: &str) -> Answered {
    let request = client.post(format!("{base}/api/tickets/commands/book")).bearer_auth(token);
    let request = request.header("idempotency-key", key).body(body.to_owned());
    let Ok(response) = request.send().await else { return Answered::Nothing };
    let status = response.status().as_u16();
    let Ok(text) = response.text().await else { return Answered::Nothing };
    let answer: Value = serde_json::from_str(&text).unwrap();
    match status {
        201 => Answered::Booked(answer["data"].clone()),
        _ => {
            assert_eq!(answer["error"]["code"], "SOLD_OUT", "{text}");
            Answered::SoldOut
        }
    }
}

async fn all_tickets(base: &str, token: &str) -> Vec<Value> {
    let client = client().build().unwrap();
    let mut all = Vec::new();
    for page in 1.. {
        let url = format!("{base}/api/tickets/queries/my-tickets?limit=100&page={page}");
        let text = client.get(url).bearer_auth(token).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let rows = answer["data"].as_array().unwrap_or_else(|| panic!("{text}")).clone();
        if rows.is_empty() {
            break;
        }
        all.extend(rows);
    }
    // While the read model still catches up, new rows push others onto the next page, where they come again.
    let mut seen = HashSet::new();
    all.retain(|ticket| seen.insert(ticket["id"].clone()));
    all
}

async fn is_killed_and_loses_nothing(database_url: Option<String>) {
    let city = City::start_with(|config| {
        config.jwt_secret = Some(SECRET.into());
        config.stores.database_url = database_url.clone();
    })
    .await;
    let schedules = city.schedules("10").await;
    let bodies: Arc<Vec<String>> =
        Arc::new(schedules.iter().map(|schedule| hold_of(schedule, json!({})).to_string()).collect());
    let folder = city.folder;
    city.running.stop().await;
    let token = mint(&Secret::new(SECRET).unwrap(), "ada", Role::User, Duration::from_secs(3600)).unwrap();

    let mut acknowledged: HashMap<String, Value> = HashMap::new();
    for round in 0..KILLS {
        let mut program = Program::start(folder.path(), database_url.as_deref());
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (base, token, bodies) = (program.base.clone(), token.clone(), Arc::clone(&bodies));
            clients.spawn(book_until_the_end(base, token, bodies, round, client));
        }
        tokio::time::sleep(Duration::from_millis(60 + 17 * round as u64)).await;
        program.kill();
        let sent: Vec<_> = clients.join_all().await.into_iter().flatten().collect();

        // Whoever got no answer asks again with the same key; of the others some do, to be sure.
        let program = Program::start(folder.path(), database_url.as_deref());
        let client = client().build().unwrap();
        for (n, (key, body, data)) in sent.into_iter().enumerate() {
            let booked = match data {
                Some(data) if n % 8 != 0 => data,
                first => match book(&client, &program.base, &token, &key, &body).await {
                    Answered::Booked(data) => {
                        assert!(first.is_none_or(|first| first == data), "{key}: the first answer again");
                        data
                    }
                    Answered::SoldOut => {
                        assert!(first.is_none(), "{key} was acknowledged");
                        continue;
                    }
                    Answered::Nothing => panic!("{key}: the server is there"),
                },
            };
            acknowledged.insert(key, booked);
        }
    }
    let program = Program::start(folder.path(), database_url.as_deref());
    let began = Instant::now();
    let found = loop {
        let found = all_tickets(&program.base, &token).await;
        if found.len() >= acknowledged.len() {
            break found;
        }
        let missing = acknowledged.len() - found.len();
        assert!(began.elapsed() < Duration::from_secs(30), "{missing} of {} are missing", acknowledged.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(found.len(), acknowledged.len(), "as many as there were keys");
    let ids: HashSet<&str> = found.iter().map(|ticket| ticket["id"].as_str().unwrap()).collect();
    assert!(acknowledged.values().all(|data| ids.contains(data["id"].as_str().unwrap())));
    let seats: HashSet<String> =
        acknowledged.values().map(|data| format!("{}/{}", data["scheduleId"], data["seatNumber"])).collect();
    assert_eq!(seats.len(), acknowledged.len(), "no seat was sold twice");
    assert!(acknowledged.len() > KILLS * 2, "{} bookings are no load", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_embedded_stores_that_is_killed_loses_nothing_that_it_acknowledged() {
    is_killed_and_loses_nothing(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_postgres_that_is_killed_loses_nothing_that_it_acknowledged() {
    let Some(database) = database().await else { return };
    is_killed_and_loses_nothing(Some(database.url())).await;
}
