//! Who waits for a turn. Groups take turns, however many of each wait.

use std::collections::VecDeque;

/// Waiting lines, one for each group.
#[derive(Debug)]
pub struct Line<T> {
    groups: VecDeque<(u64, VecDeque<T>)>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { groups: VecDeque::new() }
    }
}

impl<T> Line<T> {
    /// Puts somebody at the end of their group's line.
    pub fn push(&mut self, group: u64, waiting: T) {
        match self.groups.iter_mut().find(|(of, _)| *of == group) {
            Some((_, line)) => line.push_back(waiting),
            None => self.groups.push_back((group, VecDeque::from([waiting]))),
        }
    }

    /// The next one. Their group is then the last.
    pub fn pop(&mut self) -> Option<T> {
        let (group, mut line) = self.groups.pop_front()?;
        let next = line.pop_front();
        if !line.is_empty() {
            self.groups.push_back((group, line));
        }
        next
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Takes out all who are so.
    pub fn take_out(&mut self, is_so: impl Fn(&T) -> bool) -> Vec<T> {
        let mut out = Vec::new();
        for (_, line) in &mut self.groups {
            let (taken, left) = std::mem::take(line).into_iter().partition(&is_so);
            *line = left;
            out.extend::<VecDeque<T>>(taken);
        }
        self.groups.retain(|(_, line)| !line.is_empty());
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn groups_take_turns_and_each_keeps_its_order(waiting in prop::collection::vec(0u64..5, 0..60)) {
            let mut line = Line::default();
            for (place, group) in waiting.iter().enumerate() {
                line.push(*group, (*group, place));
            }
            let served: Vec<_> = std::iter::from_fn(|| line.pop()).collect();
            prop_assert_eq!(served.len(), waiting.len());
            for (at, (group, place)) in served.iter().enumerate() {
                let rest = &served[at + 1..];
                if let Some(next) = rest.iter().position(|(of, _)| of == group) {
                    prop_assert!(rest[next].1 > *place);
                    // Between two of one group comes one of each other group that still waits.
                    for other in 0..5 {
                        let waits = rest.iter().any(|(of, _)| *of == other);
                        let came = rest[..=next].iter().any(|(of, _)| *of == other);
                        prop_assert!(!waits || came);
                    }
                }
            }
        }

        #[test]
        fn who_is_taken_out_waits_no_longer(waiting in prop::collection::vec((0u64..3, 0u32..10), 0..40)) {
            let mut line = Line::default();
            waiting.iter().for_each(|(group, who)| line.push(*group, *who));
            let mut out = line.take_out(|who| *who < 5);
            let mut rest: Vec<_> = std::iter::from_fn(|| line.pop()).collect();
            prop_assert!(line.is_empty() && out.iter().all(|who| *who < 5) && rest.iter().all(|who| *who >= 5));
            let mut all: Vec<_> = waiting.into_iter().map(|(_, who)| who).collect();
            out.append(&mut rest);
            out.sort_unstable();
            all.sort_unstable();
            prop_assert_eq!(out, all);
        }
    }
}
