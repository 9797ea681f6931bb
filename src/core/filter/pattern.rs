//! One name, or a pattern for names.

/// A case-sensitive substring, or with `*` a wildcard over the whole text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pattern {
    Part(String),
    Whole { head: String, middle: Vec<String>, tail: String },
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let mut parts = text.split('*').map(str::to_owned);
        match (parts.next(), parts.next_back()) {
            (Some(head), Some(tail)) => {
                Self::Whole { head, middle: parts.filter(|part| !part.is_empty()).collect(), tail }
            }
            _ => Self::Part(text.to_owned()),
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Part(part) => text.contains(part.as_str()),
            Self::Whole { head, middle, tail } => text
                .strip_prefix(head.as_str())
                .and_then(|rest| rest.strip_suffix(tail.as_str()))
                // The leftmost match of each part leaves the most room for the next.
                .and_then(|rest| {
                    middle
                        .iter()
                        .try_fold(rest, |rest, part| rest.split_once(part.as_str()).map(|(_, rest)| rest))
                })
                .is_some(),
        }
    }

    /// The texts that every match holds.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        let (part, head, middle, tail) = match self {
            Self::Part(part) => (Some(part), None, &[][..], None),
            Self::Whole { head, middle, tail } => (None, Some(head), middle.as_slice(), Some(tail)),
        };
        let all = part.into_iter().chain(head).chain(middle).chain(tail);
        all.map(String::as_str).filter(|part| !part.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of a wildcard, by trying every split.
    fn glob(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
            Some((c, rest)) => text.first() == Some(c) && glob(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_wildcard_matches_what_its_definition_says(pattern in "[ab*]{1,7}", text in "[ab]{0,8}") {
            prop_assume!(pattern.contains('*'));
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), glob(&p, &t));
        }

        #[test]
        fn without_a_star_a_part_is_enough(part in "[ab]{1,3}", text in "[ab]{0,8}") {
            prop_assert_eq!(Pattern::new(&part).matches(&text), text.contains(&part));
        }
    }

    #[test]
    fn a_prefix_and_a_suffix_may_not_overlap() {
        assert!(!Pattern::new("app*pp-1").matches("app-1"));
        assert!(Pattern::new("app-*").matches("app-1"));
        assert!(!Pattern::new("app-*").matches("my-app-1"));
        assert!(Pattern::new("*").matches(""));
    }
}
