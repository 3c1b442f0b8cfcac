//! Writing JSON straight to text: bodies are the hot answers, and prices keep all their decimals.

use crate::domain::booking::event::SeatRef;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;

/// Writes a JSON object field by field.
pub(super) struct Object {
    pub(super) out: String,
}

impl Object {
    pub(super) fn new() -> Self {
        let mut out = String::with_capacity(512);
        out.push('{');
        Self { out }
    }

    pub(super) fn key(&mut self, key: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// A value that is JSON already.
    pub(super) fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.push_str(json);
    }

    /// A text that needs no escape: ids, codes, state words.
    pub(super) fn plain(&mut self, key: &str, text: impl std::fmt::Display) {
        use std::fmt::Write as _;
        self.key(key);
        let _ = write!(self.out, "\"{text}\"");
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        push_text(&mut self.out, text);
    }

    pub(super) fn time(&mut self, key: &str, at: Timestamp) {
        self.key(key);
        self.out.push('"');
        at.write_to(&mut self.out);
        self.out.push('"');
    }

    pub(super) fn price(&mut self, price: Money) {
        self.raw("price", &price.decimal());
        self.plain("currency", price.currency);
    }

    /// `seatNumber` of the first seat; `seatNumbers` of all where there are several.
    pub(super) fn seats(&mut self, seats: &[SeatRef]) {
        if let Some(first) = seats.first() {
            self.text("seatNumber", &first.label);
        }
        if seats.len() > 1 {
            self.key("seatNumbers");
            self.out.push('[');
            for (i, seat) in seats.iter().enumerate() {
                self.out.push_str(if i > 0 { "," } else { "" });
                push_text(&mut self.out, &seat.label);
            }
            self.out.push(']');
        }
    }

    pub(super) fn end(mut self) -> String {
        self.out.push('}');
        self.out
    }
}

pub(super) fn push_text(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}
