//! What is for sale in every life, and the words in which commands are put.

use super::{BEGIN, FARE};
use crate::domain::catalog::{
    Call, LatePayment, Offering, OfferingFacts, OfferingKind, OfferingStatus, Particulars, Pattern,
};
use crate::domain::id::{LayoutId, OfferingId, PatternId, RouteId, SagaId, StopId, UserId};
use crate::domain::layout::{Layout, LayoutSpec};
use crate::engine::command::{IdempotencyKey, Meta, SagaAnswer, Work};
use crate::saga::Input;
use crate::store::sagas::Message;
use std::sync::Arc;
use uuid::Uuid;

pub(super) fn saga(
    saga_id: SagaId,
    input: Input,
    message: Option<Message>,
    expected_version: Option<u32>,
) -> Work {
    Work::Saga { saga_id, input, owner: None, expected_version, message, answer: SagaAnswer::Nothing }
}

pub(super) fn system() -> Meta {
    Meta::system("simulation".into())
}

pub(super) fn by(user: &UserId) -> Meta {
    Meta { actor: user.0.clone(), correlation_id: "simulation".into(), idempotency: None }
}

pub(super) fn key_of(user: &UserId, key: &str) -> IdempotencyKey {
    IdempotencyKey { caller: user.0.clone(), key: key.to_owned(), request_hash: [7; 32], status: 201 }
}

/// A vehicle of three seats that calls at three stops; the second one's money comes back if its seats are gone.
pub(super) fn offering(id: OfferingId) -> Offering {
    let call = |n: u32| Call {
        stop_id: StopId(Uuid::from_u128(100 + u128::from(n))),
        external_id: None,
        name: format!("Stop {n}"),
        sequence: n,
        arrival_s: n as i32 * 3_600,
        departure_s: n as i32 * 3_600,
        boards: true,
        alights: true,
    };
    let (pattern_id, layout_id) = (PatternId(Uuid::from_u128(50)), LayoutId(Uuid::from_u128(51)));
    let spec = LayoutSpec {
        name: "van".into(),
        rows: 2,
        columns: "AB".into(),
        blocked: vec!["B2".into()],
        ..LayoutSpec::default()
    };
    let late_payment = if id.0.as_u128() == 1 { LatePayment::ReReserve } else { LatePayment::Refund };
    Offering::new(
        OfferingFacts {
            id,
            kind: OfferingKind::Departure,
            route_id: Some(RouteId(Uuid::from_u128(52))),
            pattern_id,
            layout_id,
            external_id: None,
            service_date: "1970-01-12".into(),
            departs_at: BEGIN.plus_seconds(1_200),
            arrives_at: BEGIN.plus_seconds(8_400),
            fare: FARE,
            status: OfferingStatus::Open,
            late_payment,
            particulars: Particulars::default(),
        },
        Arc::new(Pattern { id: pattern_id, calls: (0..3).map(call).collect() }),
        Arc::new(Layout::new(layout_id, spec).expect("a layout")),
    )
}
