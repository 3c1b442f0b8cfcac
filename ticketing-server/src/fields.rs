//! A command's body, read field by field: strictly, and to the end, so that one answer names everything
//! that is wrong with it.
//!
//! Each value stays JSON text until its field is asked for by type; numbers are never floats, and nested
//! values that nobody asked for are never built.

use crate::error::ApiError;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use ticketing_core::domain::money::{AMOUNT_MINOR_MAX, AmountError, Currency, Money};
use ticketing_core::domain::rules::{Complaint, check_email, check_text};
use ticketing_core::domain::time::Timestamp;
use uuid::Uuid;

/// The most members of a body that are looked at; no command has a quarter of them.
const MEMBERS_MAX: usize = 64;

/// As much of a stranger's field name as is repeated in an answer, in characters.
const NAME_SHOWN_MAX: usize = 64;

/// What is said of a price of nothing.
const MORE_THAN_NOTHING: &str = "must be more than 0";

/// Reads a body as one object: `read` asks for the fields and puts the command together.
///
/// ```
/// # use ticketing_server::fields::read_object;
/// let name = read_object(br#"{"passengerName": "Ada"}"#, |f| f.text("passengerName", 200)).unwrap();
/// assert_eq!(name, "Ada");
/// ```
///
/// # Errors
/// 400 if the body is not a JSON object; 422 with one entry per field that is missing, unknown or wrong.
/// What `read` returned is then dropped: its fields hold placeholders.
pub fn read_object<T>(body: &[u8], read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, ApiError> {
    let mut fields = Fields::parse(body)?;
    let command = read(&mut fields);
    fields.finish().map(|()| command)
}

struct Member<'a> {
    name: Cow<'a, str>,
    value: &'a RawValue,
}

/// The members of a body, and what was found wrong with them so far.
pub struct Fields<'a> {
    members: Vec<Member<'a>>,
    asked: Vec<&'static str>,
    problems: Vec<Value>,
}

impl<'a> Fields<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(|e| {
            ApiError::invalid_json(format!("The body is not UTF-8 from byte {} on.", e.valid_up_to()))
        })?;
        if text.trim_ascii().is_empty() {
            return Err(ApiError::invalid_json("The request has no body; send a JSON object."));
        }
        let read: Members<'a> = serde_json::from_str(text).map_err(|e| {
            ApiError::invalid_json(if e.is_data() {
                format!("The body is JSON, but not an object: {e}. Send a JSON object.")
            } else {
                format!("The body is not JSON: {e}.")
            })
        })?;
        if read.more {
            let message = format!("The body has more than {MEMBERS_MAX} fields.");
            return Err(ApiError::new(crate::error::Code::ValidationFailed, message));
        }
        Ok(Self { members: read.all, asked: Vec::with_capacity(16), problems: Vec::new() })
    }

    /// Adds what is wrong with a field; for what only the command as a whole can know.
    pub fn complain(&mut self, field: &'static str, complaint: impl Into<Complaint>) {
        self.problems.push(json!({"field": field, "message": complaint.into()}));
    }

    /// Returns a text that must be there, of at most `len_max` characters.
    pub fn text(&mut self, field: &'static str, len_max: usize) -> String {
        self.required(field, |raw| string(raw, |text| check_text(text, len_max))).unwrap_or_default()
    }

    /// Returns a text that may be there. `null` is as if it were not.
    pub fn opt_text(&mut self, field: &'static str, len_max: usize) -> Option<String> {
        self.optional(field, |raw| string(raw, |text| check_text(text, len_max)))
    }

    /// Returns a text of visible ASCII characters, at most `len_max` of them, that must be there: what others made
    /// up to be passed on as it is, such as a payment token.
    pub fn visible(&mut self, field: &'static str, len_max: usize) -> String {
        self.required(field, |raw| string(raw, |text| check_visible(text, len_max))).unwrap_or_default()
    }

    /// Returns such a text that may be there. `null` is as if it were not.
    pub fn opt_visible(&mut self, field: &'static str, len_max: usize) -> Option<String> {
        self.optional(field, |raw| string(raw, |text| check_visible(text, len_max)))
    }

    /// Returns an e-mail address that must be there.
    pub fn email(&mut self, field: &'static str) -> String {
        self.required(field, |raw| string(raw, check_email)).unwrap_or_default()
    }

    /// Returns what a text that must be there stands for; `None` if it is missing or wrong, which is then complained of.
    pub fn parsed<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(String) -> Result<T, Complaint>,
    ) -> Option<T> {
        self.required(field, |raw| string(raw, |_| Ok(())).and_then(parse))
    }

    /// Returns what a text that may be there stands for. `null` is as if it were not.
    pub fn opt_parsed<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(String) -> Result<T, Complaint>,
    ) -> Option<T> {
        self.optional(field, |raw| string(raw, |_| Ok(())).and_then(parse))
    }

    /// Returns a UUID that must be there.
    pub fn uuid(&mut self, field: &'static str) -> Uuid {
        self.required(field, |raw| {
            let text = string(raw, |_| Ok(()))?;
            Uuid::parse_str(&text).map_err(|_| "must be an id (a UUID)".into())
        })
        .unwrap_or_default()
    }

    /// Returns a whole number that may be there, within `range`.
    pub fn opt_int(&mut self, field: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        self.optional(field, |raw| {
            // As it is written: 900.0 and "900" are no whole numbers here.
            raw.parse::<u32>().ok().filter(|n| range.contains(n)).ok_or_else(|| {
                format!("must be a whole number from {} to {}", range.start(), range.end()).into()
            })
        })
    }

    /// Whether a field that was not asked for yet is there, whatever it holds.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.members.iter().any(|member| member.name == field && member.value.get() != "null")
    }

    /// Returns `true` or `false`, if one is there.
    pub fn opt_bool(&mut self, field: &'static str) -> Option<bool> {
        self.optional(field, |raw| match raw {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("must be true or false".into()),
        })
    }

    /// Returns an instant that must be there, RFC 3339.
    pub fn time(&mut self, field: &'static str) -> Timestamp {
        self.required(field, |raw| {
            let text = string(raw, |_| Ok(()))?;
            Timestamp::parse(&text).ok_or_else(|| "must be a time, as 2026-12-24T20:00:00Z".into())
        })
        .unwrap_or_default()
    }

    /// Returns 1 to `count_max` texts that may be there, each of at most `len_max` characters.
    pub fn opt_texts(
        &mut self,
        field: &'static str,
        count_max: usize,
        len_max: usize,
    ) -> Option<Vec<String>> {
        let texts = self.opt_value::<Vec<String>>(field, "a list of texts")?;
        if !(1..=count_max).contains(&texts.len()) {
            self.complain(field, format!("must have 1 to {count_max} entries, and has {}", texts.len()));
            return Some(Vec::new());
        }
        if let Some(complaint) = texts.iter().find_map(|text| check_text(text, len_max).err()) {
            self.complain(field, format!("an entry {complaint}"));
        }
        Some(texts)
    }

    /// Returns a value of several parts that must be there; `what` says what it is.
    pub fn value<T: Deserialize<'a>>(&mut self, field: &'static str, what: &str) -> Option<T> {
        match self.take(field) {
            Some(raw) => self.shaped(field, raw, what),
            None => {
                self.complain(field, "is required");
                None
            }
        }
    }

    /// Returns a value of several parts that may be there. `null` is as if it were not.
    pub fn opt_value<T: Deserialize<'a>>(&mut self, field: &'static str, what: &str) -> Option<T> {
        let raw = self.take(field)?;
        self.shaped(field, raw, what)
    }

    fn shaped<T: Deserialize<'a>>(&mut self, field: &'static str, raw: &'a str, what: &str) -> Option<T> {
        match serde_json::from_str(raw) {
            Ok(value) => Some(value),
            Err(_) => {
                self.complain(field, format!("must be {what}"));
                None
            }
        }
    }

    /// Returns an amount in minor units that must be there: a whole number above 0.
    pub fn minor_units(&mut self, field: &'static str) -> i64 {
        self.required(field, minor_units).unwrap_or_default()
    }

    /// Returns such an amount that may be there.
    pub fn opt_minor_units(&mut self, field: &'static str) -> Option<i64> {
        self.optional(field, minor_units)
    }

    /// Returns a currency that must be there.
    pub fn currency(&mut self, field: &'static str) -> Currency {
        self.required(field, currency).unwrap_or(Currency::USD)
    }

    /// Returns an amount that must be there, a JSON number or a decimal string, in the currency that the
    /// other field names, or USD.
    pub fn money(&mut self, amount: &'static str, currency: &'static str) -> Money {
        let complaints = self.problems.len();
        let named = self.optional(currency, self::currency);
        let known = self.problems.len() == complaints;
        let currency = named.unwrap_or(Currency::USD);
        let money = self.required(amount, |raw| {
            let text = if raw.starts_with('"') { string(raw, |_| Ok(()))? } else { raw.to_owned() };
            match Money::parse(&text, currency) {
                Ok(money) => Ok(money),
                // The decimals of a currency that is unknown can't be at fault.
                Err(AmountError::TooPrecise) if !known => Ok(Money { amount_minor: 0, currency }),
                Err(e) => Err(e.to_string().into()),
            }
        });
        money.unwrap_or(Money { amount_minor: 0, currency })
    }

    /// Returns a price that must be there: as [`Self::money`], and more than 0.
    pub fn price(&mut self, amount: &'static str, currency: &'static str) -> Money {
        let complaints = self.problems.len();
        let (text, named) = self.price_text(amount, currency);
        let currency = named.unwrap_or(Currency::USD);
        match Money::parse(&text, currency) {
            Ok(money) => money,
            Err(error) => {
                if self.problems.len() == complaints {
                    self.complain(amount, error.to_string());
                }
                Money { amount_minor: 0, currency }
            }
        }
    }

    /// Returns a price that must be there, as it was written, and the currency if one is named. Whether it has too many
    /// decimals for a currency that is not, whoever knows the currency says.
    pub fn price_text(&mut self, amount: &'static str, currency: &'static str) -> (String, Option<Currency>) {
        let named = self.optional(currency, self::currency);
        let text = self.required(amount, |raw| {
            let text = if raw.starts_with('"') { string(raw, |_| Ok(()))? } else { raw.to_owned() };
            match Money::parse(&text, named.unwrap_or(Currency::USD)) {
                Ok(money) if money.amount_minor == 0 => Err(MORE_THAN_NOTHING.into()),
                Ok(_) => Ok(text),
                Err(AmountError::TooPrecise) if named.is_none() => Ok(text),
                Err(e) => Err(e.to_string().into()),
            }
        });
        (text.unwrap_or_default(), named)
    }

    fn required<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        match self.take(field) {
            Some(raw) => self.read(field, raw, read),
            None => {
                self.complain(field, "is required");
                None
            }
        }
    }

    fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        let raw = self.take(field)?;
        self.read(field, raw, read)
    }

    fn read<T>(
        &mut self,
        field: &'static str,
        raw: &str,
        read: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        match read(raw) {
            Ok(value) => Some(value),
            Err(complaint) => {
                self.complain(field, complaint);
                None
            }
        }
    }

    /// Takes the member of this name out; `None` too if it is `null`.
    fn take(&mut self, field: &'static str) -> Option<&'a str> {
        self.asked.push(field);
        let mut found: Option<&'a str> = None;
        let mut twice = false;
        self.members.retain(|m| {
            let same = m.name == field;
            if same {
                twice |= found.replace(m.value.get()).is_some();
            }
            !same
        });
        if twice {
            self.complain(field, "is given more than once");
        }
        found.filter(|raw| *raw != "null")
    }

    fn finish(mut self) -> Result<(), ApiError> {
        let known = self.asked.join(", ");
        for member in &self.members {
            let name: String = member.name.chars().take(NAME_SHOWN_MAX).collect();
            let message = format!("is unknown; the fields are {known}");
            self.problems.push(json!({"field": name, "message": message}));
        }
        finish_problems(self.problems)
    }
}

/// Ends a reading: nothing wrong, or 422 with one entry per field.
pub(crate) fn finish_problems(mut problems: Vec<Value>) -> Result<(), ApiError> {
    if problems.is_empty() {
        return Ok(());
    }
    // A field that has several faults keeps the first.
    let mut seen = std::collections::HashSet::new();
    problems.retain(|p| seen.insert(p["field"].as_str().unwrap_or_default().to_owned()));
    Err(ApiError::validation(problems))
}

fn string(raw: &str, check: impl FnOnce(&str) -> Result<(), Complaint>) -> Result<String, Complaint> {
    if !raw.starts_with('"') {
        return Err("must be a text".into());
    }
    // Half a surrogate pair is JSON, but no text.
    let text: String = serde_json::from_str(raw).map_err(|_| "is not a valid text")?;
    check(&text).map(|()| text)
}

fn check_visible(text: &str, len_max: usize) -> Result<(), Complaint> {
    let fits = (1..=len_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(()) } else { Err(format!("must be 1 to {len_max} visible ASCII characters").into()) }
}

fn currency(raw: &str) -> Result<Currency, Complaint> {
    let code = string(raw, |_| Ok(()))?;
    Currency::parse(&code).ok_or_else(|| "must be an ISO 4217 currency, as USD".into())
}

fn minor_units(raw: &str) -> Result<i64, Complaint> {
    // As it is written: 900.0 and "900" are no whole numbers here.
    let plain = raw.bytes().all(|b| b.is_ascii_digit());
    let amount = raw.parse::<i64>().ok().filter(|n| plain && (1..=AMOUNT_MINOR_MAX).contains(n));
    amount.ok_or_else(|| format!("must be a whole number from 1 to {AMOUNT_MINOR_MAX}").into())
}

/// An object's members in their order, names decoded, values as they were written.
struct Members<'a> {
    all: Vec<Member<'a>>,
    more: bool,
}

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::with_capacity(16);
                while all.len() < MEMBERS_MAX {
                    let Some(Name(name)) = map.next_key()? else { return Ok(Members { all, more: false }) };
                    all.push(Member { name, value: map.next_value()? });
                }
                let mut more = false;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    more = true;
                }
                Ok(Members { all, more })
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
