//! Every order of inputs, up to a depth, from a booking or a charge that has just begun. States that are equal
//! but for how often they changed are looked at once, so the depth is reached with every order there is.

use super::support::{
    Do, PRICE, Run, Seats, captured, declined, failed, not_sent, paid, refunded, succeeded, unclear,
};
use crate::domain::booking::state::{BookingState, evolve};
use crate::domain::money::Money;
use crate::domain::payment::{AttemptKind, AttemptState, PaymentStatus};
use crate::saga::definition::{Park, SagaState};
use crate::saga::input::{Answer, OperatorMove};
use crate::saga::plan::Event;
use std::collections::HashSet;

/// How many inputs follow each other.
const DEPTH: usize = 6;
/// Attempts beyond the first so many are answered in the other tests.
const ATTEMPTS: usize = 3;

fn every_answer() -> Vec<Answer> {
    let less = captured(Money { amount_minor: 1_000, ..PRICE });
    vec![
        succeeded(),
        less,
        declined(),
        Answer::Working,
        Answer::Unknown,
        Answer::Closed,
        unclear(),
        not_sent(),
    ]
}

fn inputs(run: &Run, more: &[Do]) -> Vec<Do> {
    let mut all = more.to_vec();
    for n in 0..run.case.attempts.len().min(ATTEMPTS) {
        all.extend(every_answer().into_iter().map(|answer| Do::Answer(n, answer)));
        all.push(Do::GivesUp(n));
    }
    for action in [OperatorMove::Retry, OperatorMove::Compensate, OperatorMove::Abandon] {
        all.push(Do::Operator(action));
    }
    if run.case.payments.len() == 1 {
        all.extend([Do::Refund(0, None), Do::Refund(0, Some(1_000))]);
    }
    if run.case.booking.as_ref().is_some_and(|b| b.state.is_hold()) {
        all.extend([Do::HoldEnds, Do::Sweep]);
    }
    all
}

/// Whether the same thing told again is nothing new. An unclear answer is one more; a part that is given back, a
/// payment and an operator's or buyer's wish are each a thing of their own.
fn is_told_again(what: &Do) -> bool {
    match what {
        Do::Answer(_, answer) => !matches!(answer, Answer::Unclear { .. }),
        Do::Told(_) | Do::Sweep => true,
        Do::GivesUp(_) => true,
        Do::Pay
        | Do::PayOutside
        | Do::Vouch(_)
        | Do::Cancel
        | Do::HoldEnds
        | Do::Refund(..)
        | Do::Operator(_) => false,
    }
}

/// What makes a state another one: all but the counts and times of its changes.
fn key(run: &Run) -> String {
    let mut case = run.case.clone();
    case.saga.version = 0;
    case.saga.moved_at = super::support::NOW;
    case.saga.last_error = None;
    if let Some(booking) = &mut case.booking {
        booking.version = 0;
    }
    for payment in &mut case.payments {
        payment.version = 0;
        payment.updated_at = super::support::NOW;
        payment.failure = payment.failure.take().map(|_| String::new());
    }
    for attempt in &mut case.attempts {
        attempt.error = None;
        attempt.reason = None;
        attempt.ended_at = None;
    }
    format!("{case:?} {:?}", run.now)
}

/// What holds after every input.
pub(super) fn holds_true(before: &Run, run: &Run, story: &dyn Fn() -> String) {
    let case = &run.case;
    // The steps are numbered without gaps, one a change; the booking is the fold of what was logged.
    let steps = run.steps.len() - before.steps.len();
    assert_eq!(case.saga.version as usize, before.case.saga.version as usize + steps, "{}", story());
    for (no, step) in (before.case.saga.version + 1..).zip(&run.steps[before.steps.len()..]) {
        assert_eq!(step.no, no, "{}", story());
    }
    let mut booking = before.case.booking.clone();
    for event in &run.events[before.events.len()..] {
        booking = match (booking, event) {
            (Some(booking), Event::Booking(event)) => {
                let id = booking.id;
                evolve(Some(booking), id, event, run.now)
            }
            (Some(booking), Event::Payment(_)) => {
                let version = booking.version + 1;
                Some(crate::domain::booking::state::Booking { version, ..booking })
            }
            (None, _) => None,
        };
    }
    assert_eq!(booking, case.booking, "the booking is the fold of its events: {}", story());
    money_is_right(run, story);
    // Time alone changes nothing that is written down; the next input sees it.
    if steps > 0 {
        state_follows(run, story);
    }
}

fn money_is_right(run: &Run, story: &dyn Fn() -> String) {
    let case = &run.case;
    let mut ids = HashSet::new();
    assert!(case.attempts.iter().all(|a| ids.insert(a.id)), "ids are used once: {}", story());
    for payment in &case.payments {
        let refunded = payment.refunded_minor;
        assert!(0 <= refunded && refunded <= payment.captured_minor, "{payment:?}: {}", story());
        let back =
            case.attempts.iter().filter(|a| a.payment_id == payment.id && a.kind == AttemptKind::Refund);
        let open: i64 = back.filter(|a| a.state.is_open()).map(|a| a.amount.amount_minor).sum();
        let stands = match &case.booking {
            Some(booking) => {
                booking.state == BookingState::Confirmed && booking.payment_id == Some(payment.public_id())
            }
            None => payment.failure.is_none(),
        };
        let kept = payment.captured_minor - refunded;
        let covered = open >= kept || case.saga.park.is_some();
        assert!(kept == 0 || stands || covered, "{kept} of {payment:?} is nobody's: {}", story());
        assert_eq!(payment.status == PaymentStatus::Refunded, kept == 0 && refunded > 0, "{}", story());
    }
    if let Some(booking) = &case.booking
        && booking.state == BookingState::Confirmed
    {
        let paid = case.payments.iter().find(|p| Some(p.public_id()) == booking.payment_id);
        let paid = paid.unwrap_or_else(|| panic!("confirmed with nothing: {}", story()));
        assert!(paid.captured_minor == booking.price.amount_minor && paid.kept_minor() > 0, "{}", story());
    }
    // One that failed is only asked about; of those that may still be sent there is never a second one.
    let sendable = case.attempts.iter().filter(|a| a.kind == AttemptKind::Charge && a.state.is_open());
    let pending = |id| case.payments.iter().any(|p| p.id == id && p.status == PaymentStatus::Pending);
    assert!(sendable.filter(|a| pending(a.payment_id)).count() <= 1, "{}", story());
}

fn state_follows(run: &Run, story: &dyn Fn() -> String) {
    let case = &run.case;
    let is_open = case.attempts.iter().any(|a| a.state.is_open());
    let is_hold = case.booking.as_ref().is_some_and(|b| b.state_at(run.now).is_hold());
    let for_a_person = case.saga.park.is_some_and(|park| park != Park::Abandoned);
    let to_come = is_open || is_hold || for_a_person;
    if case.booking.is_some() {
        assert_eq!(case.saga.state.is_open(), to_come, "{:?}: {}", case.saga, story());
    }
    assert_eq!(case.saga.state == SagaState::Parked, for_a_person, "{:?}: {}", case.saga, story());
    for attempt in &case.attempts {
        let is_due = attempt.state == AttemptState::Due;
        assert_eq!(attempt.next_at.is_some(), is_due, "{attempt:?}: {}", story());
        assert_eq!(attempt.ended_at.is_some(), !attempt.state.is_open(), "{attempt:?}: {}", story());
        let due = attempt.next_at.is_none_or(|at| case.saga.next_at.is_some_and(|next| next <= at));
        assert!(due, "somebody wakes up for it: {attempt:?}: {}", story());
    }
}

/// Lets a provider that behaves well, and an operator who retries what is parked, bring it to its end.
pub(super) fn ends_well(run: &Run, charges_succeed: bool, story: &dyn Fn() -> String) {
    let mut run = run.clone();
    for _ in 0..60 {
        let before = run.clone();
        let open = run
            .case
            .attempts
            .iter()
            .position(|a| matches!(a.state, AttemptState::Due | AttemptState::Awaited));
        let is_hold = run.case.booking.as_ref().is_some_and(|b| b.state.is_hold());
        let what = if let Some(n) = open {
            let attempt = &run.case.attempts[n];
            match (attempt.state, attempt.kind) {
                (_, AttemptKind::Refund) => {
                    Do::Answer(n, Answer::Succeeded { provider_ref: "r".into(), amount: attempt.amount })
                }
                (_, AttemptKind::Charge) if charges_succeed => {
                    Do::Answer(n, Answer::Succeeded { provider_ref: "c".into(), amount: attempt.amount })
                }
                (AttemptState::Due, AttemptKind::Charge) if attempt.in_doubt => Do::Answer(n, Answer::Closed),
                (_, AttemptKind::Charge) => Do::Answer(n, declined()),
            }
        } else if run.case.saga.state == SagaState::Parked {
            Do::Operator(OperatorMove::Retry)
        } else if run.case.saga.park == Some(Park::Abandoned)
            && run.act(&Do::Operator(OperatorMove::Retry)).is_ok()
        {
            continue;
        } else if is_hold && run.now < run.case.booking.as_ref().unwrap().hold_expires_at {
            Do::HoldEnds
        } else if is_hold {
            Do::Sweep
        } else {
            break;
        };
        run.act(&what).unwrap_or_else(|refusal| panic!("{what:?}: {refusal:?}: {}", story()));
        holds_true(&before, &run, story);
    }
    assert!(
        !run.case.saga.state.is_open() || run.case.payments.is_empty(),
        "{:?}: {}",
        run.case.saga,
        story()
    );
    match &run.case.booking {
        Some(booking) if booking.state == BookingState::Confirmed => {
            for payment in &run.case.payments {
                let confirms = Some(payment.public_id()) == booking.payment_id;
                assert_eq!(payment.kept_minor() > 0, confirms, "{payment:?}: {}", story());
            }
        }
        Some(_) => assert_eq!(run.kept(), 0, "{:?}: {}", run.case, story()),
        None => assert!(
            run.case.payments.iter().all(|p| p.failure.is_none() || p.kept_minor() == 0),
            "{}",
            story()
        ),
    }
}

/// Walks through every order; returns how many states there are.
fn walk(begin: Run, more: &[Do], depth: usize) -> usize {
    let mut seen = HashSet::from([key(&begin)]);
    let mut front = vec![(begin, Vec::<Do>::new())];
    for _ in 0..depth {
        let mut next = Vec::new();
        for (run, story) in front {
            for what in inputs(&run, more) {
                let mut after = run.clone();
                after.steps.clear();
                after.events.clear();
                let before = after.clone();
                let tell = || format!("{what:?} after {story:#?}");
                if after.act(&what).is_err() {
                    assert_eq!(after.case, before.case, "a refusal changes nothing: {}", tell());
                    continue;
                }
                holds_true(&before, &after, &tell);
                if is_told_again(&what) {
                    let mut again = after.clone();
                    again.act(&what).unwrap();
                    assert_eq!(again.case, after.case, "told twice: {}", tell());
                }
                if seen.insert(key(&after)) {
                    ends_well(&after, true, &tell);
                    ends_well(&after, false, &tell);
                    let story = [story.as_slice(), std::slice::from_ref(&what)].concat();
                    next.push((after, story));
                }
            }
        }
        front = next;
    }
    seen.len()
}

#[test]
fn every_order_of_answers_ends_with_the_seats_paid_or_the_money_back() {
    for seats in [Seats::Same, Seats::Gone] {
        let states = walk(Run::booked(seats), &[Do::Pay, Do::Cancel], DEPTH);
        assert!(states > 1_000, "{states}");
    }
}

#[test]
fn every_order_of_what_outside_services_tell_ends_with_the_seats_paid_or_the_money_back() {
    let more = [
        Do::Pay,
        Do::PayOutside,
        Do::Cancel,
        Do::Vouch("x"),
        paid("x"),
        paid("y"),
        failed(Some("x")),
        failed(None),
        refunded(Some("x"), None),
        refunded(Some("y"), None),
    ];
    for seats in [Seats::Others, Seats::Gone] {
        let states = walk(Run::booked(seats), &more, 4);
        assert!(states > 1_000, "{states}");
    }
}

#[test]
fn every_order_of_answers_to_a_charge_for_no_booking_ends() {
    let mut begin = Run::standalone();
    begin.act(&Do::Pay).unwrap();
    let states = walk(begin, &[], DEPTH);
    assert!(states > 100, "{states}");
}
