//! The terminal while a picture is drawn on it.

use std::{
    io::{self, Read, Write},
    thread,
};

use rustix::{
    process::{Signal, getpid, kill_process},
    termios::{OptionalActions, Termios, tcgetattr, tcsetattr},
};
use tokio::sync::mpsc;

use super::keys::{Key, keys};
use crate::views::Line;

/// A screen of its own, without a cursor, and without lines that wrap.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// Back to what was there.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The terminal, taken over; given back when dropped.
pub(super) struct Terminal {
    before: Termios,
    colours: bool,
}

impl Terminal {
    /// Takes it over.
    pub(super) fn enter(colours: bool) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let terminal = Self { before, colours };
        terminal.take()?;
        Ok(terminal)
    }

    /// Draws a picture over the last one, in one go: it doesn't flicker.
    pub(super) fn draw(&self, lines: &[Line]) -> io::Result<()> {
        let mut text = "\x1b[H".to_owned();
        for (place, line) in lines.iter().enumerate() {
            if place > 0 {
                text.push_str("\r\n");
            }
            text.push_str(&line.render(self.colours));
            text.push_str("\x1b[K");
        }
        text.push_str("\x1b[J");
        write(&text)
    }

    /// Stops, as Ctrl-Z does elsewhere, and goes on when it is continued.
    pub(super) fn suspend(&self) -> io::Result<()> {
        self.give_back()?;
        kill_process(getpid(), Signal::STOP)?;
        self.take()
    }

    fn take(&self) -> io::Result<()> {
        let mut raw = self.before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        write(ENTER)
    }

    fn give_back(&self) -> io::Result<()> {
        write(LEAVE)?;
        Ok(tcsetattr(io::stdin(), OptionalActions::Flush, &self.before)?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.give_back();
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The keys that are pressed; ends with standard input. A thread reads them, since nothing can break off its read: the
/// process doesn't wait for it at its end.
pub(super) fn pressed() -> mpsc::UnboundedReceiver<Key> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok(length) = io::stdin().lock().read(&mut bytes) {
            let sent = keys(bytes.get(..length).unwrap_or_default());
            if length == 0 || sent.into_iter().any(|key| sender.send(key).is_err()) {
                break;
            }
        }
    });
    receiver
}
