//! Showing what moves: in place on a terminal, line by line elsewhere.

use std::{
    collections::HashSet,
    env, fmt,
    io::{self, IsTerminal as _, Write as _},
};

use rustix::termios;

use crate::{error::Error, events::Events, table::Line};

/// What a terminal is taken for that doesn't tell its size.
const USUAL: Size = Size { height: 24, width: 80 };
/// Lines that stay free for what is said at the end, so that the last table is seen with it.
const LAST_WORDS: usize = 14;
/// So many events are shown all the same, if there is any room.
const LEAST_EVENTS: usize = 5;

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
            Self::InPlace(screen) => screen.draw(table, events, size()),
            Self::Plain(screen) => screen.news(table, events),
        })
    }
}

/// Lines and columns of a terminal.
#[derive(Clone, Copy)]
struct Size {
    height: usize,
    width: usize,
}

fn size() -> Size {
    let told = termios::tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0);
    told.map_or(USUAL, |size| Size { height: size.ws_row.into(), width: size.ws_col.into() })
}

/// A picture that is drawn over the last one.
#[derive(Default)]
pub(crate) struct InPlace {
    drawn: usize,
}

impl InPlace {
    /// The table, and below it the newest events, as many as there is room for.
    fn draw(&mut self, table: &[Line], events: &[String], size: Size) -> String {
        let header = Events::header();
        let mut lines: Vec<&str> = table.iter().map(|line| line.text.as_str()).collect();
        lines.extend(["", &header]);
        // The cursor stands below.
        lines.truncate(size.height.saturating_sub(1));
        let room = size.height.saturating_sub(lines.len() + 1);
        let room = room.min(room.saturating_sub(LAST_WORDS).max(LEAST_EVENTS));
        lines.extend(events.iter().skip(events.len().saturating_sub(room)).map(String::as_str));

        // Back to the top, and clear what is below.
        let back = if self.drawn > 0 { format!("\x1b[{}A", self.drawn) } else { String::new() };
        self.drawn = lines.len();
        let lines: String = lines.iter().map(|line| cut(line, size.width) + "\n").collect();
        format!("{back}\r\x1b[J{lines}")
    }
}

/// As much of a line as doesn't wrap.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
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

    fn draw(screen: &mut InPlace, events: &[String], height: usize) -> String {
        screen.draw(&[row("NAME", "NAME"), row("w", "w")], events, Size { height, width: 20 })
    }

    #[test]
    fn a_picture_replaces_the_last_one() {
        let mut screen = InPlace::default();
        let picture = draw(&mut screen, &events(9), 24);
        assert_eq!(
            picture,
            "\r\x1b[JNAME\nw\n\nTIME   TYPE      RE…\nevent 5\nevent 6\nevent 7\nevent 8\nevent 9\n"
        );
        assert!(draw(&mut screen, &[], 24).starts_with("\x1b[9A\r\x1b[J"), "over all nine lines");
        assert!(draw(&mut screen, &[], 24).starts_with("\x1b[4A\r\x1b[J"), "over the four of that");
    }

    #[test]
    fn a_picture_fits_any_height() {
        for height in 1..40 {
            let picture = draw(&mut InPlace::default(), &events(99), height);
            assert!(picture.matches('\n').count() < height, "{height}: {picture:?}");
            assert!(height < 6 || picture.ends_with("\nevent 99\n"), "{height}: {picture:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_on_a_character() {
        assert_eq!((cut("äöü", 3), cut("äöüß", 3)), ("äöü".to_owned(), "äö…".to_owned()));
    }
}
