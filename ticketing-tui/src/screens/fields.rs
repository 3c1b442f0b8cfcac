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

/// Of departures.
pub(super) const SCHEDULE_FIELDS: &[FieldSpec] = &[
    text("id"),
    text("status"),
    time("departureTime"),
    text("routeName"),
    number("seatsLeft"),
    FieldSpec { name: "price", kind: FieldKind::Money },
    text("currency"),
    text("originStop"),
    text("destinationStop"),
    time("arrivalTime"),
    text("serviceDate"),
    text("externalId"),
    number("seatsTotal"),
    text("routeId"),
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
