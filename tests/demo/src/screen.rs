//! Showing what moves: in place on a terminal, line by line elsewhere.

use std::io::{self, IsTerminal, Write};

/// How many of the newest events a terminal shows.
const EVENTS: usize = 14;

/// Where the demo shows itself.
pub(crate) struct Screen {
    in_place: bool,
    drawn: usize,
    table: Vec<String>,
    events: Vec<String>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self { in_place: io::stdout().is_terminal(), drawn: 0, table: Vec::new(), events: Vec::new() }
    }

    /// Shows the table and what has been told since.
    pub(crate) fn show(&mut self, table: Vec<String>, news: Vec<String>) -> io::Result<()> {
        if self.in_place {
            self.table = table;
            self.events.extend(news);
            self.draw()
        } else {
            self.print(table, &news)
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        // Back to the top of the last picture, and no wrapping of long lines meanwhile.
        if self.drawn > 0 {
            write!(out, "\x1b[{}A", self.drawn)?;
        }
        write!(out, "\x1b[J\x1b[?7l")?;
        let newest = self.events.len().saturating_sub(EVENTS);
        let lines = self.table.iter().map(String::as_str).chain([""]);
        let lines: Vec<&str> = lines.chain(self.events.iter().skip(newest).map(String::as_str)).collect();
        for line in &lines {
            writeln!(out, "{line}")?;
        }
        write!(out, "\x1b[?7h")?;
        self.drawn = lines.len();
        out.flush()
    }

    fn print(&mut self, table: Vec<String>, news: &[String]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for line in news {
            writeln!(out, "{line}")?;
        }
        // Ages alone are no news.
        if without_ages(&table) != without_ages(&self.table) {
            for line in table.iter().skip(usize::from(!self.table.is_empty())) {
                writeln!(out, "{line}")?;
            }
            self.table = table;
        }
        out.flush()
    }

    /// Leaves the terminal as it was.
    pub(crate) fn leave(&self) {
        if self.in_place {
            print!("\x1b[?7h");
        }
    }
}

/// The rows without their last two columns, Last-Sync and Age.
fn without_ages(table: &[String]) -> Vec<Vec<&str>> {
    let cells = |row: &'_ String| row.split_whitespace().count();
    table.iter().map(|row| row.split_whitespace().take(cells(row).saturating_sub(2)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_alone_are_no_news() {
        let row = |row: &str| vec![row.to_owned()];
        assert_eq!(without_ages(&row("wave-1 True 12 2s 5s")), without_ages(&row("wave-1 True 12 3s 6s")));
        assert_ne!(without_ages(&row("wave-1 True 12 2s 5s")), without_ages(&row("wave-1 True 11 2s 5s")));
    }
}
