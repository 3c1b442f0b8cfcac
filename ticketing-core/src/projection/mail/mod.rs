//! What a buyer is told by mail, in words: what happened, to which journey, event or ticket, its price, and what to do
//! next.
//!
//! Pure: the booking as the log says it was right after the event, and how the journey stands, give a letter as plain
//! text and as HTML. What others wrote (names of people, stops and routes, reasons) comes into it as one line each,
//! without control characters, and in HTML escaped.

mod html;
mod words;

use crate::domain::booking::state::Booking;
use crate::domain::catalog::OfferingKind;
use crate::domain::mail::MailKind;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;

/// What is to be told.
#[derive(Clone, Debug)]
pub struct Told {
    /// What happened.
    pub kind: MailKind,
    /// The booking right after it.
    pub booking: Booking,
    /// Whether the seats had been sold before.
    pub was_sold: bool,
    /// What went back, if money did.
    pub refunded: Option<Money>,
    /// The passenger's name.
    pub passenger: String,
    /// What was booked; `None` if the catalogue does not know it any more.
    pub journey: Option<Journey>,
}

/// What was booked, as a passenger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// What kind of thing it is; each is spoken of in its own words.
    pub kind: OfferingKind,
    /// Whether nobody can buy it any more, because it was withdrawn.
    pub is_withdrawn: bool,
    /// The route, the event, or what the seller calls the ticket.
    pub title: String,
    /// Where the passenger boards.
    pub from: Option<String>,
    /// Where the passenger leaves.
    pub to: Option<String>,
    /// When it leaves there, or begins; `None` for what has no time of its own.
    pub begins_at: Option<Timestamp>,
    /// When it arrives, or ends.
    pub ends_at: Option<Timestamp>,
    /// The IANA time zone in which these are told.
    pub timezone: String,
}

/// A letter, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// As plain text; lines end with `\n`.
    pub text: String,
    /// As HTML, with nothing that is loaded from elsewhere.
    pub html: String,
}

/// Its parts, before they are laid out.
struct Parts {
    subject: String,
    greeting: String,
    headline: String,
    facts: Vec<(&'static str, String)>,
    next: Vec<String>,
    closing: String,
}

/// Writes the letter.
#[must_use]
pub fn letter(told: &Told) -> Letter {
    let parts = words::parts(told);
    Letter { text: text(&parts), html: html::page(&parts), subject: parts.subject }
}

/// Lays the parts out as plain text.
fn text(parts: &Parts) -> String {
    let width = parts.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    let mut out = format!("{}\n\n{}\n\n", parts.greeting, parts.headline);
    for (name, value) in &parts.facts {
        let name = format!("{name}:");
        out.push_str(&format!("  {name:<width$} {value}\n"));
    }
    for paragraph in &parts.next {
        out.push_str(&format!("\n{paragraph}\n"));
    }
    out.push_str(&format!("\n-- \n{}\n", parts.closing));
    out
}

/// What somebody else wrote, as one line that holds nothing but text: no line ends, control characters or characters
/// that turn the direction of what follows.
#[must_use]
pub fn one_line(text: &str) -> String {
    let is_unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let blank: String = text.chars().map(|c| if is_unfit(c) { ' ' } else { c }).collect();
    blank.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
