//! The figures as a table.

use std::time::Duration;

use bench::sms::Tally;

use crate::{audit::Requests, board::Verdict, program::Kind};

/// The resource of the writes of statuses.
const STATUS: &str = "migrationtaskwatches/status";

/// The figures of a program in a scenario.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    pub(crate) program: Kind,
    pub(crate) verdict: Verdict,
    pub(crate) may_be_incomplete: bool,
    pub(crate) cpu: Duration,
    /// In kilobytes, as all memory.
    pub(crate) peak: u64,
    pub(crate) resident: u64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    /// From the start of the process to its first request to SMS.
    pub(crate) start_to_listing: Option<Duration>,
    pub(crate) applied_first: bool,
    pub(crate) tally: Tally,
    pub(crate) asked: Requests,
}

/// Of at least one run that which is wrong, or else the one in the middle by processor time.
pub(crate) fn middle(mut runs: Vec<Row>) -> Row {
    runs.sort_by_key(|row| (row.is_right(), row.cpu));
    let is_wrong = runs.first().is_some_and(|row| !row.is_right());
    runs.swap_remove(if is_wrong { 0 } else { runs.len() / 2 })
}

impl Row {
    /// Whether all statuses are as they should be.
    pub(crate) fn is_right(&self) -> bool {
        let Verdict { right, incomplete, total, .. } = self.verdict;
        right == total || (self.may_be_incomplete && right + incomplete == total)
    }

    /// What has no place in the table, after the figure that differs most from run to run.
    pub(crate) fn details(&self) -> String {
        let Tally { connections, most_under_way, .. } = self.tally;
        let mut parts = vec![
            format!("{} s CPU", seconds(self.cpu)),
            format!("{connections} connections to SMS, at most {most_under_way} requests under way"),
            format!("{} MB resident at the end", megabytes(self.resident)),
            format!("{} reads of the API server, {} refused writes", self.asked.reads, self.asked.refused),
            format!("writes {:?}", self.asked.writes),
        ];
        if let Some(start) = self.start_to_listing.filter(|_| self.applied_first) {
            parts.push(format!("first request to SMS {} ms after the start", start.as_millis()));
        }
        if let Some(slowest) = self.verdict.slowest_change {
            let changes = self.verdict.changes;
            parts.push(format!("{changes} changes, the slowest in its status after {} s", seconds(slowest)));
        }
        if self.tally.refused > 0 {
            parts.push(format!("answered and refused each 10 s: {:?}", self.tally.course));
        }
        format!("  {}", parts.join("; "))
    }

    fn cells(&self) -> Vec<String> {
        let Verdict { right, incomplete, total, .. } = self.verdict;
        let outcome = match incomplete {
            0 => format!("{right} of {total}"),
            incomplete => format!("{right} of {total}, {incomplete} ListIncomplete"),
        };
        let other: u64 =
            self.asked.writes.iter().filter(|(kind, _)| *kind != STATUS).map(|(_, count)| count).sum();
        vec![
            self.scenario.to_owned(),
            self.program.to_string(),
            self.verdict.first.map_or("-".to_owned(), |first| format!("{} s", seconds(first))),
            format!("{} s", seconds(self.cpu)),
            format!("{} MB", megabytes(self.peak)),
            self.requests.to_string(),
            self.tally.refused.to_string(),
            format!("{} MB", self.bytes / 1_000_000),
            self.asked.of_kind(STATUS).to_string(),
            other.to_string(),
            self.verdict.slowest_change.map_or("-".to_owned(), |delay| format!("{} s", seconds(delay))),
            outcome,
        ]
    }
}

const HEAD: [&str; 12] = [
    "scenario",
    "program",
    "first status",
    "CPU",
    "peak memory",
    "SMS requests",
    "429",
    "received",
    "status writes",
    "other writes",
    "slowest change",
    "right",
];

/// A table in Markdown, with a row of ratios where both programs ran.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut lines: Vec<Vec<String>> = vec![HEAD.map(str::to_owned).to_vec()];
    for (place, row) in rows.iter().enumerate() {
        lines.push(row.cells());
        let before = place.checked_sub(1).and_then(|place| rows.get(place));
        if let Some(operator) = before.filter(|before| before.scenario == row.scenario) {
            lines.push(ratios(operator, row));
        }
    }
    let widths: Vec<usize> = (0..HEAD.len()).map(|column| width(&lines, column)).collect();
    let rule = widths.iter().map(|width| "-".repeat(*width)).collect();
    lines.insert(1, rule);
    lines.iter().map(|line| format_line(line, &widths)).collect()
}

/// How many times as much the naive program took.
fn ratios(operator: &Row, naive: &Row) -> Vec<String> {
    let ratio = |of: fn(&Row) -> f64| {
        let (operator, naive) = (of(operator), of(naive));
        if operator > 0.0 { format!("x {:.1}", naive / operator) } else { "-".to_owned() }
    };
    let mut cells = vec![String::new(); HEAD.len()];
    let filled = [
        (1, "ratio".to_owned()),
        (2, ratio(|row| row.verdict.first.unwrap_or_default().as_secs_f64())),
        (3, ratio(|row| row.cpu.as_secs_f64())),
        (4, ratio(|row| number(row.peak))),
        (5, ratio(|row| number(row.requests))),
        (7, ratio(|row| number(row.bytes))),
        (8, ratio(|row| number(row.asked.of_kind(STATUS)))),
    ];
    for (place, text) in filled {
        if let Some(cell) = cells.get_mut(place) {
            *cell = text;
        }
    }
    cells
}

#[expect(clippy::cast_precision_loss, reason = "a ratio is shown with one decimal")]
fn number(count: u64) -> f64 {
    count as f64
}

fn seconds(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64())
}

/// Of kilobytes: Linux means 1,024 bytes.
fn megabytes(kilobytes: u64) -> String {
    format!("{:.1}", number(kilobytes * 1024) / 1e6)
}

fn width(lines: &[Vec<String>], column: usize) -> usize {
    lines.iter().filter_map(|line| line.get(column)).map(String::len).max().unwrap_or_default()
}

fn format_line(line: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    format!("| {} |\n", cells.join(" | "))
}
