//! Reading bodies without trusting their length. What counts is what comes out of decompression.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{task::yield_now, time::timeout};

/// Up to so many bytes, memory for a body is set aside at once when its length is announced: more than a usual page.
const MOST_ANNOUNCED: usize = 512 * 1024;

/// A connection is free for another request a moment after the end of the body: its task has to notice that, and then
/// the one that takes it back into the pool. Whoever asks before that opens one more.
const HOPS: usize = 3;

/// Reads a body into this memory. None when it is longer than `limit` bytes.
pub(in crate::sms) async fn read_whole(
    mut response: reqwest::Response,
    limit: usize,
    mut body: Vec<u8>,
) -> reqwest::Result<Option<Vec<u8>>> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    body.clear();
    body.reserve_exact(announced.unwrap_or_default().min(limit).min(MOST_ANNOUNCED));
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

/// Memory for bodies. A listing uses that of one page for another: each time anew, the system would clear a few hundred
/// kilobytes first, which takes a tenth of all processor time.
#[derive(Debug, Default)]
pub(in crate::sms) struct Rooms(Mutex<Vec<Vec<u8>>>);

impl Rooms {
    /// Some that isn't used; none that is worth mentioning if there isn't any.
    pub(in crate::sms) fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    /// Gives it back, unless it is that of an unusual body.
    pub(in crate::sms) fn give(&self, room: Vec<u8>) {
        if room.capacity() <= MOST_ANNOUNCED {
            self.lock().push(room);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
