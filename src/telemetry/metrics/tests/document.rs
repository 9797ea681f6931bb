//! The table in docs/metrics.md.

use std::collections::{BTreeMap, BTreeSet};

use super::filled;
use crate::documents;

#[derive(Default)]
struct Family {
    help: String,
    kind: String,
    labels: BTreeSet<String>,
}

/// Reads what Prometheus reads.
fn families() -> BTreeMap<String, Family> {
    let text = filled().text();
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            name.clone_into(&mut current);
            help.trim_end_matches('.').clone_into(&mut families.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            kind.clone_into(&mut families.entry(name.to_owned()).or_default().kind);
        } else if let Some((_, rest)) = line.split_once('{') {
            let labels = rest.rsplit_once('}').unwrap().0;
            let names = labels.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name);
            let family = families.get_mut(&current).unwrap();
            family.labels.extend(names.filter(|name| *name != "le").map(str::to_owned));
        }
    }
    families
}

fn table() -> String {
    let mut text = "\n| metric | type | labels | |\n|---|---|---|---|\n".to_owned();
    for (name, Family { help, kind, labels }) in families() {
        let suffix = match kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let cells = [format!("`{name}{suffix}`"), kind, labels.join(", "), help].join(" | ");
        text.extend(["| ", &cells, " |\n"]);
    }
    text + "\n"
}

#[test]
fn the_table_of_metrics_is_in_the_documents() {
    documents::check("docs/metrics.md", &table());
}
