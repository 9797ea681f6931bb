//! Reading bodies without trusting their length. What counts is what comes out of decompression.

use std::time::Duration;

use bytes::Bytes;
use tokio::{task::yield_now, time::timeout};

/// A connection is free for another request a moment after the end of the body: its task has to notice that, and then
/// the one that takes it back into the pool. Whoever asks before that opens one more.
const HOPS: usize = 3;

/// A body, in the parts that it came in.
#[derive(Debug, Default)]
pub(in crate::sms) struct Body {
    parts: Vec<Bytes>,
    length: usize,
}

impl Body {
    /// How many bytes it has.
    pub(in crate::sms) fn len(&self) -> usize {
        self.length
    }

    /// Its first part, less white space at the beginning.
    pub(in crate::sms) fn start(&self) -> &[u8] {
        let mut parts = self.parts.iter().map(|part| part.trim_ascii_start());
        parts.find(|part| !part.is_empty()).unwrap_or_default()
    }

    /// All of it in one piece.
    pub(in crate::sms) fn concat(&self) -> Vec<u8> {
        self.parts.concat()
    }

    /// Its parts, in their order.
    pub(in crate::sms) fn into_parts(self) -> impl Iterator<Item = Bytes> {
        self.parts.into_iter()
    }
}

/// Reads a body. None when it is longer than `limit` bytes.
pub(in crate::sms) async fn read_whole(
    mut response: reqwest::Response,
    limit: usize,
) -> reqwest::Result<Option<Body>> {
    let mut body = Body::default();
    while let Some(part) = response.chunk().await? {
        if part.len() > limit.saturating_sub(body.length) {
            return Ok(None);
        }
        body.length += part.len();
        body.parts.push(part);
    }
    for _ in 0..HOPS {
        yield_now().await;
    }
    Ok(Some(body))
}

/// Reads what comes of a body within some time, at most about `limit` bytes. The status matters more than a body that
/// breaks off: a refused key must not look like a broken connection, which would be tried again at once.
pub(super) async fn read_start(mut response: reqwest::Response, limit: usize, patience: Duration) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while body.len() < limit
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
    };
    // What has been read by then is enough.
    let _ = timeout(patience, reading).await;
    body.truncate(limit);
    body
}
