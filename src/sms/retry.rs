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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::sms::{api::Api, error::Answer};

    fn answer(status: u16) -> Error {
        let (code, message, request_id, retry_after, html) = (None, None, None, None, false);
        Error::from_answer(Answer {
            api: Api::ListTasks,
            status,
            code,
            message,
            request_id,
            retry_after,
            html,
        })
    }

    /// How often a request is tried that fails with these statuses, and whether it succeeds.
    async fn tries(failures: &[u16]) -> (usize, bool) {
        let count = Cell::new(0);
        let attempt = || {
            let failure = failures.get(count.get()).copied();
            count.set(count.get() + 1);
            std::future::ready(failure.map_or(Ok(()), |status| Err(answer(status))))
        };
        let result = with_retries(attempt).await;
        (count.get(), result.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_heal_is_tried_again_and_not_for_long() {
        assert_eq!(tries(&[]).await, (1, true));
        assert_eq!(tries(&[503]).await, (2, true));
        assert_eq!(tries(&[503, 500]).await, (3, true));
        assert_eq!(tries(&[503, 500, 502, 503]).await, (3, false));
        for status in [401, 403, 429, 404, 302] {
            assert_eq!(tries(&[status]).await, (1, false), "{status}");
        }
        assert_eq!(tries(&[500, 401, 500]).await, (2, false));
    }

    #[test]
    fn jitter_stays_within_bounds() {
        for _ in 0..1000 {
            let pause = jittered(Duration::from_secs(2));
            assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_secs(2));
        }
    }
}
