//! What is kept for an operator: dead letters, parked events, jobs.

use crate::support::place::{BEGIN, Place, on_both_engines};
use ticketing_core::store::dead_letters::{self, LetterMove, LetterState, NewLetter};
use ticketing_core::store::jobs::{self, JobProgress, JobState, NewJob};
use ticketing_core::store::parked::{self, NewParked, ParkedMove};
use ticketing_core::store::views::fold::TICKETS;
use uuid::Uuid;

on_both_engines!(
    a_letter_is_kept_once_and_its_stream_is_open_until_all_of_it_moved,
    letters_that_are_kept_at_once_each_get_a_place_of_their_own,
    a_parked_event_moves_only_from_where_it_was_seen_and_is_open_again_when_it_fails_again,
    a_job_belongs_to_one_owner_at_a_time,
);

fn letter(offset: i64, stream: &str, state: LetterState) -> NewLetter {
    NewLetter {
        id: Uuid::now_v7(),
        source: "payment-events".into(),
        partition: 3,
        offset,
        stream: stream.into(),
        event_type: Some("PaymentSucceeded".into()),
        message_id: format!("m-{offset}"),
        headers: vec![("ce_type".into(), "PaymentSucceeded".into()), ("x".into(), "\"\u{1f600}".into())],
        body: vec![0, 255, b'{'],
        state,
        code: "UNKNOWN_BOOKING".into(),
        reason: "There is no such booking.".into(),
        tries: 1,
        correlation_id: "c-1".into(),
        at: BEGIN,
    }
}

fn step(id: Uuid, from: LetterState, tries: i32, to: LetterState) -> LetterMove {
    LetterMove {
        id,
        from,
        tries,
        to,
        code: "X".into(),
        reason: "so".into(),
        tried: true,
        by: "ada".into(),
        at: BEGIN.plus_seconds(5),
    }
}

async fn a_letter_is_kept_once_and_its_stream_is_open_until_all_of_it_moved(place: Place) {
    let db = place.stores().await.write;
    let (first, second) = (letter(7, "s", LetterState::Dead), letter(8, "s", LetterState::Waiting));
    assert!(dead_letters::put(&db, &first).await.unwrap());
    assert!(!dead_letters::put(&db, &NewLetter { id: Uuid::now_v7(), ..first.clone() }).await.unwrap());
    assert!(dead_letters::put(&db, &second).await.unwrap());
    let open = async || dead_letters::is_open(&db, vec!["s".into(), "t".into()]).await.unwrap();
    assert_eq!(open().await, ["s"]);
    let kept = dead_letters::content(&db, first.id).await.unwrap().unwrap();
    assert_eq!((kept.headers, kept.body), (first.headers.clone(), first.body.clone()));
    assert!(dead_letters::stranded(&db, 10).await.unwrap().is_empty());

    let done = step(first.id, LetterState::Dead, 1, LetterState::Redriven);
    assert!(dead_letters::advance(&db, &done).await.unwrap());
    assert!(!dead_letters::advance(&db, &done).await.unwrap(), "it is no longer where it was seen");
    let stale = step(second.id, LetterState::Waiting, 0, LetterState::Discarded);
    assert!(!dead_letters::advance(&db, &stale).await.unwrap(), "it was tried since");
    assert_eq!(
        (open().await, dead_letters::stranded(&db, 10).await.unwrap()),
        (vec!["s".into()], vec!["s".to_owned()])
    );

    let all = dead_letters::page(&db, i64::MAX, false, 10).await.unwrap();
    assert_eq!(
        all.iter().map(|l| (l.offset, l.state)).collect::<Vec<_>>(),
        [(8, LetterState::Waiting), (7, LetterState::Redriven)]
    );
    assert_eq!((all[1].tries, all[1].moved_by.as_deref()), (2, Some("ada")));
    let waiting = dead_letters::open_of_stream(&db, "s", 10).await.unwrap();
    assert_eq!(waiting.iter().map(|l| l.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!(dead_letters::page(&db, i64::MAX, true, 10).await.unwrap(), waiting);
    assert_eq!(
        dead_letters::open_counts(&db).await.unwrap(),
        [("payment-events".into(), "waiting".into(), 1)]
    );
    let last = step(second.id, LetterState::Waiting, 1, LetterState::Discarded);
    assert!(dead_letters::advance(&db, &last).await.unwrap());
    assert!(open().await.is_empty());
    assert_eq!(dead_letters::load(&db, vec![second.id, first.id]).await.unwrap().len(), 2);
    assert_eq!(dead_letters::neighbours(&db, vec![first.id]).await.unwrap().len(), 1);
}

async fn letters_that_are_kept_at_once_each_get_a_place_of_their_own(place: Place) {
    let db = place.stores().await.write;
    let puts = (0..12).map(|n| {
        let (db, letter) = (db.clone(), letter(n, &format!("s{n}"), LetterState::Dead));
        tokio::spawn(async move { dead_letters::put(&db, &letter).await })
    });
    for put in puts.collect::<Vec<_>>() {
        assert!(put.await.unwrap().unwrap());
    }
    let mut places: Vec<i64> =
        dead_letters::page(&db, i64::MAX, true, 99).await.unwrap().iter().map(|l| l.seq).collect();
    places.reverse();
    assert_eq!(places, (1..=12).collect::<Vec<_>>());
}

async fn a_parked_event_moves_only_from_where_it_was_seen_and_is_open_again_when_it_fails_again(
    place: Place,
) {
    let db = place.stores().await.read;
    let stream_id = Uuid::now_v7();
    let row = |position: i64, state| NewParked {
        position,
        stream_id,
        stream_version: i32::try_from(position).unwrap(),
        event_type: "TicketBooked".into(),
        state,
        reason: "its departure is not in the read model".into(),
        tries: 1,
        at: BEGIN,
    };
    let put = async |rows: Vec<NewParked>| {
        let mut tx = db.begin().await.unwrap();
        parked::put(&mut tx, TICKETS, &rows).await.unwrap();
        tx.commit().await.unwrap();
    };
    put(vec![row(4, LetterState::Dead), row(9, LetterState::Waiting)]).await;
    put(vec![row(4, LetterState::Dead)]).await;
    assert_eq!(parked::open_streams(&db).await.unwrap(), [(stream_id, 4)]);
    assert!(parked::stranded(&db, 9).await.unwrap().is_empty());
    let moved = async |from, to| {
        let mut tx = db.begin().await.unwrap();
        let by = "ada".to_owned();
        let step =
            ParkedMove { position: 4, from, tries: 1, to, reason: "so".into(), tried: true, by, at: BEGIN };
        let moved = parked::advance(&mut tx, &step).await.unwrap();
        tx.commit().await.unwrap();
        moved
    };
    assert!(!moved(LetterState::Waiting, LetterState::Redriven).await);
    assert!(moved(LetterState::Dead, LetterState::Redriven).await);
    assert_eq!(parked::open_streams(&db).await.unwrap(), [(stream_id, 9)]);
    assert_eq!(parked::stranded(&db, 9).await.unwrap(), [stream_id]);
    put(vec![row(4, LetterState::Dead)]).await;
    let again = parked::at(&db, vec![4]).await.unwrap();
    assert_eq!((again[0].state, again[0].tries, again[0].moved_by.as_deref()), (LetterState::Dead, 3, None));
    assert_eq!(parked::open_of_stream(&db, stream_id, 9).await.unwrap().len(), 2);
    assert_eq!(
        parked::page(&db, i64::MAX, true, 9).await.unwrap(),
        parked::page(&db, i64::MAX, false, 9).await.unwrap()
    );
    let counts = parked::open_counts(&db).await.unwrap();
    assert_eq!(counts, [("dead".to_owned(), 1), ("waiting".to_owned(), 1)]);
}

async fn a_job_belongs_to_one_owner_at_a_time(place: Place) {
    let db = place.stores().await.write;
    let new = |owner| NewJob {
        id: Uuid::now_v7(),
        kind: "republish".into(),
        spec: "{}".into(),
        total: Some(9),
        rate: None,
        actor: "ada".into(),
        reason: None,
        owner,
        at: BEGIN,
    };
    let (mine, other) = (Uuid::now_v7(), Uuid::now_v7());
    let job = new(Some(mine));
    jobs::create(&db, &job).await.unwrap();
    let look = async |id| jobs::load(&db, vec![id]).await.unwrap().remove(0);
    let progress = JobProgress { done: 4, total: Some(9), cursor: Some("4".into()), outcome: None };
    let seen = look(job.id).await;
    assert_eq!((seen.state, seen.owner, seen.started_at), (JobState::Running, Some(mine), Some(BEGIN)));
    assert_eq!(jobs::progress(&db, job.id, mine, &progress, BEGIN).await.unwrap(), Some(false));
    assert!(!jobs::claim(&db, job.id, other, seen.beat, BEGIN).await.unwrap(), "its owner has beaten since");
    let seen = look(job.id).await;
    assert!(jobs::claim(&db, job.id, other, seen.beat, BEGIN).await.unwrap());
    assert_eq!(jobs::progress(&db, job.id, mine, &progress, BEGIN).await.unwrap(), None);
    assert_eq!(jobs::beat(&db, job.id, mine).await.unwrap(), None);
    let end = async |owner, state| jobs::finish(&db, job.id, owner, state, None, None, BEGIN).await.unwrap();
    assert!(!end(mine, JobState::Done).await);
    assert!(jobs::cancel(&db, job.id, BEGIN).await.unwrap());
    assert_eq!(jobs::beat(&db, job.id, other).await.unwrap(), Some(true));
    assert!(end(other, JobState::Cancelled).await);
    assert!(!jobs::cancel(&db, job.id, BEGIN).await.unwrap(), "it is over");
    let over = look(job.id).await;
    assert_eq!((over.state, over.cursor.as_deref(), over.done), (JobState::Cancelled, Some("4"), 4));
    assert!(jobs::resume(&db, job.id, over.beat, BEGIN).await.unwrap());
    assert!(!jobs::resume(&db, job.id, over.beat, BEGIN).await.unwrap());

    let waiting = new(None);
    jobs::create(&db, &waiting).await.unwrap();
    assert_eq!(jobs::open(&db, 9).await.unwrap().len(), 2);
    assert!(jobs::cancel(&db, waiting.id, BEGIN).await.unwrap());
    assert_eq!(look(waiting.id).await.state, JobState::Cancelled);
    assert_eq!(jobs::open_counts(&db).await.unwrap(), [("waiting".to_owned(), 1)]);
    let newest: Vec<Uuid> = jobs::newest(&db, None, 9).await.unwrap().iter().map(|j| j.id).collect();
    assert_eq!(newest, [waiting.id, job.id]);
}
