//! A task, packed.
//!
//! ```text
//! state     u8         a known one, or OTHER_STATE
//! copied    u8         percent, or NONE
//! step      u8         percent of the step
//! moving    u8
//! id        text
//! name      text
//! source    id, name   texts
//! state     text       its name, when it is none of the known ones
//! step      text
//! estimate  time
//! ...                  what only a written task needs
//! ```
//!
//! What most tasks have in common takes a byte or two: words of the vendor, ids that are UUIDs, addresses, a server
//! with the name of its task. A text has one packed form only, so that equal tasks have equal bytes.

use std::{borrow::Cow, cmp::Ordering, fmt, net::Ipv4Addr, ops::Deref, sync::Arc};

use k8s_openapi::jiff::Timestamp;

use super::{
    Percent, Phase, TaskState,
    details::{Details, Server, SubTask, TaskError, progress},
};

const HEADER: usize = 4;
const NO_PERCENT: u8 = u8::MAX;
const OTHER_STATE: u8 = u8::MAX;

/// The states that have a number: their place here. Packed tasks live no longer than the process, so that these may
/// change.
const STATES: [TaskState; 11] = [
    TaskState::Ready,
    TaskState::Running,
    TaskState::Syncing,
    TaskState::MigrateSuccess,
    TaskState::SyncSuccess,
    TaskState::MigrateFail,
    TaskState::SyncFail,
    TaskState::SyncFailRollingBack,
    TaskState::SyncFailRolledBack,
    TaskState::Aborting,
    TaskState::Abort,
];

/// Words that SMS uses a lot.
const WORDS: [&str; 38] = [
    "0",
    "MIGRATE_FILE",
    "MIGRATE_BLOCK",
    "LINUX",
    "WINDOWS",
    "CREATE_CLOUD_SERVER",
    "SSL_CONFIG",
    "ATTACH_AGENT_IMAGE",
    "DETTACH_AGENT_IMAGE",
    "FORMAT_DISK_LINUX",
    "FORMAT_DISK_LINUX_FILE",
    "FORMAT_DISK_LINUX_BLOCK",
    "FORMAT_DISK_WINDOWS",
    "MIGRATE_LINUX_FILE",
    "MIGRATE_LINUX_BLOCK",
    "MIGRATE_WINDOWS_BLOCK",
    "CLONE_VM",
    "SYNC_LINUX_FILE",
    "SYNC_LINUX_BLOCK",
    "SYNC_WINDOWS_BLOCK",
    "CONFIGURE_LINUX",
    "CONFIGURE_LINUX_BLOCK",
    "CONFIGURE_LINUX_FILE",
    "CONFIGURE_WINDOWS",
    "AVAILABLE",
    "unavailable",
    "waiting",
    "initialize",
    "replicate",
    "syncing",
    "stopping",
    "stopped",
    "skipping",
    "deleting",
    "error",
    "cloning",
    "cutovering",
    "finished",
];

/// How a text begins.
mod tag {
    pub(super) const NONE: u8 = 0;
    /// 16 bytes: a UUID in lower case.
    pub(super) const UUID: u8 = 1;
    /// 16 bytes: 32 hexadecimal digits in lower case.
    pub(super) const HEX: u8 = 2;
    /// 4 bytes.
    pub(super) const IPV4: u8 = 3;
    /// The name of the task.
    pub(super) const NAME: u8 = 4;
    /// Its length in two bytes, and the text.
    pub(super) const LONG: u8 = 5;
    /// The name of the source server, and a literal that follows it.
    pub(super) const SOURCE: u8 = 6;
    /// A word, by its place in the list.
    pub(super) const WORD: u8 = 7;
    /// The text, whose length is what is above this.
    pub(super) const SHORT: u8 = 64;
}

/// One migration task, as one listing found it. A copy shares its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Task(Arc<[u8]>);

impl Task {
    /// Packs a task.
    #[must_use]
    pub fn new(details: &Details<'_>) -> Self {
        let mut bytes = Vec::with_capacity(256);
        pack(details, &mut bytes);
        Self::from_packed(&bytes)
    }

    pub(super) fn from_packed(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub(super) fn packed(&self) -> &[u8] {
        &self.0
    }

    /// The id as SMS wrote it.
    #[must_use]
    pub fn id(&self) -> Text<'_> {
        self.after_header().text("").unwrap_or_default()
    }

    /// The name that its owner gave it; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        self.named().1
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> TaskState {
        match self.known_state() {
            Some(state) => state.clone(),
            None => TaskState::parse(self.state_name()),
        }
    }

    /// The name that SMS gives the state.
    #[must_use]
    pub fn state_name(&self) -> &str {
        if let Some(state) = self.known_state() {
            return state.name();
        }
        let mut reader = self.after_source();
        match reader.text("") {
            Some(Text::Here(name)) => name,
            _ => "",
        }
    }

    /// The phase that the state belongs to.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.known_state().map_or(Phase::Other, TaskState::phase)
    }

    /// How far the task is: 100 when syncing or succeeded, else what its data-copying step says, at most 99.
    #[must_use]
    pub fn progress(&self) -> Percent {
        progress(self.phase(), self.copied())
    }

    /// Whether data is moving at this moment.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.0.get(3) == Some(&1)
    }

    /// The id of the source server.
    #[must_use]
    pub fn source_id(&self) -> Option<Text<'_>> {
        let (mut reader, name) = self.named();
        reader.text(name)
    }

    /// The name of the source server.
    #[must_use]
    pub fn source_name(&self) -> Option<Text<'_>> {
        let (mut reader, name) = self.named();
        reader.skip_text();
        reader.text(name)
    }

    /// The name of the step that the task is in.
    #[must_use]
    pub fn step_name(&self) -> Option<Text<'_>> {
        let mut reader = self.after_state();
        reader.text(self.name())
    }

    /// When SMS thinks that the task will be done.
    #[must_use]
    pub fn estimated_completion(&self) -> Option<Timestamp> {
        let mut reader = self.after_state();
        reader.skip_text();
        reader.time()
    }

    /// All that is known of it.
    #[must_use]
    pub fn details(&self) -> Details<'_> {
        let (mut reader, name) = self.named();
        let (source_id, source_name) = (reader.cow(name), reader.cow(name));
        if self.known_state().is_none() {
            reader.skip_text();
        }
        let sub_task = reader.text(name).map(|step| SubTask {
            name: step.into_cow(),
            progress: Percent(self.0.get(2).copied().unwrap_or_default()),
        });
        let estimated_completion = reader.time();
        let mut text = || reader.cow(name);
        let (kind, os_type, enterprise_project_id) = (text(), text(), text());
        let source = Server { id: source_id, name: source_name, ip: text(), state: text(), vm_id: text() };
        let target = Server { id: text(), name: None, ip: text(), state: text(), vm_id: text() };
        let error = TaskError { code: text(), message: text() };
        let target = Server { name: reader.target_name(name, source.name.as_deref()), ..target };
        let has_error = reader.byte() == Some(1);
        Details {
            id: self.id().into_cow(),
            name: name.into(),
            state: self.state(),
            kind,
            os_type,
            enterprise_project_id,
            created: reader.time(),
            migrate_speed: reader.float(),
            estimated_completion,
            sub_task,
            copied: self.copied(),
            source,
            target,
            error: has_error.then_some(error),
        }
    }

    /// Whether both are one task in one place of memory, and so the same in all.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// An order by id: the same for all listings, and of no meaning.
    #[must_use]
    pub fn order_by_id(&self, other: &Self) -> Ordering {
        if self.is_shared_with(other) { Ordering::Equal } else { self.packed_id().cmp(other.packed_id()) }
    }

    /// The packed id, which is equal when ids are.
    pub(super) fn packed_id(&self) -> &[u8] {
        packed_id(&self.0)
    }

    fn known_state(&self) -> Option<&'static TaskState> {
        STATES.get(usize::from(*self.0.first()?))
    }

    fn copied(&self) -> Option<Percent> {
        self.0.get(1).filter(|percent| **percent != NO_PERCENT).map(|percent| Percent(*percent))
    }

    fn after_header(&self) -> Reader<'_> {
        Reader(self.0.get(HEADER..).unwrap_or_default())
    }

    /// The name, and what comes after it.
    fn named(&self) -> (Reader<'_>, &str) {
        let mut reader = self.after_header();
        reader.skip_text();
        match reader.text("") {
            Some(Text::Here(name)) => (reader, name),
            _ => (reader, ""),
        }
    }

    fn after_source(&self) -> Reader<'_> {
        let mut reader = self.after_header();
        (0..4).for_each(|_| reader.skip_text());
        reader
    }

    fn after_state(&self) -> Reader<'_> {
        let mut reader = self.after_source();
        if self.known_state().is_none() {
            reader.skip_text();
        }
        reader
    }
}

impl From<&Details<'_>> for Task {
    fn from(details: &Details<'_>) -> Self {
        Self::new(details)
    }
}

impl From<Details<'_>> for Task {
    fn from(details: Details<'_>) -> Self {
        Self::new(&details)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.details().fmt(f)
    }
}

/// The id within the bytes of a task.
pub(super) fn packed_id(bytes: &[u8]) -> &[u8] {
    let rest = bytes.get(HEADER..).unwrap_or_default();
    let mut reader = Reader(rest);
    reader.skip_text();
    rest.get(..rest.len() - reader.0.len()).unwrap_or_default()
}

/// Appends the bytes of a task.
pub(super) fn pack(details: &Details<'_>, out: &mut Vec<u8>) {
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
    let digit = |place: usize| match *text.get(place)? {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    for (byte, place) in bytes.iter_mut().zip(places) {
        *byte = digit(*place)? << 4 | digit(place + 1)?;
    }
    Some((tag, bytes))
}

/// Where the digits of each byte stand, and where a UUID has dashes.
const IN_HEX: [usize; 16] = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];
const IN_UUID: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const DASHES: [usize; 4] = [8, 13, 18, 23];

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
    put_number(out, value);
}

fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// 0 for none, 1 for zero, else 2 and the bits.
fn put_float(out: &mut Vec<u8>, value: Option<f64>) {
    match value.map(f64::to_bits) {
        None => out.push(0),
        Some(0) => out.push(1),
        Some(bits) => {
            out.push(2);
            out.extend(bits.to_le_bytes());
        }
    }
}

/// Reads what has been packed. Nothing else is ever read, so that what can't be is just none.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(head)
    }

    fn literal(&mut self, length: usize) -> Option<Text<'a>> {
        std::str::from_utf8(self.take(length)?).ok().map(Text::Here)
    }

    fn text(&mut self, name: &'a str) -> Option<Text<'a>> {
        match self.byte()? {
            tag::NONE => None,
            tag::UUID => self.array().map(|bytes| Text::spelled(bytes, &IN_UUID, 36)),
            tag::HEX => self.array().map(|bytes| Text::spelled(bytes, &IN_HEX, 32)),
            tag::IPV4 => self.array().map(|bytes| Text::address(*bytes)),
            tag::NAME => Some(Text::Here(name)),
            tag::LONG => {
                let length = u16::from_le_bytes(*self.array()?);
                self.literal(length.into())
            }
            tag @ tag::SHORT.. => self.literal(usize::from(tag - tag::SHORT)),
            word => WORDS.get(usize::from(word - tag::WORD)).map(|word| Text::Here(word)),
        }
    }

    /// Passes a text by.
    fn skip_text(&mut self) {
        let length = match self.byte() {
            Some(tag::UUID | tag::HEX) => 16,
            Some(tag::IPV4) => 4,
            Some(tag::LONG) => self.array().map_or(0, |length| u16::from_le_bytes(*length).into()),
            Some(tag @ tag::SHORT..) => usize::from(tag - tag::SHORT),
            _ => 0,
        };
        self.take(length);
    }

    fn cow(&mut self, name: &'a str) -> Option<Cow<'a, str>> {
        self.text(name).map(Text::into_cow)
    }

    fn target_name(&mut self, name: &'a str, source: Option<&str>) -> Option<Cow<'a, str>> {
        if self.0.first() != Some(&tag::SOURCE) {
            return self.cow(name);
        }
        self.byte();
        let rest = self.text(name).unwrap_or_default();
        Some(Cow::Owned(format!("{}{rest}", source.unwrap_or_default())))
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn time(&mut self) -> Option<Timestamp> {
        let zigzag = self.number()?.checked_sub(1)?;
        let millis = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        Timestamp::from_millisecond(millis).ok()
    }

    fn float(&mut self) -> Option<f64> {
        match self.byte()? {
            1 => Some(0.0),
            2 => self.array().map(|bytes| f64::from_bits(u64::from_le_bytes(*bytes))),
            _ => None,
        }
    }
}

/// A text of a packed task.
#[derive(Clone, Copy)]
pub enum Text<'a> {
    /// It stands in the task.
    Here(&'a str),
    /// It was packed, and is spelled out in so many of these bytes.
    Spelled([u8; 36], u8),
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::Here("")
    }
}

impl<'a> Text<'a> {
    /// 16 bytes in hexadecimal digits at these places, with dashes between.
    fn spelled(bytes: &[u8; 16], places: &[usize; 16], length: u8) -> Self {
        let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
        let mut text = [b'-'; 36];
        for (byte, place) in bytes.iter().zip(places) {
            if let Some([high, low]) = text.get_mut(*place..place + 2) {
                (*high, *low) = (digit(byte >> 4), digit(byte & 15));
            }
        }
        Self::Spelled(text, length)
    }

    fn address(bytes: [u8; 4]) -> Self {
        let mut text = [0; 36];
        let written = Ipv4Addr::from(bytes).to_string();
        for (place, byte) in text.iter_mut().zip(written.bytes()) {
            *place = byte;
        }
        Self::Spelled(text, u8::try_from(written.len()).unwrap_or_default())
    }

    /// The same, borrowed where that is possible.
    #[must_use]
    pub fn into_cow(self) -> Cow<'a, str> {
        match self {
            Self::Here(text) => Cow::Borrowed(text),
            Self::Spelled(..) => Cow::Owned(self.to_string()),
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Here(text) => text,
            Self::Spelled(bytes, length) => {
                let spelled = bytes.get(..usize::from(*length)).unwrap_or_default();
                std::str::from_utf8(spelled).unwrap_or_default()
            }
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Cow<'static, str>> {
        let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
        let word = proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            uuid,
            uuid.prop_map(|text| text.to_uppercase()),
            "[0-9a-f]{32}",
            "[0-9a-fA-F-]{31,37}",
            any::<[u8; 4]>().prop_map(|bytes| Ipv4Addr::from(bytes).to_string()),
            "0[0-9]{1,2}\\.[0-9]\\.[0-9]\\.[0-9]",
            word,
            ".{0,20}",
            "a{180,300}",
            "(é中){1,60}",
            Just("the name".to_owned()),
            Just(String::new()),
        ]
        .prop_map(Cow::Owned)
    }

    fn maybe() -> impl Strategy<Value = Option<Cow<'static, str>>> {
        proptest::option::of(text())
    }

    fn server() -> impl Strategy<Value = Server<'static>> {
        (maybe(), maybe(), maybe(), maybe(), maybe()).prop_map(|(id, name, ip, state, vm_id)| Server {
            id,
            name,
            ip,
            state,
            vm_id,
        })
    }

    fn percent() -> impl Strategy<Value = Percent> {
        (0..=100i64).prop_map(Percent::clamped)
    }

    fn time() -> impl Strategy<Value = Option<Timestamp>> {
        let millis = prop_oneof![
            Just(0),
            -300_000_000_000_000i64..253_402_207_200_000,
            1_500_000_000_000i64..1_900_000_000_000
        ];
        proptest::option::of(millis.prop_map(|millis| Timestamp::from_millisecond(millis).unwrap()))
    }

    fn state() -> impl Strategy<Value = TaskState> {
        prop_oneof![
            proptest::sample::select(STATES.to_vec()),
            text().prop_map(|name| TaskState::parse(&name))
        ]
    }

    pub(crate) fn any_details() -> impl Strategy<Value = Details<'static>> {
        let names = (text(), prop_oneof![Just(Cow::Borrowed("the name")), text()]);
        let words = (maybe(), maybe(), maybe());
        let times = (time(), time());
        let steps = (proptest::option::of((text(), percent())), proptest::option::of(percent()));
        let speed = proptest::option::of(any::<f64>().prop_filter("finite", |speed| speed.is_finite()));
        let error = proptest::option::of((maybe(), maybe()));
        let servers =
            (server(), server(), any::<bool>(), ".{0,9}").prop_map(|(source, mut target, is_named, rest)| {
                if is_named && let Some(name) = &source.name {
                    target.name = Some(format!("{name}{rest}").into());
                }
                (source, target)
            });
        (names, state(), words, times, steps, speed, servers, error).prop_map(
            |(names, state, words, times, steps, migrate_speed, servers, error)| Details {
                id: names.0,
                name: names.1,
                state,
                kind: words.0,
                os_type: words.1,
                enterprise_project_id: words.2,
                migrate_speed,
                created: times.0,
                estimated_completion: times.1,
                sub_task: steps.0.map(|(name, progress)| SubTask { name, progress }),
                copied: steps.1,
                source: servers.0,
                target: servers.1,
                error: error.map(|(code, message)| TaskError { code, message }),
            },
        )
    }

    proptest! {
        #[test]
        fn a_packed_task_is_what_it_was(details in any_details()) {
            let task = Task::new(&details);
            prop_assert_eq!(&task.details(), &details);
            prop_assert_eq!((&*task.id(), task.name()), (&*details.id, &*details.name));
            prop_assert_eq!(task.state_name(), details.state.name());
            prop_assert_eq!((task.state(), task.phase()), (details.state.clone(), details.state.phase()));
            prop_assert_eq!(task.is_moving(), details.is_moving());
            prop_assert_eq!(task.source_id().map(Text::into_cow), details.source.id.clone());
            prop_assert_eq!(task.source_name().map(Text::into_cow), details.source.name.clone());
            prop_assert_eq!(task.estimated_completion(), details.estimated_completion);
            let step = details.sub_task.as_ref().map(|step| step.name.clone());
            prop_assert_eq!(task.step_name().map(Text::into_cow), step);
        }

        #[test]
        fn packed_tasks_are_equal_when_they_are(one in any_details(), other in any_details(), same_id: bool) {
            let other = if same_id { Details { id: one.id.clone(), ..other } } else { other };
            let (a, b) = (Task::new(&one), Task::new(&other));
            prop_assert_eq!(a == b, one == other);
            prop_assert_eq!(a.order_by_id(&b).is_eq(), one.id == other.id);
            prop_assert_eq!(a.order_by_id(&b), b.order_by_id(&a).reverse());
            prop_assert_eq!(a, Task::new(&one));
        }
    }

    #[test]
    fn a_usual_task_is_small() {
        let uuid = || Some(Cow::Borrowed("6b0d549b-6f03-675a-1600-a35a099950d8"));
        let server = || Server {
            id: uuid(),
            name: Some("app-00017".into()),
            ip: Some("192.168.12.117".into()),
            state: Some("AVAILABLE".into()),
            vm_id: uuid(),
        };
        let details = Details {
            name: "app-00017".into(),
            kind: Some("MIGRATE_FILE".into()),
            os_type: Some("LINUX".into()),
            enterprise_project_id: Some("0".into()),
            created: Timestamp::from_millisecond(1_790_698_935_572).ok(),
            migrate_speed: Some(0.0),
            source: server(),
            target: server(),
            ..Details::bare("6b0d549b-6f03-675a-1600-a35a099950d8", TaskState::MigrateSuccess)
        };
        let size = Task::new(&details).packed().len();
        assert!(size <= 128, "{size}");
    }
}
