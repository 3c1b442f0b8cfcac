//! What people search, held against the log: rows, words, and from when on a ticket is free. Whatever is damaged by hand
//! is found and named, and a rebuild mends it. And orders as lists walk them: along their own indexes, key by key.

use super::halls::{event, held, named};
use super::market::{body, listed, ordered, to, user};
use super::verify::{STRAY, put};
use crate::support::check::{check, findings, project};
use crate::support::city::{ask, confirm, hold, meta, operator, seed_line};
use crate::support::place::{Place, by_hand, clock, count, on_both_engines, rows};
use ticketing_core::app::listings::{self, ListingStatus, Wanted};
use ticketing_core::app::{App, orders};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::domain::catalog::OfferingKind;
use ticketing_core::domain::id::{BookingId, OfferingId, UserId};
use ticketing_core::engine::Done;
use ticketing_core::ops::verify::{Check, Finding, Told, verify};
use ticketing_core::ops::{lists, projections};
use ticketing_core::store::db::Engine;
use ticketing_core::store::views::of_kind;
use uuid::Uuid;

on_both_engines!(
    whatever_is_damaged_of_what_is_searched_is_found_and_a_rebuild_mends_it,
    what_is_searched_verifies_at_every_step_of_a_listing,
    orders_are_walked_by_their_own_index_whatever_else_is_booked,
    more_than_one_page_of_what_is_searched_verifies_clean,
);

fn id_of(done: &Done) -> Uuid {
    Uuid::parse_str(body(done)["id"].as_str().unwrap()).unwrap()
}

async fn order(app: &App, ticket: OfferingId, buyer: &str) -> BookingId {
    BookingId(id_of(&ordered(app, ticket, buyer).await.unwrap()))
}

/// Listings in every state, and an event.
struct Market {
    open: OfferingId,
    reserved: OfferingId,
    sold: OfferingId,
    /// Its order was cancelled.
    freed: OfferingId,
    withdrawn: OfferingId,
    event: Uuid,
}

async fn market(app: &App) -> Market {
    let event = event(app).await;
    held(app, &event, named(&["FLOOR-1"]), "ben").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(listed(app, "sam").await);
    }
    let [open, reserved, sold, freed, withdrawn] = made.try_into().unwrap();
    listings::edit(app, open, &user("sam"), to("30.00", None), &meta()).await.unwrap();
    order(app, reserved, "ben").await;
    let bought = order(app, sold, "ben").await;
    confirm(app, bought, "pay-1").await.unwrap();
    let given_up = order(app, freed, "ben").await;
    orders::cancel(app, given_up, &user("ben"), meta()).await.unwrap();
    listings::withdraw(app, withdrawn, Some(&user("sam")), &meta()).await.unwrap();
    Market { open, reserved, sold, freed, withdrawn, event: Uuid::parse_str(&event).unwrap() }
}

async fn found(app: &App) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut tell = |told| match told {
        Told::Found(finding) => found.push(finding),
        Told::Progress { .. } => {}
    };
    verify(app, &[Check::Search], &mut tell).await.unwrap();
    found
}

/// Columns of a row set to other values, and back, and what is found meanwhile: words of id and finding.
struct Damage {
    breaks: String,
    mends: String,
    found: Vec<String>,
}

#[rustfmt::skip]
async fn damages(app: &App, market: &Market, is_sqlite: bool) -> Vec<Damage> {
    let id = |id: Uuid| match is_sqlite {
        true => format!("x'{}'", id.simple()),
        false => format!("'{id}'"),
    };
    let at = |of: Uuid, set: &str, back: &str, words: &str| Damage {
        breaks: format!("UPDATE view_sales SET {set} WHERE id = {}", id(of)),
        mends: format!("UPDATE view_sales SET {back} WHERE id = {}", id(of)),
        found: vec![format!("{of}: {words}")],
    };
    let Market { open, reserved, sold, freed, withdrawn, event } = market;
    let (open, reserved, sold, freed, withdrawn, event) = (open.0, reserved.0, sold.0, freed.0, withdrawn.0, *event);
    let taken = |of: Uuid| async move {
        rows::<(i64, i64)>(&app.stores.read, "SELECT taken_at, free_at FROM view_sales WHERE id = $1", vec![of.into()])
            .await[0]
    };
    let (bought_at, never) = taken(sold).await;
    let (held_at, held_until) = taken(reserved).await;
    let (freed_at, _) = taken(freed).await;
    let venue: (Uuid,) =
        rows(&app.stores.read, "SELECT venue_id FROM view_sales WHERE id = $1", vec![event.into()]).await[0];
    let row_gone = |of: Uuid| Damage {
        breaks: format!("UPDATE view_sales SET id = {} WHERE id = {}", id(STRAY), id(of)),
        mends: format!("UPDATE view_sales SET id = {} WHERE id = {}", id(of), id(STRAY)),
        found: vec![
            format!("{STRAY}: the log has no event of it"),
            format!("{of}: it has words, and no row"),
            format!("{of}: it has no row; the read model has read its beginning at"),
        ],
    };
    vec![
        at(open, "title = 'Jazz'", "title = 'Rock'", "title is Jazz, by its events Rock"),
        at(open, "price_minor = 2500", "price_minor = 3000", "price is 25.00 USD, by its events 30.00 USD"),
        at(open, "currency = 'EUR'", "currency = 'USD'", "price is 30.00 EUR, by its events 30.00 USD"),
        at(open, "currency = 'XX'", "currency = 'USD'", "it can't be read: corrupt row in view_sales.currency"),
        at(open, "status = 'cancelled'", "status = 'open'", "status is cancelled, by its events open"),
        at(withdrawn, "status = 'open'", "status = 'cancelled'", "status is open, by its events cancelled"),
        at(open, "seller_id = 'eve'", "seller_id = 'sam'", "seller is eve, by its events sam"),
        at(open, "created_at = created_at + 1", "created_at = created_at - 1", "createdAt is"),
        at(open, "begins_at = begins_at - 1", "begins_at = begins_at + 1", "beginsAt is"),
        at(open, "version = 3", "version = 2", "it is at version 3, the log has 2 events of it"),
        at(open, "version = 1", "version = 2", "it is at version 1, the read model has read version 2 of it"),
        at(open, "kind = 'departure'", "kind = 'listing'", "kind is departure, by its events listing"),
        at(event, "city = 'elsewhere'", "city = 'riverton'", "city is elsewhere, by its events riverton"),
        at(event, "event_type = 'rock'", "event_type = 'opera'", "eventType is rock, by its events opera"),
        at(event, &format!("venue_id = {}", id(STRAY)), &format!("venue_id = {}", id(venue.0)), "venue is ffffffff"),
        // From when on it is free, by its orders and by the event that it names.
        at(open, "free_at = 5", "free_at = 0", "it says that its ticket is free from 1970-01-01T00:00:00.005Z on, by its orders from now on"),
        at(sold, "free_at = 0", &format!("free_at = {never}"), "it says that its ticket is free from now on, by its orders from never on"),
        at(reserved, "free_at = free_at + 60000", "free_at = free_at - 60000", "by its orders from 2026-11-20T09:15:00.000Z on"),
        at(sold, &format!("free_at = {held_until}"), &format!("free_at = {never}"), "by its orders from never on"),
        at(sold, "taken_at = taken_at + 100000", "taken_at = taken_at - 100000", "has not read"),
        at(sold, "taken_at = 1", &format!("taken_at = {bought_at}"), "it says that event 1 took its ticket or gave it back, which did neither"),
        at(sold, &format!("taken_at = {held_at}"), &format!("taken_at = {bought_at}"), &format!("which is of {reserved}")),
        at(sold, &format!("taken_at = {}", bought_at - 1), &format!("taken_at = {bought_at}"), "which says that it is free from 2026-11-20T09:15:00.000Z on"),
        at(freed, &format!("taken_at = {}", freed_at - 1), &format!("taken_at = {freed_at}"), "which says that it is free from"),
        row_gone(sold),
        row_gone(event),
        Damage {
            breaks: format!("UPDATE view_words SET word = 'polka' WHERE sale_id = {}", id(open)),
            mends: format!("UPDATE view_words SET word = 'rock' WHERE sale_id = {}", id(open)),
            found: vec![format!("{open}: words is polka, by its events rock")],
        },
        Damage {
            breaks: format!("UPDATE view_words SET sale_id = {} WHERE sale_id = {}", id(STRAY), id(sold)),
            mends: format!("UPDATE view_words SET sale_id = {} WHERE sale_id = {}", id(sold), id(STRAY)),
            found: vec![format!("{sold}: words is , by its events jazz"), format!("{STRAY}: it has words, and no row")],
        },
    ]
}

async fn whatever_is_damaged_of_what_is_searched_is_found_and_a_rebuild_mends_it(place: Place) {
    let app = place.program(&clock()).await;
    let market = market(&app).await;
    check(&app).await;
    let read = &app.stores.read;
    let all = damages(&app, &market, place.is_sqlite()).await;
    for damage in &all {
        put(read, &damage.breaks).await;
        let findings = found(&app).await;
        assert_eq!(findings.len(), damage.found.len(), "{}\n{findings:#?}", damage.breaks);
        for words in &damage.found {
            let is_it = |finding: &Finding| {
                let (id, rest) = words.split_once(": ").unwrap();
                let names = finding.check == "search" && finding.id == id;
                names
                    && finding.finding.contains(rest)
                    && finding.command.starts_with("ticketctl projection rebuild")
            };
            assert!(findings.iter().any(is_it), "{}\n{words}\n{findings:#?}", damage.breaks);
        }
        put(read, &damage.mends).await;
    }
    assert_eq!(findings(&app).await, [], "all of it is mended");
    // The command that is proposed does mend it; and what was right before is the same afterwards.
    let searched = async |status| {
        let wanted = Wanted { status, ..Wanted::default() };
        listings::rows(&app, &wanted, 1, 100).await.unwrap()
    };
    let before = searched(None).await;
    put(read, "UPDATE view_sales SET title = 'x', free_at = 7, taken_at = 0").await;
    by_hand(read, "DELETE FROM view_words", vec![]).await.unwrap();
    assert!(findings(&app).await.len() >= 6);
    let plan = projections::plan_rebuild(&app, "tickets").await.unwrap();
    projections::execute(&app, plan, &operator(), &mut |_, _, _| ()).await.unwrap();
    check(&app).await;
    assert_eq!(searched(None).await, before);
    for (status, id) in [
        (ListingStatus::Reserved, market.reserved),
        (ListingStatus::Sold, market.sold),
        (ListingStatus::Cancelled, market.withdrawn),
    ] {
        let ids: Vec<OfferingId> = searched(Some(status)).await.iter().map(|row| row.id).collect();
        assert_eq!(ids, [id], "{status:?}");
    }
}

async fn what_is_searched_verifies_at_every_step_of_a_listing(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let right = async |step: &str| {
        project(&app).await;
        assert_eq!(findings(&app).await, [], "{step}");
    };
    let ticket = listed(&app, "sam").await;
    right("listed").await;
    order(&app, ticket, "ben").await;
    right("ordered").await;
    clock.advance(900_000);
    right("its hold is over, and nobody has written it down").await;
    let second = order(&app, ticket, "eve").await;
    right("ordered by another").await;
    confirm(&app, second, "pay-1").await.unwrap();
    right("sold").await;
    orders::cancel(&app, second, &user("eve"), meta()).await.unwrap();
    right("given back").await;
    listings::edit(&app, ticket, &user("sam"), to("9.99", None), &meta()).await.unwrap();
    right("edited").await;
    // Behind is not wrong.
    order(&app, ticket, "ben").await;
    assert_eq!(findings(&app).await, []);
    let forced = lists::bookings_of_kind(&app, OfferingKind::Listing, None, None).await.unwrap();
    assert_eq!(forced.len(), 2, "the third is not read yet");
    project(&app).await;
    let last = lists::bookings_of_kind(&app, OfferingKind::Listing, None, None).await.unwrap()[0].booking.id;
    let ended = Change::ForceExpire { reason: "a test".into() };
    crate::support::city::change(&app, last, ended).await.unwrap();
    right("its hold was ended").await;
    listings::withdraw(&app, ticket, Some(&user("sam")), &meta()).await.unwrap();
    right("withdrawn").await;
}

/// How the engine finds what a statement asks for, as it says itself.
async fn way_of(app: &App, text: &str) -> String {
    let db = &app.stores.read;
    match db.engine() {
        Engine::Sqlite => {
            let text = format!("EXPLAIN QUERY PLAN {text}");
            let steps: Vec<(i64, i64, i64, String)> = rows(db, &text, vec![]).await;
            steps.into_iter().map(|(.., step)| step).collect::<Vec<_>>().join("\n")
        }
        Engine::Postgres => {
            let steps: Vec<(String,)> = rows(db, &format!("EXPLAIN {text}"), vec![]).await;
            steps.into_iter().map(|(step,)| step).collect::<Vec<_>>().join("\n")
        }
    }
}

async fn orders_are_walked_by_their_own_index_whatever_else_is_booked(place: Place) {
    let clock = clock();
    let app = place.program(&clock).await;
    let buses = seed_line(&app, 20, "ABCD", 2, 4).await;
    let mut made = Vec::new();
    for n in 0..12_usize {
        for bus in &buses {
            // Ann's: hers and everybody's orders are few among them.
            hold(&app, ask(*bus)).await;
        }
        let buyer = if n % 3 == 0 { "ann" } else { "ben" };
        let ticket = listed(&app, "sam").await;
        made.push((order(&app, ticket, buyer).await, buyer));
        // Several at the same moment: the id decides.
        if n % 4 == 3 {
            clock.advance(1_000);
        }
    }
    check(&app).await;
    made.reverse();
    let ids = |who: Option<&str>| -> Vec<BookingId> {
        made.iter().filter(|(_, buyer)| who.is_none_or(|who| who == *buyer)).map(|(id, _)| *id).collect()
    };
    for who in [None, Some("ann"), Some("ben"), Some("eve")] {
        let user = who.map(|who| UserId(who.into()));
        let mut all = ids(who);
        // Newest first, and of one moment the id that is last.
        let walked = lists::bookings_of_kind(&app, OfferingKind::Listing, user.as_ref(), None).await.unwrap();
        let keys: Vec<_> = walked.iter().map(|row| (row.booking.created_at, row.booking.id)).collect();
        assert!(keys.windows(2).all(|pair| pair[0] > pair[1]), "{keys:?}");
        let mut found: Vec<BookingId> = walked.iter().map(|row| row.booking.id).collect();
        found.sort_unstable();
        all.sort_unstable();
        assert_eq!(found, all, "{who:?}");
        // Page by page it is the same, wherever a page ends.
        for limit in [1, 2, 5, 100] {
            let mut at =
                (ticketing_core::domain::time::Timestamp::from_millis(i64::MAX), BookingId(Uuid::max()));
            let mut paged = Vec::new();
            loop {
                let kind = OfferingKind::Listing;
                let page = of_kind::before(&app.stores.read, kind, user.as_ref(), at, limit).await.unwrap();
                let Some(last) = page.last() else { break };
                at = (last.booking.created_at, last.booking.id);
                paged.extend(page.iter().map(|row| (row.booking.created_at, row.booking.id)));
            }
            assert_eq!(paged, keys, "{who:?} {limit}");
        }
        // And over HTTP's numbered pages.
        if let Some(user) = &user {
            let page = orders::list(&app, user, 1, 100, None).await.unwrap();
            assert_eq!(page.total, all.len() as u64);
            let second = orders::list(&app, user, 2, 2, None).await.unwrap();
            let second: Vec<serde_json::Value> = serde_json::from_str(&second.data).unwrap();
            let expected: Vec<String> = keys.iter().skip(2).take(2).map(|(_, id)| id.to_string()).collect();
            let second: Vec<&str> = second.iter().map(|order| order["id"].as_str().unwrap()).collect();
            assert_eq!(second, expected);
        }
    }
    assert!(made.len() == 12 && count(&app.stores.read, "view_tickets").await == 60);
    // By which index, both engines say themselves.
    if !place.is_sqlite() {
        by_hand(&app.stores.read, "ANALYZE view_tickets", vec![]).await.unwrap();
    }
    let last = match place.is_sqlite() {
        true => format!("x'{}'", Uuid::max().simple()),
        false => format!("'{}'::uuid", Uuid::max()),
    };
    let of_kind = "SELECT booking_id FROM view_tickets WHERE kind <> 'departure' AND kind = 'listing'";
    let newest = "ORDER BY created_at DESC, booking_id DESC LIMIT 5";
    let far = i64::MAX;
    for (text, index) in [
        (format!("{of_kind} AND (created_at, booking_id) < ({far}, {last}) {newest}"), "view_tickets_kind"),
        (
            format!("{of_kind} AND user_id = 'ann' AND (created_at, booking_id) < ({far}, {last}) {newest}"),
            "view_tickets_kind_user",
        ),
        (format!("{of_kind} AND user_id = 'ann' {newest} OFFSET 2"), "view_tickets_kind_user"),
    ] {
        let way = way_of(&app, &text).await;
        let named = way.split_whitespace().any(|word| word == index);
        // Of so few rows PostgreSQL may sort them all.
        let is_sorted = place.is_sqlite() && way.contains("TEMP B-TREE");
        assert!(named && !is_sorted, "{text}\n{way}");
    }
}

async fn more_than_one_page_of_what_is_searched_verifies_clean(place: Place) {
    let app = place.program(&clock()).await;
    let mut last = listed(&app, "sam").await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let app = app.clone();
        waiting.spawn(async move {
            for _ in 0..270 {
                listed(&app, "sam").await;
            }
        });
    }
    waiting.join_all().await;
    for row in
        rows::<(Uuid,)>(&app.stores.write, "SELECT id FROM offerings ORDER BY id DESC LIMIT 1", vec![]).await
    {
        last = OfferingId(row.0);
    }
    project(&app).await;
    let mut looked = 0;
    let done = verify(&app, &[Check::Search], &mut |told| match told {
        Told::Progress { done, .. } => looked = done,
        Told::Found(finding) => panic!("{finding:?}"),
    })
    .await
    .unwrap();
    assert_eq!((done[0].looked_at, looked), (1_081, 1_081));
    // The last of all is looked at, too.
    let spoil = "UPDATE view_sales SET title = 'x' WHERE id = $1";
    by_hand(&app.stores.read, spoil, vec![last.0.into()]).await.unwrap();
    let found = found(&app).await;
    assert_eq!((found.len(), found[0].id.clone()), (1, last.0.to_string()), "{found:?}");
}
