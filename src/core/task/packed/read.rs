//! Reading what has been packed.

use std::borrow::Cow;

use k8s_openapi::jiff::Timestamp;

use super::{
    Text,
    format::{IN_HEX, IN_UUID, WORDS, tag},
};
use crate::core::leb128;

/// Reads what has been packed. Nothing else is ever read, so that what can't be is just none.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn literal(&mut self, length: usize) -> Option<Text<'a>> {
        std::str::from_utf8(self.take(length)?).ok().map(Text::Here)
    }

    pub(super) fn text(&mut self, name: &'a str) -> Option<Text<'a>> {
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
    pub(super) fn skip_text(&mut self) {
        let length = match self.byte() {
            Some(tag::UUID | tag::HEX) => 16,
            Some(tag::IPV4) => 4,
            Some(tag::LONG) => self.array().map_or(0, |length| u16::from_le_bytes(*length).into()),
            Some(tag @ tag::SHORT..) => usize::from(tag - tag::SHORT),
            _ => 0,
        };
        self.take(length);
    }

    pub(super) fn cow(&mut self, name: &'a str) -> Option<Cow<'a, str>> {
        self.text(name).map(Text::into_cow)
    }

    pub(super) fn target_name(&mut self, name: &'a str, source: Option<&str>) -> Option<Cow<'a, str>> {
        if self.0.first() != Some(&tag::SOURCE) {
            return self.cow(name);
        }
        self.byte();
        let rest = self.text(name).unwrap_or_default();
        Some(Cow::Owned(format!("{}{rest}", source.unwrap_or_default())))
    }

    fn number(&mut self) -> Option<u64> {
        leb128::take(&mut self.0)
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        let zigzag = self.number()?.checked_sub(1)?;
        let millis = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        Timestamp::from_millisecond(millis).ok()
    }

    pub(super) fn float(&mut self) -> Option<f64> {
        match self.byte()? {
            1 => Some(0.0),
            2 => self.array().map(|bytes| f64::from_bits(u64::from_le_bytes(*bytes))),
            _ => None,
        }
    }
}
