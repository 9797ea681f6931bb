//! The bytes of the ledger, version 1. Numbers are LEB128.
//!
//! ```text
//! version  u8 = 1
//! bits     u8                 length of the hashes
//! step     milliseconds       unit of the ages
//! written  seconds since 1970
//! named    count, then each: id, name, trait
//! groups   count, then each: trait, count, length in bytes, hashes
//! trait    state, presence u8, age
//! text     length, bytes
//! ```

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use k8s_openapi::jiff::Timestamp;

use super::{Entry, IdHash, Ledger, LedgerError, Page, Trait, groups, sorted::Division};
use crate::core::{
    known::{Known, Presence},
    task::{TaskId, TaskState},
    text::{cut, limits},
};

const VERSION: u8 = 1;
/// Hashes of this length collide once in a quadrillion pairs.
pub(super) const MOST_BITS: u8 = 50;
/// Shorter hashes would collide too often to be of use.
pub(super) const LEAST_BITS: u8 = 24;
/// Writes a ledger.
pub(super) fn encode(page: &Page<'_>, division: &Division<'_>) -> String {
    let mut out = vec![VERSION, division.bits];
    number(&mut out, u64::try_from(page.step().as_millis()).unwrap_or(0));
    number(&mut out, u64::try_from(page.now.as_second()).unwrap_or(0));
    number(&mut out, division.named.len() as u64);
    for entry in &division.named {
        id_and_name(entry, |id, name| {
            text(&mut out, cut(id, limits::ID));
            text(&mut out, cut(name, limits::NAME));
        });
        put_trait(&mut out, &page.trait_of(entry));
    }
    number(&mut out, division.groups.len() as u64);
    for (of, group) in &division.groups {
        put_trait(&mut out, of);
        number(&mut out, group.count() as u64);
        number(&mut out, group.length() as u64);
        group.write(&mut out);
    }
    BASE64.encode(out)
}

/// The id and the name of an entry, as far as they are known.
pub(super) fn id_and_name<T>(entry: &Entry<'_>, read: impl FnOnce(&str, &str) -> T) -> T {
    match entry {
        Entry::Listed(listed) => read(&listed.task.id(), listed.task.name()),
        Entry::Known(id, known) => read(id.as_str(), known.name.as_deref().unwrap_or_default()),
        Entry::Hashed(..) => read("", ""),
    }
}

pub(super) fn decode(hash: IdHash, text: &str) -> Result<Ledger, LedgerError> {
    let bytes = BASE64.decode(text).map_err(|_| LedgerError::Damaged)?;
    match bytes.split_first() {
        Some((&VERSION, rest)) => read(hash, rest).ok_or(LedgerError::Damaged),
        Some((&version, _)) => Err(LedgerError::UnknownVersion(version)),
        None => Err(LedgerError::Damaged),
    }
}

fn read(hash: IdHash, bytes: &[u8]) -> Option<Ledger> {
    let mut reader = Reader(bytes);
    let bits = reader.byte().filter(|bits| (LEAST_BITS..=MOST_BITS).contains(bits))?;
    let step = Duration::from_millis(reader.number()?);
    let written = Timestamp::from_second(i64::try_from(reader.number()?).ok()?).ok()?;
    let mut ledger = Ledger { hash, bits, ..Ledger::default() };
    for _ in 0..reader.number()? {
        let id = TaskId::new(reader.text()?);
        let name = Some(reader.text()?).filter(|name| !name.is_empty()).map(Arc::from);
        ledger.named.push((id, Known::remembered(&reader.read_trait()?, step, written, name)));
    }
    for _ in 0..reader.number()? {
        let of = reader.read_trait()?;
        let count = usize::try_from(reader.number()?).ok()?;
        let length = usize::try_from(reader.number()?).ok()?;
        let kind = u32::try_from(ledger.kinds.len()).ok()?;
        ledger.kinds.push(Known::remembered(&of, step, written, None));
        let hashes = groups::decode(reader.take(length)?, bits, count)?;
        ledger.hashed.extend(hashes.into_iter().map(|hash| (hash, kind)));
    }
    ledger.hashed.sort_unstable();
    ledger.hashed.dedup_by_key(|(hash, _)| *hash);
    ledger.hashed.shrink_to_fit();
    reader.0.is_empty().then_some(ledger)
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn put_trait(out: &mut Vec<u8>, of: &Trait) {
    text(out, cut(of.state.name(), limits::NAME));
    out.push(match of.presence {
        Presence::Listed => 0,
        Presence::Missed => 1,
        Presence::MissedAfterEnd => 2,
        Presence::Gone => 3,
    });
    number(out, of.age);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn read_trait(&mut self) -> Option<Trait> {
        let state = TaskState::parse(self.text()?);
        let presence = match self.byte()? {
            0 => Presence::Listed,
            1 => Presence::Missed,
            2 => Presence::MissedAfterEnd,
            3 => Presence::Gone,
            _ => return None,
        };
        Some(Trait { state, presence, age: self.number()?.min(Trait::OLDEST) })
    }
}
