//! A plan worked out: which state from when on, and which steps.

use std::time::Duration;

use super::step::{self, Step};
use super::{Ending, PlanSpec};
use crate::model::{OsType, Snapshot, TaskError, TaskState, TransferMethod};

/// A task's whole course, from which any moment can be read.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    starts: Duration,
    speed: f64,
    steps: Vec<Step>,
    /// When the state changes and to what, in order; READY before the first.
    turns: Vec<(Duration, TaskState)>,
    /// From when on the steps stand still.
    halts: Duration,
    error: Option<TaskError>,
}

const READY: &TaskState = &TaskState::READY;

impl Plan {
    /// The course of a task that is created at this moment.
    pub(crate) fn new(spec: &PlanSpec, os: OsType, method: TransferMethod, created: Duration) -> Self {
        let starts = created.saturating_add(spec.starts.0);
        let steps = step::migration(spec, os, method, starts);
        let mut plan = Self {
            starts,
            speed: spec.speed,
            turns: vec![(starts, TaskState::RUNNING)],
            halts: Duration::MAX,
            error: None,
            steps,
        };
        let done = plan.steps.last().map_or(starts, Step::ends);
        match &spec.ends {
            Ending::Succeeds => plan.turn(done, TaskState::MIGRATE_SUCCESS),
            Ending::Syncs { lasts } => {
                plan.steps.push(step::sync(spec, os, method, done));
                plan.turn(done, TaskState::SYNCING);
                let cutover = lasts.map_or(Duration::MAX, |seconds| done.saturating_add(seconds.0));
                plan.halts = cutover;
                plan.turn(cutover, TaskState::MIGRATE_SUCCESS);
            }
            Ending::Fails { at, error } => {
                plan.halt(*at, TaskState::MIGRATE_FAIL);
                plan.error = Some(error.clone());
            }
            Ending::Aborts { at, takes } => {
                plan.halt(*at, TaskState::ABORTING);
                plan.turn(plan.halts.saturating_add(takes.0), TaskState::ABORT);
            }
            Ending::Becomes { at, state } => plan.halt(*at, state.clone()),
        }
        plan
    }

    /// What never happens has no turn.
    fn turn(&mut self, at: Duration, state: TaskState) {
        if at < Duration::MAX {
            self.turns.push((at, state));
        }
    }

    fn halt(&mut self, copied: u8, state: TaskState) {
        self.halts =
            self.steps.iter().find(|step| step.copies).map_or(self.starts, |copy| copy.reaches(copied));
        self.turn(self.halts, state);
    }

    pub(crate) fn state_at(&self, now: Duration) -> &TaskState {
        self.turn_at(now).map_or(READY, |(_, state)| state)
    }

    fn turn_at(&self, now: Duration) -> Option<&(Duration, TaskState)> {
        self.turns.iter().rev().find(|(at, _)| *at <= now)
    }

    pub(crate) fn at(&self, now: Duration) -> Snapshot {
        let state = self.state_at(now).clone();
        let halted = self.halts <= now;
        let seen = now.min(self.halts);
        let moving = !halted && self.steps.iter().any(|step| step.copies && step.is_moving(now));
        let running = state == TaskState::RUNNING;
        Snapshot {
            sub_tasks: self.steps.iter().filter_map(|step| step.at(seen)).collect(),
            speed: self.has_started(now).then(|| if moving { self.wavering(now) } else { 0.0 }),
            estimate: self.expected_end().filter(|_| running && moving),
            error: self.error.clone().filter(|_| halted),
            started: self.has_started(now).then_some(self.starts),
            ended: self.turn_at(now).filter(|(_, state)| state.has_ended()).map(|(at, _)| *at),
            state,
        }
    }

    fn has_started(&self, now: Duration) -> bool {
        self.starts <= now
    }

    /// When the steps before the sync would be done: the service can't foresee a failure.
    fn expected_end(&self) -> Option<Duration> {
        let last = self.steps.iter().rev().find(|step| !step.name.starts_with("SYNC_"));
        last.map(Step::ends).filter(|end| *end < Duration::MAX)
    }

    /// A real speed is never the same twice: up and down by a tenth within ten seconds.
    fn wavering(&self, now: Duration) -> f64 {
        let phase = (now.as_secs_f64() / 10.0).fract();
        let wave = (phase - 0.5).abs() * 4.0 - 1.0;
        (self.speed * (1.0 + wave / 10.0) * 100.0).round() / 100.0
    }
}
