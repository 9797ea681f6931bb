//! The steps of a migration, and how far each is at a moment.

use std::time::Duration;

use super::{PlanSpec, Stall};
use crate::model::{OsType, SubTask, TransferMethod};

/// A step between two moments, with a pause perhaps.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) begins: Duration,
    /// Without the pause.
    pub(super) lasts: Duration,
    pub(super) pause: Option<Pause>,
    /// Whether data are copied in it, so that there is a speed.
    pub(super) copies: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    after: Duration,
    lasts: Duration,
}

impl Step {
    pub(super) fn ends(&self) -> Duration {
        let paused = self.pause.map_or(Duration::ZERO, |pause| pause.lasts);
        self.begins.saturating_add(self.lasts).saturating_add(paused)
    }

    /// When it reaches a progress, and is past the pause there, if any.
    pub(super) fn reaches(&self, percent: u8) -> Duration {
        let work = part(self.lasts, percent);
        let paused =
            self.pause.filter(|pause| pause.after <= work).map_or(Duration::ZERO, |pause| pause.lasts);
        self.begins.saturating_add(work).saturating_add(paused)
    }

    pub(super) fn is_moving(&self, now: Duration) -> bool {
        let pausing = self.pause.is_some_and(|pause| {
            let from = self.begins.saturating_add(pause.after);
            (from..from.saturating_add(pause.lasts)).contains(&now)
        });
        (self.begins..self.ends()).contains(&now) && !pausing
    }

    /// As it looks at a moment; none before it begins.
    pub(super) fn at(&self, now: Duration) -> Option<SubTask> {
        let running = now.checked_sub(self.begins)?;
        let over = self.ends() <= now;
        let progress = if over { 100 } else { percent(self.work_done(running), self.lasts).min(99) };
        Some(SubTask {
            name: self.name.into(),
            progress,
            began: self.begins,
            ended: over.then(|| self.ends()),
        })
    }

    fn work_done(&self, running: Duration) -> Duration {
        match self.pause {
            Some(pause) if running > pause.after => running.saturating_sub(pause.lasts).max(pause.after),
            _ => running,
        }
    }
}

/// The steps from the start to the end of the copy and what follows it.
pub(super) fn migration(spec: &PlanSpec, os: OsType, method: TransferMethod, starts: Duration) -> Vec<Step> {
    let mut begins = starts;
    let steps = names(os, method).into_iter().map(|(name, share)| {
        let lasts = part(spec.copies.0, share);
        let copies = share == COPY;
        let pause = spec.stalls.filter(|_| copies).map(|stall| pause(stall, lasts));
        let step = Step { name, begins, lasts, pause, copies };
        begins = step.ends();
        step
    });
    steps.collect()
}

/// The step in which a copied server is kept in step with its source.
pub(super) fn sync(spec: &PlanSpec, os: OsType, method: TransferMethod, begins: Duration) -> Step {
    let name = match (os, method) {
        (OsType::Windows, _) => "SYNC_WINDOWS_BLOCK",
        (OsType::Linux, TransferMethod::File) => "SYNC_LINUX_FILE",
        (OsType::Linux, TransferMethod::Block) => "SYNC_LINUX_BLOCK",
    };
    Step { name, begins, lasts: part(spec.copies.0, 20), pause: None, copies: true }
}

/// The share of the step that copies; the others' are percent of it.
const COPY: u8 = 100;

/// The name of the step that copies the data.
pub(in crate::model) fn copying(os: OsType, method: TransferMethod) -> &'static str {
    match (os, method) {
        (OsType::Windows, _) => "MIGRATE_WINDOWS_BLOCK",
        (OsType::Linux, TransferMethod::File) => "MIGRATE_LINUX_FILE",
        (OsType::Linux, TransferMethod::Block) => "MIGRATE_LINUX_BLOCK",
    }
}

fn names(os: OsType, method: TransferMethod) -> [(&'static str, u8); 7] {
    let (format, configure) = match (os, method) {
        (OsType::Windows, _) => ("FORMAT_DISK_WINDOWS", "CONFIGURE_WINDOWS"),
        (OsType::Linux, TransferMethod::File) => ("FORMAT_DISK_LINUX_FILE", "CONFIGURE_LINUX_FILE"),
        (OsType::Linux, TransferMethod::Block) => ("FORMAT_DISK_LINUX_BLOCK", "CONFIGURE_LINUX_BLOCK"),
    };
    [
        ("CREATE_CLOUD_SERVER", 9),
        ("SSL_CONFIG", 3),
        ("ATTACH_AGENT_IMAGE", 5),
        (format, 5),
        (copying(os, method), COPY),
        ("CLONE_VM", 5),
        (configure, 6),
    ]
}

fn pause(stall: Stall, lasts: Duration) -> Pause {
    Pause { after: part(lasts, stall.at), lasts: stall.lasts.map_or(Duration::MAX, |seconds| seconds.0) }
}

fn part(whole: Duration, percent: u8) -> Duration {
    whole.saturating_mul(u32::from(percent.min(100))) / 100
}

fn percent(part: Duration, whole: Duration) -> u8 {
    let percent = part.as_millis().saturating_mul(100).checked_div(whole.as_millis());
    percent.and_then(|percent| u8::try_from(percent).ok()).unwrap_or(100)
}
