//! The table as the API server prints it: what `kubectl get migrationtaskwatches` shows.

use http::{Request, header::ACCEPT};
use serde_json::Value;

use crate::{Result, stage::Stage};

/// Asks the API server for the table.
pub(crate) async fn fetch(stage: &Stage) -> Result<Vec<String>> {
    let path = format!(
        "/apis/migration-task-watch.dev/v1alpha1/namespaces/{}/migrationtaskwatches",
        stage.namespace
    );
    let request = Request::get(path).header(ACCEPT, "application/json;as=Table;v=v1;g=meta.k8s.io");
    Ok(render(&stage.client.request(request.body(Vec::new())?).await?))
}

/// The columns that kubectl shows without `-o wide`, padded as kubectl pads them.
fn render(table: &Value) -> Vec<String> {
    let columns = array(table, "columnDefinitions");
    let shown =
        |index: &usize| columns.get(*index).is_some_and(|column| column.get("priority") == Some(&0.into()));
    let indexes: Vec<usize> = (0..columns.len()).filter(shown).collect();
    let header: Vec<String> = indexes
        .iter()
        .filter_map(|index| columns.get(*index)?.get("name")?.as_str())
        .map(str::to_uppercase)
        .collect();
    let rows = array(table, "rows").iter().map(|row| {
        let cells = array(row, "cells");
        indexes.iter().map(|index| cell(cells.get(*index))).collect::<Vec<_>>()
    });
    align(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn cell(cell: Option<&Value>) -> String {
    match cell {
        None | Some(Value::Null) => "<none>".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn align(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    rows.iter()
        .map(|row| {
            let cells: Vec<_> = row
                .iter()
                .enumerate()
                .map(|(index, cell)| format!("{cell:<width$}", width = width(index)))
                .collect();
            cells.join("   ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_looks_as_kubectl_prints_it() {
        let table = json!({
            "columnDefinitions": [
                {"name": "Name", "priority": 0}, {"name": "Total", "priority": 0}, {"name": "Message", "priority": 1},
            ],
            "rows": [{"cells": ["wave-1", 12, "hidden"]}, {"cells": ["w", null, ""]}],
        });
        assert_eq!(render(&table), ["NAME     TOTAL", "wave-1   12", "w        <none>"]);
    }
}
