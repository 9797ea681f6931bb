//! Names of namespaces.

use std::{borrow::Borrow, fmt, str::FromStr};

/// The longest name that a namespace can have.
const MAX_NAME: usize = 63;

/// The name of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Namespace(String);

/// A text that can't be the name of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} can't be a namespace; its name has at most {MAX_NAME} lower-case letters, digits and dashes, with no dash \
     at either end"
)]
pub struct NamespaceError(String);

impl FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim();
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = (1..=MAX_NAME).contains(&name.len())
            && name.chars().all(is_allowed)
            && !name.starts_with('-')
            && !name.ends_with('-');
        if is_name { Ok(Self(name.to_owned())) } else { Err(NamespaceError(text.to_owned())) }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Namespace {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets sets of namespaces be asked by name.
impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_namespaces_are_told_from_others() {
        let longest = "a".repeat(MAX_NAME);
        for name in ["a", "0", "team-a", "a--b", " spaced ", longest.as_str()] {
            assert_eq!(name.parse::<Namespace>().unwrap().to_string(), name.trim());
        }
        let too_long = "a".repeat(MAX_NAME + 1);
        let wrong = ["", " ", "-a", "a-", "A", "a.b", "a_b", "a/b", "*", "ä", "a b", "..", too_long.as_str()];
        for name in wrong {
            let error = name.parse::<Namespace>().unwrap_err().to_string();
            assert!(error.contains(&format!("{name:?} can't be a namespace")), "{error}");
        }
    }
}
