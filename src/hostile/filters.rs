//! Which tasks match a filter.

use super::bytes::Bytes;
use crate::{
    api,
    core::{
        filter::Filter,
        task::{Details, Task, TaskState},
    },
};

/// Names and wildcards, against the plainest way to compare them.
pub fn filters(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let pattern = bytes.text().into_owned();
    let name = bytes.text().into_owned();
    let source = bytes.flag().then(|| bytes.text().into_owned());
    let task = Task::from(Details {
        name: name.as_str().into(),
        source: crate::core::task::Server { name: source.as_deref().map(Into::into), ..Default::default() },
        ..Details::bare("id", TaskState::Ready)
    });
    let by_name = api::Filter { name: Some(pattern.clone()), ..api::Filter::default() };
    assert_eq!(Filter::new(&by_name).matches(&task), expected(&pattern, &name));
    let by_source =
        api::Filter { source_server_names: Some(vec![pattern.clone()]), ..api::Filter::default() };
    let matches = source.as_deref().is_some_and(|source| expected(&pattern, source));
    assert_eq!(Filter::new(&by_source).matches(&task), matches);
}

fn expected(pattern: &str, text: &str) -> bool {
    if pattern.contains('*') { wildcard(pattern.as_bytes(), text.as_bytes()) } else { text.contains(pattern) }
}

/// The places of the pattern that each character can be at.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let mut places = vec![false; pattern.len() + 1];
    places[0] = true;
    let pass_stars = |places: &mut Vec<bool>| {
        for (place, byte) in pattern.iter().enumerate() {
            places[place + 1] |= places[place] && *byte == b'*';
        }
    };
    pass_stars(&mut places);
    for byte in text {
        let mut next = vec![false; pattern.len() + 1];
        for (place, wanted) in pattern.iter().enumerate().filter(|(place, _)| places[*place]) {
            match wanted {
                b'*' => next[place] = true,
                wanted => next[place + 1] |= wanted == byte,
            }
        }
        pass_stars(&mut next);
        places = next;
    }
    places[pattern.len()]
}
