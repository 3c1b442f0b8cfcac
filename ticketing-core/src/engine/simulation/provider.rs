//! A payment provider and its books: the truth about the money. It keeps its word (a key moves money once), and
//! nothing else: answers get lost, come late, twice, or in another order.

use super::rng::Rng;
use crate::domain::id::{AttemptId, SagaId};
use crate::domain::money::Money;
use crate::domain::payment::{Attempt, AttemptKind};
use crate::domain::time::Timestamp;
use crate::saga::Answer;
use std::collections::BTreeMap;

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// So much was moved.
    Moved(Money),
    Declined,
    /// Asked about when it was not wanted any more: nothing will happen under this key.
    Closed,
}

/// An answer on its way.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) at: Timestamp,
    pub(super) saga_id: SagaId,
    pub(super) attempt_id: AttemptId,
    pub(super) answer: Answer,
}

/// A request that is still on its way to the provider.
#[derive(Clone, Debug)]
struct Late {
    at: Timestamp,
    attempt: Attempt,
    key: AttemptId,
}

#[derive(Default)]
pub(super) struct Provider {
    keys: BTreeMap<AttemptId, Fate>,
    late: Vec<Late>,
    /// What is left with us of each saga's money, in minor units.
    pub(super) kept: BTreeMap<SagaId, i64>,
}

impl Provider {
    fn act(&mut self, key: AttemptId, attempt: &Attempt, declines: bool, amount: Money) -> Fate {
        let saga_id = attempt.saga_id;
        let kept = self.kept.entry(saga_id).or_default();
        let fate = self.keys.entry(key).or_insert_with(|| {
            if declines {
                return Fate::Declined;
            }
            *kept += match attempt.kind {
                AttemptKind::Charge => amount.amount_minor,
                AttemptKind::Refund => -amount.amount_minor,
            };
            Fate::Moved(amount)
        });
        fate.clone()
    }

    /// Lets requests arrive that were on their way.
    pub(super) fn pass(&mut self, now: Timestamp) {
        let (arrived, late) = std::mem::take(&mut self.late).into_iter().partition(|late| late.at <= now);
        self.late = late;
        let arrived: Vec<Late> = arrived;
        for Late { attempt, key, .. } in arrived {
            self.act(key, &attempt, false, attempt.amount);
        }
    }

    /// Whether nothing is on its way any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.late.is_empty()
    }

    /// What comes back, and when, for one call. `calm`: everything works.
    pub(super) fn ask(
        &mut self,
        attempt: &Attempt,
        key: AttemptId,
        is_wanted: bool,
        calm: bool,
        now: Timestamp,
        rng: &mut Rng,
    ) -> Vec<Delivery> {
        let after = |ms: u64| Timestamp::from_millis(now.as_millis() + ms as i64);
        let to = |at, answer| Delivery { at, saga_id: attempt.saga_id, attempt_id: attempt.id, answer };
        let timeout = |error: &str| Answer::Unclear { error: error.to_owned() };
        let is_charge = attempt.kind == AttemptKind::Charge;
        if attempt.in_doubt || (is_charge && !is_wanted) {
            if !calm && rng.percent(15) {
                return vec![to(after(15_000), timeout("no answer to a question"))];
            }
            let known = match self.keys.get(&key) {
                Some(fate) => answer(fate),
                None if is_charge && !is_wanted => {
                    self.keys.insert(key, Fate::Closed);
                    Answer::Closed
                }
                None => Answer::Unknown,
            };
            return vec![to(after(rng.below(300)), known)];
        }
        if calm {
            let fate = self.act(key, attempt, false, attempt.amount);
            return vec![to(after(50), answer(&fate))];
        }
        let quick = after(20 + rng.below(400));
        match rng.below(100) {
            0..45 => {
                let fate = self.act(key, attempt, false, attempt.amount);
                vec![to(quick, answer(&fate))]
            }
            45..57 => {
                let fate = self.act(key, attempt, is_charge || rng.percent(20), attempt.amount);
                vec![to(quick, answer(&fate))]
            }
            57..67 => {
                self.act(key, attempt, false, attempt.amount);
                vec![to(after(15_000), timeout("the connection was dropped"))]
            }
            67..74 => vec![to(after(15_000), timeout("500"))],
            74..79 => {
                let at = after(1_000 + rng.below(40_000));
                self.late.push(Late { at, attempt: attempt.clone(), key });
                vec![to(after(15_000), timeout("no answer"))]
            }
            79..84 => {
                let fate = self.act(key, attempt, false, attempt.amount);
                vec![to(after(rng.below(50_000)), answer(&fate))]
            }
            84..90 => {
                let fate = self.act(key, attempt, rng.percent(30), attempt.amount);
                vec![to(quick, answer(&fate)), to(after(rng.below(90_000)), answer(&fate))]
            }
            90..94 => vec![to(quick, Answer::Working)],
            94..98 => vec![to(quick, Answer::NotSent { error: "too many calls are under way".into() })],
            _ => {
                let amount = match attempt.kind {
                    AttemptKind::Charge => {
                        Money { amount_minor: attempt.amount.amount_minor + 7, ..attempt.amount }
                    }
                    AttemptKind::Refund => attempt.amount,
                };
                let fate = self.act(key, attempt, false, amount);
                vec![to(quick, answer(&fate))]
            }
        }
    }
}

fn answer(fate: &Fate) -> Answer {
    match fate {
        Fate::Moved(amount) => Answer::Succeeded { provider_ref: "ref".into(), amount: *amount },
        Fate::Declined => Answer::Declined { code: "card_declined".into(), message: "no".into() },
        Fate::Closed => Answer::Closed,
    }
}
