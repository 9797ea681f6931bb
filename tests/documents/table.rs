//! Tables in documents that tests make; shared by the targets that have one.

use std::{env, fs, path::Path};

const BEGIN: &str = "<!-- made by the tests: make generate -->\n";
const END: &str = "<!-- end -->";

/// Demands that a document has this table between its marks. With `WRITE_DOCS` set, it writes the table instead.
pub(crate) fn check(document: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("a beginning");
    let (found, tail) = rest.split_once(END).expect("an end");
    if env::var_os("WRITE_DOCS").is_some() {
        fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}")).unwrap();
    } else {
        assert_eq!(found, table, "{document} is out of date: run make generate");
    }
}
