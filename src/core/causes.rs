//! What stands behind an error.

use std::{error::Error, iter};

use super::text;

/// How much is said of an error with all its causes, in bytes.
const MOST: usize = 2048;

/// An error, what caused it, what caused that, and so on.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The text of the innermost cause. The outer ones often say no more than what was tried.
#[must_use]
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error with its causes, in one line.
#[must_use]
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<_> = causes(error).map(ToString::to_string).collect();
    // Some errors say what their source says.
    texts.dedup_by(|next, before| before.contains(next.as_str()));
    text::one_line(&texts.join(": "), MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] Option<Box<Outer>>);

    fn wrapped(texts: &[&'static str]) -> Outer {
        let (first, rest) = texts.split_first().unwrap();
        Outer(first, (!rest.is_empty()).then(|| Box::new(wrapped(rest))))
    }

    #[test]
    fn the_innermost_is_the_last_of_all() {
        assert_eq!(innermost(&wrapped(&["alone"])), "alone");
        assert_eq!(innermost(&wrapped(&["a request failed", "no connection", "refused"])), "refused");
    }

    #[test]
    fn one_line_says_all_and_nothing_twice() {
        assert_eq!(in_one_line(&wrapped(&["alone"])), "alone");
        assert_eq!(in_one_line(&wrapped(&["tried\nin vain", "refused"])), "tried in vain: refused");
        assert_eq!(
            in_one_line(&wrapped(&["tried: refused", "refused", "by a wall"])),
            "tried: refused: by a wall"
        );
    }
}
