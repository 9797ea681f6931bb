//! Reading bodies without trusting their length. What counts is what comes out of decompression.

use std::time::Duration;

use tokio::{task::yield_now, time::timeout};

use crate::sms::wire::{self, PageError};

/// A connection is free for another request a moment after the end of the body: its task has to notice that, and then
/// the one that takes it back into the pool. Whoever asks before that opens one more.
const HOPS: usize = 3;

/// Takes in the body of a success, part by part as they come.
pub(in crate::sms) trait Reader {
    /// What it reads.
    type Value;

    /// Takes a part in. Nothing more is read after an error.
    fn take(&mut self, part: &[u8]) -> Result<(), PageError>;

    /// How many bytes it keeps of what has come.
    fn kept(&self) -> usize;

    /// What was read, after the last part.
    fn finish(self) -> Result<Self::Value, PageError>;
}

/// Keeps the body as it is.
#[derive(Debug, Default)]
pub(in crate::sms) struct Whole(Vec<u8>);

impl Reader for Whole {
    type Value = Vec<u8>;

    fn take(&mut self, part: &[u8]) -> Result<(), PageError> {
        self.0.extend_from_slice(part);
        Ok(())
    }

    fn kept(&self) -> usize {
        self.0.len()
    }

    fn finish(self) -> Result<Vec<u8>, PageError> {
        wire::refuse_error(&self.0)?;
        Ok(self.0)
    }
}

/// Waits until the connection of a body that was read to its end can be used again.
pub(super) async fn settle() {
    for _ in 0..HOPS {
        yield_now().await;
    }
}

/// Reads a body. None when it is longer than `limit` bytes.
pub(in crate::sms) async fn read_whole(
    mut response: reqwest::Response,
    limit: usize,
) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await? {
        if part.len() > limit.saturating_sub(body.len()) {
            return Ok(None);
        }
        body.extend_from_slice(&part);
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
