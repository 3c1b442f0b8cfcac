//! Events at venues: their seats among many buyers and operators, what is shown of them, and what a withdrawal leaves.

use crate::support::check::{check, project};
use crate::support::city::{at_once, code, confirm, keyed, labels, meta};
use crate::support::place::{Place, clock, count, on_both_engines};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::adapters::payments::guard::{Guard, Limits};
use ticketing_core::adapters::payments::{Provider, ProviderConfig};
use ticketing_core::app::events::{self, Keep, Wanted};
use ticketing_core::app::queries::events as queries;
use ticketing_core::app::venues::{self, Hall, NewVenue};
use ticketing_core::app::{App, AppError, payments};
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::{Best, SeatChoice};
use ticketing_core::domain::booking::state::{Booking, BookingState};
use ticketing_core::domain::catalog::LatePayment;
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::domain::layout::SectionSpec;
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::occasion::NewEvent;
use ticketing_core::engine::Done;
use ticketing_core::ops;
use ticketing_core::projection::venue::EventStatus;
use ticketing_core::store::bookings;
use ticketing_core::worker::jobs::{JobContext, run as do_jobs};
use ticketing_core::worker::payments::Asking;
use ticketing_core::worker::{Roles, Workers};

on_both_engines!(
    a_venue_and_its_events_are_made_once_and_found,
    buyers_of_the_same_seats_in_any_order_get_all_of_them_or_none,
    the_best_seats_next_to_each_other_are_found_in_a_hall_that_is_nearly_sold_out,
    a_seat_is_kept_back_or_reserved_and_never_both,
    what_is_shown_of_a_hall_follows_what_is_sold_in_this_process_and_in_another,
    a_hall_of_20000_seats_is_shown_as_it_is_while_it_is_sold,
    a_withdrawn_event_pays_everybody_back,
    a_withdrawal_of_many_reservations_is_a_job_that_goes_on_by_itself,
);

const SECTIONS: [(&str, u32, u32, &str); 3] =
    [("A", 4, 6, "GOLD"), ("B", 4, 6, "SILVER"), ("FLOOR", 0, 20, "FLOOR")];

pub(super) fn sections() -> Vec<SectionSpec> {
    let section = |(name, rows, seats, category): (&str, u32, u32, &str)| SectionSpec {
        name: name.into(),
        rows,
        seats,
        category: Some(category.into()),
    };
    SECTIONS.map(section).to_vec()
}

pub(super) fn new_venue(external_id: &str, sections: Vec<SectionSpec>) -> NewVenue {
    NewVenue {
        external_id: Some(external_id.into()),
        name: "Opera House".into(),
        city: "Riverton".into(),
        address: None,
        timezone: "America/Chicago".into(),
        hall: Hall::New { name: None, sections, blocked: Vec::new() },
    }
}

pub(super) fn new_event(app: &App, title: &str) -> NewEvent {
    let begins_at = app.clock.now().plus_seconds(86_400);
    NewEvent {
        external_id: None,
        title: title.into(),
        event_type: Some("Opera".into()),
        description: Some("In Italian".into()),
        begins_at,
        ends_at: begins_at.plus_seconds(7_200),
        price: Money { amount_minor: 2_000, currency: Currency::USD },
        prices: BTreeMap::from([("GOLD".into(), 5_000)]),
        late_payment: LatePayment::default(),
    }
}

pub(super) fn id_of(done: &Done) -> String {
    serde_json::from_str::<Value>(&done.body).unwrap()["id"].as_str().unwrap().to_owned()
}

/// A hall and an event in it.
pub(super) async fn event_in(app: &App, sections: Vec<SectionSpec>) -> String {
    venues::create(app, new_venue("opera", sections), meta()).await.unwrap();
    id_of(&events::create(app, "opera", new_event(app, "Tosca"), meta()).await.unwrap())
}

pub(super) async fn event(app: &App) -> String {
    event_in(app, sections()).await
}

pub(super) async fn reserve(app: &App, event: &str, seats: SeatChoice, user: &str) -> Result<Done, AppError> {
    let wanted = Wanted { event: event.into(), seats, user_id: UserId(user.into()), hold_seconds: 900 };
    events::reserve(app, wanted, meta()).await
}

pub(super) fn named(labels: &[&str]) -> SeatChoice {
    SeatChoice::Named(labels.iter().map(ToString::to_string).collect())
}

pub(super) fn best(count: usize, together: bool, section: Option<&str>) -> SeatChoice {
    SeatChoice::Best(Best { count, together, section: section.map(str::to_owned), category: None })
}

pub(super) async fn held(app: &App, event: &str, seats: SeatChoice, user: &str) -> Booking {
    Booking::clone(&reserve(app, event, seats, user).await.unwrap().booking.unwrap())
}

pub(super) async fn shown(app: &App, event: &str) -> Value {
    serde_json::from_str(&queries::availability(app, event, None).await.unwrap()).unwrap()
}

pub(super) async fn states(app: &App, ids: &[BookingId]) -> Vec<BookingState> {
    let found = bookings::load(&app.stores.write, ids).await.unwrap();
    found.iter().map(|booking| booking.state).collect()
}

async fn a_venue_and_its_events_are_made_once_and_found(place: Place) {
    let app = place.program(&clock()).await;
    let made = venues::create(&app, new_venue("opera", sections()), keyed("v", 1)).await.unwrap();
    let again = venues::create(&app, new_venue("opera", sections()), keyed("v", 1)).await.unwrap();
    assert!(again.replayed && again.body == made.body);
    let other = venues::create(&app, new_venue("opera", sections()), meta()).await;
    assert!(matches!(other, Err(AppError::Exists { what: "venue", .. })), "{other:?}");
    let wrong = NewVenue { timezone: "Mars/Olympus".into(), ..new_venue("mars", sections()) };
    assert!(matches!(
        venues::create(&app, wrong, meta()).await,
        Err(AppError::Invalid { field: "timezone", .. })
    ));
    let nameless = NewVenue { hall: Hall::Named("none".into()), ..new_venue("x", sections()) };
    assert!(matches!(
        venues::create(&app, nameless, meta()).await,
        Err(AppError::Invalid { field: "layout", .. })
    ));
    // Ten at once with one id: one is made.
    let racing = (0..10).map(|_| {
        let app = app.clone();
        async move { venues::create(&app, new_venue("arena", sections()), meta()).await.is_ok() }
    });
    assert_eq!(at_once(racing).await.into_iter().filter(|made| *made).count(), 1);

    let dated = |title: &str| NewEvent { external_id: Some("tosca".into()), ..new_event(&app, title) };
    let tosca = events::create(&app, "opera", dated("Tosca"), keyed("e", 1)).await.unwrap();
    assert!(events::create(&app, "opera", dated("Tosca"), keyed("e", 1)).await.unwrap().replayed);
    let other = events::create(&app, &id_of(&made), dated("Another"), meta()).await;
    assert!(matches!(other, Err(AppError::Exists { what: "event", .. })), "{other:?}");
    events::create(&app, "opera", new_event(&app, "Aida"), meta()).await.unwrap();
    assert_eq!(code(&events::create(&app, "none", new_event(&app, "Aida"), meta()).await), "NotFound");

    project(&app).await;
    let body: Value = serde_json::from_str(&queries::get(&app, "tosca", None).await.unwrap()).unwrap();
    assert_eq!((&body["id"], &body["status"]), (&id_of(&tosca).into(), &"ON_SALE".into()));
    let search = async |query: queries::EventsQuery| {
        let query = queries::EventsQuery { page: 1, limit: 10, ..query };
        queries::search(&app, &query, None).await.unwrap().total
    };
    let text =
        |text: &str| queries::EventsQuery { text: Some(text.into()), ..queries::EventsQuery::default() };
    assert_eq!((search(text("tos")).await, search(text("italian opera")).await), (1, 2));
    let status = |status| queries::EventsQuery { status: Some(status), ..queries::EventsQuery::default() };
    assert_eq!(
        (search(status(EventStatus::OnSale)).await, search(status(EventStatus::Started)).await),
        (2, 0)
    );
    app.clock.advance(86_400_000);
    assert_eq!(
        (search(status(EventStatus::OnSale)).await, search(status(EventStatus::Started)).await),
        (0, 2)
    );
    app.clock.advance(7_200_000);
    assert_eq!(
        (search(status(EventStatus::Started)).await, search(status(EventStatus::Ended)).await),
        (0, 2)
    );
    let body: Value = serde_json::from_str(&queries::get(&app, "tosca", None).await.unwrap()).unwrap();
    assert_eq!(body["status"], "ENDED");
    let late = reserve(&app, "tosca", best(1, false, None), "ann").await;
    assert_eq!(code(&late), "DEPARTED");
    check(&app).await;
}

async fn buyers_of_the_same_seats_in_any_order_get_all_of_them_or_none(place: Place) {
    let (one, two) = (place.program(&clock()).await, place.program(&clock()).await);
    let event = event(&one).await;
    let all: Vec<String> = (1..=6).map(|n| format!("A-A{n}")).collect();
    let buyers = (0..60_usize).map(|n| {
        let app = if n % 2 == 0 { one.clone() } else { two.clone() };
        // Each wants four of the six, and begins elsewhere; half of them count backwards.
        let mut wanted: Vec<String> = (0..4).map(|i| all[(n + i) % 6].clone()).collect();
        if n % 4 < 2 {
            wanted.reverse();
        }
        let event = event.clone();
        async move { reserve(&app, &event, SeatChoice::Named(wanted), &format!("buyer-{n}")).await }
    });
    let outcomes = at_once(buyers).await;
    let won: Vec<&Arc<Booking>> = outcomes.iter().filter_map(|o| o.as_ref().ok()?.booking.as_ref()).collect();
    // Any two of them meet in a seat.
    assert_eq!(won.len(), 1);
    assert!(outcomes.iter().all(|o| ["OK", "SEAT_TAKEN"].contains(&code(o))));
    assert_eq!(won[0].seats.len(), 4);
    assert_eq!(won[0].price.amount_minor, 20_000);
    assert_eq!(count(&one.stores.write, "claims").await, 4);
    assert_eq!(code(&reserve(&one, &event, named(&["A-A1", "C-A1"]), "ann").await), "UNKNOWN_SEAT");
    let eleven = SeatChoice::Named((1..=11).map(|n| format!("FLOOR-{n}")).collect());
    assert!(matches!(reserve(&one, &event, eleven, "ann").await, Err(AppError::Invalid { .. })));
    check(&one).await;
}

async fn the_best_seats_next_to_each_other_are_found_in_a_hall_that_is_nearly_sold_out(place: Place) {
    let app = place.program(&clock()).await;
    let event = event(&app).await;
    assert_eq!(labels(&held(&app, &event, best(4, true, None), "ann").await), "A-A1 A-A2 A-A3 A-A4");
    assert_eq!(code(&reserve(&app, &event, best(2, true, Some("Z")), "ann").await), "UNKNOWN_SECTION");
    // All but a few single seats and one pair are sold.
    let free = ["A-B2", "A-D6", "B-A1", "B-C3", "B-C4"];
    let mut rest: Vec<String> = Vec::new();
    for section in ["A", "B"] {
        for row in ["A", "B", "C", "D"] {
            rest.extend((1..=6).map(|n| format!("{section}-{row}{n}")));
        }
    }
    let taken = ["A-A1", "A-A2", "A-A3", "A-A4"];
    rest.retain(|seat| !free.contains(&seat.as_str()) && !taken.contains(&seat.as_str()));
    for some in rest.chunks(10) {
        held(&app, &event, SeatChoice::Named(some.to_vec()), "bob").await;
    }
    let in_hall = |count, together, section| best(count, together, Some(section));
    assert_eq!(code(&reserve(&app, &event, in_hall(3, true, "B"), "ann").await), "NO_SEATS_TOGETHER");
    assert_eq!(code(&reserve(&app, &event, in_hall(2, true, "A"), "ann").await), "NO_SEATS_TOGETHER");
    assert_eq!(code(&reserve(&app, &event, in_hall(4, false, "B"), "ann").await), "SOLD_OUT");
    // Where nothing has a number, all are next to each other.
    assert_eq!(labels(&held(&app, &event, best(3, true, None), "ann").await), "FLOOR-1 FLOOR-2 FLOOR-3");
    // Twenty want the one pair.
    let pairs = (0..20).map(|n| {
        let (app, event) = (app.clone(), event.clone());
        async move { reserve(&app, &event, best(2, true, Some("B")), &format!("buyer-{n}")).await }
    });
    let outcomes = at_once(pairs).await;
    let won: Vec<String> =
        outcomes.iter().filter_map(|o| Some(labels(o.as_ref().ok()?.booking.as_ref()?))).collect();
    assert_eq!(won, ["B-C3 B-C4"]);
    check(&app).await;
}

async fn a_seat_is_kept_back_or_reserved_and_never_both(place: Place) {
    let (app, other) = (place.program(&clock()).await, place.program(&clock()).await);
    let event = event(&app).await;
    let seats: Vec<String> = (1..=6).map(|n| format!("B-D{n}")).collect();
    let tasks = (0..12_usize).map(|n| {
        // The operators and the buyers of a seat are sometimes of one program, sometimes of two.
        let app = if n % 3 == 0 { other.clone() } else { app.clone() };
        let (event, seat) = (event.clone(), seats[n / 2].clone());
        async move {
            let is_ok = if n % 2 == 0 {
                events::keep(&app, &event, std::slice::from_ref(&seat), Keep::Back, meta()).await.map(drop)
            } else {
                reserve(&app, &event, SeatChoice::Named(vec![seat.clone()]), "ann").await.map(drop)
            };
            (seat, n % 2 == 0, code(&is_ok))
        }
    });
    let mut won: HashMap<String, Vec<bool>> = HashMap::new();
    for (seat, is_kept, outcome) in at_once(tasks).await {
        assert!(["OK", "SEAT_TAKEN"].contains(&outcome), "{seat}: {outcome}");
        if outcome == "OK" {
            won.entry(seat).or_default().push(is_kept);
        }
    }
    assert!(seats.iter().all(|seat| won[seat].len() == 1), "{won:?}");
    // All or none, and what is kept back is not sold.
    held(&app, &event, named(&["A-A1"]), "ann").await;
    let both = ["A-A2".to_owned(), "A-A1".to_owned()];
    assert_eq!(code(&events::keep(&app, &event, &both, Keep::Back, meta()).await), "SEAT_TAKEN");
    held(&app, &event, named(&["A-A2"]), "ann").await;
    let one = ["a-b1".to_owned()];
    let kept = events::keep(&app, &event, &one, Keep::Back, keyed("k", 1)).await.unwrap();
    assert!(events::keep(&app, &event, &one, Keep::Back, keyed("k", 1)).await.unwrap().replayed);
    assert_eq!(events::keep(&app, &event, &one, Keep::Back, meta()).await.unwrap().changed, 0);
    assert!(kept.position > 0);
    let refused = reserve(&app, &event, named(&["A-B1"]), "ann").await;
    assert_eq!(code(&refused), "SEAT_TAKEN");
    assert_eq!(refused.unwrap_err().to_string(), "Seat A-B1 is kept back by the operator.");
    events::keep(&app, &event, &one, Keep::Free, meta()).await.unwrap();
    held(&app, &event, named(&["A-B1"]), "ann").await;
    let unknown = ["Q-A1".to_owned()];
    assert_eq!(code(&events::keep(&app, &event, &unknown, Keep::Back, meta()).await), "UNKNOWN_SEAT");
    check(&app).await;
}

async fn what_is_shown_of_a_hall_follows_what_is_sold_in_this_process_and_in_another(place: Place) {
    let clock = clock();
    let (one, two) = (place.program(&clock).await, place.program(&clock).await);
    let event = event(&one).await;
    project(&one).await;
    assert_eq!(shown(&one, &event).await["free"], 68);
    assert_eq!(shown(&two, &event).await["free"], 68);
    let mut expected: HashSet<String> = HashSet::new();
    for round in 0..6_u32 {
        let app = if round % 2 == 0 { &one } else { &two };
        let booking = held(app, &event, best(3, false, None), "ann").await;
        expected.extend(booking.seats.iter().map(|seat| seat.label.clone()));
        // The one folds, then the other.
        project(if round % 3 == 0 { &two } else { &one }).await;
        if round == 3 {
            ticketing_core::app::commands::change(
                &one,
                booking.id,
                ticketing_core::domain::booking::command::Change::Cancel { reason: None },
                None,
                None,
                meta(),
            )
            .await
            .unwrap();
            project(&one).await;
            for seat in &booking.seats {
                expected.remove(&seat.label);
            }
        }
        for app in [&one, &two] {
            let body = shown(app, &event).await;
            let held: HashSet<String> = body["seats"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|seat| seat["state"] == "held")
                .map(|seat| seat["seatId"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(held, expected, "after round {round}");
        }
    }
    events::keep(&one, &event, &["B-D6".to_owned()], Keep::Back, meta()).await.unwrap();
    project(&one).await;
    let body = shown(&two, &event).await;
    assert_eq!((&body["blocked"], &body["held"]), (&1.into(), &expected.len().into()));
    // Holds end at their time, whoever has swept.
    clock.advance(900_000);
    assert_eq!(shown(&one, &event).await["held"], 0);
    assert_eq!(shown(&two, &event).await["free"], 67);
}

async fn a_hall_of_20000_seats_is_shown_as_it_is_while_it_is_sold(place: Place) {
    let app = place.program(&clock()).await;
    let section = |n: u32| SectionSpec {
        name: format!("S{n}"),
        rows: 20,
        seats: 50,
        category: Some(if n <= 4 { "GOLD" } else { "SILVER" }.into()),
    };
    let event = event_in(&app, (1..=20).map(section).collect()).await;
    let (mut sold, mut slowest) = (0, Duration::ZERO);
    for round in 0..4 {
        let buyers = (0..20).map(|n| {
            let (app, event) = (app.clone(), event.clone());
            async move { held(&app, &event, best(10, true, None), &format!("buyer-{round}-{n}")).await }
        });
        sold += at_once(buyers).await.iter().map(|booking| booking.seats.len()).sum::<usize>();
        project(&app).await;
        let began = Instant::now();
        let body = queries::availability(&app, &event, None).await.unwrap();
        slowest = slowest.max(began.elapsed());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["total"], &body["held"]), (&20_000.into(), &sold.into()), "in round {round}");
        let seats = body["seats"].as_array().unwrap();
        assert_eq!(seats.iter().filter(|seat| seat["state"] == "held").count(), sold);
        assert_eq!((&seats[19_999]["seatId"], &seats[19_999]["price"]), (&"S20-T50".into(), &json!(20.00)));
        assert_eq!((&seats[51]["seatId"], &seats[51]["price"]), (&"S1-B2".into(), &json!(50.00)));
    }
    eprintln!("availability of 20,000 seats took {slowest:?} at most, with {sold} held");
    check(&app).await;
}

fn workers(app: &App) -> Workers {
    let provider = Provider::new(ProviderConfig::Simulated, Clock::system()).unwrap();
    let guard = Arc::new(Guard::new(provider, Limits::default()));
    Workers::start(app, Roles { saga: Some(Asking::quietly(guard)), ..Roles::default() })
}

/// The tests' clock, but it goes on.
fn ticking() -> Clock {
    let clock = clock();
    let ticks = clock.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            ticks.advance(5);
        }
    });
    clock
}

/// Waits until all of these are in one of these states.
async fn until(app: &App, ids: &[BookingId], wanted: &[BookingState]) {
    let began = Instant::now();
    loop {
        let found = states(app, ids).await;
        if found.iter().all(|state| wanted.contains(state)) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "waiting for {wanted:?}: {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_withdrawn_event_pays_everybody_back(place: Place) {
    let app = place.program(&ticking()).await;
    let event = event(&app).await;
    let workers = workers(&app);
    let mut paid = Vec::new();
    for n in 0..3 {
        let user = format!("buyer-{n}");
        let booking = held(&app, &event, best(2, true, None), &user).await;
        let owner = UserId(user);
        let reference = booking.id.to_string();
        payments::charge(
            &app,
            reference,
            booking.price,
            "tok_visa".into(),
            owner.clone(),
            Some(owner),
            keyed(&format!("c{n}"), 1),
        )
        .await
        .unwrap();
        paid.push(booking.id);
    }
    until(&app, &paid, &[BookingState::Confirmed]).await;
    let open = held(&app, &event, best(2, false, None), "eve").await.id;
    let vouched = held(&app, &event, named(&["FLOOR-9"]), "dan").await.id;
    confirm(&app, vouched, "cash-1").await.unwrap();

    let done = ops::halls::withdraw(&app, &event, "the tenor is ill", &keyed("w", 1)).await.unwrap();
    assert!(done.body.contains("\"status\":\"CANCELLED\""), "{}", done.body);
    let again = ops::halls::withdraw(&app, &event, "the tenor is ill", &keyed("w", 1)).await.unwrap();
    assert!(again.replayed && again.body == done.body);
    until(&app, &paid, &[BookingState::Refunded]).await;
    assert_eq!(states(&app, &[open]).await, [BookingState::Cancelled]);
    let told = bookings::load(&app.stores.write, &[open, paid[0], vouched]).await.unwrap();
    assert!(told.iter().all(|booking| booking.cancel_reason.as_deref() == Some("the tenor is ill")));
    assert_eq!(count(&app.stores.write, "claims").await, 0);
    assert_eq!(code(&reserve(&app, &event, best(1, false, None), "ann").await), "OFFERING_CANCELLED");
    let nothing = ops::halls::withdraw(&app, &event, "again", &meta()).await;
    assert_eq!(code(&nothing), "OFFERING_CANCELLED");
    let kept = events::keep(&app, &event, &["A-A1".to_owned()], Keep::Back, meta()).await;
    assert_eq!(code(&kept), "OFFERING_CANCELLED");
    workers.stop().await;
    check(&app).await;
}

async fn a_withdrawal_of_many_reservations_is_a_job_that_goes_on_by_itself(place: Place) {
    let app = place.program(&clock()).await;
    let big = vec![SectionSpec { name: "F".into(), rows: 10, seats: 26, category: Some("GOLD".into()) }];
    let event = event_in(&app, big).await;
    let buyers = (0..230).map(|n| {
        let (app, event) = (app.clone(), event.clone());
        async move { held(&app, &event, best(1, false, None), &format!("buyer-{n}")).await.id }
    });
    let all = at_once(buyers).await;
    ops::halls::withdraw(&app, &event, "rain", &meta()).await.unwrap();
    assert_eq!(count(&app.stores.write, "jobs").await, 1);
    assert_eq!(code(&reserve(&app, &event, best(1, false, None), "ann").await), "OFFERING_CANCELLED");
    let jobs = tokio::spawn(do_jobs(app.clone(), JobContext::default()));
    until(&app, &all, &[BookingState::Cancelled]).await;
    let began = Instant::now();
    while count(&app.stores.write, "jobs WHERE state = 'done'").await == 0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    jobs.abort();
    check(&app).await;
}
