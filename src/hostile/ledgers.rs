//! Ledgers, in statuses that anybody may have edited.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::bytes::Bytes;
use crate::core::{
    known::{Known, Presence},
    ledger::{Entry, Ledger, Page},
    task::{TaskId, TaskState},
    text::{cut, limits},
};

/// Ledgers: any text, and what comes back of a written one.
pub fn ledgers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    read(&text);
    // Most texts aren't base64; the bytes behind one are what is read.
    let bytes = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, data);
    read(&bytes);
    written(&mut Bytes::new(data));
}

fn read(text: &str) {
    if let Ok(mut ledger) = Ledger::decode("uid", text) {
        let (hashed, named) = (ledger.iter().count(), ledger.take_named().count());
        assert!(hashed + named <= 8 * text.len());
        assert_eq!(ledger.is_empty(), hashed == 0);
        let keys: Vec<u64> = ledger.iter().map(|(key, _)| key).collect();
        assert!(keys.is_sorted_by(|one, two| one < two));
    }
}

fn written(bytes: &mut Bytes<'_>) {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let stall_after =
        bytes.one_of(&[None, Some(Duration::from_mins(30)), Some(Duration::from_hours(2_562_047))]);
    let room = bytes.one_of(&[300 * 1024, 20, 100, 1000]);
    let mut tasks = BTreeMap::new();
    while !bytes.is_empty() && tasks.len() < 500 {
        let (id, known) = (cut(&bytes.text(), limits::ID - 2).to_owned(), known(bytes, now));
        let copies = bytes.one_of(&[1, 1, 1, 100]);
        tasks.extend((0..copies).map(|copy| {
            let source = Some(Arc::from(&*source_of(&format!("{id}{copy}"))));
            (TaskId::new(&format!("{id}{copy}")), Known { source, ..known.clone() })
        }));
    }
    let entries: Vec<Entry<'_>> = tasks.iter().map(|(id, known)| Entry::Known(id, known)).collect();
    let gone_by_source = stall_after.is_some();
    let page = Page {
        uid: "uid",
        entries: &entries,
        written: &[],
        earlier_bits: 0,
        gone_by_source,
        stall_after,
        now,
    };
    let Some(text) = page.encode(room) else { return };
    assert!(text.len() <= room);
    let mut ledger = Ledger::decode("uid", &text).expect("it can be read");
    let named: BTreeMap<_, _> = ledger.take_named().collect();
    assert_eq!(ledger.iter().count() + named.len(), tasks.len());
    for (id, known) in &tasks {
        let source = source_of(id.as_str());
        let by_source = || ledger.get(&source).filter(|found| found.presence == Presence::GoneFromSource);
        let found = named.get(id).or_else(|| ledger.get(id.as_str())).or_else(by_source);
        let found = found.expect("it is remembered");
        assert_eq!(found.state, known.state);
        let is_by_source = found.presence == Presence::GoneFromSource && known.presence == Presence::Gone;
        assert!(found.presence == known.presence || (gone_by_source && is_by_source));
        // Never stalled too early.
        if let Some((found, known)) = found.last_progress.zip(known.last_progress) {
            assert!(found >= known || found > now, "{found} {known}");
        }
    }
}

fn source_of(id: &str) -> String {
    format!("{id}s")
}

fn known(bytes: &mut Bytes<'_>, now: Timestamp) -> Known {
    let state = match bytes.byte() % 4 {
        0 => cut(&bytes.text(), limits::NAME).to_owned(),
        _ => bytes.one_of(&["RUNNING", "READY", "MIGRATE_FAIL"]).to_owned(),
    };
    let presence =
        bytes.one_of(&[Presence::Listed, Presence::Missed, Presence::MissedAfterEnd, Presence::Gone]);
    let ago = bytes.one_of(&[0, 1, 59, 1800, 3600, 1_000_000]);
    Known {
        state: TaskState::parse(&state),
        name: bytes.flag().then(|| Arc::from(&*bytes.text())),
        source: None,
        presence,
        mark: None,
        last_progress: bytes.flag().then(|| Timestamp::from_second(now.as_second() - ago).unwrap()),
        last_transition: None,
        stalled_since: None,
    }
}
