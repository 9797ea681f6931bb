//! Names, compared with thousands of patterns at once.
//!
//! Each pattern has a key: a short text that all its matches hold, and that as few other patterns hold as possible. One
//! walk over a name finds the keys in it, and only their patterns are compared. So a name costs by its own length, and what
//! is built for that is bounded by the number of patterns, however long they are.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::pattern::Pattern;

/// How long a key is at most, in bytes: long enough to be rare.
const KEY: usize = 8;

/// Patterns, of which one must match. Clones share what is built of them.
#[derive(Clone, Debug)]
pub(super) struct Names(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    patterns: Vec<Pattern>,
    /// Built when the first name is compared: most plans that are parsed compare none.
    keys: OnceLock<Option<Keys>>,
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.patterns == other.0.patterns
    }
}

impl Names {
    pub(super) fn new(patterns: &[String]) -> Self {
        let patterns = patterns.iter().map(|pattern| Pattern::new(pattern)).collect();
        Self(Arc::new(Compiled { patterns, keys: OnceLock::new() }))
    }

    /// How many patterns there are.
    pub(super) fn len(&self) -> usize {
        self.0.patterns.len()
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        let Compiled { patterns, keys } = &*self.0;
        match keys.get_or_init(|| Keys::of(patterns)) {
            Some(keys) => {
                keys.found_in(name, |place| patterns.get(place).is_some_and(|pattern| pattern.matches(name)))
            }
            None => patterns.iter().any(|pattern| pattern.matches(name)),
        }
    }
}

/// The keys of patterns, and whose they are.
#[derive(Debug)]
struct Keys {
    automaton: AhoCorasick,
    /// The patterns of each key, by their places.
    owners: Vec<Vec<usize>>,
    /// Those that nothing has to be found for, such as `*`.
    keyless: Vec<usize>,
    patterns: usize,
}

impl Keys {
    /// None when no automaton can be built, which these bounds leave no reason for.
    fn of(patterns: &[Pattern]) -> Option<Self> {
        let mut holders: HashMap<&str, usize> = HashMap::new();
        for text in patterns.iter().flat_map(candidates) {
            *holders.entry(text).or_default() += 1;
        }
        let rarest = |pattern| {
            let rank = |text: &&str| (holders.get(text).copied(), Reverse(text.len()));
            candidates(pattern).min_by_key(rank)
        };
        let mut owners: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut keyless = Vec::new();
        for (place, pattern) in patterns.iter().enumerate() {
            match rarest(pattern) {
                Some(key) => owners.entry(key).or_default().push(place),
                None => keyless.push(place),
            }
        }
        let (keys, owners): (Vec<&str>, Vec<Vec<usize>>) = owners.into_iter().unzip();
        // The smallest kind of automaton, whose size doesn't depend on the alphabet.
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(keys).ok()?;
        Some(Self { automaton, owners, keyless, patterns: patterns.len() })
    }

    /// Whether one of the patterns whose keys are in a text, each asked once, is what is looked for.
    fn found_in(&self, text: &str, mut is_it: impl FnMut(usize) -> bool) -> bool {
        if self.keyless.iter().any(|place| is_it(*place)) {
            return true;
        }
        let mut asked = Vec::new();
        self.automaton.find_overlapping_iter(text).any(|found| {
            let owners = self.owners.get(found.pattern().as_usize());
            owners.into_iter().flatten().any(|place| {
                if asked.is_empty() {
                    asked = vec![false; self.patterns];
                }
                let is_new = asked.get_mut(*place).is_some_and(|asked| !std::mem::replace(asked, true));
                is_new && is_it(*place)
            })
        })
    }
}

/// What can be the key of a pattern: its parts, and of the long ones all pieces.
fn candidates(pattern: &Pattern) -> impl Iterator<Item = &str> {
    pattern.parts().flat_map(|part| {
        let is_short = part.len() <= KEY;
        let pieces = part.char_indices().filter_map(|(start, _)| {
            let end = start.checked_add(KEY)?;
            let end = (start..=end).rev().find(|end| part.is_char_boundary(*end))?;
            // What is cut short by the end is in the one before.
            part.get(start..end).filter(|piece| start + KEY <= part.len() && !piece.is_empty())
        });
        is_short.then_some(part).into_iter().chain(pieces.filter(move |_| !is_short))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(patterns: impl IntoIterator<Item = String>) -> Names {
        Names::new(&patterns.into_iter().collect::<Vec<_>>())
    }

    /// How many patterns are compared with a name.
    fn compared(names: &Names, name: &str) -> usize {
        let keys = Keys::of(&names.0.patterns).unwrap();
        let mut count = 0;
        keys.found_in(name, |_| {
            count += 1;
            false
        });
        count
    }

    proptest! {
        #[test]
        fn together_they_match_as_each_for_itself(
            patterns in prop::collection::vec("[ab*é]{1,12}", 0..12),
            name in "[abé]{0,20}",
        ) {
            let expected = patterns.iter().any(|pattern| Pattern::new(pattern).matches(&name));
            prop_assert_eq!(names(patterns).matches(&name), expected);
        }
    }

    /// Patterns that have much in common, as those of one wave have.
    fn alike() -> Vec<(&'static str, Names)> {
        let all = |pattern: fn(u32) -> String| names((0..2_000).map(pattern));
        vec![
            ("part", all(|i| format!("*part-{i:05}*"))),
            ("plain", all(|i| format!("wave-1-application-{i:05}.prod.example.com"))),
            ("head", all(|i| format!("wave-1-app-{i:05}*"))),
            ("tail", all(|i| format!("*-{i:05}.prod.example.com"))),
            ("several", all(|i| format!("wave*-1-*app*{i:05}*.prod*"))),
            ("long", all(|i| format!("*{}*{i:05}*{}*", "x".repeat(20), "y".repeat(20)))),
        ]
    }

    #[test]
    fn a_name_is_compared_with_hardly_any_of_the_patterns() {
        for (kind, names) in alike() {
            for i in [0, 7, 1_999, 70_000] {
                for name in [
                    format!("wave-1-app-{i:05}.prod.example.com"),
                    format!("wave-1-application-{i:05}.prod.example.com"),
                    format!("my-part-{i:05}-of-{i:05}"),
                    format!("{}{i:05}", "x".repeat(200)),
                ] {
                    let compared = compared(&names, &name);
                    assert!(compared <= 8, "{kind}: {name} is compared with {compared} patterns");
                }
            }
        }
    }

    #[test]
    fn what_is_built_is_bounded_by_the_number_of_patterns() {
        // 64 characters of four bytes each, all different, with several stars.
        let character = |i: u32| char::from_u32(0x1_0000 + i).unwrap();
        let pattern = |i: u32| {
            let text: String = (0..60).map(|k| character((i * 60 + k) % 60_000)).collect();
            text.chars()
                .enumerate()
                .flat_map(|(k, c)| [Some(c), (k % 15 == 7).then_some('*')])
                .flatten()
                .collect()
        };
        for names in [names((0..2_000).map(pattern))].iter().chain(alike().iter().map(|(_, names)| names)) {
            let keys = Keys::of(&names.0.patterns).unwrap();
            let size = keys.automaton.memory_usage();
            assert!(size < 1024 * 1024, "{size} bytes");
        }
    }

    #[test]
    fn each_pattern_is_asked_once() {
        assert_eq!(compared(&names(["*ab*x".to_owned()]), &"ab".repeat(100)), 1);
    }
}
