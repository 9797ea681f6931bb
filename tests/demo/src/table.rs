//! The watches as the API server prints them: what `kubectl get migrationtaskwatches` shows.

use http::{Request, header::ACCEPT};
use kube::Resource as _;
use migration_task_watch::api::MigrationTaskWatch;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::Error,
    place::{Place, within},
};

/// Asks the API server for the table, and the watches with it.
pub(crate) async fn fetch(place: &Place) -> Result<Table, Error> {
    let path = MigrationTaskWatch::url_path(&(), Some(place.namespace));
    let request = Request::get(format!("{path}?includeObject=Object"))
        .header(ACCEPT, "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())
        .map_err(kube::Error::HttpError);
    let answer = async { place.client.request(request?).await };
    within("read the table of watches", answer).await
}

/// A table as the API server sends it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Table {
    column_definitions: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    priority: i32,
}

#[derive(Debug, Deserialize)]
struct Row {
    cells: Vec<Value>,
    object: Option<MigrationTaskWatch>,
}

/// A row as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Padded as kubectl pads it.
    pub(crate) text: String,
    /// The cells that don't change by time alone.
    pub(crate) lasting: Vec<String>,
}

impl Table {
    /// The watches in it.
    pub(crate) fn watches(&self) -> impl Iterator<Item = &MigrationTaskWatch> {
        self.rows.iter().filter_map(|row| row.object.as_ref())
    }

    /// The columns that kubectl shows without `-o wide`: their names, then the rows.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let columns: Vec<ShownColumn> = self
            .column_definitions
            .iter()
            .enumerate()
            .filter(|(_, column)| column.priority == 0)
            .map(|(index, column)| self.shown(index, column))
            .collect();
        (0..=self.rows.len()).map(|row| line(&columns, row)).collect()
    }

    fn shown(&self, index: usize, column: &Column) -> ShownColumn {
        let cells = self.rows.iter().map(|row| text(row.cells.get(index)));
        let cells: Vec<String> = [column.name.to_uppercase()].into_iter().chain(cells).collect();
        let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        ShownColumn { cells, width, lasts: column.kind != "date" }
    }
}

/// A column from its name downwards.
struct ShownColumn {
    cells: Vec<String>,
    width: usize,
    lasts: bool,
}

fn line(columns: &[ShownColumn], row: usize) -> Line {
    let cells = || columns.iter().filter_map(move |column| Some((column, column.cells.get(row)?)));
    let padded: Vec<String> =
        cells().map(|(column, cell)| format!("{cell:<width$}", width = column.width)).collect();
    Line {
        text: padded.join("   ").trim_end().to_owned(),
        lasting: cells().filter(|(column, _)| column.lasts).map(|(_, cell)| cell.clone()).collect(),
    }
}

fn text(cell: Option<&Value>) -> String {
    match cell {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(rows: Value) -> Table {
        let columns = json!([
            {"name": "Name", "type": "string", "priority": 0},
            {"name": "Message", "type": "string", "priority": 1},
            {"name": "Total", "type": "integer", "priority": 0},
            {"name": "Last-Sync", "type": "date", "priority": 0},
            {"name": "Failed", "type": "integer", "priority": 0},
        ]);
        serde_json::from_value(json!({"columnDefinitions": columns, "rows": rows})).unwrap()
    }

    fn texts(table: &Table) -> Vec<String> {
        table.lines().into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn it_looks_as_kubectl_prints_it() {
        let table = table(json!([
            {"cells": ["wave-1", "hidden", 12, "3s", 1]},
            {"cells": ["w", "", null, null, null]},
        ]));
        assert_eq!(
            texts(&table),
            ["NAME     TOTAL   LAST-SYNC   FAILED", "wave-1   12      3s          1", "w"]
        );
    }

    #[test]
    fn ages_alone_are_no_change() {
        let lasting = |sync: &str, failed: i64| {
            let table = table(json!([{"cells": ["wave-1", "", 12, sync, failed]}]));
            table.lines().pop().unwrap().lasting
        };
        assert_eq!(lasting("3s", 0), lasting("4s", 0));
        assert_ne!(lasting("3s", 0), lasting("3s", 1));
    }

    #[test]
    fn rows_may_be_short_or_absent() {
        assert_eq!(texts(&table(json!([]))), ["NAME   TOTAL   LAST-SYNC   FAILED"]);
        assert_eq!(texts(&table(json!([{"cells": ["w"]}]))), ["NAME   TOTAL   LAST-SYNC   FAILED", "w"]);
    }
}
