//! Dead letters are redriven and discarded, as jobs, in the order of their streams; and jobs outlive who does them.

use crate::support::check::{check, project};
use crate::support::city::{ask, hold, meta, operator, passenger, seed_line};
use crate::support::place::{BEGIN, Place, by_hand, clock, count, on_both_engines};
use std::time::Duration;
use ticketing_core::app::inbound::{self, InboundMessage};
use ticketing_core::app::{App, commands};
use ticketing_core::args;
use ticketing_core::domain::booking::command::{HoldKind, Reserve};
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::{BookingId, OfferingId};
use ticketing_core::engine::EngineConfig;
use ticketing_core::ops::dlq::plan::{Action, plan};
use ticketing_core::ops::dlq::{self, DlqRow, Key};
use ticketing_core::ops::jobs::{
    self as ops_jobs, JobPlan, JobSpec, ReplaySource, ReplaySpec, RepublishSpec,
};
use ticketing_core::ops::{OpsError, Plan};
use ticketing_core::store::dead_letters::{self, LetterMove, LetterState};
use ticketing_core::store::events;
use ticketing_core::store::jobs::{self, Job, JobState};
use ticketing_core::store::parked::{self, NewParked};
use ticketing_core::store::views::fold::TICKETS;
use ticketing_core::worker::jobs::{JobContext, drive, run};
use tokio::sync::watch;
use uuid::Uuid;

on_both_engines!(
    redriving_the_head_of_a_stream_takes_those_behind_it_until_one_fails,
    discarding_the_head_lets_the_next_go_on,
    a_letter_that_waits_is_not_redriven_before_its_head,
    what_waits_for_nothing_is_released,
    a_parked_event_is_folded_with_those_behind_it,
    a_job_that_was_stopped_is_resumed_where_it_was,
    a_job_whose_owner_died_is_taken_over,
    a_replay_repairs_rows_and_is_otherwise_nothing,
    a_replay_looks_at_no_more_than_its_limit,
    a_redrive_that_broke_off_goes_on_with_those_behind_the_head,
    a_stream_that_fails_keeps_no_other_from_being_released,
);

async fn program(place: &Place) -> (App, OfferingId) {
    let config = EngineConfig { provider: "external", ..EngineConfig::default() };
    let (app, _) = place.watched_program(&clock(), config).await;
    let bus = seed_line(&app, 4, "ABCD", 2, 1).await[0];
    (app, bus)
}

fn message(offset: i64, event_type: &str, id: BookingId, facts: &str) -> InboundMessage {
    InboundMessage {
        source: "payment-events".into(),
        partition: 0,
        offset,
        key: Some(id.to_string()),
        headers: vec![("ce_type".into(), event_type.into())],
        body: format!(r#"{{"bookingId":"{id}"{facts}}}"#).into_bytes(),
        at: BEGIN,
    }
}

/// Keeps a message as a letter: dead with a code, or waiting.
async fn keep(app: &App, message: &InboundMessage, code: Option<&str>) -> Uuid {
    let letter = inbound::letter(message, code.map(|code| (code, "It was so.")), BEGIN);
    assert!(dead_letters::put(&app.stores.write, &letter).await.unwrap());
    letter.id
}

async fn done(app: &App, planned: &JobPlan) -> Job {
    let job = ops_jobs::create(app, planned, &operator(), true).await.unwrap();
    let owner = job.owner.unwrap();
    drive(app, &JobContext::default(), job, owner, watch::channel(false).1, &mut |_| ()).await.unwrap()
}

async fn states(app: &App) -> Vec<LetterState> {
    let mut all = dead_letters::page(&app.stores.write, i64::MAX, false, 99).await.unwrap();
    all.reverse();
    all.into_iter().map(|letter| letter.state).collect()
}

/// Ids that are booked later.
async fn book_as(app: &App, bus: OfferingId, id: BookingId) {
    let command = Reserve { kind: HoldKind::Book, booking_id: id, ..ask(bus) };
    commands::reserve(app, command, passenger(), meta()).await.unwrap();
}

async fn redriving_the_head_of_a_stream_takes_those_behind_it_until_one_fails(place: Place) {
    let (app, bus) = program(&place).await;
    let id = BookingId(Uuid::now_v7());
    let paid = message(1, "PaymentSucceeded", id, r#","paymentId":"p""#);
    let head = keep(&app, &paid, Some("UNKNOWN_BOOKING")).await;
    keep(&app, &message(2, "PaymentRefunded", id, r#","paymentId":"p""#), None).await;
    keep(&app, &message(3, "What", id, ""), None).await;
    keep(&app, &message(4, "PaymentFailed", id, ""), None).await;
    let other = keep(&app, &message(5, "Else", BookingId(Uuid::now_v7()), ""), Some("UNKNOWN_TYPE")).await;
    // It is still unknown.
    let planned = plan(&app, Action::Redrive, &[Key::Letter(head)], true, None).await.unwrap();
    assert_eq!((planned.plan.affected, planned.total), (4, Some(4)));
    let job = done(&app, &planned).await;
    assert_eq!((job.state, job.done), (JobState::Done, 4));
    assert_eq!(ops_jobs::failures(&job).map(|(good, bad, _)| (good, bad)), Some((0, 1)));
    use LetterState::{Dead, Redriven, Waiting};
    assert_eq!(states(&app).await, [Dead, Waiting, Waiting, Waiting, Dead]);
    // The plan that saw it before is stale now.
    let stale = done(&app, &planned).await;
    assert!(stale.outcome.unwrap().contains("1 had moved"), "nothing is tried twice by one plan");

    book_as(&app, bus, id).await;
    let planned = plan(&app, Action::Redrive, &[Key::Letter(head)], true, Some(1_000)).await.unwrap();
    let job = done(&app, &planned).await;
    assert_eq!(
        job.outcome.as_deref().map(|o| o.split(';').next().unwrap()),
        Some("2 redriven, 1 dead again")
    );
    assert_eq!(states(&app).await, [Redriven, Redriven, Dead, Waiting, Dead]);
    let letter = dlq::rows(&app, &[Key::Letter(head)]).await.unwrap().remove(0).body;
    assert_eq!(
        (letter.tries, letter.moved_by.as_deref(), letter.code.as_str()),
        (3, Some("olga"), "UNKNOWN_BOOKING")
    );
    assert_eq!(check(&app).await.bookings[&id].state, BookingState::Refunded);
    let open = dlq::list(&app, None, true).await.unwrap();
    assert_eq!(open.iter().map(|row| row.body.offset).collect::<Vec<_>>(), [Some(5), Some(4), Some(3)]);
    assert_eq!(dlq::find(&app, &other.to_string()).await.unwrap(), Key::Letter(other));
    let details = dlq::details(&app, Key::Letter(head)).await.unwrap();
    assert_eq!((details.encoding, details.key), ("utf-8", Some(id.to_string())));
    assert_eq!(details.body.unwrap().into_bytes(), paid.body);
}

async fn discarding_the_head_lets_the_next_go_on(place: Place) {
    let (app, bus) = program(&place).await;
    let id = BookingId(Uuid::now_v7());
    book_as(&app, bus, id).await;
    let head = keep(&app, &message(1, "What", id, ""), Some("UNKNOWN_TYPE")).await;
    keep(&app, &message(2, "PaymentSucceeded", id, r#","paymentId":"p""#), None).await;
    let planned = plan(&app, Action::Discard, &[Key::Letter(head)], true, None).await.unwrap();
    assert_eq!(planned.plan.affected, 2, "what waits is tried, and the plan says so");
    let job = done(&app, &planned).await;
    assert_eq!(job.outcome.as_deref(), Some("1 discarded, 1 redriven"));
    assert_eq!(states(&app).await, [LetterState::Discarded, LetterState::Redriven]);
    assert_eq!(check(&app).await.bookings[&id].state, BookingState::Confirmed);
    let again = plan(&app, Action::Discard, &[Key::Letter(head)], true, None).await.unwrap();
    assert_eq!(again.plan.affected, 0, "it is over");
}

async fn a_letter_that_waits_is_not_redriven_before_its_head(place: Place) {
    let (app, _) = program(&place).await;
    let id = BookingId(Uuid::now_v7());
    let head = keep(&app, &message(1, "What", id, ""), Some("UNKNOWN_TYPE")).await;
    let behind = keep(&app, &message(2, "What", id, ""), None).await;
    let refused = plan(&app, Action::Redrive, &[Key::Letter(behind)], true, None).await.unwrap_err();
    assert!(matches!(refused, OpsError::Invalid(why) if why.contains(&head.to_string())));
    let by_filter = plan(&app, Action::Redrive, &[Key::Letter(behind)], false, None).await.unwrap();
    assert_eq!(by_filter.plan.affected, 0);
    let both =
        plan(&app, Action::Redrive, &[Key::Letter(behind), Key::Letter(head)], true, None).await.unwrap();
    assert_eq!(both.plan.affected, 2);
    let gone = plan(&app, Action::Discard, &[Key::Letter(behind)], true, None).await.unwrap();
    assert_eq!(gone.plan.affected, 1);
    done(&app, &gone).await;
    assert_eq!(states(&app).await, [LetterState::Dead, LetterState::Discarded]);
}

async fn what_waits_for_nothing_is_released(place: Place) {
    let (app, bus) = program(&place).await;
    let id = BookingId(Uuid::now_v7());
    book_as(&app, bus, id).await;
    keep(&app, &message(1, "PaymentSucceeded", id, r#","paymentId":"p""#), None).await;
    keep(&app, &message(2, "What", id, ""), None).await;
    assert_eq!(dlq::work::release_stranded(&app).await.unwrap(), 1);
    assert_eq!(states(&app).await, [LetterState::Redriven, LetterState::Dead]);
    assert_eq!(dlq::work::release_stranded(&app).await.unwrap(), 0);
    assert_eq!(check(&app).await.bookings[&id].state, BookingState::Confirmed);
}

async fn a_parked_event_is_folded_with_those_behind_it(place: Place) {
    let (app, bus) = program(&place).await;
    project(&app).await;
    let booking = hold(&app, ask(bus)).await;
    crate::support::city::cancel(&app, booking.id).await.unwrap();
    let story = events::of_stream(&app.stores.write, booking.id.0).await.unwrap();
    assert_eq!(story.len(), 2);
    // The projector went on past them.
    project(&app).await;
    by_hand(&app.stores.read, "DELETE FROM view_tickets", vec![]).await.unwrap();
    let rows: Vec<NewParked> = story
        .iter()
        .zip([LetterState::Dead, LetterState::Waiting])
        .map(|(entry, state)| NewParked {
            position: entry.position,
            stream_id: entry.stream_id,
            stream_version: entry.stream_version,
            event_type: entry.event.type_name().into(),
            state,
            reason: "It could not be folded.".into(),
            tries: 1,
            at: BEGIN,
        })
        .collect();
    let mut tx = app.stores.read.begin().await.unwrap();
    parked::put(&mut tx, TICKETS, &rows).await.unwrap();
    tx.commit().await.unwrap();

    let listed: Vec<DlqRow> = dlq::list(&app, None, true).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.body.state).collect::<Vec<_>>(), ["waiting", "dead"]);
    assert_eq!(listed[1].body.correlation_id.as_deref(), Some("test"));
    let head = dlq::find(&app, &listed[1].body.id.to_string()).await.unwrap();
    assert_eq!(head, Key::Parked(story[0].position));
    let details = dlq::details(&app, head).await.unwrap();
    assert!(details.data.unwrap().get().contains("seats") && details.waiting == 1);
    let planned = plan(&app, Action::Redrive, &[head], true, None).await.unwrap();
    assert_eq!(done(&app, &planned).await.outcome.as_deref(), Some("2 redriven"));
    assert!(parked::open_streams(&app.stores.read).await.unwrap().is_empty());
    check(&app).await;
}

/// A job with a stream for each of so many unknown letters.
async fn of_letters(app: &App, count: i64, rate: u32) -> JobPlan {
    let mut keys = Vec::new();
    for n in 0..count {
        keys.push(Key::Letter(
            keep(app, &message(n, "What", BookingId(Uuid::now_v7()), ""), Some("X")).await,
        ));
    }
    plan(app, Action::Redrive, &keys, true, Some(rate)).await.unwrap()
}

async fn a_job_that_was_stopped_is_resumed_where_it_was(place: Place) {
    let (app, _) = program(&place).await;
    let planned = of_letters(&app, 5, 2).await;
    let job = ops_jobs::create(&app, &planned, &operator(), true).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let owner = job.owner.unwrap();
    let mut report = |_: &Job| {
        stop.send_replace(true);
    };
    let job = drive(&app, &JobContext::default(), job, owner, stopped, &mut report).await.unwrap();
    assert_eq!((job.state, job.done), (JobState::Cancelled, 2), "the batch at hand was finished");
    let (plan, seen) = ops_jobs::plan_resume(&app, job.id).await.unwrap();
    let (job, is_mine) = ops_jobs::resume(&app, &plan, &seen, &operator(), true).await.unwrap();
    assert!(is_mine);
    let owner = job.owner.unwrap();
    // Somebody asks it to stop from outside.
    assert!(jobs::cancel(&app.stores.write, job.id, BEGIN).await.unwrap());
    let job =
        drive(&app, &JobContext::default(), job, owner, watch::channel(false).1, &mut |_| ()).await.unwrap();
    assert_eq!((job.state, job.done), (JobState::Cancelled, 4));
    let (plan, seen) = ops_jobs::plan_resume(&app, job.id).await.unwrap();
    let again: Plan = plan.clone();
    let (job, is_mine) = ops_jobs::resume(&app, &plan, &seen, &operator(), true).await.unwrap();
    assert!(is_mine);
    let stale = ops_jobs::resume(&app, &again, &seen, &operator(), true).await.unwrap_err();
    assert!(matches!(stale, OpsError::WorldMoved { .. }));
    let owner = job.owner.unwrap();
    let job =
        drive(&app, &JobContext::default(), job, owner, watch::channel(false).1, &mut |_| ()).await.unwrap();
    assert_eq!((job.state, job.done), (JobState::Done, 5));
    assert_eq!(count(&app.stores.write, "dead_letters WHERE tries = 2").await, 5, "each was tried once");
}

async fn a_job_whose_owner_died_is_taken_over(place: Place) {
    let (app, _) = program(&place).await;
    let planned = of_letters(&app, 3, 1_000).await;
    // Its owner never does anything; another job waits.
    let dead = ops_jobs::create(&app, &planned, &operator(), true).await.unwrap();
    let waiting = ops_jobs::create(&app, &planned, &operator(), false).await.unwrap();
    assert_eq!((dead.state, waiting.state), (JobState::Running, JobState::Waiting));
    let worker = tokio::spawn(run(app.clone(), JobContext::default()));
    let over = async |id: Uuid| {
        for _ in 0..400 {
            let job = ops_jobs::one(&app, id).await.unwrap();
            if job.state.is_over() {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody did the job");
    };
    let began = std::time::Instant::now();
    assert_eq!(over(waiting.id).await.state, JobState::Done);
    assert!(began.elapsed() < Duration::from_secs(8), "what waits is taken at once");
    let taken = over(dead.id).await;
    assert!(began.elapsed() >= Duration::from_secs(9), "an owner has its time");
    assert_eq!((taken.state, taken.owner == dead.owner), (JobState::Done, false));
    worker.abort();
    let spec = JobSpec::of(&taken).unwrap();
    assert_eq!(spec, planned.spec);
}

async fn a_replay_repairs_rows_and_is_otherwise_nothing(place: Place) {
    let (app, bus) = program(&place).await;
    for _ in 0..5 {
        let booking = hold(&app, ask(bus)).await;
        crate::support::city::cancel(&app, booking.id).await.unwrap();
    }
    let fold = check(&app).await;
    let head = i64::try_from(fold.entries.len()).unwrap();
    let replay = |after: i64, to: i64| JobPlan {
        plan: Plan::new("events replay", Vec::new()),
        spec: JobSpec::Replay(ReplaySpec {
            projection: "tickets".into(),
            source: ReplaySource::Log(RepublishSpec {
                after,
                to,
                from_time: None,
                to_time: None,
                types: Vec::new(),
                stream: None,
                limit: None,
            }),
        }),
        total: Some(to - after),
        rate: None,
    };
    let job = done(&app, &replay(0, head)).await;
    assert_eq!((job.state, job.done), (JobState::Done, head), "{:?}", job.error);
    assert!(job.outcome.unwrap().contains("10 known to their rows"));
    check(&app).await;
    // Some rows are gone, one is behind.
    by_hand(&app.stores.read, "DELETE FROM view_tickets", vec![]).await.unwrap();
    let story = fold.entries.iter().filter(|e| e.stream_version == 2).map(|e| e.position).min().unwrap();
    let late = done(&app, &replay(story - 1, story)).await;
    assert!(
        late.outcome.unwrap().contains("1 left out for an earlier event"),
        "a row is never begun in its middle"
    );
    assert_eq!(count(&app.stores.read, "view_tickets").await, 0);
    let job = done(&app, &replay(0, head)).await;
    assert!(job.outcome.unwrap().contains("folded"));
    check(&app).await;
}

async fn a_replay_looks_at_no_more_than_its_limit(place: Place) {
    let (app, bus) = program(&place).await;
    for _ in 0..5 {
        let booking = hold(&app, ask(bus)).await;
        crate::support::city::cancel(&app, booking.id).await.unwrap();
    }
    let head = i64::try_from(check(&app).await.entries.len()).unwrap();
    for rate in [None, Some(2), Some(3)] {
        let source = RepublishSpec {
            after: 0,
            to: head,
            from_time: None,
            to_time: None,
            types: vec!["TicketReserved".into(), "TicketBooked".into()],
            stream: None,
            limit: Some(4),
        };
        let planned = JobPlan {
            plan: Plan::new("events replay", Vec::new()),
            spec: JobSpec::Replay(ReplaySpec {
                projection: "tickets".into(),
                source: ReplaySource::Log(source),
            }),
            total: Some(4),
            rate,
        };
        let job = done(&app, &planned).await;
        assert_eq!((job.state, job.done), (JobState::Done, 4), "{rate:?}");
    }
}

async fn a_redrive_that_broke_off_goes_on_with_those_behind_the_head(place: Place) {
    let (app, bus) = program(&place).await;
    let id = BookingId(Uuid::now_v7());
    book_as(&app, bus, id).await;
    let head = keep(&app, &message(1, "What", id, ""), Some("UNKNOWN_TYPE")).await;
    keep(&app, &message(2, "PaymentSucceeded", id, r#","paymentId":"p""#), None).await;
    keep(&app, &message(3, "What", id, ""), None).await;
    keep(&app, &message(4, "PaymentFailed", id, ""), None).await;
    let planned = plan(&app, Action::Redrive, &[Key::Letter(head)], true, None).await.unwrap();
    use LetterState::{Dead, Redriven, Waiting};
    // Its process died when the first one was done.
    let step = LetterMove {
        id: head,
        from: Dead,
        tries: 1,
        to: Redriven,
        code: "UNKNOWN_TYPE".into(),
        reason: "It was handled.".into(),
        tried: true,
        by: "olga".into(),
        at: BEGIN,
    };
    assert!(dead_letters::advance(&app.stores.write, &step).await.unwrap());
    let job = done(&app, &planned).await;
    assert_eq!(job.state, JobState::Done);
    assert_eq!(states(&app).await, [Redriven, Redriven, Dead, Waiting]);
    // Once more: the head of now is dead, and no plan has seen it.
    let job = done(&app, &planned).await;
    assert!(job.outcome.unwrap().contains("1 had moved"));
    assert_eq!(states(&app).await, [Redriven, Redriven, Dead, Waiting]);
    assert_eq!(check(&app).await.bookings[&id].state, BookingState::Confirmed);
}

async fn a_stream_that_fails_keeps_no_other_from_being_released(place: Place) {
    let (app, bus) = program(&place).await;
    let (bad, good) = (BookingId(Uuid::now_v7()), BookingId(Uuid::now_v7()));
    book_as(&app, bus, good).await;
    let broken = keep(&app, &message(1, "PaymentFailed", bad, ""), None).await;
    keep(&app, &message(2, "PaymentSucceeded", good, r#","paymentId":"p""#), None).await;
    let sql = "UPDATE dead_letters SET headers = 'no headers' WHERE id = $1";
    by_hand(&app.stores.write, sql, args![broken]).await.unwrap();
    assert!(dlq::work::release_stranded(&app).await.is_err(), "it is not hidden");
    assert_eq!(states(&app).await, [LetterState::Waiting, LetterState::Redriven]);
    assert_eq!(check(&app).await.bookings[&good].state, BookingState::Confirmed);
}
