//! The parts of credentials: checked once, and not to be printed.

use std::fmt;

use zeroize::Zeroizing;

/// Why a text can't be part of credentials. Never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// There is nothing.
    #[error("is empty")]
    Empty,
    /// White space, perhaps from copying.
    #[error("contains white space")]
    WhiteSpace,
    /// What no header can carry, such as quotation marks of a word processor.
    #[error("contains characters other than printable ASCII")]
    Character,
    /// More than any key or token has.
    #[error("is longer than {LIMIT} bytes")]
    TooLong,
    /// White space around a text that may have some inside.
    #[error("begins or ends with white space")]
    Surrounded,
    /// A line break or another control character.
    #[error("contains control characters")]
    Control,
    /// A time in another form than RFC 3339.
    #[error("is not a time such as 2026-11-25T08:00:00Z")]
    Time,
}

/// Twice what IAM documents for its longest tokens.
const LIMIT: usize = 32_768;

/// Refuses what can't be sent in a header. All parts of credentials are sent in headers, or sign them.
fn check(text: &str) -> Result<&str, ValueError> {
    match text {
        "" => Err(ValueError::Empty),
        _ if text.len() > LIMIT => Err(ValueError::TooLong),
        _ if text.contains(char::is_whitespace) => Err(ValueError::WhiteSpace),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(ValueError::Character),
        _ => Ok(text),
    }
}

/// Refuses what can't be meant. These are sent in JSON, which carries any character.
fn check_text(text: &str) -> Result<&str, ValueError> {
    match text {
        "" => Err(ValueError::Empty),
        _ if text.len() > LIMIT => Err(ValueError::TooLong),
        _ if text.trim() != text => Err(ValueError::Surrounded),
        _ if text.contains(char::is_control) => Err(ValueError::Control),
        _ => Ok(text),
    }
}

/// Declares texts that no output shows and that are overwritten in memory when they are dropped.
macro_rules! hidden {
    ($($(#[$doc:meta])* $name:ident by $check:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Checks that the text can be sent.
            pub fn parse(text: &str) -> Result<Self, ValueError> {
                $check(text).map(|text| Self(Zeroizing::new(text.to_owned())))
            }

            /// The text itself: to sign and to send, for nothing else.
            pub(in crate::sms) fn reveal(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[hidden]")
            }
        }
    )*};
}

hidden! {
    /// The id of an access key (AK).
    AccessKey by check;
    /// The secret of an access key (SK).
    SecretKey by check;
    /// What makes a temporary access key valid (X-Security-Token).
    SecurityToken by check;
    /// A token of IAM (X-Auth-Token).
    AuthToken by check;
    /// The password of an IAM user.
    Password by check_text;
}

/// The name of a user, an account or a project. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Checks that the name can be one.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        check_text(text).map(|text| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of an account or project. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeId(String);

impl ScopeId {
    /// Checks that the id can be sent.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        check(text).map(|text| Self(text.to_owned()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_header_carries_is_refused() {
        let table = [
            ("", ValueError::Empty),
            ("a b", ValueError::WhiteSpace),
            ("a\n", ValueError::WhiteSpace),
            ("\u{a0}a", ValueError::WhiteSpace),
            ("a\0", ValueError::Character),
            ("schlüssel", ValueError::Character),
            ("\u{feff}a", ValueError::Character),
            (&"a".repeat(LIMIT + 1), ValueError::TooLong),
        ];
        for (text, expected) in table {
            assert_eq!(SecretKey::parse(text).err(), Some(expected), "{text:?}");
        }
        for text in ["", " a", "a ", "a\nb", "\0"] {
            assert!(Password::parse(text).is_err() && Name::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            Password::parse("correct hörse \"battery\"").unwrap().reveal(),
            "correct hörse \"battery\""
        );
        assert_eq!(AuthToken::parse(&"a".repeat(LIMIT)).unwrap().reveal().len(), LIMIT);
        assert_eq!(SecretKey::parse("a+/=~!").unwrap().reveal(), "a+/=~!");
    }
}
