//! What the operator's owner allows to those who create watches.

use std::{collections::BTreeSet, str::FromStr};

use super::{
    endpoint::AllowedEndpoints,
    namespace::{Namespace, NamespaceError},
};

/// What the operator's owner allows.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Which endpoints watches may name.
    pub endpoints: AllowedEndpoints,
    /// Where watches may use the operator's own identity.
    pub ambient: AmbientNamespaces,
}

/// The namespaces whose watches may use the operator's own identity. Whoever may create a watch there sees the tasks
/// of the operator's own account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AmbientNamespaces {
    /// Nowhere.
    #[default]
    None,
    /// In these.
    Named(BTreeSet<Namespace>),
    /// Everywhere.
    All,
}

impl AmbientNamespaces {
    /// Whether a watch in this namespace may use the operator's own identity.
    #[must_use]
    pub fn allows(&self, namespace: &str) -> bool {
        match self {
            Self::None => false,
            Self::Named(names) => names.contains(namespace),
            Self::All => true,
        }
    }
}

impl FromStr for AmbientNamespaces {
    type Err = NamespaceError;

    /// Reads names of namespaces, separated by commas; `*` stands for all.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.contains(&"*") {
            return Ok(Self::All);
        }
        let names: BTreeSet<Namespace> = names.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(if names.is_empty() { Self::None } else { Self::Named(names) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_allowed() {
        for (text, allowed, refused) in [
            ("", &[][..], &["a", "default", ""][..]),
            ("a", &["a"], &["b", "A", "aa", "*"]),
            (" a, b,", &["a", "b"], &["c", "a, b", ""]),
            ("*", &["a", "b"], &[]),
            ("a,*", &["a", "b"], &[]),
        ] {
            let namespaces: AmbientNamespaces = text.parse().unwrap();
            for name in allowed {
                assert!(namespaces.allows(name), "{text:?} {name:?}");
            }
            for name in refused {
                assert!(!namespaces.allows(name), "{text:?} {name:?}");
            }
        }
    }

    #[test]
    fn what_can_be_no_namespace_is_refused() {
        for text in ["team-*", "A", "a.b", "-a", "a b", "a,b_c"] {
            assert!(text.parse::<AmbientNamespaces>().is_err(), "{text}");
        }
    }
}
