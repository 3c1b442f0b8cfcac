//! The saga's rules, case by case and generated.
