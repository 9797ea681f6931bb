//! One pass over JSON: values are passed by or taken out as they stand, and nothing is copied.
//!
//! A page is 300 KB of which a tenth is used, so that passing by is most of the work. The grammar is that of
//! RFC 8259, as strict as serde_json's; only what strings mean isn't looked at here. Nesting is bounded by memory
//! alone: a bit a level.

use std::borrow::Cow;

use super::json::{Value, unescaped};

/// The text isn't JSON, or not of the wanted form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// A place in a text.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How far it has come, in bytes.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// The next byte that is no white space, which stays.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err(Malformed) }
    }

    /// Reads an object. `field` gets each key, and must take its value.
    pub(super) fn object(&mut self, mut field: impl FnMut(&str, &mut Self) -> Result<()>) -> Result<()> {
        let mut more = self.opens(b'{', b'}')?;
        while more {
            field(&self.key()?, self)?;
            more = self.goes_on(b'}')?;
        }
        Ok(())
    }

    /// Reads a list. `entry` must take each entry.
    pub(super) fn list(&mut self, mut entry: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        let mut more = self.opens(b'[', b']')?;
        while more {
            entry(self)?;
            more = self.goes_on(b']')?;
        }
        Ok(())
    }

    /// Takes the bracket that begins an object or a list. Whether there is anything before the one that ends it, which is
    /// taken otherwise.
    pub(super) fn opens(&mut self, begin: u8, end: u8) -> Result<bool> {
        self.expect(begin)?;
        let is_empty = self.peek().ok_or(Malformed)? == end;
        self.at += usize::from(is_empty);
        Ok(!is_empty)
    }

    /// Takes the key of a member, so that its value comes next.
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>> {
        self.peek();
        let key = self.string()?;
        self.expect(b':')?;
        Ok(if key.has_escapes { unescaped(key.text) } else { Cow::Borrowed(key.text) })
    }

    /// Takes a value as it stands.
    pub(super) fn value(&mut self) -> Result<Value<'a>> {
        self.peek();
        let start = self.at;
        self.skip()?;
        self.since(start).map(Value::new)
    }

    /// Passes a value by.
    pub(super) fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'{' | b'[') => self.skip_nested(),
            _ => self.skip_scalar(),
        }
    }

    fn skip_nested(&mut self) -> Result<()> {
        let mut open = Levels::default();
        loop {
            // A value begins here.
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    let is_object = bracket == b'{';
                    if self.opens(bracket, if is_object { b'}' } else { b']' })? {
                        open.push(is_object);
                        if is_object {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            // A value has ended, and perhaps those around it.
            loop {
                let Some(is_object) = open.last() else { return Ok(()) };
                if self.goes_on(if is_object { b'}' } else { b']' })? {
                    if is_object {
                        self.skip_key()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    fn skip_key(&mut self) -> Result<()> {
        self.peek();
        self.string()?;
        self.expect(b':')
    }

    fn skip_scalar(&mut self) -> Result<()> {
        match self.peek().ok_or(Malformed)? {
            b'"' => self.string().map(|_| ()),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number(),
        }
    }

    /// Whether another member follows, after a comma, or the bracket that ends them.
    pub(super) fn goes_on(&mut self, end: u8) -> Result<bool> {
        let byte = self.peek().ok_or(Malformed)?;
        self.at += 1;
        match byte {
            b',' => Ok(true),
            byte if byte == end => Ok(false),
            _ => Err(Malformed),
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() != Some(byte) {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> Result<&'a str> {
        self.text.get(start..self.at).ok_or(Malformed)
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(Malformed);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<()> {
        self.at += usize::from(self.byte() == Some(b'-'));
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<()> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(()) } else { Err(Malformed) }
    }

    fn string(&mut self) -> Result<Quoted<'a>> {
        if self.byte() != Some(b'"') {
            return Err(Malformed);
        }
        self.at += 1;
        let start = self.at;
        let mut has_escapes = false;
        loop {
            self.at += plain(self.rest());
            match self.byte() {
                Some(b'"') => {
                    let text = self.since(start)?;
                    self.at += 1;
                    return Ok(Quoted { text, has_escapes });
                }
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                // A control character, or the end of the text.
                _ => return Err(Malformed),
            }
        }
    }

    fn escape(&mut self) -> Result<()> {
        let rest = self.rest();
        let length = match rest.get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.get(2..6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 6,
            _ => return Err(Malformed),
        };
        self.at += length;
        Ok(())
    }
}

/// What stands between two quotes.
struct Quoted<'a> {
    text: &'a str,
    has_escapes: bool,
}

/// How many bytes come before the first that is a quote, a backslash or a control character.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // Eight bytes at a time: the high bit of each that is zero, or below another.
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word & HIGH;
    let mut length = 0;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        // Borrows run upwards only, so that the lowest bit is right.
        let found = quote | backslash | below(word, 0x20);
        if found != 0 {
            return length + usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
        }
        length += 8;
        rest = after;
    }
    length + rest.iter().take_while(|byte| !matches!(**byte, b'"' | b'\\' | 0..0x20)).count()
}

/// Which brackets are open: a bit each, set for objects.
#[derive(Default)]
struct Levels {
    /// The innermost 64.
    near: u64,
    depth: usize,
    far: Vec<u64>,
}

impl Levels {
    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.far.push(self.near);
        }
        self.near = (self.near << 1) | u64::from(is_object);
        self.depth += 1;
    }

    fn last(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.near & 1 == 1)
    }

    fn pop(&mut self) {
        self.near >>= 1;
        self.depth = self.depth.saturating_sub(1);
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.near = self.far.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn is_json(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.skip().and_then(|()| scanner.end()).is_ok()
    }

    fn serde_agrees(text: &str) -> bool {
        is_json(text) == serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn the_grammar_is_json() {
        let good = [
            "0",
            "-0",
            "1.5",
            "-12e3",
            "1E+9",
            "1e-999",
            "true",
            "false",
            "null",
            "\"\"",
            "\"a\\u00e9\\\"\"",
            "\"\\ud800\"",
            " [ ] ",
            "{}",
            "[1,[2,{\"a\":[]}],\"b\"]",
            "{\"a\":1,\"a\":{\"b\":null}}\n",
            "\"longer than eight bytes\"",
            "\"12345678\"",
            "\"é12345678\"",
        ];
        for text in good {
            assert!(is_json(text) && serde_agrees(text), "{text}");
        }
        let bad = [
            "",
            " ",
            "01",
            "-",
            "+1",
            ".5",
            "1.",
            "1e",
            "1e+",
            "nul",
            "nullx",
            "tru",
            "True",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12",
            "\"a\nb\"",
            "\"1234567\u{1}\"",
            "[",
            "]",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "{a:1}",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "1 1",
            "NaN",
            "Infinity",
            "'a'",
        ];
        for text in bad {
            assert!(!is_json(text) && serde_agrees(text), "{text}");
        }
    }

    #[test]
    fn any_depth_is_passed_by() {
        for depth in [1, 63, 64, 65, 127, 128, 129, 100_000] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":[", "]}]")] {
                let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                assert!(is_json(&text), "{depth} {open}");
                assert!(!is_json(text.get(..text.len() - 1).unwrap()), "{depth} {open}");
                let wrong = text.replacen(close, if close.starts_with(']') { "}" } else { "]" }, 1);
                assert!(!is_json(&wrong), "{depth} {open}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_text_of_these_characters_is_json_when_serde_says_so(
            text in "[\\[\\]{}:,\" \\\\0-2.eE+\\-ntrufalse\u{1}é]{0,16}"
        ) {
            prop_assert!(serde_agrees(&text));
        }

        #[test]
        fn changed_json_is_json_when_serde_says_so(
            value in super::super::tests::any_json(),
            place in any::<prop::sample::Index>(),
            other in "[\\[\\]{}:,\" \\\\0-2.eE+\\-ntrufalse\u{1}é]{0,2}",
        ) {
            let text = value.to_string();
            prop_assert!(is_json(&text));
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            let place = *place.get(&places);
            let end = place + text[place..].chars().next().map_or(0, char::len_utf8);
            let changed = format!("{}{other}{}", &text[..place], &text[end..]);
            prop_assert!(serde_agrees(&changed), "{changed}");
        }

        #[test]
        fn a_plain_part_ends_at_the_first_special_byte(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            prop_assert_eq!(plain(&bytes), expected.unwrap_or(bytes.len()));
        }
    }
}
