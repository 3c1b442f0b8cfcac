//! Long random lives of a saga: deeper than every order can be walked through.

use super::every_order::{ends_well, holds_true};
use super::support::{
    Do, PRICE, Run, Seats, captured, declined, failed, not_sent, paid, refunded, succeeded, unclear,
};
use crate::domain::money::{Currency, Money};
use crate::saga::input::{Answer, OperatorMove};
use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};

fn answer() -> impl Strategy<Value = Answer> {
    let yen = Money { amount_minor: 2_500, currency: Currency::parse("JPY").unwrap() };
    prop_oneof![
        4 => Just(succeeded()),
        1 => (0_i64..4_000).prop_map(|amount_minor| captured(Money { amount_minor, ..PRICE })),
        1 => Just(captured(yen)),
        2 => Just(declined()),
        1 => Just(Answer::Working),
        2 => Just(Answer::Unknown),
        2 => Just(Answer::Closed),
        2 => Just(unclear()),
        1 => Just(not_sent()),
    ]
}

fn step() -> impl Strategy<Value = Do> {
    let name = || prop_oneof![Just("x"), Just("y"), Just("z")];
    let operator = prop_oneof![
        3 => Just(OperatorMove::Retry),
        1 => Just(OperatorMove::Compensate),
        1 => Just(OperatorMove::Abandon),
    ];
    let part = || prop::option::of(1_i64..3_000);
    prop_oneof![
        4 => Just(Do::Pay),
        1 => Just(Do::PayOutside),
        12 => (0_usize..8, answer()).prop_map(|(n, answer)| Do::Answer(n, answer)),
        2 => (0_usize..8).prop_map(Do::GivesUp),
        1 => name().prop_map(paid),
        1 => prop::option::of(name()).prop_map(failed),
        2 => (prop::option::of(name()), part()).prop_map(|(name, amount)| refunded(name, amount)),
        1 => name().prop_map(Do::Vouch),
        1 => Just(Do::Cancel),
        1 => Just(Do::HoldEnds),
        1 => Just(Do::Sweep),
        2 => (0_usize..4, part()).prop_map(|(n, amount)| Do::Refund(n, amount)),
        2 => operator.prop_map(Do::Operator),
    ]
}

proptest! {
    #[test]
    fn no_life_of_a_saga_leaves_money_between_the_chairs(
        steps in prop::collection::vec(step(), 1..40),
        seats in prop_oneof![Just(Seats::Same), Just(Seats::Others), Just(Seats::Gone)],
    ) {
        let mut run = Run::booked(seats);
        for (n, step) in steps.iter().enumerate() {
            let before = run.clone();
            let story = || format!("{:#?}", &steps[..=n]);
            if run.act(step).is_err() {
                assert_eq!(run.case, before.case, "a refusal changes nothing: {}", story());
                continue;
            }
            holds_true(&before, &run, &story);
        }
        let story = || format!("{steps:#?}");
        ends_well(&run, true, &story);
        ends_well(&run, false, &story);
    }
}
