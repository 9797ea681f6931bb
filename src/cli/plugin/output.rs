use std::{
    env,
    io::{self, IsTerminal, Write},
};

use rustix::termios;
use serde::Serialize;

use super::error::PluginError;
use crate::views::{Line, Size, harmless_json};

/// What a terminal is taken for that doesn't tell its size.
const USUAL: Size = Size { height: 24, width: 80 };

/// Standard output, and what it can show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    is_terminal: bool,
    /// Whether there are to be colours.
    pub(super) colours: bool,
}

impl Output {
    /// Colours on a terminal that has them, unless NO_COLOR says otherwise.
    pub(super) fn of_stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_terminal, colours: is_terminal && !unwanted && !is_dumb() }
    }

    /// Whether a picture can be drawn, and keys can be read.
    pub(super) fn is_interactive(self) -> bool {
        self.is_terminal && io::stdin().is_terminal() && !is_dumb()
    }

    /// The width that lines have to fit into: a file has none.
    pub(super) fn width(self) -> Option<usize> {
        self.is_terminal.then(|| size().width)
    }

    /// Prints lines.
    pub(super) fn print(self, lines: &[Line]) -> Result<(), PluginError> {
        let text: String = lines.iter().map(|line| line.render(self.colours) + "\n").collect();
        write(&text)
    }
}

fn is_dumb() -> bool {
    env::var_os("TERM").is_none_or(|term| term == "dumb")
}

/// Writes text as it is.
pub(super) fn write(text: &str) -> Result<(), PluginError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints a value as JSON that no terminal acts on.
pub(super) fn json(value: &impl Serialize) -> Result<(), PluginError> {
    write(&(harmless_json(&serde_json::to_string_pretty(value)?) + "\n"))
}

/// The size of the terminal.
pub(super) fn size() -> Size {
    let told = termios::tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0);
    told.map_or(USUAL, |size| Size { height: size.ws_row.into(), width: size.ws_col.into() })
}
