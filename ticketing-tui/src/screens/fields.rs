//! The fields of the lists whose `--query` names their columns. Those of the other lists are known where they are
//! evaluated, in the core; a test of `ticketctl` holds these against what the lists themselves say.

use ticketing_core::ops::filter::{FieldKind, FieldSpec};

const fn text(name: &'static str) -> FieldSpec {
    FieldSpec { name, kind: FieldKind::Text }
}

const fn number(name: &'static str) -> FieldSpec {
    FieldSpec { name, kind: FieldKind::Number }
}

const fn time(name: &'static str) -> FieldSpec {
    FieldSpec { name, kind: FieldKind::Time }
}

/// Of what is sold, with how its seats stand.
pub(super) const COUNT_FIELDS: &[FieldSpec] = &[
    text("id"),
    text("kind"),
    text("name"),
    time("when"),
    number("free"),
    number("held"),
    number("sold"),
    text("status"),
    FieldSpec { name: "priceFrom", kind: FieldKind::Money },
    text("currency"),
    number("blocked"),
    number("total"),
    text("externalId"),
];

/// Of orders of listings.
pub(super) const ORDER_FIELDS: &[FieldSpec] = &[
    text("id"),
    text("status"),
    FieldSpec { name: "price", kind: FieldKind::Money },
    text("currency"),
    text("userId"),
    time("expiresAt"),
    time("createdAt"),
];

/// Of venues.
pub(super) const VENUE_FIELDS: &[FieldSpec] = &[
    text("id"),
    text("name"),
    text("city"),
    number("capacity"),
    text("status"),
    text("externalId"),
    text("layout"),
    text("timezone"),
];

/// Of the audit log.
pub(super) const AUDIT_FIELDS: &[FieldSpec] =
    &[time("at"), text("actor"), text("action"), text("target"), text("result"), text("reason"), text("id")];

/// Of projections.
pub(super) const PROJECTION_FIELDS: &[FieldSpec] = &[
    text("name"),
    number("position"),
    number("lag"),
    number("rows"),
    number("parked"),
    time("rebuiltAt"),
    number("beforePosition"),
];
