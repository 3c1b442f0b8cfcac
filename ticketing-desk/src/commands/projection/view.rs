//! What is shown of a projection.

use crate::output::{Column, View};

pub const COLUMNS: &[Column] = &[
    Column::text("Name", "name").whole(),
    Column::number("Position", "position"),
    Column::number("Lag", "lag"),
    Column::number("Tickets", "rows"),
    Column::number("Parked", "parked"),
    Column::time("Rebuilt", "rebuiltAt"),
    Column::number("Before at", "beforePosition"),
];

pub const PROJECTIONS: View = View::new("projections", COLUMNS).named_by(&["name"]);
