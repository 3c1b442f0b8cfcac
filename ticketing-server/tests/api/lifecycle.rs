//! Start and end: who may serve a folder, what stands in the way, and that nothing accepted is lost.

use crate::support::client;
use crate::support::{City, config, hold_of};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::app::folder::served_by;
use ticketing_server::settings::Environment;
use ticketing_server::{Roles, StartError, prepare, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_finishes_what_was_accepted_and_a_new_start_finds_it() {
    let mut city = City::start().await;
    let ada = city.token("ada");
    let body = hold_of(&city.coach().await, json!({})).to_string();
    let address = city.running.address();
    let client = Arc::new(client().build().unwrap());
    let mut tasks = JoinSet::new();
    for _ in 0..60 {
        let (client, ada, body) = (Arc::clone(&client), ada.clone(), body.clone());
        tasks.spawn(async move {
            let request = client.post(format!("http://{address}/api/tickets/commands/book")).bearer_auth(ada);
            // Who comes too late is not let in: no answer is no promise.
            match request.body(body).send().await {
                Ok(response) => response.status().as_u16(),
                Err(_) => 0,
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let folder = city.folder;
    let served = city.running.stop().await;
    assert_eq!(served.cut_off, 0);
    let statuses = tasks.join_all().await;
    assert!(statuses.iter().all(|status| [0, 201, 409].contains(status)), "{statuses:?}");
    let acknowledged = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!(served_by(folder.path()).unwrap(), None);

    let began = Instant::now();
    let running = start(config(&folder)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    city = City::of(running, folder);
    let mine = city.get("/api/tickets/queries/my-tickets", Some(&ada), "Page_Ticket").await;
    assert_eq!(mine.status, 200, "the secret of the first start is kept: {}", mine.text);
    let total = mine.json()["pagination"]["total"].as_u64().unwrap() as usize;
    assert!(total >= acknowledged, "{total} of {acknowledged}");
    city.running.stop().await;
}

#[tokio::test]
async fn a_prepared_server_lets_its_first_callers_wait_until_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    let prepared = prepare(config(&folder)).await.unwrap();
    let address = served_by(folder.path()).unwrap().unwrap().address.unwrap();
    let asking = tokio::spawn(async move {
        let mut caller = TcpStream::connect(address).await.unwrap();
        let request = b"GET /api/health/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        caller.write_all(request).await.unwrap();
        let mut text = String::new();
        caller.read_to_string(&mut text).await.unwrap();
        text
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!asking.is_finished(), "answered before what --demo seeds is there");
    let running = prepared.serve();
    let text = asking.await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    running.stop().await;

    prepare(config(&folder)).await.unwrap().abandon().await;
    assert_eq!(served_by(folder.path()).unwrap(), None);
}

#[tokio::test]
async fn a_folder_is_served_once_and_the_second_learns_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(config(&folder)).await.unwrap();
    let refused = start(config(&folder)).await.unwrap_err();
    assert!(matches!(refused, StartError::Folder(_)));
    let text = refused.to_string();
    let who = format!("process {} at http://{}", std::process::id(), first.address());
    assert!(text.contains(&who), "{text}");
    let owner = served_by(folder.path()).unwrap().unwrap();
    assert_eq!(owner.address, Some(first.address().to_string()));
    first.stop().await;
    start(config(&folder)).await.unwrap().stop().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config_of_port = config(&folder);
    config_of_port.port = taken.local_addr().unwrap().port();
    let text = start(config_of_port).await.unwrap_err().to_string();
    assert!(text.contains("can't listen at 127.0.0.1:") && text.contains("PORT"), "{text}");

    let mut production = config(&folder);
    production.http.environment = Environment::Production;
    let text = start(production).await.unwrap_err().to_string();
    assert!(text.contains("JWT_SECRET is missing"), "{text}");

    let mut other = config(&folder);
    other.stores.database_url = Some("mysql://h/d".into());
    let text = start(other).await.unwrap_err().to_string();
    assert!(text.contains("must begin with postgres://"), "{text}");

    let damaged = tempfile::tempdir().unwrap();
    std::fs::write(
        damaged.path().join("write.db"),
        "this is no database, but long enough to be one".repeat(50),
    )
    .unwrap();
    let text = start(config(&damaged)).await.unwrap_err().to_string();
    assert!(text.contains("is no database"), "{text}");
}

#[tokio::test]
async fn a_server_of_stores_that_do_not_answer_does_not_start_and_names_the_address_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    // Port 1 refuses every connection.
    config.stores.database_url = Some("postgres://ops:hunter2@127.0.0.1:1/ticketing".into());
    let began = Instant::now();
    let text = start(config).await.unwrap_err().to_string();
    assert!(text.contains("127.0.0.1:1") && text.contains("Start PostgreSQL"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_process_without_the_api_still_tells_how_it_is() {
    let city = City::start_with(|config| config.roles = Roles { api: false, ..Roles::ALL }).await;
    assert_eq!(city.get("/api/health/ready", None, "Success_Readiness").await.status, 200);
    assert!(city.metric("engine_queue_length").await >= 0.0);
    city.get("/api/routes", None, "").await.is(404, "NOT_FOUND");
    city.running.stop().await;
}
