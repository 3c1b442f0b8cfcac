//! `GET /api/openapi.json`: what there is, and how to ask for it.

use crate::answer::json_response;
use crate::error::ApiError;
use crate::openapi;
use crate::openapi::responses::Document;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::OnceLock;

/// Returns this document, bare, as tools expect it.
///
/// # Errors
/// Never: the document can always be written as JSON.
#[utoipa::path(get, path = "/api/openapi.json", tag = "operations", responses(Document))]
pub async fn document() -> Result<Response, ApiError> {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = match TEXT.get() {
        Some(text) => text,
        None => {
            let made = openapi::text(&openapi::document())?;
            TEXT.get_or_init(|| made)
        }
    };
    Ok(json_response(StatusCode::OK, text.clone()))
}
