//! The table in docs/reliability.md.

use super::{Row, Seen, api_server, objects, sms};

#[path = "../../documents/table.rs"]
mod made;

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

#[test]
fn the_table_of_faults_is_in_the_documents() {
    made::check("docs/reliability.md", &table());
}
