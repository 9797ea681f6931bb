//! Texts, as packed tasks give them back.

use std::{borrow::Cow, fmt, net::Ipv4Addr, ops::Deref};

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
    pub(super) fn spelled(bytes: &[u8; 16], places: &[usize; 16], length: u8) -> Self {
        let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
        let mut text = [b'-'; 36];
        for (byte, place) in bytes.iter().zip(places) {
            if let Some([high, low]) = text.get_mut(*place..place + 2) {
                (*high, *low) = (digit(byte >> 4), digit(byte & 15));
            }
        }
        Self::Spelled(text, length)
    }

    pub(super) fn address(bytes: [u8; 4]) -> Self {
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
