//! What an event says.

use std::collections::BTreeSet;

/// The tasks that an event names, and how many it is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) count: usize,
    pub(crate) names: BTreeSet<String>,
    /// Whether all are named.
    pub(crate) all: bool,
}

impl Told {
    /// Reads a note about tasks: of one, or of several that were put together.
    pub(crate) fn read(note: &str) -> Result<Self, String> {
        let wrong = || format!("can't be read: {note}");
        if note.starts_with("A task that wasn't written out ") {
            return Ok(Self { count: 1, names: BTreeSet::new(), all: false });
        }
        if let Some(rest) = note.strip_prefix("Task ") {
            let name = rest.split_once(' ').ok_or_else(wrong)?.0;
            return Ok(Self { count: 1, names: BTreeSet::from([name.to_owned()]), all: true });
        }
        let (head, list) = note.split_once(": ").ok_or_else(wrong)?;
        let count = head.split_once(" tasks ").and_then(|(count, _)| count.parse().ok()).ok_or_else(wrong)?;
        let mut items: Vec<&str> = list.split(", ").collect();
        let more = items.last().and_then(|item| item.strip_prefix("and ")?.strip_suffix(" more"));
        let more: Option<usize> = more.map(|more| more.parse().map_err(|_| wrong())).transpose()?;
        if more.is_some() {
            items.pop();
        }
        if items.len() + more.unwrap_or(0) != count {
            return Err(format!("names {} and {more:?} more: {note}", items.len()));
        }
        let named: Vec<&str> =
            items.into_iter().filter(|item| *item != "one that wasn't written out").collect();
        let names: BTreeSet<String> = named.iter().map(|name| (*name).to_owned()).collect();
        if names.len() != named.len() {
            return Err(format!("names somebody twice: {note}"));
        }
        Ok(Self { count, all: names.len() == count, names })
    }
}

#[test]
fn notes_are_read() {
    let told = |count, names: &[&str], all| Told {
        count,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        all,
    };
    assert_eq!(Told::read("Task web-1 (t1) has started"), Ok(told(1, &["web-1"], true)));
    assert_eq!(Told::read("3 tasks failed: a, b, c"), Ok(told(3, &["a", "b", "c"], true)));
    assert_eq!(Told::read("30 tasks failed: a, b, and 28 more"), Ok(told(30, &["a", "b"], false)));
    for wrong in ["30 tasks failed: a, b, and 27 more", "3 tasks failed: a, b", "2 tasks failed: a, a", "so"]
    {
        assert!(Told::read(wrong).is_err(), "{wrong}");
    }
}
