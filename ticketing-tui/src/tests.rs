//! The loop on a screen in memory, and the one who looks on real embedded stores.

use super::{Ended, Input, Look, Sources, State, Stopped, Theme, Watch, attend};
use crate::picture::Picture;
use crate::sample;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::future::{pending, ready};
use std::io;
use std::time::Duration;
use tempfile::TempDir;
use ticketing_core::adapters::seed_file::demo_city;
use ticketing_core::app::{App, StoreConfig, Stores};
use ticketing_core::clock::Clock;
use ticketing_core::engine::EngineConfig;
use ticketing_core::ops::audit::Actor;
use ticketing_core::ops::seed;
use ticketing_core::store::error::StoreError;
use ticketing_core::worker::projector::Projector;
use tokio::sync::mpsc;
use tokio::time::timeout;

const THEME: Theme = Theme { has_colour: false };
const PATIENCE: Duration = Duration::from_secs(30);

fn screen() -> Terminal<TestBackend> {
    Terminal::new(TestBackend::new(80, 24)).unwrap()
}

fn shows(terminal: &Terminal<TestBackend>, text: &str) -> bool {
    terminal.backend().to_string().contains(text)
}

struct Hands {
    inputs: mpsc::Sender<io::Result<Input>>,
    looks: mpsc::Sender<Look>,
}

fn sources() -> (Hands, Sources) {
    let (inputs_in, inputs) = mpsc::channel(8);
    let (looks_in, looks) = mpsc::channel(8);
    let clock = Clock::manual(sample::noon());
    (Hands { inputs: inputs_in, looks: looks_in }, Sources { inputs, looks, clock })
}

fn saw(head: i64) -> Look {
    Look::Saw(Box::new(sample::picture(sample::noon(), head)))
}

#[tokio::test]
async fn the_first_frame_is_drawn_before_anything_is_known() {
    let (_hands, sources) = sources();
    let mut terminal = screen();
    let stopped = attend(&mut terminal, sample::state(), THEME, sources, ready(Ended::Terminated)).await;
    assert!(matches!(stopped, Ok(Stopped::By(Ended::Terminated))));
    assert!(shows(&terminal, "Connecting to ./data/write.db"));
}

#[tokio::test]
async fn a_look_is_shown_and_a_key_ends_it() {
    let (hands, sources) = sources();
    let mut terminal = screen();
    let person = async {
        hands.looks.send(saw(3_412)).await.unwrap();
        while hands.looks.capacity() < hands.looks.max_capacity() {
            tokio::task::yield_now().await;
        }
        hands.inputs.send(Ok(Input::Quit)).await.unwrap();
    };
    let running = attend(&mut terminal, sample::state(), THEME, sources, pending());
    let (stopped, ()) = tokio::join!(running, person);
    assert!(matches!(stopped, Ok(Stopped::By(Ended::Quit))));
    assert!(shows(&terminal, "3,412"));
}

#[tokio::test]
async fn what_another_program_wrote_is_drawn_over_on_demand() {
    let (hands, sources) = sources();
    let mut terminal = screen();
    hands.inputs.send(Ok(Input::Redraw)).await.unwrap();
    hands.inputs.send(Ok(Input::Quit)).await.unwrap();
    let stopped = attend(&mut terminal, sample::state(), THEME, sources, pending()).await;
    assert!(stopped.is_ok() && shows(&terminal, "Connecting to ./data/write.db"));
}

#[tokio::test]
async fn a_lost_keyboard_and_a_lost_watcher_end_it() {
    let (hands, from) = sources();
    hands.inputs.send(Err(io::Error::other("gone"))).await.unwrap();
    let stopped = attend(&mut screen(), sample::state(), THEME, from, pending()).await;
    assert!(matches!(stopped, Ok(Stopped::Keyboard(_))));

    let (Hands { inputs, looks }, from) = sources();
    drop(looks);
    let stopped = attend(&mut screen(), sample::state(), THEME, from, pending()).await;
    assert!(matches!(stopped, Ok(Stopped::Watch)));
    drop(inputs);
}

#[tokio::test]
async fn ages_grow_once_a_second_without_any_news() {
    let (hands, sources) = sources();
    let (mut terminal, clock) = (screen(), sources.clock.clone());
    hands.looks.send(saw(7)).await.unwrap();
    let person = async {
        while hands.looks.capacity() < hands.looks.max_capacity() {
            tokio::task::yield_now().await;
        }
        clock.advance(4_000);
        // The loop's second began before this one, and goes before keys: no luck is needed.
        tokio::time::sleep(Duration::from_secs(1)).await;
        hands.inputs.send(Ok(Input::Quit)).await.unwrap();
    };
    let running = attend(&mut terminal, sample::state(), THEME, sources, pending());
    let (stopped, ()) = tokio::join!(running, person);
    assert!(stopped.is_ok() && shows(&terminal, "live, 4s old"));
}

fn at(folder: &TempDir) -> StoreConfig {
    StoreConfig { data_dir: folder.path().join("data"), database_url: None, read_database_url: None }
}

async fn seeded(config: &StoreConfig) -> App {
    let now = sample::noon();
    let stores = Stores::open_and_migrate(config, now).await.unwrap();
    let (app, _) = App::start(stores, Clock::manual(now), EngineConfig::default(), |_| ());
    let plan = seed::plan(&app, "seed demo", demo_city(now)).await.unwrap();
    let actor = Actor { name: "tester".into(), reason: None };
    let done = seed::execute(&app, plan, &actor, &mut |_, _| ()).await.unwrap();
    Projector::default().reach(&app, done.position).await.unwrap();
    app
}

fn watch(stores: &StoreConfig) -> (mpsc::Receiver<Look>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    let (out, looks) = mpsc::channel(1);
    let watch = Watch { stores: stores.clone(), clock: Clock::manual(sample::noon()), patience: PATIENCE };
    (looks, tokio::spawn(watch.run(out)))
}

async fn next(looks: &mut mpsc::Receiver<Look>) -> Option<Look> {
    timeout(PATIENCE, looks.recv()).await.unwrap()
}

#[tokio::test]
async fn stores_that_are_not_there_are_an_error_and_are_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let (mut looks, task) = watch(&at(&folder));
    assert_eq!(next(&mut looks).await, None);
    assert!(matches!(task.await.unwrap(), Err(StoreError::Missing { .. })));
    assert!(!at(&folder).data_dir.exists());
}

#[tokio::test]
async fn a_look_sees_the_seeded_city_and_the_same_is_not_read_twice() {
    let folder = tempfile::tempdir().unwrap();
    let app = seeded(&at(&folder)).await;
    let first = Picture::take(&app, None).await.unwrap();
    let events = first.events.clone().unwrap();
    assert_eq!(events.len(), 100);
    assert_eq!(events[0].position, first.status.head);
    assert!(events.windows(2).all(|pair| pair[0].position == pair[1].position + 1));
    assert_eq!(first.holds, Ok([].into()));
    let second = Picture::take(&app, Some(&first)).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&events, &second.events.unwrap()));
}

#[tokio::test]
async fn removed_stores_are_told_and_found_again_when_they_are_back() {
    let folder = tempfile::tempdir().unwrap();
    let config = at(&folder);
    drop(seeded(&config).await);
    let (mut looks, task) = watch(&config);
    assert!(matches!(next(&mut looks).await, Some(Look::Saw(_))));
    let aside = folder.path().join("aside");
    std::fs::rename(&config.data_dir, &aside).unwrap();
    let failed = loop {
        match next(&mut looks).await.unwrap() {
            Look::Saw(_) => {}
            Look::Failed { why } => break why,
        }
    };
    assert_eq!(failed, "the store's files were removed or replaced");
    std::fs::rename(&aside, &config.data_dir).unwrap();
    while !matches!(next(&mut looks).await, Some(Look::Saw(_))) {}
    drop(looks);
    assert!(timeout(PATIENCE, task).await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_waited_for() {
    let config = StoreConfig {
        data_dir: "unused".into(),
        // Nobody listens on the port that is for discarding.
        database_url: Some("postgres://nobody@127.0.0.1:9/none".into()),
        read_database_url: None,
    };
    let (out, mut looks) = mpsc::channel(1);
    let patience = Duration::from_millis(200);
    let watch = Watch { stores: config, clock: Clock::manual(sample::noon()), patience };
    let task = tokio::spawn(watch.run(out));
    assert!(matches!(next(&mut looks).await, Some(Look::Failed { .. })));
    drop(looks);
    assert!(timeout(PATIENCE, task).await.unwrap().unwrap().is_ok());
}

#[test]
fn the_state_before_anything_is_known_names_the_store() {
    let state: State = sample::state();
    assert_eq!((state.address.as_str(), state.picture), ("./data/write.db", None));
}
