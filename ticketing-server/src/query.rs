//! A query string, read parameter by parameter, as strictly as a body: what is unknown, doubled or out of
//! range is refused, all of it in one answer.

use crate::error::ApiError;
use crate::fields::finish_problems;
use axum::extract::{FromRequestParts, Path};
use axum::http::Uri;
use axum::http::request::Parts;
use serde_json::{Value, json};
use ticketing_core::domain::money::{Currency, Money};
use ticketing_core::domain::rules::{Complaint, check_date, check_text, len_max};
use ticketing_core::domain::time::Timestamp;

/// How many a page holds unless asked otherwise, and at most.
pub const LIMIT_DEFAULT: u32 = 10;
/// See [`LIMIT_DEFAULT`].
pub const LIMIT_MAX: u32 = 100;

/// The last page that can be asked for; far past the end of any list.
const PAGE_MAX: u64 = 1_000_000_000_000;

/// As many parameters are looked at.
const PARAMETERS_MAX: usize = 32;

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// From 1.
    pub page: u64,
    /// From 1 to [`LIMIT_MAX`].
    pub limit: u32,
}

impl PageRequest {
    /// How many entries come before the page.
    #[must_use]
    pub fn offset(self) -> u64 {
        (self.page - 1) * u64::from(self.limit)
    }
}

/// Reads the query of `uri`: `read` asks for the parameters and puts the question together.
///
/// # Errors
/// 422 with one entry per parameter that is unknown, doubled or wrong. What `read` returned is then dropped.
pub fn read_query<T>(uri: &Uri, read: impl FnOnce(&mut Parameters) -> T) -> Result<T, ApiError> {
    let mut parameters = Parameters::parse(uri)?;
    let question = read(&mut parameters);
    parameters.finish().map(|()| question)
}

/// The parameters of a query, and what was found wrong with them so far.
pub struct Parameters {
    pairs: Vec<(String, String)>,
    asked: Vec<&'static str>,
    problems: Vec<Value>,
}

impl Parameters {
    fn parse(uri: &Uri) -> Result<Self, ApiError> {
        let pairs = match uri.query() {
            None | Some("") => Vec::new(),
            Some(query) if query.bytes().filter(|b| *b == b'&').count() >= PARAMETERS_MAX => {
                let message = format!("The query has more than {PARAMETERS_MAX} parameters.");
                return Err(ApiError::new(crate::error::Code::ValidationFailed, message));
            }
            Some(_) => {
                axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map(|q| q.0).map_err(
                    |_| ApiError::invalid_field("query", "can't be read; write name=value&name=value"),
                )?
            }
        };
        Ok(Self { pairs, asked: Vec::new(), problems: Vec::new() })
    }

    /// Adds what is wrong with a parameter; for what only the question as a whole can know.
    pub fn complain(&mut self, name: &str, complaint: impl Into<Complaint>) {
        self.problems.push(json!({"field": name, "message": complaint.into()}));
    }

    /// Returns `page` and `limit`.
    pub fn page(&mut self) -> PageRequest {
        let page = self.number("page", 1, PAGE_MAX).unwrap_or(1);
        let limit = self.number("limit", 1, LIMIT_MAX.into()).and_then(|n| u32::try_from(n).ok());
        PageRequest { page, limit: limit.unwrap_or(LIMIT_DEFAULT) }
    }

    /// Returns a text of at most `len_max` characters.
    pub fn opt_text(&mut self, name: &'static str, len_max: usize) -> Option<String> {
        self.read(name, |text| check_text(text, len_max).map(|()| text.to_owned()))
    }

    /// Returns a currency.
    pub fn opt_currency(&mut self, name: &'static str) -> Option<Currency> {
        self.read(name, |text| {
            Currency::parse(text).ok_or_else(|| "must be an ISO 4217 currency, as USD".into())
        })
    }

    /// Returns an amount of this currency.
    pub fn opt_money(&mut self, name: &'static str, currency: Currency) -> Option<Money> {
        self.read(name, |text| Money::parse(text, currency).map_err(|e| e.to_string().into()))
    }

    /// Returns a day, `YYYY-MM-DD`.
    pub fn opt_date(&mut self, name: &'static str) -> Option<String> {
        self.read(name, |text| check_date(text).map(|()| text.to_owned()))
    }

    /// Returns an instant, RFC 3339.
    pub fn opt_time(&mut self, name: &'static str) -> Option<Timestamp> {
        self.read(name, |text| {
            Timestamp::parse(text).ok_or_else(|| "must be a time, as 2026-12-24T20:00:00Z".into())
        })
    }

    /// Returns words of a few, with commas between them.
    pub fn words(&mut self, name: &'static str, words: &[&str]) -> Vec<String> {
        let found = self.read(name, |text| {
            let found: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
            match found.iter().find(|word| !words.contains(&word.as_str())) {
                None => Ok(found),
                Some(_) => Err(format!("must be of {}, with commas between them", words.join(", ")).into()),
            }
        });
        found.unwrap_or_default()
    }

    /// Returns what one of a few words stands for.
    pub fn opt_word<T>(
        &mut self,
        name: &'static str,
        words: &[&str],
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(name, |text| {
            parse(text).ok_or_else(|| format!("must be one of {}", words.join(", ")).into())
        })
    }

    /// Returns `minPosition`, the `meta.position` of an earlier answer.
    pub fn min_position(&mut self) -> Option<u64> {
        self.position("minPosition")
    }

    /// Returns a position of the log.
    pub fn position(&mut self, name: &'static str) -> Option<u64> {
        self.read(name, |text| {
            let plain = text.bytes().all(|b| b.is_ascii_digit());
            let position = text.parse::<u64>().ok().filter(|_| plain);
            position.ok_or_else(|| "must be the meta.position of an answer".into())
        })
    }

    fn number(&mut self, name: &'static str, min: u64, max: u64) -> Option<u64> {
        self.read(name, |text| {
            let plain = text.bytes().all(|b| b.is_ascii_digit());
            let number = text.parse::<u64>().ok().filter(|n| plain && (min..=max).contains(n));
            number.ok_or_else(|| format!("must be a whole number from {min} to {max}").into())
        })
    }

    fn read<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, Complaint>) -> Option<T> {
        self.asked.push(name);
        let mut found = None;
        let mut twice = false;
        let mut rest = Vec::with_capacity(self.pairs.len());
        for (key, value) in std::mem::take(&mut self.pairs) {
            if key == name {
                twice |= found.replace(value).is_some();
            } else {
                rest.push((key, value));
            }
        }
        self.pairs = rest;
        if twice {
            self.complain(name, "is given more than once");
            return None;
        }
        match read(&found?) {
            Ok(value) => Some(value),
            Err(complaint) => {
                self.complain(name, complaint);
                None
            }
        }
    }

    fn finish(mut self) -> Result<(), ApiError> {
        let known = if self.asked.is_empty() {
            "is unknown; there are no parameters here".to_owned()
        } else {
            format!("is unknown; the parameters are {}", self.asked.join(", "))
        };
        for (name, _) in std::mem::take(&mut self.pairs) {
            let shown: String = name.chars().take(64).collect();
            self.complain(&shown, known.clone());
        }
        finish_problems(self.problems)
    }
}

/// The one id in a path, as text of at most 255 characters. What can't be an id is not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Ok(Path(id)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(ApiError::no_such_address());
        };
        match check_text(&id, len_max::ID) {
            Ok(()) => Ok(Self(id)),
            Err(_) => Err(ApiError::not_found("There is nothing with such an id.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PageRequest, Parameters, read_query};
    use axum::http::Uri;

    type Question = (PageRequest, Option<String>, Option<String>, Option<bool>, Option<u64>);

    fn question(q: &mut Parameters) -> Question {
        let word = |w: &str| (w == "OPEN").then_some(true);
        (
            q.page(),
            q.opt_text("fromStop", 5),
            q.opt_date("date"),
            q.opt_word("status", &["OPEN"], word),
            q.min_position(),
        )
    }

    #[test]
    fn a_query_is_read_with_its_defaults() {
        let page = |page, limit| PageRequest { page, limit };
        let rows: Vec<(&str, Question)> = vec![
            ("/x", (page(1, 10), None, None, None, None)),
            ("/x?", (page(1, 10), None, None, None, None)),
            ("/x?page=3&limit=100", (page(3, 100), None, None, None, None)),
            (
                "/x?fromStop=%234%20%c3%a4&date=2026-11-20&status=OPEN&minPosition=18446744073709551615",
                (page(1, 10), Some("#4 ä".into()), Some("2026-11-20".into()), Some(true), Some(u64::MAX)),
            ),
            ("/x?fromStop=a+b", (page(1, 10), Some("a b".into()), None, None, None)),
        ];
        for (uri, expected) in rows {
            assert_eq!(read_query(&Uri::from_static(uri), question), Ok(expected), "{uri}");
        }
        assert_eq!((page(3, 25).offset(), page(1, 100).offset()), (50, 0));
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let rows: &[(&str, &[&str])] = &[
            ("page=0", &["page"]),
            ("page=-1", &["page"]),
            ("page=+1", &["page"]),
            ("page=x", &["page"]),
            ("page=", &["page"]),
            ("page=99999999999999999999", &["page"]),
            ("limit=0", &["limit"]),
            ("limit=101", &["limit"]),
            ("limit=1.5", &["limit"]),
            ("page=1&page=2", &["page"]),
            ("fromStop=", &["fromStop"]),
            ("fromStop=abcdef", &["fromStop"]),
            ("fromStop=a%00", &["fromStop"]),
            ("date=2026-02-30", &["date"]),
            ("status=open", &["status"]),
            ("minPosition=-1", &["minPosition"]),
            ("minPosition=1e3", &["minPosition"]),
            ("minPosition=18446744073709551616", &["minPosition"]),
            ("colour=red", &["colour"]),
            ("Page=1", &["Page"]),
            ("=1", &[""]),
            ("limit=0&colour=red&date=x", &["limit", "date", "colour"]),
        ];
        for (query, fields) in rows {
            let uri: Uri = format!("/x?{query}").parse().unwrap();
            let error = read_query(&uri, question).unwrap_err();
            assert_eq!((error.status().as_u16(), error.code()), (422, "VALIDATION_FAILED"), "{query}");
            let named: Vec<&str> = error.details().iter().map(|d| d["field"].as_str().unwrap()).collect();
            assert_eq!(named, *fields, "{query}");
        }
        let many: Uri = format!("/x?{}", "a=1&".repeat(1000)).parse().unwrap();
        assert!(read_query(&many, question).is_err());
    }
}
