//! The error envelope, as it is written.

use super::ApiError;
use crate::answer::json_response;
use crate::correlation::CorrelationId;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use ticketing_core::domain::money::{Currency, Money};

impl ApiError {
    /// Writes it down for the request with this correlation id.
    #[must_use]
    pub fn render(&self, correlation: &CorrelationId) -> Response {
        let failure = Failure {
            success: false,
            error: Facts {
                code: &self.code,
                message: &self.message,
                details: Details { all: &self.details, fare: self.fare },
            },
            meta: Meta { correlation_id: correlation.as_str() },
        };
        // Texts and values that are JSON already can always be written.
        let body = serde_json::to_string(&failure).unwrap_or_default();
        let mut response = json_response(self.status, body);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: Facts<'a>,
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Facts<'a> {
    code: &'a str,
    message: &'a str,
    details: Details<'a>,
}

/// The facts at fault, with the fare, if there is one, in all its decimals.
struct Details<'a> {
    all: &'a [Value],
    fare: Option<Money>,
}

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Priced<'a> {
            field: &'a Value,
            message: &'a Value,
            fare: Box<RawValue>,
            currency: Currency,
        }
        match (self.fare, self.all) {
            (Some(fare), [one]) => {
                let (field, message) = (&one["field"], &one["message"]);
                let priced = Priced { field, message, fare: fare.json_number(), currency: fare.currency };
                [priced].serialize(serializer)
            }
            _ => self.all.serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "correlationId")]
    correlation_id: &'a str,
}
