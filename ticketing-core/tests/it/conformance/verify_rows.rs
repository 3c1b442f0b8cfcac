//! Verification of the write store's rows against the log: what is broken by hand is found, and nothing else is.

use super::verify::{History, STRAY, history, paid, put, succeeded};
use crate::support::check::check;
use crate::support::city::{ask, cancel, hold, meta, passenger, seed_line};
use crate::support::place::{Place, by_hand, clock, on_both_engines};
use ticketing_core::adapters::carriers::{PAYMENT_EVENTS, WALLET_EVENTS};
use ticketing_core::app::inbound::{self, Delivery, InboundMessage, Verdict};
use ticketing_core::app::{App, commands, payments as money};
use ticketing_core::domain::booking::command::{HoldKind, Reserve};
use ticketing_core::domain::id::BookingId;
use ticketing_core::engine::EngineConfig;
use ticketing_core::ops::verify::{Check, Finding, Told, verify};
use ticketing_core::saga::Notice;
use ticketing_core::store::audit::{self, AuditRow, FORGET};
use ticketing_core::store::dead_letters;
use ticketing_core::store::inbound as topics;
use ticketing_core::store::payments::attempts_of_sagas;
use ticketing_core::store::sagas::Message;
use uuid::Uuid;

on_both_engines!(
    a_payment_that_is_not_what_the_log_says_is_found_and_nothing_else,
    a_payment_of_an_outside_service_is_held_against_what_was_asked_for,
    what_is_sold_otherwise_than_the_log_says_is_found_and_nothing_else,
    a_booking_without_its_person_is_found_unless_somebody_was_forgotten,
    a_cursor_that_does_not_fit_its_topic_is_found,
);

/// What one check finds.
async fn found(app: &App, check: Check) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut tell = |told| match told {
        Told::Found(finding) => found.push(finding),
        Told::Progress { .. } => {}
    };
    verify(app, &[check], &mut tell).await.unwrap();
    found
}

/// A change of rows, how it is undone, and all that is found meanwhile: kind, and words of id and finding.
struct Fault {
    breaks: String,
    mends: String,
    found: Vec<(&'static str, String)>,
}

/// Columns of the rows that a condition names are set to other values, and back.
fn at(table: &str, condition: &str, set: &str, back: &str, kind: &'static str, words: &str) -> Fault {
    Fault {
        breaks: format!("UPDATE {table} SET {set} WHERE {condition}"),
        mends: format!("UPDATE {table} SET {back} WHERE {condition}"),
        found: vec![(kind, words.to_owned())],
    }
}

/// An id of a row is that of nothing, and back.
fn astray(place: &Place, table: &str, column: &str, id: Uuid, found: Vec<(&'static str, String)>) -> Fault {
    let (own, stray) = (is(place, column, id), is(place, column, STRAY));
    let change = |from: &str, to: &str| format!("UPDATE {table} SET {to} WHERE {from}");
    Fault { breaks: change(&own, &stray), mends: change(&stray, &own), found }
}

/// A condition, or an assignment.
fn is(place: &Place, column: &str, id: Uuid) -> String {
    match place.is_sqlite() {
        true => format!("{column} = x'{}'", id.simple()),
        false => format!("{column} = '{id}'"),
    }
}

async fn all_are_found(app: &App, check: Check, faults: Vec<Fault>) {
    assert_eq!(found(app, check).await, []);
    let db = &app.stores.write;
    for fault in faults {
        put(db, &fault.breaks).await;
        let findings = found(app, check).await;
        assert_eq!(findings.len(), fault.found.len(), "{}\n{findings:#?}", fault.breaks);
        for (kind, words) in &fault.found {
            let is_it = |finding: &Finding| {
                finding.kind == *kind
                    && format!("{}: {}", finding.id, finding.finding).contains(words.as_str())
                    && finding.command.starts_with("ticketctl ")
            };
            assert!(findings.iter().any(is_it), "{}\n{kind} {words}\n{findings:#?}", fault.breaks);
        }
        put(db, &fault.mends).await;
    }
    assert_eq!(found(app, check).await, [], "all of it is mended");
}

async fn first_attempt(app: &App, id: BookingId) -> (Uuid, Uuid) {
    let attempts = attempts_of_sagas(&app.stores.write, &[id.into()]).await.unwrap();
    (attempts[0].payment_id.0, attempts[0].id.0)
}

async fn a_payment_that_is_not_what_the_log_says_is_found_and_nothing_else(place: Place) {
    let app = place.program(&clock()).await;
    let History { confirmed, paid: bought, payment, refunded, offering, .. } = history(&app).await;
    let waiting = paid(&app, offering).await;
    let owed = paid(&app, offering).await;
    succeeded(&app, owed).await;
    cancel(&app, owed).await.unwrap();
    check(&app).await;
    let (given_back, _) = first_attempt(&app, refunded).await;
    let (asked, charge) = first_attempt(&app, waiting).await;
    let of = |id: BookingId| is(&place, "booking_id", id.0);
    let tried = |id: BookingId, kind: &str| format!("{} AND kind = '{kind}'", is(&place, "saga_id", id.0));
    let text = |text: &str| text.to_owned();
    let faults = vec![
        at(
            "payments",
            &of(bought),
            "captured_minor = 2400",
            "captured_minor = 2500",
            "payment",
            &format!("{payment}: captured is 24.00 USD, by its events 25.00 USD"),
        ),
        at(
            "payments",
            &of(bought),
            "status = 'PENDING'",
            "status = 'SUCCESS'",
            "payment",
            "status is PENDING, by its events SUCCESS",
        ),
        at(
            "payments",
            &of(bought),
            "amount_minor = 1",
            "amount_minor = 2500",
            "payment",
            "amount is 0.01 USD, by its events 25.00 USD",
        ),
        at(
            "payments",
            &of(bought),
            "user_id = 'bob'",
            "user_id = 'ann'",
            "payment",
            "user is bob, by its events ann",
        ),
        at(
            "payments",
            &of(refunded),
            "refunded_minor = 2400",
            "refunded_minor = 2500",
            "payment",
            &format!("{given_back}: refunded is 24.00 USD, by its events 25.00 USD"),
        ),
        at(
            "payments",
            &of(confirmed),
            "captured_minor = 2499",
            "captured_minor = 2500",
            "payment",
            "captured is 24.99 USD, by its events 25.00 USD",
        ),
        at(
            "payments",
            &of(confirmed),
            "external_id = 'other'",
            "external_id = 'vouched-1'",
            "payment",
            "it is SUCCESS, and the log has no event that says so",
        ),
        at(
            "payments",
            &of(waiting),
            "provider = 'external'",
            "provider = 'simulated'",
            "payment",
            &format!("{asked}: it waits for an outside service, and the log has no event that asks"),
        ),
        at(
            "payments",
            &of(waiting),
            "status = 'FAILED'",
            "status = 'PENDING'",
            "payment",
            "it is FAILED, and the log has no event that says so",
        ),
        astray(
            &place,
            "payments",
            "id",
            payment,
            vec![
                ("payment", format!("{STRAY}: it is SUCCESS, and the log has no event that says so")),
                ("event", format!("it is of payment {payment}, which has no row")),
            ],
        ),
        astray(
            &place,
            "payments",
            "saga_id",
            bought.0,
            vec![("event", format!("it is of a payment of saga {bought}, which has no row"))],
        ),
        at(
            "payment_attempts",
            &tried(bought, "charge"),
            "amount_minor = 2501",
            "amount_minor = 2500",
            "attempt",
            &format!("it is of 25.01 USD, its payment {payment} of 25.00 USD"),
        ),
        at(
            "payment_attempts",
            &tried(bought, "charge"),
            "state = 'awaited'",
            "state = 'succeeded'",
            "attempt",
            &format!("it is awaited, its payment {payment} is SUCCESS"),
        ),
        at(
            "payment_attempts",
            &tried(waiting, "charge"),
            "state = 'dropped'",
            "state = 'due'",
            "payment",
            "it is PENDING, and no charge of it is open",
        ),
        Fault {
            breaks: format!(
                "UPDATE payment_attempts SET state = 'succeeded' WHERE {}",
                is(&place, "id", charge)
            ),
            mends: format!("UPDATE payment_attempts SET state = 'due' WHERE {}", is(&place, "id", charge)),
            found: vec![
                ("payment", text("it is PENDING, and no charge of it is open")),
                ("attempt", format!("it succeeded, its payment {asked} is PENDING")),
            ],
        },
        at(
            "payment_attempts",
            &tried(refunded, "refund"),
            "amount_minor = 2400",
            "amount_minor = 2500",
            "payment",
            "25.00 USD was given back, by its refunds that succeeded 24.00 USD",
        ),
        at(
            "payment_attempts",
            &tried(owed, "refund"),
            "amount_minor = 1",
            "amount_minor = 2500",
            "attempt",
            "the log has no event that asks for 0.01 USD back",
        ),
        astray(
            &place,
            "payment_attempts",
            "payment_id",
            given_back,
            vec![
                ("payment", text("25.00 USD was given back, by its refunds that succeeded 0.00 USD")),
                ("payment", text("its log has 1 refunds that were asked for, of which there are 0")),
            ],
        ),
        Fault {
            breaks: format!("UPDATE payment_attempts SET next_at = NULL WHERE {}", is(&place, "id", charge)),
            mends: format!(
                "UPDATE payment_attempts SET next_at = {} WHERE {}",
                app.clock.now().as_millis(),
                is(&place, "id", charge)
            ),
            found: vec![("attempt", format!("{charge}: it is due at no time: nobody takes it"))],
        },
    ];
    all_are_found(&app, Check::Payments, faults).await;
}

async fn a_payment_of_an_outside_service_is_held_against_what_was_asked_for(place: Place) {
    let config = EngineConfig { provider: "external", ..EngineConfig::default() };
    let (app, _) = place.watched_program(&clock(), config).await;
    let bus = seed_line(&app, 2, "ABCD", 2, 1).await[0];
    let asked = async || {
        let command = Reserve { kind: HoldKind::Book, ..ask(bus) };
        let done = commands::reserve_and_pay(&app, command, passenger(), None, meta()).await.unwrap();
        done.booking.unwrap().id
    };
    let (waiting, failed, renamed) = (asked().await, asked().await, asked().await);
    let told = async |id: BookingId, notice| {
        let message = Message { source: "test".into(), message_id: id.to_string() };
        money::told(&app, id, "external", notice, message, meta()).await.unwrap();
    };
    told(failed, Notice::Failed { external_id: None, reason: Some("no funds".into()) }).await;
    // It was asked for by our own id, and has the service's by now.
    told(renamed, Notice::Paid { external_id: "w-1".into(), amount: None }).await;
    check(&app).await;
    let of = |id: BookingId| is(&place, "booking_id", id.0);
    let faults = vec![
        at(
            "payments",
            &of(waiting),
            "amount_minor = 1",
            "amount_minor = 2500",
            "payment",
            "amount is 0.01 USD, by its events 25.00 USD",
        ),
        at(
            "payments",
            &of(waiting),
            "reference = 'other'",
            &format!("reference = '{waiting}'"),
            "payment",
            "reference is other, by its events",
        ),
        at(
            "payments",
            &of(failed),
            "failure = 'other'",
            "failure = 'no funds'",
            "payment",
            "failure is other, by its events no funds",
        ),
        at(
            "payments",
            &of(renamed),
            "captured_minor = 1",
            "captured_minor = 2500",
            "payment",
            "captured is 0.01 USD, by its events 25.00 USD",
        ),
    ];
    all_are_found(&app, Check::Payments, faults).await;
}

async fn what_is_sold_otherwise_than_the_log_says_is_found_and_nothing_else(place: Place) {
    let app = place.program(&clock()).await;
    let History { offering, .. } = history(&app).await;
    check(&app).await;
    let is_bus = is(&place, "id", offering.0);
    let bus = |set: &str, back: &str, words: &str| at("offerings", &is_bus, set, back, "schedule", words);
    let swapped =
        |column: &str, from: &str, to: &str| format!("{column} = replace({column}, '{from}', '{to}')");
    let text = |table: &str, column: &str, from: &str, to: &str, kind| {
        at(table, "version = 1", &swapped(column, from, to), &swapped(column, to, from), kind, to)
    };
    let faults = vec![
        bus("fare_minor = 1", "fare_minor = 2500", "fare is 0.01 USD, by its events 25.00 USD"),
        bus("status = 'cancelled'", "status = 'open'", "status is cancelled, by its events open"),
        bus(
            "late_payment = 'refund'",
            "late_payment = 're-reserve'",
            "latePayment is refund, by its events re-reserve",
        ),
        bus("departs_at = departs_at + 1", "departs_at = departs_at - 1", "departsAt is"),
        bus(
            "service_date = '2026-11-22'",
            "service_date = '2026-11-21'",
            "serviceDate is 2026-11-22, by its events 2026-11-21",
        ),
        bus("external_id = 'trip-9'", "external_id = 'trip-0'", "externalId is trip-9, by its events trip-0"),
        bus("version = 7", "version = 1", "version is 7, by its events 1"),
        bus(
            "currency = 'XX'",
            "currency = 'USD'",
            "its row can't be read: corrupt row in offerings.currency",
        ),
        astray(
            &place,
            "offerings",
            "id",
            offering.0,
            vec![
                ("schedule", format!("{STRAY}: the log has no event of it")),
                ("schedule", format!("{offering}: it begins at position")),
            ],
        ),
        text("routes", "data", "Stop 1", "Stop 7", "route"),
        text("patterns", "calls", "Stop 1", "Stop 7", "pattern"),
        text("layouts", "spec", "ABCD", "ABCE", "layout"),
    ];
    all_are_found(&app, Check::Offerings, faults).await;
    // One that can't be read hides no other.
    put(&app.stores.write, &format!("UPDATE offerings SET currency = 'XX' WHERE {is_bus}")).await;
    put(&app.stores.write, &format!("UPDATE offerings SET fare_minor = 1 WHERE NOT ({is_bus})")).await;
    let findings = found(&app, Check::Offerings).await;
    assert_eq!(
        findings.iter().filter(|finding| finding.finding.contains("fare is")).count(),
        2,
        "{findings:#?}"
    );
    assert_eq!(findings.len(), 3);
}

async fn a_booking_without_its_person_is_found_unless_somebody_was_forgotten(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let (gone, _stays) = (hold(&app, ask(bus)).await.id, hold(&app, ask(bus)).await.id);
    assert_eq!(found(&app, Check::Passengers).await, []);
    let delete = format!("DELETE FROM passengers WHERE {}", is(&place, "booking_id", gone.0));
    by_hand(&app.stores.write, &delete, vec![]).await.unwrap();
    let findings = found(&app, Check::Passengers).await;
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    assert_eq!((finding.kind, finding.id.clone()), ("booking", gone.to_string()));
    assert_eq!(finding.command, format!("ticketctl why {gone}"));
    let row = |action: &str, target: String| AuditRow {
        id: Uuid::now_v7(),
        at: app.clock.now().as_millis(),
        actor: "olga".into(),
        action: action.into(),
        target,
        reason: Some("she asked for it".into()),
        plan: "{}".into(),
        result: "done".into(),
    };
    audit::begin(&app.stores.write, &row("booking cancel", gone.to_string())).await.unwrap();
    audit::begin(&app.stores.write, &row(FORGET, STRAY.to_string())).await.unwrap();
    assert_eq!(found(&app, Check::Passengers).await, findings, "that is another action, and another booking");
    audit::begin(&app.stores.write, &row(FORGET, gone.to_string())).await.unwrap();
    assert_eq!(found(&app, Check::Passengers).await, []);
}

async fn a_cursor_that_does_not_fit_its_topic_is_found(place: Place) {
    let config = EngineConfig { provider: "external", ..EngineConfig::default() };
    let (app, _) = place.watched_program(&clock(), config).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let db = &app.stores.write;
    let clean = async || found(&app, Check::Checkpoints).await;
    let one = async || {
        let mut findings = clean().await;
        assert_eq!(findings.len(), 1, "{findings:#?}");
        let Finding { kind, id, finding, command, .. } = findings.remove(0);
        (kind, id, finding, command)
    };
    let set = async |next: i64| {
        by_hand(db, "DELETE FROM inbound_cursors", vec![]).await.unwrap();
        let moved =
            topics::advance(db, "embedded", PAYMENT_EVENTS, 0, None, next, app.clock.now()).await.unwrap();
        assert!(moved);
    };
    assert_eq!(clean().await, []);
    set(5).await;
    let (kind, id, finding, command) = one().await;
    assert_eq!((kind, id.as_str()), ("cursor", "embedded/payment-events/0"));
    assert!(finding.starts_with("it is at 5, beyond the topic's end 0"), "{finding}");
    assert_eq!(command, "ticketctl group seek payments --topic payment-events --partition 0 --to latest");
    set(-3).await;
    assert!(one().await.2.starts_with("it is at -3, before"));

    // A message that nobody reads.
    set(0).await;
    let id = hold(&app, Reserve { kind: HoldKind::Book, ..ask(bus) }).await.id;
    let body = format!(r#"{{"bookingId":"{id}","type":"PaymentSucceeded"}}"#);
    topics::append(db, PAYMENT_EVENTS, None, &[], body.as_bytes(), app.clock.now()).await.unwrap();
    app.clock.advance(59_000);
    assert_eq!(clean().await, [], "somebody may be at it");
    app.clock.advance(2_000);
    let (kind, id_of, finding, command) = one().await;
    assert_eq!(
        (kind, id_of.as_str(), command.as_str()),
        ("topic", PAYMENT_EVENTS, "ticketctl serve --roles saga")
    );
    assert!(finding.starts_with("1 messages from offset 0 on wait since 61 s"), "{finding}");
    set(1).await;
    assert_eq!(clean().await, []);

    // What was read, with no cursor.
    let message = |source: &str, partition, offset, body: &str| InboundMessage {
        source: source.into(),
        partition,
        offset,
        key: None,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        at: app.clock.now(),
    };
    let done = inbound::handle(&app, &message(WALLET_EVENTS, 0, 4, &body), Delivery::Topic).await.unwrap();
    assert_eq!(done, Verdict::Done);
    let lost =
        inbound::letter(&message(PAYMENT_EVENTS, 3, 8, "{}"), Some(("BAD_JSON", "no")), app.clock.now());
    assert!(dead_letters::put(db, &lost).await.unwrap());
    assert_eq!(clean().await, [], "their cursors may be on their way");
    app.clock.advance(61_000);
    let mut findings: Vec<_> = clean().await.into_iter().map(|f| (f.kind, f.id, f.command)).collect();
    findings.sort();
    let seek = "ticketctl group seek payments --topic payment-events --partition 3 --to 9".to_owned();
    let expected = vec![
        ("partition", "payment-events/3".to_owned(), seek),
        ("topic", WALLET_EVENTS.to_owned(), "ticketctl group lag payments".to_owned()),
    ];
    assert_eq!(findings, expected);
    for (topic, partition, next) in [(PAYMENT_EVENTS, 3, 9), (WALLET_EVENTS, 0, 5)] {
        assert!(topics::advance(db, "kafka", topic, partition, None, next, app.clock.now()).await.unwrap());
    }
    assert_eq!(clean().await, []);
}
