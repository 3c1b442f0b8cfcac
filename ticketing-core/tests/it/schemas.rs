//! The schemas that we ship: real records satisfy them, and what earlier versions wrote is still read.

use crate::support::city::{ask, cancel, change, confirm, hold, line, meta, seed, seed_line};
use crate::support::place::{Place, clock};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use ticketing_core::adapters::carriers::Message;
use ticketing_core::adapters::carriers::record;
use ticketing_core::app::listings::{self, Edit};
use ticketing_core::app::{App, orders};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::domain::catalog::OfferingKind;
use ticketing_core::domain::event::Event;
use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
use ticketing_core::domain::log::RawEntry;
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::store::events;
use uuid::Uuid;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The schemas, compiled when they are asked for.
struct Shipped {
    schemas: Schemas,
    compiler: Compiler,
}

impl Shipped {
    fn load() -> Self {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        Self { schemas: Schemas::new(), compiler }
    }

    fn compile(&mut self, name: &str) -> SchemaIndex {
        let path = root().join("schemas").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let url = format!("https://schemas.test/{name}");
        self.compiler.add_resource(&url, serde_json::from_str(&text).unwrap()).unwrap();
        self.compiler.compile(&url, &mut self.schemas).unwrap_or_else(|e| panic!("{name}: {e:#}"))
    }

    fn check(&mut self, name: &str, value: &Value) {
        let schema = self.compile(name);
        if let Err(error) = self.schemas.validate(value, schema) {
            panic!("{name} forbids {value}:\n{error}");
        }
    }

    /// Holds a record's headers and body against their schemas.
    fn check_record(&mut self, entry: &RawEntry, of: OfferingKind) {
        let record = record::outgoing(entry, of, None);
        let headers: Map<String, Value> =
            record.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        self.check("headers.json", &headers.into());
        self.check(
            &format!("events/{}.json", record::published_as(&entry.event_type, entry.stream_version, of)),
            &serde_json::from_str(&record.body).unwrap(),
        );
    }
}

fn names(folder: &str) -> BTreeSet<String> {
    let files = fs::read_dir(root().join("schemas").join(folder)).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap().trim_end_matches(".json").to_owned())
        .collect()
}

#[test]
fn every_event_has_a_schema_and_is_on_one_topic_of_the_document() {
    let names_of_ours = Event::TYPES.iter().chain(&record::MARKET_TYPES);
    let types: BTreeSet<String> = names_of_ours.map(|name| (*name).to_owned()).collect();
    assert_eq!(names("events"), types);
    let document = fs::read_to_string(root().join("schemas/asyncapi.yaml")).unwrap();
    for (folder, message) in [("events", ""), ("inbound", "In")] {
        for name in names(folder) {
            assert!(document.contains(&format!("$ref: ./{folder}/{name}.json")), "{name} has no payload");
            let listed = format!("      {name}:\n        $ref: '#/components/messages/{message}{name}'");
            assert_eq!(document.matches(&listed).count(), 1, "{folder}/{name}");
        }
    }
    for name in &types {
        let channel =
            if record::topic_of(name) == "catalog-events" { "catalogEvents" } else { "ticketEvents" };
        let from = document.find(&format!("  {channel}:")).unwrap();
        let to = document[from..].find("    description").unwrap();
        let listed = document[from + to..].find(&format!("      {name}:")).unwrap();
        let others = document[from + to..].find("    address:").unwrap();
        assert!(listed < others, "{name} is not listed under {channel}");
    }
}

#[test]
fn no_schema_forbids_what_it_does_not_know() {
    for folder in ["events", "inbound"] {
        for name in names(folder) {
            let text = fs::read_to_string(root().join(format!("schemas/{folder}/{name}.json"))).unwrap();
            assert!(!text.contains("additionalProperties"), "{name}");
        }
    }
}

#[tokio::test]
async fn real_records_satisfy_their_schemas_and_are_read_back() {
    let place = Place::sqlite();
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 3, "AB", 3, 2).await[0];
    let (kept, given_back) = (hold(&app, ask(bus)).await, hold(&app, ask(bus)).await);
    confirm(&app, kept.id, "pay-1").await.unwrap();
    confirm(&app, given_back.id, "pay-2").await.unwrap();
    cancel(&app, given_back.id).await.unwrap();
    seed(&app, line(4, "AB", 3, 2).set).await;
    let before_market = events::head(&app.stores.write).await.unwrap();
    a_market(&app).await;
    let log = events::raw_after(&app.stores.write, 0, 1_000).await.unwrap();
    assert!(log.len() > 10, "{log:?}");
    let mut shipped = Shipped::load();
    let mut names = BTreeSet::new();
    for entry in &log {
        let of = if entry.position > before_market { OfferingKind::Listing } else { OfferingKind::Departure };
        shipped.check_record(entry, of);
        let sent = record::outgoing(entry, of, Some(Uuid::nil()));
        names
            .extend(sent.headers.iter().find(|(name, _)| *name == "ce_type").map(|(_, value)| value.clone()));
        let message = Message {
            topic: sent.topic,
            partition: 0,
            offset: 0,
            key: Some(sent.key),
            headers: sent.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: sent.body.into_bytes(),
            at: Timestamp::from_millis(0),
        };
        let read = record::entry(message).unwrap();
        assert_eq!(read.clone().parse().unwrap(), entry.clone().parse().unwrap());
        assert_eq!((read.position, read.actor), (entry.position, entry.actor.clone()));
    }
    for name in record::MARKET_TYPES {
        assert!(names.contains(name), "{name} in {names:?}");
    }
}

/// A listing with all that can happen to one.
async fn a_market(app: &App) {
    let (seller, buyer) = (UserId("sam".into()), UserId("ben".into()));
    let price = Money { amount_minor: 2_500, currency: Currency::USD };
    let listed = listings::create(app, &seller, "Jazz".into(), price, &meta()).await.unwrap();
    let id = |body: &str| -> Uuid {
        let body: Value = serde_json::from_str(body).unwrap();
        body["id"].as_str().unwrap().parse().unwrap()
    };
    let ticket = OfferingId(id(&listed.body));
    let edit = Edit { title: "Rock".into(), price: "30".into(), currency: None, version: None };
    listings::edit(app, ticket, &seller, edit, &meta()).await.unwrap();
    let order = async || {
        let done = orders::create(app, ticket, &buyer, 900, meta()).await.unwrap();
        BookingId(id(&done.body))
    };
    let ended = Change::ForceExpire { reason: "a test".into() };
    change(app, order().await, ended).await.unwrap();
    let bought = order().await;
    confirm(app, bought, "pay-3").await.unwrap();
    cancel(app, bought).await.unwrap();
}

#[test]
fn what_earlier_versions_wrote_is_read_and_satisfies_the_schemas_of_today() {
    let mut seen = BTreeSet::new();
    let mut shipped = Shipped::load();
    for file in fs::read_dir(root().join("fixtures/events")).unwrap() {
        for line in fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let (event_type, data) = (line["type"].as_str().unwrap(), line["data"].as_str().unwrap());
            let event = Event::parse(event_type, data).unwrap();
            // Nothing that was said is lost on the way through this version.
            let again: Value = serde_json::from_str(&event.data()).unwrap();
            assert_eq!(again, serde_json::from_str::<Value>(data).unwrap(), "{event_type}");
            let entry = RawEntry {
                position: 1,
                stream_id: Uuid::nil(),
                stream_version: 1,
                event_type: event_type.to_owned(),
                recorded_at: Timestamp::from_millis(0),
                actor: "system".into(),
                correlation_id: "c".into(),
                causation_id: None,
                data: data.to_owned(),
            };
            shipped.check_record(&entry, OfferingKind::Departure);
            seen.insert(event_type.to_owned());
        }
    }
    seen.extend(record::MARKET_TYPES.map(str::to_owned));
    assert_eq!(seen, names("events"), "every type has a line that it was once written as");
}
