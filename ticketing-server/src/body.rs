//! The bytes of a request's body: at most 256 KiB of them, and in good time, however they are sent.

use crate::error::{ApiError, Code};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::http::{HeaderMap, request::Parts};
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

/// The largest body that is read.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// How long a body may take to arrive.
pub const BODY_READ_TIMEOUT: Duration = Duration::from_secs(15);

/// How much of a body that is too large is read away before the answer. A client that is still sending
/// when the connection is closed gets a reset instead of the answer; most that err do so by little.
const DRAINED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Reads a body to its end.
///
/// # Errors
/// 413 for one that is too large, 408 for one that does not arrive in time, 400 for one that breaks off.
pub async fn read(parts: &Parts, body: Body) -> Result<Bytes, ApiError> {
    read_up_to(BODY_BYTES_MAX, parts, body).await
}

/// Does the same for a body of at most `max` bytes.
///
/// # Errors
/// As [`read`].
pub async fn read_up_to(max: usize, parts: &Parts, body: Body) -> Result<Bytes, ApiError> {
    read_within(BODY_READ_TIMEOUT, max, parts, body).await
}

/// Does the same for a body that may take long to arrive.
///
/// # Errors
/// As [`read`].
pub async fn read_slowly(
    timeout: Duration,
    max: usize,
    parts: &Parts,
    body: Body,
) -> Result<Bytes, ApiError> {
    read_within(timeout, max, parts, body).await
}

async fn read_within(timeout: Duration, max: usize, parts: &Parts, body: Body) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(timeout, collect(max, &parts.headers, body)).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::new(
            Code::RequestTimeout,
            format!("The body did not arrive within {} s. Nothing was done.", timeout.as_secs()),
        )),
    }
}

async fn collect(max: usize, headers: &HeaderMap, mut body: Body) -> Result<Bytes, ApiError> {
    let declared = declared_len(headers);
    if declared.is_some_and(|len| len > max as u64) {
        drain(headers, declared, body).await;
        return Err(ApiError::payload_too_large(max));
    }
    // A body mostly comes in one piece, which is then not copied.
    let Some(first) = next_chunk(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() <= max && body.is_end_stream() {
        return Ok(first);
    }
    let declared_len = declared.and_then(|len| usize::try_from(len).ok());
    // A promise is not believed before it is kept: what is promised large grows as it comes.
    let mut all = Vec::with_capacity(declared_len.unwrap_or(first.len()).min(BODY_BYTES_MAX));
    all.extend_from_slice(&first);
    while all.len() <= max {
        match next_chunk(&mut body).await? {
            Some(chunk) => all.extend_from_slice(&chunk),
            None => return Ok(all.into()),
        }
    }
    drain(headers, declared, body).await;
    Err(ApiError::payload_too_large(max))
}

async fn next_chunk(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            None => return Ok(None),
            // Trailers say nothing to us.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(_)) => {
                return Err(ApiError::new(
                    Code::BadRequest,
                    "The body broke off. Nothing was done; send it again.",
                ));
            }
        }
    }
}

/// The length that the request's head promises.
#[must_use]
pub fn declared_len(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads away what follows of a body that is refused, if it is little and its sender does not wait for
/// leave (`Expect: 100-continue`).
async fn drain(headers: &HeaderMap, declared: Option<u64>, mut body: Body) {
    if headers.contains_key(EXPECT) || declared.is_some_and(|len| len > DRAINED_BYTES_MAX as u64) {
        return;
    }
    let mut drained = 0;
    while drained < DRAINED_BYTES_MAX {
        match next_chunk(&mut body).await {
            Ok(Some(chunk)) => drained += chunk.len(),
            Ok(None) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BODY_BYTES_MAX, BODY_READ_TIMEOUT, read_within};
    use axum::body::{Body, Bytes, HttpBody};
    use axum::http::Request;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    /// A body without a length, in pieces.
    struct Pieces(Vec<usize>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop().map(|len| Ok(hyper::body::Frame::data(Bytes::from(vec![b'x'; len])))))
        }
    }

    /// A body that never comes, or breaks off.
    struct Broken(bool);

    impl HttpBody for Broken {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            if self.0 {
                Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
            } else {
                Poll::Pending
            }
        }
    }

    async fn outcome(timeout: Duration, body: Body, length: Option<&str>) -> Result<usize, u16> {
        let mut request = Request::new(());
        if let Some(length) = length {
            request.headers_mut().insert("content-length", length.parse().unwrap());
        }
        let (parts, ()) = request.into_parts();
        read_within(timeout, BODY_BYTES_MAX, &parts, body)
            .await
            .map(|b| b.len())
            .map_err(|e| e.status().as_u16())
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_and_one_byte_more_refused() {
        let max = BODY_BYTES_MAX;
        let whole = |len: usize| Body::from(vec![b'x'; len]);
        let pieces = |sizes: &[usize]| Body::new(Pieces(sizes.to_vec()));
        let rows: Vec<(Body, Option<&str>, Result<usize, u16>)> = vec![
            (Body::empty(), None, Ok(0)),
            (whole(5), Some("5"), Ok(5)),
            (whole(max), None, Ok(max)),
            (whole(max + 1), None, Err(413)),
            (pieces(&[1, 2, 3]), None, Ok(6)),
            (pieces(&[max - 1, 1]), None, Ok(max)),
            (pieces(&[max, 1]), None, Err(413)),
            (pieces(&[max; 100]), None, Err(413)),
            (whole(1), Some("262145"), Err(413)),
            (whole(1), Some("99999999999"), Err(413)),
            (Body::new(Broken(true)), None, Err(400)),
        ];
        for (n, (body, length, expected)) in rows.into_iter().enumerate() {
            assert_eq!(outcome(BODY_READ_TIMEOUT, body, length).await, expected, "row {n}");
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_not_waited_for_for_ever() {
        let soon = Duration::from_millis(20);
        assert_eq!(outcome(soon, Body::new(Broken(false)), None).await, Err(408));
    }
}
