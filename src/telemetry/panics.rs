//! Mistakes of the operator's own.
//!
//! A panic ends no more than the work that it happens in. It is counted, and logged once, with its message and its
//! place.

use std::{
    any::Any,
    future::Future,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

use futures::FutureExt;
use prometheus_client::metrics::counter::Counter;
use tracing::error;

use crate::core::text::one_line;

/// The longest message that is logged.
const MAX_MESSAGE: usize = 512;

/// Work ended in a panic, which has been logged and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operator made a mistake of its own, which its log describes")]
pub struct Panicked;

/// Counts panics. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Panics(pub(super) Counter);

impl Panics {
    /// Does some work, whatever happens in it. What it changes must be of no use after a panic, or be whole at any
    /// moment.
    ///
    /// # Errors
    /// It panicked.
    pub async fn caught<W: Future>(&self, work: W) -> Result<W::Output, Panicked> {
        AssertUnwindSafe(work).catch_unwind().await.map_err(|_| {
            self.0.inc();
            Panicked
        })
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.get()
    }
}

/// Has panics logged like everything else.
pub(super) fn log() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "a mistake of the operator's own, please report it: {}", message(info.payload()));
    }));
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    one_line(text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("no message"), MAX_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_counted_and_ends_nothing_else() {
        let panics = Panics::default();
        let work = |fails: bool| async move {
            tokio::task::yield_now().await;
            assert!(!fails, "on purpose");
            7
        };
        assert_eq!(panics.caught(work(false)).await, Ok(7));
        assert_eq!(panics.caught(work(true)).await, Err(Panicked));
        assert_eq!(panics.caught(work(false)).await, Ok(7));
        assert_eq!(panics.count(), 1);
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(message(&"one\ntwo"), "one two");
        assert_eq!(message(&"x".repeat(1000)).len(), MAX_MESSAGE);
        assert_eq!(message(&7), "no message");
    }
}
