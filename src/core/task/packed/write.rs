//! Packing.

use std::{borrow::Cow, net::Ipv4Addr};

use k8s_openapi::jiff::Timestamp;

use super::{
    format::{DASHES, HEADER, IN_HEX, IN_UUID, NO_PERCENT, OTHER_STATE, STATES, WORDS, tag},
    read::Reader,
};
use crate::core::{
    leb128,
    task::{
        Percent,
        details::{Details, TaskError},
    },
};

/// The id within the bytes of a task.
pub(in crate::core::task) fn packed_id(bytes: &[u8]) -> &[u8] {
    let rest = bytes.get(HEADER..).unwrap_or_default();
    let mut reader = Reader(rest);
    reader.skip_text();
    rest.get(..rest.len() - reader.0.len()).unwrap_or_default()
}

/// Appends the bytes of a task.
pub(in crate::core::task) fn pack(details: &Details<'_>, out: &mut Vec<u8>) {
    let state = STATES.iter().position(|state| *state == details.state);
    out.push(state.and_then(|place| u8::try_from(place).ok()).unwrap_or(OTHER_STATE));
    out.push(details.copied.map_or(NO_PERCENT, Percent::get));
    out.push(details.sub_task.as_ref().map_or(0, |step| step.progress.get()));
    out.push(details.is_moving().into());
    put_text(out, Some(&details.id), None);
    put_literal(out, &details.name);
    let Details { source, target, error, name, .. } = details;
    let mut text = |text: &Option<Cow<'_, str>>| put_text(out, text.as_deref(), Some(name));
    text(&source.id);
    text(&source.name);
    if state.is_none() {
        put_literal(out, details.state.name());
    }
    put_text(out, details.sub_task.as_ref().map(|step| &*step.name), Some(name));
    put_time(out, details.estimated_completion);
    let mut text = |text: &Option<Cow<'_, str>>| put_text(out, text.as_deref(), Some(name));
    [&details.kind, &details.os_type, &details.enterprise_project_id].into_iter().for_each(&mut text);
    [&source.ip, &source.state, &source.vm_id].into_iter().for_each(&mut text);
    [&target.id, &target.ip, &target.state, &target.vm_id].into_iter().for_each(&mut text);
    let none = TaskError::default();
    let shown = error.as_ref().unwrap_or(&none);
    [&shown.code, &shown.message].into_iter().for_each(&mut text);
    put_target_name(out, details);
    out.push(error.is_some().into());
    put_time(out, details.created);
    put_float(out, details.migrate_speed);
}

fn put_text(out: &mut Vec<u8>, text: Option<&str>, name: Option<&str>) {
    let Some(text) = text else {
        out.push(tag::NONE);
        return;
    };
    if name.is_some_and(|name| name == text) {
        out.push(tag::NAME);
    } else if let Some((tag, bytes)) = sixteen(text) {
        out.push(tag);
        out.extend(bytes);
    } else if let Some(address) = address(text) {
        out.push(tag::IPV4);
        out.extend(address);
    } else if let Some(word) = WORDS.iter().position(|word| *word == text) {
        out.push(u8::try_from(word).map_or(tag::NONE, |word| tag::WORD + word));
    } else {
        put_literal(out, text);
    }
}

/// Target servers are often called after their sources.
fn put_target_name(out: &mut Vec<u8>, details: &Details<'_>) {
    let Details { name, source, target, .. } = details;
    let after_source = target.name.as_deref().zip(source.name.as_deref()).and_then(|(target, source)| {
        target.strip_prefix(source).filter(|_| !source.is_empty() && target != name)
    });
    match after_source {
        Some(rest) => {
            out.push(tag::SOURCE);
            put_literal(out, rest);
        }
        None => put_text(out, target.name.as_deref(), Some(name)),
    }
}

fn put_literal(out: &mut Vec<u8>, text: &str) {
    if let Some(tag) = u8::try_from(text.len()).ok().and_then(|length| tag::SHORT.checked_add(length)) {
        out.push(tag);
        out.extend(text.as_bytes());
        return;
    }
    // Texts have been cut to far less where they were decoded.
    let text = crate::core::text::cut(text, usize::from(u16::MAX));
    out.push(tag::LONG);
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(text.as_bytes());
}

/// The bytes of 32 hexadecimal digits in lower case, with the dashes of a UUID or without any.
fn sixteen(text: &str) -> Option<(u8, [u8; 16])> {
    let text = text.as_bytes();
    let (tag, places) = match text.len() {
        36 if DASHES.iter().all(|place| text.get(*place) == Some(&b'-')) => (tag::UUID, &IN_UUID),
        32 => (tag::HEX, &IN_HEX),
        _ => return None,
    };
    // Without a branch on what they are, since ids are random.
    let digit = |place: usize| {
        let byte = text.get(place).copied().unwrap_or_default();
        let is_digit = byte.is_ascii_digit() | matches!(byte, b'a'..=b'f');
        ((byte & 0xf) + 9 * (byte >> 6), is_digit)
    };
    let (mut bytes, mut all) = ([0; 16], true);
    for (byte, place) in bytes.iter_mut().zip(places) {
        let ((high, one), (low, two)) = (digit(*place), digit(place + 1));
        all &= one & two;
        *byte = high << 4 | low;
    }
    all.then_some((tag, bytes))
}

fn address(text: &str) -> Option<[u8; 4]> {
    // The parser takes no leading zeros, so that there is one way to write an address.
    if text.len() < 7 || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(|address: Ipv4Addr| address.octets())
}

/// Milliseconds since 1970, zigzag and one more; 0 is none.
fn put_time(out: &mut Vec<u8>, time: Option<Timestamp>) {
    let value = time.map_or(0, |time| {
        let millis = time.as_millisecond();
        ((millis << 1) ^ (millis >> 63)).cast_unsigned().saturating_add(1)
    });
    leb128::put(out, value);
}

/// 0 for none, 1 for zero, else 2 and the bits.
fn put_float(out: &mut Vec<u8>, value: Option<f64>) {
    // Of the two zeros, which are equal, one is written: equal tasks have equal bytes.
    match value.map(|value| (value + 0.0).to_bits()) {
        None => out.push(0),
        Some(0) => out.push(1),
        Some(bits) => {
            out.push(2);
            out.extend(bits.to_le_bytes());
        }
    }
}
