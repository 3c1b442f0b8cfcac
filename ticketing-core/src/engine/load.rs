//! Loading what a batch needs and memory lacks, in set-based reads; none for what is remembered.

use super::command::{IdempotencyKey, Outcome, Queued, Work};
use super::state::{Live, State};
use crate::domain::booking::command::{Best, Change, SeatChoice};
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::catalog::{Offering, Pattern};
use crate::domain::id::{BookingId, LayoutId, OfferingId, PatternId, SagaId};
use crate::domain::layout::Layout;
use crate::domain::seating::LegRange;
use crate::domain::time::Timestamp;
use crate::saga::{Answer, Input, Notice};
use crate::store::db::Db;
use crate::store::error::Result;
use crate::store::idempotency::StoredAnswer;
use crate::store::sagas::{self, Message};
use crate::store::{bookings, events, idempotency, offerings, payments};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Ended holds of one offering that a batch clears away before it decides on the offering.
const LAPSED_MAX: usize = 1_000;
/// Events that are folded at once; a memory further behind than this is forgotten instead.
pub(super) const CATCH_UP_MAX: i64 = 20_000;

/// What was looked up for this batch alone.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Stored answers by (caller, key).
    pub(super) answers: HashMap<(String, String), StoredAnswer>,
    /// Which booking each payment has confirmed.
    pub(super) payments: HashMap<String, BookingId>,
    /// Whose each payment is that we have a record of, by any of its names.
    pub(super) payers: HashMap<String, SagaId>,
    /// Sagas that were read for this batch: as true as its head. Others are remembered, and another process may have
    /// moved them without an event.
    pub(super) fresh: HashSet<SagaId>,
    /// What outside services told before.
    pub(super) told: HashSet<Message>,
    /// Ended holds to clear away, by offering.
    pub(super) lapsed: HashMap<OfferingId, Vec<BookingId>>,
}

impl Found {
    fn keep_answers(&mut self, answers: Vec<StoredAnswer>) {
        self.answers.extend(answers.into_iter().map(|a| ((a.caller.clone(), a.key.clone()), a)));
    }
}

/// Brings memory up to the log's head.
pub(super) async fn catch_up(db: &Db, state: &mut State) -> Result<()> {
    let Some(known) = state.head else {
        state.forget();
        state.head = Some(events::head(db).await?);
        return Ok(());
    };
    let (head, entries) = events::news(db, known, CATCH_UP_MAX).await?;
    match head - known {
        0..=CATCH_UP_MAX => state.catch_up(&entries),
        // Too far behind, or the log is another one.
        _ => state.forget(),
    }
    state.head = Some(head);
    Ok(())
}

/// Loads what the commands name. Ids that are not found are simply not in memory afterwards.
///
/// The first time, of the idempotency keys only those are looked up that this process has met; `again`, when
/// somebody else has written or a write's end is unknown, all of them, and also whether a new booking is
/// there already.
pub(super) async fn load(
    db: &Db,
    state: &mut State,
    commands: &[Queued],
    now: Timestamp,
    again: bool,
) -> Result<Found> {
    if state.head.is_none() {
        catch_up(db, state).await?;
    }
    let mut found = Found::default();
    let keys = commands.iter().filter_map(|c| c.meta.idempotency.as_ref());
    let keys: Vec<_> = keys.filter(|key| state.met(key) || again).collect();
    let named = missing(state, named_bookings(commands, again));
    // None of these needs what another finds, so all are asked at once.
    let (answers, bookings, (payers, payments), told) = tokio::try_join!(
        find_answers(db, keys),
        find_bookings(db, named),
        find_payments(db, commands),
        find_told(db, commands),
    )?;
    found.keep_answers(answers);
    for booking in bookings {
        state.bookings.insert(booking.id, Arc::new(booking));
    }
    (found.payers, found.payments, found.told) = (payers, payments, told);
    load_readable(db, state, due_bookings(commands)).await?;
    let offerings = named_offerings(state, commands);
    load_offerings(db, state, offerings).await?;
    find_lapsed(state, commands, now, &mut found);
    let lapsed: Vec<BookingId> = found.lapsed.values().flatten().copied().collect();
    load_readable(db, state, lapsed.clone()).await?;
    found.fresh = load_cases(db, state, commands, lapsed).await?;
    Ok(found)
}

/// Looks up the stored answers to these keys.
pub(super) async fn load_answers(db: &Db, keys: Vec<&IdempotencyKey>, found: &mut Found) -> Result<()> {
    found.keep_answers(find_answers(db, keys).await?);
    Ok(())
}

async fn find_answers(db: &Db, keys: Vec<&IdempotencyKey>) -> Result<Vec<StoredAnswer>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let callers = keys.iter().map(|k| k.caller.clone()).collect();
    idempotency::find(db, callers, keys.iter().map(|k| k.key.clone()).collect()).await
}

fn named_bookings(commands: &[Queued], again: bool) -> Vec<BookingId> {
    let named = commands.iter().filter_map(|command| match &command.work {
        Work::Change { booking_id, .. } => Some(*booking_id),
        Work::Reserve { command, .. } => again.then_some(command.booking_id),
        Work::Saga { saga_id, .. } => Some(BookingId(saga_id.0)),
        Work::Expire(_) => None,
    });
    named.collect()
}

fn due_bookings(commands: &[Queued]) -> Vec<BookingId> {
    let mut ids = Vec::new();
    for command in commands {
        match &command.work {
            Work::Expire(due) => ids.extend(due),
            Work::Reserve { .. } | Work::Change { .. } | Work::Saga { .. } => {}
        }
    }
    ids
}

/// Leaves out what is in memory, and duplicates.
fn missing(state: &mut State, mut ids: Vec<BookingId>) -> Vec<BookingId> {
    ids.retain(|id| state.bookings.get_mut(*id).is_none());
    ids.sort_unstable();
    ids.dedup();
    ids
}

async fn find_bookings(db: &Db, ids: Vec<BookingId>) -> Result<Vec<Booking>> {
    if ids.is_empty() { Ok(Vec::new()) } else { bookings::load(db, &ids).await }
}

/// The same for holds that nobody names: one that can't be read keeps its seats and stops no other.
async fn load_readable(db: &Db, state: &mut State, ids: Vec<BookingId>) -> Result<()> {
    let ids = missing(state, ids);
    if ids.is_empty() {
        return Ok(());
    }
    for booking in bookings::load_each(db, &ids).await? {
        match booking {
            Ok(booking) => state.bookings.insert(booking.id, Arc::new(booking)),
            Err(error) => {
                tracing::error!(%error, "a hold can't be read, so it can't end; its row in bookings is corrupt");
            }
        }
    }
    Ok(())
}

/// Looks up the payments that bookings are to be confirmed with: which booking each has confirmed, and whose it is.
async fn find_payments(
    db: &Db,
    commands: &[Queued],
) -> Result<(HashMap<String, SagaId>, HashMap<String, BookingId>)> {
    let named: Vec<String> = commands
        .iter()
        .filter_map(|command| match &command.work {
            Work::Change { change: Change::Confirm { payment_id }, .. } => Some(payment_id.clone()),
            Work::Saga { input: Input::Told { notice: Notice::Paid { external_id, .. }, .. }, .. } => {
                Some(external_id.clone())
            }
            Work::Change { .. } | Work::Reserve { .. } | Work::Saga { .. } | Work::Expire(_) => None,
        })
        .collect();
    if named.is_empty() {
        return Ok((HashMap::new(), HashMap::new()));
    }
    let confirmed = bookings::by_payment(db, named.clone());
    let (payers, payments) = tokio::try_join!(payments::owners(db, &named), confirmed)?;
    Ok((payers, payments.into_iter().collect()))
}

/// Looks up which of the messages at hand were told before.
async fn find_told(db: &Db, commands: &[Queued]) -> Result<HashSet<Message>> {
    let messages: Vec<Message> = commands
        .iter()
        .filter_map(|command| match &command.work {
            Work::Saga { message, .. } => message.clone(),
            Work::Change { .. } | Work::Reserve { .. } | Work::Expire(_) => None,
        })
        .collect();
    if messages.is_empty() {
        return Ok(HashSet::new());
    }
    Ok(sagas::told(db, &messages).await?.into_iter().collect())
}

/// Loads the sagas of all bookings that may change. That a booking has none is remembered too.
async fn load_cases(
    db: &Db,
    state: &mut State,
    commands: &[Queued],
    lapsed: Vec<BookingId>,
) -> Result<HashSet<SagaId>> {
    let mut ids: Vec<SagaId> = lapsed.into_iter().map(SagaId::from).collect();
    for command in commands {
        match &command.work {
            Work::Change { booking_id, .. } => ids.push((*booking_id).into()),
            Work::Saga { saga_id, .. } => ids.push(*saga_id),
            Work::Expire(due) => ids.extend(due.iter().map(|id| SagaId::from(*id))),
            Work::Reserve { .. } => {}
        }
    }
    ids.retain(|id| state.cases.get_mut(*id).is_none());
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    for case in sagas::cases(db, &ids).await? {
        state.cases.insert(case.saga.id, Some(Arc::new(case)));
    }
    for id in &ids {
        if state.cases.get_mut(*id).is_none() {
            state.cases.insert(*id, None);
        }
    }
    Ok(ids.into_iter().collect())
}

/// The sagas that a command was refused by, or changed nothing of, and that were only remembered: what is
/// remembered may be old, since not everything that happens to a saga is in the log.
pub(super) fn doubtful(commands: &[Queued], outcomes: &[Outcome], found: &Found) -> Vec<SagaId> {
    let asks = |(command, outcome): (&Queued, &Outcome)| {
        let did_nothing = outcome.as_ref().map_or(true, |done| done.changed == 0 && !done.replayed);
        let id = match &command.work {
            Work::Saga { saga_id, .. } => *saga_id,
            Work::Change { booking_id, .. } => (*booking_id).into(),
            Work::Reserve { .. } | Work::Expire(_) => return None,
        };
        (did_nothing && !found.fresh.contains(&id)).then_some(id)
    };
    commands.iter().zip(outcomes).filter_map(asks).collect()
}

fn named_offerings(state: &mut State, commands: &[Queued]) -> Vec<OfferingId> {
    let mut ids = Vec::new();
    for command in commands {
        match &command.work {
            Work::Reserve { command, .. } => ids.push(command.offering_id),
            Work::Change { booking_id, .. } => {
                ids.extend(state.bookings.get_mut(*booking_id).map(|b| b.offering_id));
            }
            Work::Saga { saga_id, .. } => {
                ids.extend(state.bookings.get_mut(BookingId(saga_id.0)).map(|b| b.offering_id));
            }
            // The sweeper answers nobody, so it needs no offering; those in memory are kept right.
            Work::Expire(_) => {}
        }
    }
    ids
}

async fn find_patterns(db: &Db, ids: &[PatternId]) -> Result<Vec<Pattern>> {
    if ids.is_empty() { Ok(Vec::new()) } else { offerings::patterns(db, ids).await }
}

async fn find_layouts(db: &Db, ids: &[LayoutId]) -> Result<Vec<Layout>> {
    if ids.is_empty() { Ok(Vec::new()) } else { offerings::layouts(db, ids).await }
}

async fn load_offerings(db: &Db, state: &mut State, mut ids: Vec<OfferingId>) -> Result<()> {
    ids.retain(|id| state.offerings.get_mut(*id).is_none());
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    // What another process commits between these reads is folded again at the next catch-up.
    let as_of = state.head.unwrap_or(0);
    let (facts, mut claims) = tokio::try_join!(offerings::facts(db, &ids), offerings::claims(db, &ids))?;
    let mut patterns: Vec<_> = facts.iter().map(|f| f.pattern_id).collect();
    patterns.retain(|id| state.patterns.get_mut(*id).is_none());
    patterns.sort_unstable();
    patterns.dedup();
    let mut layouts: Vec<_> = facts.iter().map(|f| f.layout_id).collect();
    layouts.retain(|id| state.layouts.get_mut(*id).is_none());
    layouts.sort_unstable();
    layouts.dedup();
    let (patterns, layouts) = tokio::try_join!(find_patterns(db, &patterns), find_layouts(db, &layouts))?;
    for pattern in patterns {
        state.patterns.insert(pattern.id, Arc::new(pattern));
    }
    for layout in layouts {
        state.layouts.insert(layout.id(), Arc::new(layout));
    }
    for facts in facts {
        let (Some(pattern), Some(layout)) =
            (state.patterns.get_mut(facts.pattern_id), state.layouts.get_mut(facts.layout_id))
        else {
            tracing::error!(offering = %facts.id, "an offering has no pattern or layout; it can't be sold");
            continue;
        };
        let (pattern, layout) = (Arc::clone(pattern), Arc::clone(layout));
        let claims = claims.remove(&facts.id).unwrap_or_default();
        let id = facts.id;
        let offering = Arc::new(Offering::new(facts, pattern, layout));
        let occupancy = offerings::occupancy(&offering, claims);
        state.offerings.insert(id, Live { offering, occupancy, as_of });
    }
    Ok(())
}

/// Finds the ended holds that stand in the way of these commands: of each offering the longest overdue, and,
/// where there are more, those on the seats that are named or that are wanted beyond the ones so freed.
pub(super) fn find_lapsed(state: &mut State, commands: &[Queued], now: Timestamp, found: &mut Found) {
    let mut seen: HashSet<BookingId> = HashSet::new();
    let mut wanted: HashMap<(OfferingId, LegRange), usize> = HashMap::new();
    let mut exhausted: HashSet<(OfferingId, LegRange)> = HashSet::new();
    for queued in commands {
        if let Work::Saga { saga_id, input, .. } = &queued.work {
            find_lapsed_for(state, *saga_id, input, now, &mut seen, found);
        }
        let Work::Reserve { command, .. } = &queued.work else { continue };
        let Some(live) = state.offerings.get_mut(command.offering_id) else { continue };
        let lapsed = found.lapsed.entry(command.offering_id).or_insert_with(|| {
            let ids: Vec<BookingId> = live.occupancy.lapsed(now).take(LAPSED_MAX).collect();
            seen.extend(&ids);
            ids
        });
        if lapsed.len() < LAPSED_MAX {
            continue;
        }
        match &command.seats {
            SeatChoice::Named(labels) => {
                for seat in labels.iter().filter_map(|label| live.offering.layout.seat(label)) {
                    lapsed.extend(live.occupancy.lapsed_on(seat, now).filter(|id| seen.insert(*id)));
                }
            }
            SeatChoice::Any(count) | SeatChoice::Best(Best { count, .. }) => {
                let stops = (command.from_stop.as_deref(), command.to_stop.as_deref());
                let Ok(legs) = live.offering.pattern.resolve_any(stops.0, stops.1) else { continue };
                let journey = (command.offering_id, legs);
                let total = wanted.entry(journey).or_default();
                *total = total.saturating_add(*count);
                if exhausted.contains(&journey) || live.occupancy.best_fit(legs, *total).is_some() {
                    continue;
                }
                let unseen = live.occupancy.lapsed(now).filter(|id| !seen.contains(id));
                let more = live.occupancy.freeing(unseen, legs, now, *count);
                if more.is_empty() {
                    exhausted.insert(journey);
                }
                lapsed.extend(more.into_iter().filter(|id| seen.insert(*id)));
            }
        }
    }
    found.lapsed.retain(|_, ids| !ids.is_empty());
}

/// The same for money that may have come after the hold ended: it is to have the seats if they are free by now.
fn find_lapsed_for(
    state: &mut State,
    saga_id: SagaId,
    input: &Input,
    now: Timestamp,
    seen: &mut HashSet<BookingId>,
    found: &mut Found,
) {
    let brings_money = matches!(
        input,
        Input::Answered { answer: Answer::Succeeded { .. }, .. }
            | Input::Told { notice: Notice::Paid { .. }, .. }
    );
    let Some(booking) = state.bookings.get_mut(BookingId(saga_id.0)) else { return };
    let offering_id = booking.offering_id;
    if !brings_money || booking.state_at(now) != BookingState::Expired {
        return;
    }
    let Some(live) = state.offerings.get_mut(offering_id) else { return };
    let lapsed: Vec<BookingId> = live.occupancy.lapsed(now).take(LAPSED_MAX).collect();
    let lapsed = lapsed.into_iter().filter(|id| seen.insert(*id));
    found.lapsed.entry(offering_id).or_default().extend(lapsed);
}
