//! What every listing is made of: one ticket that a user sells has one seat, `A1`, and one leg, the same for all.

use super::catalog::{Call, LatePayment, OfferingFacts, OfferingKind, OfferingStatus, Particulars, Pattern};
use super::event::LayoutDefined;
use super::id::{LayoutId, OfferingId, PatternId, StopId, UserId, derived};
use super::layout::LayoutSpec;
use super::money::Money;
use super::time::Timestamp;

/// The name of the layout and the pattern that all listings share.
const SINGLE_TICKET: &str = "single-ticket";

/// Returns the seat of every listing: one, `A1`.
#[must_use]
pub fn layout() -> LayoutDefined {
    let spec =
        LayoutSpec { name: SINGLE_TICKET.into(), rows: 1, columns: "A".into(), ..LayoutSpec::default() };
    LayoutDefined { id: LayoutId(derived("layout", SINGLE_TICKET)), spec }
}

/// Returns the calls of every listing: a begin and an end, so that it has the one leg that is booked.
#[must_use]
pub fn pattern() -> Pattern {
    let call = |sequence: u32, name: &str| Call {
        stop_id: StopId(derived("stop", &format!("{SINGLE_TICKET}/{name}"))),
        external_id: None,
        name: name.to_owned(),
        sequence,
        arrival_s: 0,
        departure_s: 0,
        boards: true,
        alights: true,
    };
    Pattern {
        id: PatternId(derived("pattern", SINGLE_TICKET)),
        calls: vec![call(1, "begin"), call(2, "end")],
    }
}

/// Returns the facts of a listing that is put up; its price is above nothing.
#[must_use]
pub fn facts(id: OfferingId, seller: &UserId, title: String, price: Money) -> OfferingFacts {
    OfferingFacts {
        id,
        kind: OfferingKind::Listing,
        route_id: None,
        pattern_id: pattern().id,
        layout_id: layout().id,
        external_id: None,
        service_date: String::new(),
        departs_at: Timestamp::NEVER,
        arrives_at: Timestamp::NEVER,
        fare: price,
        status: OfferingStatus::Open,
        late_payment: LatePayment::Refund,
        particulars: Particulars {
            title: Some(title),
            seller_id: Some(seller.clone()),
            ..Particulars::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{layout, pattern};
    use crate::domain::layout::Layout;

    #[test]
    fn a_listing_has_one_seat_and_one_leg() {
        let layout = layout();
        let seats = Layout::new(layout.id, layout.spec).unwrap();
        assert_eq!(seats.seats().map(|seat| seats.label(seat)).collect::<Vec<_>>(), ["A1"]);
        assert_eq!(pattern().leg_count(), 1);
    }
}
