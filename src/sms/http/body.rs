//! Reading bodies without trusting their length. What counts is what comes out of decompression.

use std::time::Duration;

use tokio::{task::yield_now, time::timeout};

/// Up to so many bytes, memory for a body is set aside at once when its length is announced: more than a usual page.
const MOST_ANNOUNCED: usize = 512 * 1024;

/// A connection is free for another request a moment after the end of the body: its task has to notice that, and then
/// the one that takes it back into the pool. Whoever asks before that opens one more.
const HOPS: usize = 3;

/// Reads a body. None when it is longer than `limit` bytes.
pub(in crate::sms) async fn read_whole(
    mut response: reqwest::Response,
    limit: usize,
) -> reqwest::Result<Option<Vec<u8>>> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = Vec::with_capacity(announced.unwrap_or_default().min(limit).min(MOST_ANNOUNCED));
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > limit.saturating_sub(body.len()) {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
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
