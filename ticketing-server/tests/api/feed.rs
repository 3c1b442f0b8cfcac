//! The live feeds: what happens, to whom it may be told, and that whoever comes back misses nothing.

use crate::postgres::database;
use crate::support::{City, client, config, hold_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_server::auth::{Role, mint};
use ticketing_server::feed::STREAMS_PER_USER_MAX;
use ticketing_server::start;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

const ALL: &str = "/api/admin/stream";
const OWN: &str = "/api/tickets/stream";

/// A message of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
struct Message {
    id: i64,
    event: String,
    data: Value,
}

/// Takes the first whole message out of what was read.
fn message(buffer: &mut String) -> Option<Message> {
    let end = buffer.find("\n\n")?;
    let text: String = buffer.drain(..end + 2).collect();
    let mut message = Message::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
        match name {
            "id" => message.id = value.parse().unwrap(),
            "event" => value.clone_into(&mut message.event),
            "data" => message.data = serde_json::from_str(value).unwrap(),
            "retry" => {}
            other => panic!("{other} in {text}"),
        }
    }
    Some(message)
}

struct Listener {
    response: reqwest::Response,
    bytes: Vec<u8>,
    buffer: String,
}

impl Listener {
    async fn open(at: SocketAddr, path: &str, token: &str, last: Option<i64>) -> Self {
        let mut request = client().build().unwrap().get(format!("http://{at}{path}")).bearer_auth(token);
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut listener = Self { response, bytes: Vec::new(), buffer: String::new() };
        assert_eq!(listener.next().await.unwrap().event, "open");
        listener
    }

    /// The next message; `None` at the end.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = message(&mut self.buffer) {
                return Some(message);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(25), self.response.chunk());
            let chunk = chunk.await.expect("something happens").unwrap()?;
            // A piece may end within a character.
            self.bytes.extend_from_slice(&chunk);
            let whole = match std::str::from_utf8(&self.bytes) {
                Ok(text) => text.len(),
                Err(error) => error.valid_up_to(),
            };
            let text: Vec<u8> = self.bytes.drain(..whole).collect();
            self.buffer.push_str(std::str::from_utf8(&text).unwrap());
        }
    }

    /// The next event; beats are passed over.
    async fn event(&mut self) -> Message {
        loop {
            let message = self.next().await.expect("it goes on");
            if message.event.is_empty() {
                return message;
            }
            assert_eq!(message.event, "beat");
        }
    }

    /// Everything up to a position.
    async fn until(&mut self, position: i64) -> Vec<Message> {
        let mut all = Vec::new();
        while all.last().is_none_or(|last: &Message| last.id < position) {
            all.push(self.event().await);
        }
        all
    }
}

async fn booked(city: &City, user: &str) -> Value {
    let coach = city.coach().await;
    let reply = city.command("book", &city.token(user), &hold_of(&coach, json!({}))).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let position: i64 = reply.json()["meta"]["position"].as_str().unwrap().parse().unwrap();
    json!({"id": reply.id(), "position": position})
}

#[tokio::test]
async fn an_operator_hears_every_event_once_however_often_the_stream_breaks() {
    let city = City::start().await;
    let at = city.running.address();
    let operator = city.token_as("olga", Role::Operator);
    let mut listener = Listener::open(at, ALL, &operator, None).await;
    let first = booked(&city, "ada").await;
    let heard = listener.event().await;
    assert_eq!((heard.id, &heard.data["streamId"]), (first["position"].as_i64().unwrap(), &first["id"]));
    assert_eq!((&heard.data["type"], &heard.data["actor"]), (&json!("TicketBooked"), &json!("ada")));
    assert_eq!(heard.data["position"], json!(heard.id.to_string()));
    drop(listener);

    let mut last = heard.id;
    let mut positions = Vec::new();
    for round in 0..6 {
        for _ in 0..5 {
            booked(&city, "ada").await;
        }
        let end = booked(&city, "bob").await["position"].as_i64().unwrap();
        let mut listener = Listener::open(at, ALL, &operator, Some(last)).await;
        // Each time it breaks off somewhere else.
        for message in listener.until(end - round % 4).await {
            last = message.id;
            positions.push(last);
        }
    }
    let mut listener = Listener::open(at, ALL, &operator, Some(last)).await;
    let end = booked(&city, "bob").await["position"].as_i64().unwrap();
    positions.extend(listener.until(end).await.iter().map(|message| message.id));
    let expected: Vec<i64> = (heard.id + 1..=end).collect();
    assert_eq!(positions, expected);

    // From the very beginning it is the log, in its own words.
    let path =
        format!("{ALL}?from=0&type=RouteDefined,TicketBooked&query=actor=ada%20or%20type=RouteDefined");
    let mut listener = Listener::open(at, &path, &operator, None).await;
    let body = json!({"args": ["events", "tail", "--all"]}).to_string();
    let tail = city.send("POST", "/api/admin/commands", Some(&operator), &[], Some(body)).await.data();
    let is_wanted = |event: &&Value| {
        event["type"] == "RouteDefined" || (event["type"] == "TicketBooked" && event["actor"] == "ada")
    };
    for expected in tail.as_array().unwrap().iter().filter(is_wanted) {
        assert_eq!(listener.event().await.data, *expected);
    }
    drop(listener);
    city.running.stop().await;
}

#[tokio::test]
async fn a_stream_goes_on_at_another_server_on_the_same_store() {
    let Some(database) = database().await else { return };
    let secret = "0123456789abcdef-for-tests-only-0123456789";
    let one = City::start_with(|config| {
        config.stores.database_url = Some(database.url());
        config.jwt_secret = Some(secret.into());
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut of_other = config(&folder);
    of_other.stores.database_url = Some(database.url());
    of_other.jwt_secret = Some(secret.into());
    let other = City::of(start(of_other).await.unwrap(), folder);
    let (operator, ada) = (one.token_as("olga", Role::Operator), one.token("ada"));

    let before = booked(&one, "ada").await["position"].as_i64().unwrap();
    let (mut last, mut positions) = (before, Vec::new());
    let (mut own_last, mut own) = (before, Vec::new());
    let mut mine = Vec::new();
    let mut end = before;
    for round in 0..6 {
        let (writer, reader) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let at = reader.running.address();
        let mut all = Listener::open(at, ALL, &operator, Some(last)).await;
        let mut of_ada = Listener::open(at, OWN, &ada, Some(own_last)).await;
        for n in 0..4 {
            end = booked(writer, if n == 3 { "bob" } else { "ada" }).await["position"].as_i64().unwrap();
            if n < 3 {
                mine.push(end);
            }
        }
        positions.extend(all.until(end - 1).await.iter().map(|message| message.id));
        last = *positions.last().unwrap();
        own.extend(of_ada.until(mine[mine.len() - 2]).await.iter().map(|message| message.id));
        own_last = *own.last().unwrap();
    }
    let mut all = Listener::open(one.running.address(), ALL, &operator, Some(last)).await;
    positions.extend(all.until(end).await.iter().map(|message| message.id));
    assert_eq!(positions, (before + 1..=end).collect::<Vec<_>>());
    let mut of_ada = Listener::open(other.running.address(), OWN, &ada, Some(own_last)).await;
    own.extend(of_ada.until(mine[mine.len() - 1]).await.iter().map(|message| message.id));
    assert_eq!(own, mine);
    drop((all, of_ada));
    one.running.stop().await;
    other.running.stop().await;
}

#[tokio::test]
async fn a_user_hears_of_no_bookings_but_their_own() {
    let city = City::start().await;
    let at = city.running.address();
    let (ada, bob) = (city.token("ada"), city.token("bob"));
    let service = city.token_as("payments", Role::Service);
    let mut of_ada = Listener::open(at, OWN, &ada, Some(0)).await;
    let mut of_service = Listener::open(at, OWN, &service, Some(0)).await;
    let mine = booked(&city, "ada").await;
    let others = booked(&city, "bob").await;
    for (booking, payment) in [(&others, "pay_1"), (&mine, "pay_2")] {
        let paid = json!({"bookingId": booking["id"], "paymentId": payment});
        assert_eq!(city.command("confirm", &service, &paid).await.status, 200);
    }
    for (booking, token) in [(&others, &bob), (&mine, &ada)] {
        let cancel = json!({"bookingId": booking["id"]});
        assert_eq!(city.command("cancel", token, &cancel).await.status, 200);
    }
    let mut types = Vec::new();
    while types.last().is_none_or(|last| last != "TicketRefunded") {
        let event = of_ada.event().await;
        assert_eq!(event.data["streamId"], mine["id"], "{event:?}");
        types.push(event.data["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(types[..3], ["TicketBooked", "TicketConfirmed", "TicketCancelled"]);
    // Whoever comes later hears the same.
    let mut again = Listener::open(at, OWN, &ada, Some(0)).await;
    for expected in &types {
        assert_eq!(again.event().await.data["type"], *expected);
    }
    // A role is no right to others' bookings here: only its own, of which there are none until now.
    let own = booked(&city, "payments").await;
    let heard = of_service.event().await;
    assert_eq!((&heard.data["streamId"], heard.id), (&own["id"], own["position"].as_i64().unwrap()));
    drop((of_ada, again, of_service));
    city.running.stop().await;
}

#[tokio::test]
async fn who_cannot_keep_up_is_told_so_and_misses_nothing_by_coming_back() {
    // Together more than what lies on the way, in the system's buffers: 8 MiB.
    const CANCELLED: usize = 2_000;
    const BUYERS: usize = 20;
    let city = Arc::new(City::start_with(|config| config.roles.saga = false).await);
    let at = city.running.address();
    let ada = city.token("ada");
    // It takes nothing until all is over, and its end of the line holds next to nothing.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut slow = socket.connect(at).await.unwrap();
    let head = format!("GET {OWN} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ada}\r\n\r\n");
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut quick = Listener::open(at, OWN, &ada, None).await;
    let coach = city.coach().await;
    let reason = "\u{1f68c}".repeat(1_000);
    let counted = tokio::spawn(async move {
        let mut all = Vec::new();
        while all.len() < 2 * CANCELLED {
            all.push(quick.event().await.id);
        }
        all
    });
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        let (city, ada, coach, reason) = (Arc::clone(&city), ada.clone(), coach.clone(), reason.clone());
        buyers.spawn(async move {
            for _ in 0..CANCELLED / BUYERS {
                let id = city.command("book", &ada, &hold_of(&coach, json!({}))).await.id();
                let cancel = json!({"bookingId": id, "reason": reason});
                assert_eq!(city.command("cancel", &ada, &cancel).await.status, 200);
            }
        });
    }
    buyers.join_all().await;
    let expected = counted.await.unwrap();

    let mut text = Vec::new();
    let began = Instant::now();
    while !String::from_utf8_lossy(&text[text.len().saturating_sub(600)..]).contains("\nevent: end\n") {
        assert!(began.elapsed() < Duration::from_secs(30));
        let read = tokio::time::timeout(Duration::from_secs(25), slow.read_buf(&mut text)).await;
        assert_ne!(read.unwrap().unwrap(), 0, "it is told before it ends");
    }
    // The sizes of the pieces, which stand on lines of their own, are no part of the messages.
    let text = String::from_utf8(text).unwrap();
    let ids: Vec<i64> = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    let end = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let end: Value = serde_json::from_str(end).unwrap();
    assert_eq!(end["code"], "TOO_SLOW", "{end}");
    let resume: i64 = end["resumeFrom"].as_str().unwrap().parse().unwrap();
    let told: BTreeSet<i64> = ids.iter().copied().filter(|id| expected.contains(id)).collect();
    assert!(told.len() < expected.len() && told.last() == Some(&resume), "{} {resume}", told.len());

    let mut rest = Listener::open(at, OWN, &ada, Some(resume)).await;
    let rest = rest.until(*expected.last().unwrap()).await;
    let whole: Vec<i64> = told.into_iter().chain(rest.iter().map(|message| message.id)).collect();
    assert_eq!(whole, expected);
}

#[tokio::test]
async fn streams_end_at_once_with_the_server_and_with_their_token() {
    let city = City::start().await;
    let at = city.running.address();
    let operator = city.token_as("olga", Role::Operator);
    let brief = mint(city.running.secret(), "ada", Role::User, Duration::from_secs(1)).unwrap();
    let mut expiring = Listener::open(at, OWN, &brief, None).await;
    let end = expiring.next().await.unwrap();
    assert_eq!((end.event.as_str(), &end.data["code"]), ("end", &json!("UNAUTHORIZED")));
    assert_eq!(expiring.next().await, None);

    let mut listener = Listener::open(at, ALL, &operator, None).await;
    let position = booked(&city, "ada").await["position"].as_i64().unwrap();
    assert_eq!(listener.event().await.id, position);
    let began = Instant::now();
    let served = city.running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(8) && served.cut_off == 0, "{:?}", began.elapsed());
    let end = listener.next().await.unwrap();
    assert_eq!((end.event.as_str(), &end.data["code"]), ("end", &json!("SHUTTING_DOWN")));
    assert_eq!(end.data["resumeFrom"], json!(position.to_string()));
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn a_quiet_stream_beats_with_the_position_that_was_reached() {
    let city = City::start().await;
    let mut listener = Listener::open(city.running.address(), OWN, &city.token("ada"), None).await;
    let position = booked(&city, "bob").await["position"].as_i64().unwrap();
    let began = Instant::now();
    let beat = listener.next().await.unwrap();
    assert_eq!((beat.event.as_str(), &beat.data["position"]), ("beat", &json!(beat.id.to_string())));
    assert!(beat.id >= position && began.elapsed() >= Duration::from_secs(12), "{beat:?}");
}

#[tokio::test]
async fn what_no_stream_can_be_made_of_is_refused() {
    let city = City::start().await;
    let (ada, operator) = (city.token("ada"), city.token_as("olga", Role::Operator));
    let send = async |path: &str, token: Option<&str>, headers: &[(&str, &str)]| {
        city.send("GET", path, token, headers, None).await
    };
    send(ALL, None, &[]).await.is(401, "UNAUTHORIZED");
    send(OWN, None, &[]).await.is(401, "UNAUTHORIZED");
    for role in [Role::User, Role::Service] {
        send(ALL, Some(&city.token_as("ada", role)), &[]).await.is(403, "FORBIDDEN");
    }
    for (query, field) in [
        ("from=-1", "from"),
        ("from=9999999", "from"),
        ("type=Nothing", "type"),
        ("query=nothing=1", "query"),
        ("query=type%3D", "query"),
        ("page=1", "page"),
    ] {
        let reply = send(&format!("{ALL}?{query}"), Some(&operator), &[]).await;
        reply.is(422, "VALIDATION_FAILED");
        assert_eq!(reply.detail()["field"], field, "{query}");
    }
    send(&format!("{OWN}?type=TicketBooked"), Some(&ada), &[]).await.is(422, "VALIDATION_FAILED");
    send(OWN, Some(&ada), &[("last-event-id", "x")]).await.is(422, "VALIDATION_FAILED");

    let at = city.running.address();
    let mut open = Vec::new();
    for _ in 0..STREAMS_PER_USER_MAX {
        open.push(Listener::open(at, OWN, &ada, None).await);
    }
    let full = send(OWN, Some(&ada), &[]).await;
    full.is(503, "OVERLOADED");
    assert!(full.headers.contains_key("retry-after"));
    Listener::open(at, OWN, &city.token("bob"), None).await;
    open.pop();
    let began = Instant::now();
    while client()
        .build()
        .unwrap()
        .get(format!("http://{at}{OWN}"))
        .bearer_auth(&ada)
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        assert!(began.elapsed() < Duration::from_secs(5), "a seat comes back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
