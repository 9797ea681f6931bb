//! What to do about the errors of migration tasks, by their codes.

use std::sync::LazyLock;

/// One line a code; its head says what the columns are.
const FILE: &str = include_str!("remedies.tsv");

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The code, such as `SMS.0203`.
    pub code: &'static str,
    /// What causes the error.
    pub cause: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    /// How sure both are.
    pub certainty: Certainty,
}

/// How sure it is what a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The vendor's error reference or FAQ says so.
    Documented,
    /// An excerpt of the vendor's error reference says so, as a search engine shows it.
    Excerpt,
    /// Others have found out.
    Reported,
}

impl Certainty {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "documented" => Some(Self::Documented),
            "excerpt" => Some(Self::Excerpt),
            "reported" => Some(Self::Reported),
            _ => None,
        }
    }

    /// In a few words.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::Documented => "the vendor's documents",
            Self::Excerpt => "an excerpt of the vendor's documents",
            Self::Reported => "others, unverified",
        }
    }
}

/// All that is known, in the order of the codes.
static REMEDIES: LazyLock<Vec<Remedy>> = LazyLock::new(|| rows().filter_map(read).collect());

fn rows() -> impl Iterator<Item = &'static str> {
    FILE.lines().filter(|line| line.starts_with("SMS."))
}

fn read(line: &'static str) -> Option<Remedy> {
    let mut columns = line.split('\t');
    let (code, cause, remedy) = (columns.next()?, columns.next()?, columns.next()?);
    Some(Remedy { code, cause, remedy, certainty: Certainty::parse(columns.next()?)? })
}

/// What is known of an error of a task. None for a code that isn't known here.
#[must_use]
pub fn remedy(code: &str) -> Option<&'static Remedy> {
    REMEDIES.binary_search_by_key(&code, |remedy| remedy.code).ok().and_then(|place| REMEDIES.get(place))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::documents;

    #[test]
    fn every_code_has_a_cause_and_a_remedy() {
        assert_eq!((rows().count(), REMEDIES.len()), (91, 91));
        assert!(REMEDIES.is_sorted_by(|a, b| a.code < b.code));
        for line in rows() {
            let read = read(line).unwrap();
            assert_eq!(line.split('\t').count(), 4, "{line}");
            assert_eq!(remedy(read.code), Some(&read));
            for text in [read.cause, read.remedy] {
                let ends = text.ends_with(['.', ' ']) || text.starts_with(' ');
                assert!(text.len() > 4 && !ends && !text.contains('|'), "{line}");
            }
        }
    }

    #[test]
    fn ports_are_those_of_their_codes() {
        for (code, port) in
            [("SMS.1807", "8900"), ("SMS.2802", "8899"), ("SMS.3805", "22"), ("SMS.0203", "443")]
        {
            assert!(remedy(code).unwrap().remedy.contains(&format!("port {port} ")), "{code}");
        }
    }

    #[test]
    fn the_codes_are_in_the_documents() {
        let mut table = "| code | cause | what to do | by |\n|---|---|---|---|\n".to_owned();
        for Remedy { code, cause, remedy, certainty } in REMEDIES.iter() {
            let _ = writeln!(table, "| {code} | {cause} | {remedy} | {} |", certainty.source());
        }
        documents::check("docs/errors.md", &table);
    }

    #[test]
    fn only_the_exact_code_has_a_remedy() {
        assert!(remedy("SMS.0203").is_some());
        for code in ["", "SMS.", "SMS.02030", "sms.0203", "0203"] {
            assert_eq!(remedy(code), None, "{code}");
        }
    }
}
