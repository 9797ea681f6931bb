//! The bytes of the ledger, version 1. Numbers are LEB128.
//!
//! ```text
//! version  u8 = 1
//! bits     u8                 length of the hashes
//! step     milliseconds       unit of the ages
//! written  seconds since 1970
//! named    count, then each: id, name, trait, and with presence 5 and 6 the id of the source server
//! groups   count, then each: trait, count, length in bytes, hashes; with presence 4 of the ids of source servers
//! trait    state, presence u8, age
//! text     length, bytes
//! ```

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use k8s_openapi::jiff::Timestamp;

use super::{IdHash, Ledger, LedgerError, MAX_LENGTH, Page, Trait, groups, sorted::Division};
use crate::core::{
    known::{Known, Presence},
    leb128,
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
    leb128::put(&mut out, u64::try_from(page.step().as_millis()).unwrap_or(0));
    leb128::put(&mut out, u64::try_from(page.now.as_second()).unwrap_or(0));
    leb128::put(&mut out, division.named.len() as u64);
    for entry in &division.named {
        entry.id_and_name(|id, name| {
            text(&mut out, cut(id, limits::ID));
            text(&mut out, cut(name, limits::NAME));
        });
        let of = page.trait_of(entry);
        match entry.excused_source() {
            Some(source) => {
                let presence = if of.presence == Presence::MissedAfterEnd { 5 } else { 6 };
                put_trait(&mut out, &of, presence);
                text(&mut out, cut(source, limits::ID));
            }
            None => put_trait(&mut out, &of, byte_of(of.presence)),
        }
    }
    leb128::put(&mut out, division.groups.len() as u64);
    for (of, group) in &division.groups {
        put_trait(&mut out, of, byte_of(of.presence));
        leb128::put(&mut out, group.count() as u64);
        leb128::put(&mut out, group.length() as u64);
        group.write(&mut out);
    }
    BASE64.encode(out)
}

pub(super) fn decode(hash: IdHash, text: &str) -> Result<Ledger, LedgerError> {
    let bytes = BASE64.decode(text).map_err(|_| LedgerError::Damaged)?;
    match bytes.split_first() {
        Some((&version, _)) if version != VERSION => Err(LedgerError::UnknownVersion(version)),
        // A longer one isn't ours, and could be made to take a hundred times as much memory.
        Some((_, rest)) if text.len() <= MAX_LENGTH => read(hash, rest).ok_or(LedgerError::Damaged),
        _ => Err(LedgerError::Damaged),
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
        let (mut of, presence) = reader.read_trait()?;
        of.presence = match presence {
            5 => Presence::MissedAfterEnd,
            6 => Presence::Gone,
            // That is one of a source server, which has no id of a task.
            4 => return None,
            other => presence_of(other)?,
        };
        let source = if presence > 4 { Some(Arc::from(reader.text()?)) } else { None };
        ledger.named.push((id, Known { source, ..Known::remembered(&of, step, written, name) }));
    }
    for _ in 0..reader.number()? {
        let (mut of, presence) = reader.read_trait()?;
        of.presence = presence_of(presence)?;
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

fn text(out: &mut Vec<u8>, text: &str) {
    leb128::put(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn put_trait(out: &mut Vec<u8>, of: &Trait, presence: u8) {
    text(out, cut(of.state.name(), limits::NAME));
    out.push(presence);
    leb128::put(out, of.age);
}

fn byte_of(presence: Presence) -> u8 {
    match presence {
        Presence::Listed => 0,
        Presence::Missed => 1,
        Presence::MissedAfterEnd => 2,
        Presence::Gone => 3,
        Presence::GoneFromSource => 4,
    }
}

fn presence_of(byte: u8) -> Option<Presence> {
    Some(match byte {
        0 => Presence::Listed,
        1 => Presence::Missed,
        2 => Presence::MissedAfterEnd,
        3 => Presence::Gone,
        4 => Presence::GoneFromSource,
        _ => return None,
    })
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
        leb128::take(&mut self.0)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// A trait, but for its presence, and that as its byte.
    fn read_trait(&mut self) -> Option<(Trait, u8)> {
        let state = TaskState::parse(self.text()?);
        let presence = self.byte()?;
        let age = self.number()?.min(Trait::OLDEST);
        Some((Trait { state, presence: Presence::default(), age }, presence))
    }
}
