//! The table in docs/reliability.md.

use std::path::PathBuf;

use super::{Row, Seen, api_server, objects, sms};

const BEGIN: &str = "<!-- made by the tests: make generate -->\n";
const END: &str = "<!-- end -->";

fn table() -> String {
    let groups = [
        (
            "SMS, and the way to it",
            sms::rows().into_iter().map(|(row, _)| row).chain([sms::ABSURD]).collect(),
        ),
        ("The API server", api_server::ROWS.to_vec()),
        ("Objects and rights", objects::ROWS.to_vec()),
    ];
    let mut text = String::new();
    for (title, rows) in groups {
        let rows: Vec<Row> = rows;
        text.push_str("\n### ");
        text.push_str(title);
        text.push_str("\n\n| what goes wrong | Ready | beside it | what ends it |\n|---|---|---|---|\n");
        for row in rows {
            let (ready, beside) = match row.seen {
                Seen::Nothing => ("as before".to_owned(), ""),
                Seen::Reconciling(reason) => (format!("False, {reason}"), "Reconciling"),
                Seen::Stalled(reason) => (format!("False, {reason}"), "Stalled"),
            };
            let cells = [row.fault, &ready, beside, row.heals].join(" | ");
            text.extend(["| ", &cells, " |\n"]);
        }
    }
    text + "\n"
}

/// With `WRITE_DOCS` set, it writes the table instead.
#[test]
fn the_table_of_faults_is_in_the_documents() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("a beginning");
    let (found, tail) = rest.split_once(END).expect("an end");
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{}{END}{tail}", table())).unwrap();
    } else {
        assert_eq!(found, table(), "docs/reliability.md is out of date: run make generate");
    }
}
