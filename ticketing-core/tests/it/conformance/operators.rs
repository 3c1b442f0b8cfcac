//! What operators see of sagas and payments, and do to them: the truth of now, and only on what they looked at.

use crate::support::check::check;
use crate::support::city::{ask_seat, cancel, meta, operator, passenger, seed_line};
use crate::support::place::{Place, clock, on_both_engines};
use ticketing_core::app::{App, AppError, commands, payments as paying};
use ticketing_core::domain::booking::command::{HoldKind, Reserve};
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::{AttemptId, BookingId, OfferingId, SagaId};
use ticketing_core::domain::money::Money;
use ticketing_core::domain::payment::{Attempt, AttemptKind};
use ticketing_core::domain::statement::{StatementRow, StatementStatus};
use ticketing_core::engine::{Meta, SagaAnswer, Work};
use ticketing_core::ops::filter::Filter;
use ticketing_core::ops::reconcile::{FindingKind, Reconciliation};
use ticketing_core::ops::{OpsError, bookings, drills, lookup, money, payments, sagas, why};
use ticketing_core::saga::{Answer, Input, OperatorMove, SagaState};
use ticketing_core::store::drills::{Fault, take_fault, waiting};
use ticketing_core::store::payments::attempts_of_sagas;

on_both_engines!(
    a_saga_is_stuck_from_its_states_limit_on,
    a_move_is_made_on_the_saga_as_it_was_looked_at_or_not_at_all,
    a_refund_is_planned_with_what_becomes_of_its_booking,
    a_saga_is_found_by_its_own_its_payments_and_its_calls_names,
    a_story_is_the_same_by_whichever_name_it_is_asked_for,
    a_request_is_followed_through_the_log_and_an_unknown_name_says_what_was_tried,
    a_statement_is_matched_by_ids_by_names_and_by_payments,
    a_fault_strikes_as_often_as_it_was_put_down,
);

/// Ann books this seat and pays it with a token.
async fn paid(app: &App, bus: OfferingId, seat: &str) -> BookingId {
    let command = Reserve { kind: HoldKind::Book, ..ask_seat(bus, seat) };
    let id = command.booking_id;
    commands::reserve_and_pay(app, command, passenger(), Some("tok_visa".into()), meta()).await.unwrap();
    id
}

async fn calls(app: &App, id: BookingId) -> Vec<Attempt> {
    attempts_of_sagas(&app.stores.write, &[id.into()]).await.unwrap()
}

/// The provider answers the last call that is open.
async fn answered(app: &App, id: BookingId, answer: impl FnOnce(&Attempt) -> Answer) -> Attempt {
    let open = calls(app, id).await.into_iter().rev().find(|attempt| attempt.state.is_open()).unwrap();
    let work = Work::Saga {
        saga_id: id.into(),
        input: Input::Answered { attempt_id: open.id, answer: answer(&open) },
        owner: None,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Nothing,
    };
    app.engine.submit(work, Meta::system("provider".into())).await.unwrap();
    open
}

fn succeeded(attempt: &Attempt) -> Answer {
    Answer::Succeeded { provider_ref: format!("ref-{}", attempt.id), amount: attempt.amount }
}

fn unclear(_: &Attempt) -> Answer {
    Answer::Unclear { error: "connection reset".into() }
}

async fn a_saga_is_stuck_from_its_states_limit_on(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let id = paid(&app, bus, "A1").await;
    let done = paid(&app, bus, "B1").await;
    answered(&app, done, succeeded).await;
    let limit = SagaState::Charging.limit_ms().unwrap();
    clock.advance(limit - 1);
    assert_eq!(sagas::stuck(&app).await.unwrap(), []);
    clock.advance(1);
    assert_eq!(sagas::stuck(&app).await.unwrap(), [id.into()]);
    let rows = sagas::list(&app, None).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.case.saga.id.0).collect::<Vec<_>>(), [done.0, id.0]);
    let body = sagas::body(&rows[1], clock.now());
    assert_eq!(body.safe_action, Some(format!("ticketctl saga retry {id}")));
    let reason = body.stuck_reason.unwrap();
    assert_eq!(
        reason,
        "It has been CHARGING for 2m, where 2m is the limit: its next try is overdue, so no saga worker seems to run."
    );
    for (query, expected) in [
        ("stuck=true", vec![id]),
        ("stuck=false state=CONFIRMED", vec![done]),
        ("attempts=1 age>1m provider=simulated", vec![done, id]),
        ("error~reset", vec![]),
    ] {
        let filter = Filter::parse(query, sagas::SAGA_FIELDS).unwrap();
        let found: Vec<_> = rows
            .iter()
            .filter(|row| sagas::passes(&filter, row, clock.now()))
            .map(|row| row.case.saga.id.0)
            .collect();
        assert_eq!(found, expected.iter().map(|id| id.0).collect::<Vec<_>>(), "{query}");
    }
    check(&app).await;
}

async fn a_move_is_made_on_the_saga_as_it_was_looked_at_or_not_at_all(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let id = paid(&app, bus, "A1").await;
    answered(&app, id, unclear).await;
    let saga = SagaId::from(id);
    let plan = async || money::plan_move(&app, OperatorMove::Compensate, &[saga], "stuck").await.unwrap();
    let seen = plan().await;
    answered(&app, id, succeeded).await;
    let moved = bookings::execute(&app, seen, &operator(), None, &mut |_, _| {}).await;
    assert!(matches!(moved, Err(OpsError::WorldMoved { .. })), "{moved:?}");
    assert_eq!(sagas::one(&app, saga).await.unwrap().case.saga.state, SagaState::Confirmed);

    let plan = plan().await;
    let (before, after) = (plan.plan.changes[0].before.clone(), plan.plan.changes[0].after.clone());
    let field = |side: Option<Box<serde_json::value::RawValue>>, name: &str| {
        let value: serde_json::Value = serde_json::from_str(side.unwrap().get()).unwrap();
        value[name].as_str().unwrap_or("-").to_owned()
    };
    assert_eq!(
        (field(before.clone(), "state"), field(after.clone(), "state")),
        ("CONFIRMED".into(), "REFUNDING".into())
    );
    assert_eq!(field(after.clone(), "bookingStatus"), "CANCELLED");
    assert_eq!((field(before, "refunding"), field(after, "refunding")), ("-".into(), "25.00 USD".into()));
    bookings::execute(&app, plan, &operator(), None, &mut |_, _| {}).await.unwrap();
    let row = sagas::one(&app, saga).await.unwrap();
    assert_eq!(
        (row.case.saga.state, row.steps.last().unwrap().note.as_deref()),
        (SagaState::Refunding, Some("stuck"))
    );
    let forbidden = money::plan_move(&app, OperatorMove::Abandon, &[SagaId(uuid::Uuid::nil())], "x").await;
    assert!(matches!(forbidden, Err(OpsError::App(AppError::NotFound { .. }))), "{forbidden:?}");
    check(&app).await;
}

async fn a_refund_is_planned_with_what_becomes_of_its_booking(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let id = paid(&app, bus, "A1").await;
    answered(&app, id, succeeded).await;
    let payment = payments::list(&app, None).await.unwrap().pop().unwrap();
    let part = Money { amount_minor: 1_000, ..payment.amount };
    let plan = money::plan_refund(&app, payment.id, Some(part), Some("late")).await.unwrap();
    assert!(plan.plan.changes[0].after.as_ref().unwrap().get().contains(r#""bookingStatus":"CONFIRMED""#));
    bookings::execute(&app, plan, &operator(), None, &mut |_, _| {}).await.unwrap();
    let refund = answered(&app, id, succeeded).await;
    assert_eq!((refund.kind, refund.amount), (AttemptKind::Refund, part));
    let sold = payments::books(&app).await.unwrap();
    let sums =
        |b: &payments::BooksBody| format!("{} {} {} {}", b.kept, b.confirmed, b.given_back, b.difference);
    assert_eq!(sold.iter().map(sums).collect::<Vec<_>>(), ["15.00 25.00 10.00 0.00"]);
    let plan = money::plan_refund(&app, payment.id, None, None).await.unwrap();
    assert!(plan.plan.changes[0].after.as_ref().unwrap().get().contains(r#""bookingStatus":"CANCELLED""#));
    let too_much = money::plan_refund(&app, payment.id, Some(payment.amount), None).await;
    assert!(too_much.is_err(), "only 15.00 is left");
    bookings::execute(&app, plan, &operator(), None, &mut |_, _| {}).await.unwrap();
    answered(&app, id, succeeded).await;
    let books = payments::books(&app).await.unwrap();
    let figures =
        |b: &payments::BooksBody| format!("{} {} {} {}", b.captured, b.refunded, b.kept, b.confirmed);
    assert_eq!(books.iter().map(figures).collect::<Vec<_>>(), ["25.00 25.00 0.00 0.00"]);
    let fold = check(&app).await;
    assert_eq!(fold.bookings[&id].state, BookingState::Refunded);
}

async fn a_saga_is_found_by_its_own_its_payments_and_its_calls_names(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let id = paid(&app, bus, "A1").await;
    let call = answered(&app, id, succeeded).await;
    let payment = call.payment_id;
    for name in [
        id.to_string(),
        id.to_string()[..23].to_owned(),
        payment.to_string(),
        payment.to_string()[..23].to_owned(),
        call.id.to_string(),
        format!("ref-{}", call.id),
    ] {
        assert_eq!(lookup::saga(&app, &name).await.unwrap(), id.into(), "{name}");
    }
    assert_eq!(lookup::payment(&app, &format!("ref-{}", call.id)).await.unwrap(), payment);
    assert_eq!(paying::find(&app, &payment.to_string()).await.unwrap().map(|p| p.id), Some(payment));
    for name in ["", "zzzz", "0000-0000", "ref-nobody"] {
        let missing = lookup::saga(&app, name).await;
        assert!(matches!(missing, Err(OpsError::App(AppError::NotFound { .. }))), "{name}: {missing:?}");
    }
}

async fn a_story_is_the_same_by_whichever_name_it_is_asked_for(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let id = paid(&app, bus, "A1").await;
    clock.advance(1_000);
    answered(&app, id, unclear).await;
    clock.advance(1_000);
    let call = answered(&app, id, succeeded).await;
    clock.advance(1_000);
    cancel(&app, id).await.unwrap();
    check(&app).await;
    let tell = async |name: &str| why::tell(&app, name, &mut |_, _| {}).await.unwrap();
    let whole = tell(&id.to_string()).await;
    let kinds: Vec<&str> = whole.story.iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [
            "command", "event", "step", "call", "step", "call", "event", "event", "step", "event", "event",
            "step", "call"
        ],
        "{:#?}",
        whole.story
    );
    assert!(whole.story.is_sorted_by_key(|entry| entry.at));
    let charged = &whole.story[5].what;
    assert_eq!(
        *charged,
        format!("simulated did the charge of 25.00 USD as ref-{} after 1 unclear answer", call.id)
    );
    assert_eq!(whole.next.len(), 2, "{:?}", whole.next);
    let position = whole.story[1].position.clone().unwrap();
    for name in
        [call.payment_id.to_string(), call.id.to_string(), position, format!("{bus}/A1"), "trip-0/a1".into()]
    {
        let story = tell(&name).await;
        let told: Vec<&String> = story.story.iter().map(|entry| &entry.what).collect();
        assert_eq!(told, whole.story.iter().map(|entry| &entry.what).collect::<Vec<_>>(), "{name}");
    }
    let again = paid(&app, bus, "A1").await;
    let seat = tell(&format!("{bus}/A1")).await;
    assert!(seat.summary.starts_with(&format!("Seat A1 is taken by booking {again}.")), "{}", seat.summary);
}

async fn a_request_is_followed_through_the_log_and_an_unknown_name_says_what_was_tried(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let mut ids = Vec::new();
    for seat in ["A1", "B1"] {
        let command = ask_seat(bus, seat);
        ids.push(command.booking_id);
        let meta = Meta { correlation_id: "one request".into(), ..meta() };
        commands::reserve(&app, command, passenger(), meta).await.unwrap();
    }
    let mut looked_at = (0, 0);
    let story = why::tell(&app, "one request", &mut |done, of| looked_at = (done, of)).await.unwrap();
    assert_eq!((story.subject, story.story.len()), ("correlation", 4));
    assert!(looked_at.0 > 0 && looked_at.0 == looked_at.1, "{looked_at:?}");
    assert!(ids.iter().all(|id| story.summary.contains(&id.to_string())), "{}", story.summary);
    match why::tell(&app, "nobody", &mut |_, _| {}).await {
        Err(OpsError::Unknown { id, tried }) => {
            assert_eq!((id.as_str(), tried.len()), ("nobody", 5), "{tried:?}");
        }
        other => panic!("{other:?}"),
    }
}

async fn a_statement_is_matched_by_ids_by_names_and_by_payments(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let bus = seed_line(&app, 2, "AB", 2, 1).await[0];
    let mut calls = Vec::new();
    for seat in ["A1", "B1", "A2", "B2"] {
        let id = paid(&app, bus, seat).await;
        clock.advance(1_000);
        calls.push(answered(&app, id, succeeded).await);
    }
    let row = |line: u64, call: &Attempt| StatementRow {
        line,
        attempt_id: None,
        payment_id: None,
        either_id: None,
        provider_ref: None,
        kind: AttemptKind::Charge,
        amount: call.amount,
        status: StatementStatus::Succeeded,
        created: None,
    };
    let at = |row: StatementRow, seconds: i64| StatementRow {
        created: Some(clock.now().plus_seconds(seconds)),
        ..row
    };
    let rows = [
        at(StatementRow { attempt_id: Some(calls[0].id), ..row(2, &calls[0]) }, -60),
        at(StatementRow { provider_ref: Some(format!("ref-{}", calls[1].id)), ..row(3, &calls[1]) }, 60),
        StatementRow { payment_id: Some(calls[2].payment_id), ..row(4, &calls[2]) },
        StatementRow {
            payment_id: Some(calls[2].payment_id),
            kind: AttemptKind::Refund,
            ..row(5, &calls[2])
        },
        StatementRow { attempt_id: Some(AttemptId(uuid::Uuid::nil())), ..row(6, &calls[3]) },
        StatementRow {
            status: StatementStatus::Failed,
            provider_ref: Some("none".into()),
            ..row(7, &calls[3])
        },
    ];
    let mut reconciliation = Reconciliation::new(None);
    let mut findings = reconciliation.page(&app, &rows).await.unwrap();
    while let Some(more) = reconciliation.missing_there(&app).await.unwrap() {
        findings.extend(more);
    }
    let found: Vec<_> = findings.iter().map(|finding| (finding.kind, finding.line)).collect();
    assert_eq!(
        found,
        [
            (FindingKind::MissingHere, Some(5)),
            (FindingKind::MissingHere, Some(6)),
            (FindingKind::MissingThere, None)
        ],
        "{findings:#?}"
    );
    assert_eq!(findings[2].attempt_id, Some(calls[3].id));
    let mut other = Reconciliation::new(Some("stripe"));
    other.page(&app, &[at(row(2, &calls[0]), -60), at(row(3, &calls[0]), 60)]).await.unwrap();
    assert_eq!(
        other.missing_there(&app).await.unwrap(),
        Some(vec![]),
        "another provider's calls are not theirs"
    );
}

async fn a_fault_strikes_as_often_as_it_was_put_down(place: Place) {
    let app = place.program(&clock()).await;
    let bus = seed_line(&app, 1, "AB", 2, 1).await[0];
    let (id, other) = (paid(&app, bus, "A1").await, paid(&app, bus, "B1").await);
    let db = &app.stores.write;
    for (fault, times) in [(Fault::Error, 2), (Fault::Decline, 1)] {
        let plan = drills::plan(&app, id.into(), AttemptKind::Charge, fault, times).await.unwrap();
        assert_eq!(plan.plan.affected, 1);
        drills::execute(&app, plan, &operator()).await.unwrap();
    }
    assert_eq!(waiting(db, id.into()).await.unwrap().len(), 2);
    let charge = calls(&app, id).await.remove(0);
    let others = calls(&app, other).await.remove(0);
    assert_eq!(take_fault(db, &others).await.unwrap(), None);
    assert_eq!(take_fault(db, &Attempt { kind: AttemptKind::Refund, ..charge.clone() }).await.unwrap(), None);
    let mut taken = Vec::new();
    while let Some(fault) = take_fault(db, &charge).await.unwrap() {
        taken.push(fault);
    }
    assert_eq!(taken, [Fault::Error, Fault::Error, Fault::Decline]);
    assert_eq!(waiting(db, id.into()).await.unwrap(), []);
    assert!(drills::plan(&app, id.into(), AttemptKind::Charge, Fault::Error, 0).await.is_err());
    assert!(
        drills::plan(&app, SagaId(uuid::Uuid::nil()), AttemptKind::Charge, Fault::Error, 1).await.is_err()
    );
    assert!(matches!(Fault::Timeout.answer(), Answer::Unclear { .. }) && Fault::Timeout.is_called());
    assert!(matches!(Fault::Decline.answer(), Answer::Declined { .. }) && !Fault::Decline.is_called());
}
