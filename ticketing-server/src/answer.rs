//! The success envelope: `{"success": true, "data": …, "meta": {…}}`, lists with `pagination`.
//!
//! A handler returns what it has to say; the shell, which alone knows the correlation id, writes it
//! down once. `data` is JSON text already and is spliced in as it is, never parsed or written again:
//! this path carries tens of thousands of answers a second, and a replay must be the same bytes.

use crate::correlation::CorrelationId;
use crate::error::ApiError;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt::Write;
use std::sync::Arc;

/// Says that an answer is the first one again.
pub const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// JSON text, ready to be sent. Whoever makes one vouches that it is valid JSON.
#[derive(Clone, Debug)]
pub enum Json {
    /// Written for this answer.
    Text(String),
    /// Read from the store.
    Raw(Box<RawValue>),
    /// Shared with a cache.
    Shared(Arc<str>),
}

impl Json {
    /// Returns `value` as JSON.
    ///
    /// # Errors
    /// An internal error if the value can't be written as JSON, as a map whose keys are no text.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, ApiError> {
        serde_json::to_string(value).map(Self::Text).map_err(|e| {
            tracing::error!(error = %e, "an answer can't be written as JSON");
            ApiError::internal()
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Raw(raw) => raw.get(),
            Self::Shared(text) => text,
        }
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Box<RawValue>> for Json {
    fn from(raw: Box<RawValue>) -> Self {
        Self::Raw(raw)
    }
}

impl From<Arc<str>> for Json {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

/// Which part of a list an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pagination {
    /// The page, from 1.
    pub page: u64,
    /// How many a full page holds, from 1.
    pub limit: u32,
    /// How many there are on all pages.
    pub total: u64,
}

impl Pagination {
    /// How many pages there are; 0 for an empty list.
    #[must_use]
    pub fn total_pages(self) -> u64 {
        self.total.div_ceil(u64::from(self.limit.max(1)))
    }
}

/// What a handler answers when all went well.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    data: Json,
    pagination: Option<Pagination>,
    position: Option<u64>,
    replayed: bool,
}

impl Answer {
    /// Answers with any status of success.
    #[must_use]
    pub fn new(status: StatusCode, data: impl Into<Json>) -> Self {
        Self { status, data: data.into(), pagination: None, position: None, replayed: false }
    }

    /// Answers 200 with `data`.
    #[must_use]
    pub fn ok(data: impl Into<Json>) -> Self {
        Self::new(StatusCode::OK, data)
    }

    /// Answers 201 with what was made.
    #[must_use]
    pub fn created(data: impl Into<Json>) -> Self {
        Self::new(StatusCode::CREATED, data)
    }

    /// Answers 202 with what is under way.
    #[must_use]
    pub fn accepted(data: impl Into<Json>) -> Self {
        Self::new(StatusCode::ACCEPTED, data)
    }

    /// Answers 200 with one page of a list; `data` is a JSON array.
    #[must_use]
    pub fn list(data: impl Into<Json>, pagination: Pagination) -> Self {
        Self { pagination: Some(pagination), ..Self::ok(data) }
    }

    /// Adds the log's position that a reader must have reached to see this command's effect.
    #[must_use]
    pub fn at(self, position: u64) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Marks it as the first answer, given again.
    #[must_use]
    pub fn replayed(self) -> Self {
        Self { replayed: true, ..self }
    }

    /// Writes it down for the request with this correlation id.
    #[must_use]
    pub fn render(&self, correlation: &CorrelationId) -> Response {
        let data = self.data.as_str();
        let mut body = String::with_capacity(data.len() + correlation.as_str().len() + 200);
        body.push_str(r#"{"success":true,"data":"#);
        body.push_str(data);
        if let Some(p) = self.pagination {
            // Writing to a String never fails; here and below.
            let _ = write!(
                body,
                r#","pagination":{{"page":{},"limit":{},"total":{},"totalPages":{}}}"#,
                p.page,
                p.limit,
                p.total,
                p.total_pages()
            );
        }
        // A correlation id has no character that JSON would escape: see `CorrelationId`.
        body.push_str(r#","meta":{"correlationId":""#);
        body.push_str(correlation.as_str());
        if let Some(position) = self.position {
            let _ = write!(body, r#"","position":"{position}"#);
        }
        body.push_str(r#""}}"#);
        let mut response = json_response(self.status, body);
        if self.replayed {
            response.headers_mut().insert(IDEMPOTENT_REPLAY, HeaderValue::from_static("true"));
        }
        response
    }
}

pub(crate) fn json_response(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// What a handler said, on its way to the shell in the extensions of an empty response.
#[derive(Clone, Debug)]
enum Parcel {
    Answer(Answer),
    Error(ApiError),
}

impl Parcel {
    fn wrap(self, status: StatusCode) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = self.status;
        Parcel::Answer(self).wrap(status)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        Parcel::Error(self).wrap(status)
    }
}

/// Writes down what a handler said. An error that did not come from a handler (an extractor's, say) gets
/// the envelope too; other responses, such as the text of `/metrics`, pass as they are.
#[must_use]
pub fn unwrap_parcel(mut response: Response, correlation: &CorrelationId) -> Response {
    let rendered = match response.extensions_mut().remove::<Parcel>() {
        Some(Parcel::Answer(answer)) => answer.render(correlation),
        Some(Parcel::Error(error)) => error.render(correlation),
        None if response.status().is_client_error() || response.status().is_server_error() => {
            ApiError::of_status(response.status()).render(correlation)
        }
        None => return response,
    };
    let (mut parts, body) = rendered.into_parts();
    // What a layer added stays (`Allow` on 405), but not the length of the empty body.
    for (name, value) in response.headers() {
        if name != CONTENT_LENGTH && name != CONTENT_TYPE {
            parts.headers.insert(name.clone(), value.clone());
        }
    }
    Response::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use super::{Answer, IDEMPOTENT_REPLAY, Json, Pagination, unwrap_parcel};
    use crate::correlation::CorrelationId;
    use crate::error::ApiError;
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};

    async fn text(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn id() -> CorrelationId {
        CorrelationId::parse("c-1").unwrap()
    }

    #[tokio::test]
    async fn the_data_of_an_answer_is_sent_byte_for_byte() {
        let raw = serde_json::value::RawValue::from_string(r#"{"price": 25.00}"#.into()).unwrap();
        let page = |total| Pagination { page: 2, limit: 10, total };
        let rows: [(Answer, &str); 5] = [
            (
                Answer::created(raw).at(17),
                r#"{"success":true,"data":{"price": 25.00},"meta":{"correlationId":"c-1","position":"17"}}"#,
            ),
            (
                Answer::ok(Json::of("a\"b").unwrap()),
                r#"{"success":true,"data":"a\"b","meta":{"correlationId":"c-1"}}"#,
            ),
            (
                Answer::list("[1]".to_owned(), page(21)),
                concat!(
                    r#"{"success":true,"data":[1],"#,
                    r#""pagination":{"page":2,"limit":10,"total":21,"totalPages":3},"#,
                    r#""meta":{"correlationId":"c-1"}}"#
                ),
            ),
            (
                Answer::list("[]".to_owned(), page(0)),
                concat!(
                    r#"{"success":true,"data":[],"#,
                    r#""pagination":{"page":2,"limit":10,"total":0,"totalPages":0},"#,
                    r#""meta":{"correlationId":"c-1"}}"#
                ),
            ),
            (
                Answer::accepted(Json::Shared("null".into())),
                r#"{"success":true,"data":null,"meta":{"correlationId":"c-1"}}"#,
            ),
        ];
        for (answer, expected) in rows {
            let status = answer.status;
            let response = unwrap_parcel(answer.into_response(), &id());
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["content-type"], "application/json");
            assert!(!response.headers().contains_key(IDEMPOTENT_REPLAY));
            let body = text(response).await;
            assert_eq!(body, expected);
            assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
        }
    }

    #[tokio::test]
    async fn a_replay_says_so() {
        let response = unwrap_parcel(Answer::ok("1".to_owned()).replayed().into_response(), &id());
        assert_eq!(response.headers()[IDEMPOTENT_REPLAY], "true");
    }

    #[tokio::test]
    async fn an_error_of_others_gets_the_envelope_and_keeps_its_headers() {
        let mut foreign = (StatusCode::METHOD_NOT_ALLOWED, "no").into_response();
        foreign.headers_mut().insert("allow", "GET".parse().unwrap());
        foreign.headers_mut().insert("content-length", "2".parse().unwrap());
        let response = unwrap_parcel(foreign, &id());
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "GET");
        assert!(!response.headers().contains_key("content-length"));
        let body: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(body["error"]["code"], "METHOD_NOT_ALLOWED");
        assert_eq!(body["meta"]["correlationId"], "c-1");
    }

    #[tokio::test]
    async fn what_is_no_error_and_no_answer_of_ours_passes_as_it_is() {
        let response = unwrap_parcel("plain".into_response(), &id());
        assert_eq!(text(response).await, "plain");
        let status = unwrap_parcel(ApiError::internal().into_response(), &id()).status();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
