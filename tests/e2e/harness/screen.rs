//! A terminal, and a program in it.

use std::{
    ffi::OsStr,
    io::{Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use pty_process::{
    Size,
    blocking::{Command as PtyCommand, Pty, open},
};
use rustix::termios::{Termios, tcgetattr};

use super::PATIENCE;

/// A terminal with a program in it, which is killed when this is dropped.
pub(crate) struct Screen {
    pty: Arc<Pty>,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    before: Termios,
}

/// What the program has sent, and what that comes to.
struct Seen {
    parser: vt100::Parser,
    sent: Vec<u8>,
}

impl Screen {
    /// Starts a program in a terminal of so many lines and columns.
    pub(crate) fn start<S: AsRef<OsStr>>(
        program: &Path,
        args: &[S],
        environment: &[(&str, &OsStr)],
        (rows, columns): (u16, u16),
    ) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let before = tcgetattr(&pty).unwrap();
        let command = PtyCommand::new(program).args(args).env("TERM", "xterm-256color");
        let command = command.env_remove("NO_COLOR").envs(environment.iter().copied());
        let child = command.spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let seen = Seen { parser: vt100::Parser::new(rows, columns, 0), sent: Vec::new() };
        let seen = Arc::new(Mutex::new(seen));
        thread::spawn({
            let (pty, seen) = (pty.clone(), seen.clone());
            move || read(&pty, &seen)
        });
        Self { pty, child, seen, before }
    }

    /// Presses keys.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.seen.lock().unwrap().parser.screen_mut().set_size(rows, columns);
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// Sends a signal, as kill(1) names it.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// The lines that are seen.
    pub(crate) fn lines(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let columns = seen.parser.screen().size().1;
        seen.parser.screen().rows(0, columns).map(|line| line.trim_end().to_owned()).collect()
    }

    /// All that the program has sent.
    pub(crate) fn sent(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().sent).into_owned()
    }

    /// Whether the program has a screen of its own.
    pub(crate) fn is_taken(&self) -> bool {
        self.seen.lock().unwrap().parser.screen().alternate_screen()
    }

    /// Waits until the lines are as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let start = Instant::now();
        loop {
            let lines = self.lines();
            if wanted(&lines) {
                return lines;
            }
            assert!(start.elapsed() < PATIENCE, "{what}; seen is\n{}", lines.join("\n"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the program has taken the terminal, or has given it back as it was.
    pub(crate) async fn until_taken(&self, taken: bool) {
        let start = Instant::now();
        while self.is_taken() != taken || self.is_as_before() == taken {
            assert!(start.elapsed() < PATIENCE, "taken is not {taken}; seen is\n{}", self.lines().join("\n"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the program has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it doesn't end; seen is\n{}", self.lines().join("\n"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether the terminal has the modes that it had at the start, and a cursor.
    fn is_as_before(&self) -> bool {
        let now = tcgetattr(&*self.pty).unwrap();
        let modes = |modes: &Termios| (modes.input_modes, modes.output_modes, modes.local_modes);
        modes(&now) == modes(&self.before) && !self.seen.lock().unwrap().parser.screen().hide_cursor()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Until the program has ended, and the terminal with it.
fn read(mut pty: &Pty, seen: &Mutex<Seen>) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = pty.read(&mut bytes) {
        let mut seen = seen.lock().unwrap();
        seen.sent.extend_from_slice(&bytes[..length]);
        seen.parser.process(&bytes[..length]);
    }
}
