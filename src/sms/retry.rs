//! Trying one request again, where that is likely to help.

use std::{future::Future, time::Duration};

use super::error::Error;

/// The pauses before the second and the third try, before jitter.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Tries up to three times while the error is one that may heal at once. Anything longer is the schedule's business.
pub(super) async fn with_retries<T, F, Fut>(attempt: F) -> Result<T, Error>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    for pause in PAUSES {
        match attempt().await {
            Err(error) if error.is_transient() => tokio::time::sleep(jittered(pause)).await,
            result => return result,
        }
    }
    attempt().await
}

/// Between half the pause and the whole, so that pages that failed together don't come again together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(f64::midpoint(1.0, fastrand::f64()))
}
