//! The table in docs/metrics.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::filled;

const BEGIN: &str = "<!-- made by the tests: make generate -->\n";
const END: &str = "<!-- end -->";

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

/// With `WRITE_DOCS` set, it writes the table instead.
#[test]
fn the_table_of_metrics_is_in_the_documents() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("a beginning");
    let (found, tail) = rest.split_once(END).expect("an end");
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{}{END}{tail}", table())).unwrap();
    } else {
        assert_eq!(found, table(), "docs/metrics.md is out of date: run make generate");
    }
}
