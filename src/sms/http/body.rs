//! Reading bodies without trusting their length. What counts is what comes out of decompression.

use std::{mem, time::Duration};

use bytes::Bytes;
use tokio::{task::yield_now, time::timeout};

/// A connection is free for another request a moment after the end of the body: its task has to notice that, and then
/// the one that takes it back into the pool. Whoever asks before that opens one more.
const HOPS: usize = 3;
/// Shorter parts are put together: each costs some bytes of its own, and may hold a read buffer of 8 KB of the HTTP library.
const SHORT: usize = 8 * 1024;

/// A body, in the parts that it came in.
#[derive(Debug, Default)]
pub(in crate::sms) struct Body {
    parts: Vec<Bytes>,
    /// What has come since in short parts.
    short: Vec<u8>,
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

    fn push(&mut self, part: Bytes) {
        self.length += part.len();
        if part.len() < SHORT {
            self.short.extend_from_slice(&part);
        } else {
            self.end_short();
            self.parts.push(part);
        }
    }

    fn end_short(&mut self) {
        if !self.short.is_empty() {
            self.parts.push(mem::take(&mut self.short).into());
        }
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
        body.push(part);
    }
    body.end_short();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(parts: &[Vec<u8>], limit: usize) -> Option<Body> {
        let parts: Vec<std::io::Result<Vec<u8>>> = parts.iter().cloned().map(Ok).collect();
        let body = reqwest::Body::wrap_stream(futures::stream::iter(parts));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(read_whole(http::Response::new(body).into(), limit)).unwrap()
    }

    proptest! {
        #[test]
        fn short_parts_cost_no_more_than_their_bytes(
            sizes in prop::collection::vec(prop_oneof![9 => 0usize..3, 1 => 0usize..3 * SHORT], 0..300)
        ) {
            let parts: Vec<Vec<u8>> = sizes.iter().zip(0u8..=255).map(|(size, byte)| vec![byte; *size]).collect();
            let whole = parts.concat();
            let body = read(&parts, whole.len()).unwrap();
            prop_assert_eq!((body.len(), &body.concat()), (whole.len(), &whole));
            let many = body.into_parts().count();
            prop_assert!(many <= 2 * whole.len() / SHORT + 1, "{} parts of {} bytes", many, whole.len());
            prop_assert!(whole.is_empty() || read(&parts, whole.len() - 1).is_none());
        }
    }
}
