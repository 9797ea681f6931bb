use std::fmt;

use tokio::{
    select,
    signal::unix::{self, SignalKind},
};

use crate::error::Error;

/// What asks the demo to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Hangup,
    Interrupt,
    Terminate,
}

impl Signal {
    /// The system's number for it.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hangup => "hung up",
            Self::Interrupt => "interrupted",
            Self::Terminate => "terminated",
        })
    }
}

/// Signals that would end the process at once if nobody took them.
pub(crate) struct Signals {
    hangup: unix::Signal,
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Error> {
        let take = |kind| unix::signal(kind).map_err(Error::io("listen for signals"));
        Ok(Self {
            hangup: take(SignalKind::hangup())?,
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    /// What `work` comes to, unless a signal comes first: then `work` is dropped.
    pub(crate) async fn unless_any<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let signal = select! {
            biased;
            result = work => return result,
            _ = self.hangup.recv() => Signal::Hangup,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        };
        Err(Error::Interrupted(signal))
    }
}
