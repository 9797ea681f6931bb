//! One reconcile ends in time, and takes nothing else down, whatever happens in it.

use std::time::Duration;

use super::error::Error;
use crate::telemetry::{Panicked, Panics};

/// How long a reconcile may take. Every call within has a deadline; there may be many events to create, though.
pub(super) const PATIENCE: Duration = Duration::from_mins(5);

/// What a pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// To bring the status up to date.
    Usual,
    /// To say that the usual one panics, without what it was decided from.
    Confess,
}

/// Makes a pass; after a panic another one that only tells of it. What a pass leaves is worth nothing when it hasn't
/// come to its end: then `in_doubt` takes the place of it.
pub(super) async fn survive<S, T, F>(
    panics: &Panics,
    state: S,
    in_doubt: impl Fn() -> S,
    pass: impl Fn(Aim, S) -> F,
) -> (S, Result<T, Error>)
where
    F: Future<Output = (S, Result<T, Error>)>,
{
    match bounded(panics, pass(Aim::Usual, state)).await {
        Ok(done) => done,
        Err(Error::Defect) => {
            let told = bounded(panics, pass(Aim::Confess, in_doubt())).await;
            // That it was told is no success of the reconcile: the usual pass is tried again, later each time.
            (told.map_or_else(|_| in_doubt(), |(state, _)| state), Err(Error::Defect))
        }
        Err(error) => (in_doubt(), Err(error)),
    }
}

async fn bounded<T>(panics: &Panics, pass: impl Future<Output = T>) -> Result<T, Error> {
    match tokio::time::timeout(PATIENCE, panics.caught(pass)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Panicked)) => Err(Error::Defect),
        Err(_) => Err(Error::TooLong { within: PATIENCE }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// The state after a reconcile whose passes do this, the result, and which passes there were.
    async fn survived<F: Future<Output = Result<u8, Error>>>(
        panics: &Panics,
        pass: impl Fn(Aim) -> F,
    ) -> (&'static str, Result<u8, Error>, Vec<Aim>) {
        let passes = Mutex::new(Vec::new());
        let (state, result) = survive(
            panics,
            "before",
            || "in doubt",
            |aim, state| {
                passes.lock().unwrap().push(aim);
                let work = pass(aim);
                async move {
                    let result = work.await;
                    (if state == "before" { "after" } else { "confessed" }, result)
                }
            },
        )
        .await;
        (state, result, passes.into_inner().unwrap())
    }

    #[tokio::test]
    async fn what_works_or_fails_is_done_once() {
        let (state, result, passes) = survived(&Panics::default(), async |_| Ok(7)).await;
        assert_eq!((state, result.unwrap(), passes), ("after", 7, vec![Aim::Usual]));
        let (state, result, passes) = survived(&Panics::default(), async |_| Err(Error::Conflict)).await;
        assert!(matches!(result, Err(Error::Conflict)));
        assert_eq!((state, passes), ("after", vec![Aim::Usual]));
    }

    #[tokio::test]
    async fn a_panic_is_told_and_is_a_failure_to_be_tried_again() {
        for (confession_fails, left) in [(false, "confessed"), (true, "in doubt")] {
            let panics = Panics::default();
            let (state, result, passes) = survived(&panics, async |aim| {
                tokio::task::yield_now().await;
                assert!(aim == Aim::Confess && !confession_fails, "on purpose");
                Ok(7)
            })
            .await;
            assert!(matches!(result, Err(Error::Defect)));
            assert_eq!((state, passes), (left, vec![Aim::Usual, Aim::Confess]));
            assert_eq!(panics.count(), 1 + u64::from(confession_fails));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_is_ended() {
        let (state, result, passes) = survived(&Panics::default(), |_| std::future::pending()).await;
        assert!(matches!(result, Err(Error::TooLong { .. })));
        assert_eq!((state, passes), ("in doubt", vec![Aim::Usual]));
    }
}
