//! The saga's rules: the table of late, doubled and wrong answers, and the generated proof that no order of
//! inputs, however odd, leaves money between the chairs.

mod every_order;
mod late;
mod operators;
mod outside;
mod random;
mod refunds;
mod standalone;
mod support;
