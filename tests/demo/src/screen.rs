//! Showing what moves: in place on a terminal, line by line elsewhere.

use std::{
    collections::HashSet,
    env, fmt,
    io::{self, IsTerminal as _, Write as _},
};

use rustix::termios;

use crate::{error::Error, events::Events, table::Line};

/// A terminal that doesn't tell its height has at least so many lines.
const LEAST_HEIGHT: usize = 24;

/// Prints a line.
pub(crate) fn say(text: impl fmt::Display) -> Result<(), Error> {
    print(&format!("{text}\n"))
}

fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(Error::io("write to the standard output"))
}

/// How the table and the events are shown.
pub(crate) enum Screen {
    /// In place, as long as nobody else writes there.
    InPlace(InPlace),
    /// What is new, line by line.
    Plain(Plain),
}

impl Screen {
    /// In place on a terminal that can.
    pub(crate) fn of_stdout() -> Self {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        if io::stdout().is_terminal() && !is_dumb {
            Self::InPlace(InPlace::default())
        } else {
            Self::Plain(Plain::default())
        }
    }

    /// Shows a table and all events so far.
    pub(crate) fn show(&mut self, table: &[Line], events: &[String]) -> Result<(), Error> {
        print(&match self {
            Self::InPlace(screen) => screen.draw(table, events, height()),
            Self::Plain(screen) => screen.news(table, events),
        })
    }
}

/// The terminal's lines.
fn height() -> usize {
    let size = termios::tcgetwinsize(io::stdout());
    size.ok().map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 0).unwrap_or(LEAST_HEIGHT)
}

/// A picture that is drawn over the last one.
#[derive(Default)]
pub(crate) struct InPlace {
    drawn: usize,
}

impl InPlace {
    /// The table, and below it the newest events, as many as there is room for.
    fn draw(&mut self, table: &[Line], events: &[String], height: usize) -> String {
        let mut lines: Vec<&str> = table.iter().map(|line| line.text.as_str()).collect();
        let header = Events::header();
        lines.extend(["", &header]);
        // The cursor stands below.
        let room = height.saturating_sub(lines.len() + 1);
        lines.extend(events.iter().skip(events.len().saturating_sub(room)).map(String::as_str));
        lines.truncate(height.saturating_sub(1));

        // Back to the top, clear what is below, and don't wrap long lines meanwhile.
        let back = if self.drawn > 0 { format!("\x1b[{}A", self.drawn) } else { String::new() };
        self.drawn = lines.len();
        format!("{back}\r\x1b[J\x1b[?7l{}\n\x1b[?7h", lines.join("\n"))
    }
}

/// What has been printed already.
#[derive(Default)]
pub(crate) struct Plain {
    rows: HashSet<Vec<String>>,
    events: usize,
}

impl Plain {
    /// The rows that have changed, and the events that are new.
    fn news(&mut self, table: &[Line], events: &[String]) -> String {
        let rows = table.iter().filter(|line| !self.rows.contains(&line.lasting)).map(|line| &line.text);
        let news: String =
            rows.chain(events.iter().skip(self.events)).map(|line| format!("{line}\n")).collect();
        self.rows = table.iter().map(|line| line.lasting.clone()).collect();
        self.events = events.len();
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, lasting: &str) -> Line {
        Line { text: text.to_owned(), lasting: vec![lasting.to_owned()] }
    }

    fn events(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("event {number}")).collect()
    }

    #[test]
    fn plain_prints_a_line_when_it_changes_and_an_event_once() {
        let mut screen = Plain::default();
        assert_eq!(
            screen.news(&[row("NAME AGE", "NAME"), row("w 1s", "w")], &events(1)),
            "NAME AGE\nw 1s\nevent 1\n"
        );
        assert_eq!(screen.news(&[row("NAME AGE", "NAME"), row("w 2s", "w")], &events(1)), "");
        assert_eq!(screen.news(&[row("NAME AGE", "NAME"), row("w 3s", "v")], &events(2)), "w 3s\nevent 2\n");
    }

    #[test]
    fn a_picture_replaces_the_last_one_and_fits() {
        let table = [row("NAME", "NAME"), row("w", "w")];
        let mut screen = InPlace::default();
        let picture = screen.draw(&table, &events(9), 8);
        assert!(picture.starts_with("\r\x1b[J\x1b[?7lNAME\nw\n\nTIME"), "{picture:?}");
        assert!(picture.ends_with("\nevent 7\nevent 8\nevent 9\n\x1b[?7h"), "{picture:?}");
        assert!(!picture.contains("event 6"));
        assert!(screen.draw(&table, &[], 8).starts_with("\x1b[7A\r\x1b[J"), "over all seven lines");
        for height in 0..8 {
            let picture = screen.draw(&table, &events(9), height);
            assert!(picture.matches('\n').count() < height.max(2), "{height}: {picture:?}");
        }
    }
}
