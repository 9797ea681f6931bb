//! Invariants of single writes: that they say something new, and what they were decided from.

use kube::ResourceExt;

use super::{
    MINUTE, Moment, SECOND,
    oracle::{matches, pass_of},
    world::World,
};
use crate::api::{MigrationTaskWatch, MigrationTaskWatchStatus, Summary};

/// What a status says, without what changes all the time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) telling: Vec<String>,
    pub(super) progress: Vec<String>,
}

impl Said {
    pub(super) fn of(status: &MigrationTaskWatchStatus) -> Self {
        let MigrationTaskWatchStatus { conditions, tasks, missing, .. } = status;
        let summary = status.summary.clone().map(|summary| Summary {
            progress: 0,
            estimated_completion_time: None,
            ..summary
        });
        let handled = &status.last_handled_reconcile_at;
        let mut telling = vec![
            format!("{:?} {:?} {handled:?}", status.observed_generation, status.observed_target),
            format!("{summary:?} {missing:?} {:?}", status.omitted_tasks),
        ];
        telling.extend(
            conditions
                .iter()
                .map(|condition| format!("{} {} {}", condition.type_, condition.status, condition.reason)),
        );
        telling.extend(tasks.iter().map(|task| {
            format!("{} {} {:?} {}", task.id, task.state, task.error, task.stalled_since.is_some())
        }));
        let mut progress = vec![format!("{:?}", status.summary.as_ref().map(|summary| summary.progress))];
        progress.extend(conditions.iter().map(|condition| condition.message.clone()));
        progress.extend(tasks.iter().map(|task| format!("{} {}", task.id, task.progress)));
        telling.sort();
        progress.sort();
        Self { telling, progress }
    }
}

/// A gate, and whether a state passes it.
type Gate = (&'static str, fn(&str) -> bool);

pub(super) const GATES: [Gate; 3] = [
    ("Completed", |state| matches!(state, "MIGRATE_SUCCESS" | "SYNC_SUCCESS" | "MIGRATE_FAIL" | "ABORT")),
    ("Succeeded", |state| matches!(state, "MIGRATE_SUCCESS" | "SYNC_SUCCESS")),
    ("CutoverReady", |state| matches!(state, "SYNCING" | "MIGRATE_SUCCESS" | "SYNC_SUCCESS")),
];

pub(super) fn is_open(status: &MigrationTaskWatchStatus, gate: &str) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == gate && condition.status == "True")
}

impl World {
    /// A gate opens when two listings agree.
    pub(super) fn check_gates(
        &mut self,
        (from, sent, uid): (u32, Moment, &str),
        before: &MigrationTaskWatchStatus,
        new: &MigrationTaskWatchStatus,
    ) {
        let spec = self.record(uid).specs.get(&new.observed_generation.unwrap_or_default()).cloned();
        let spec = spec.unwrap_or_default();
        let was_open = |gate| is_open(before, gate) && before.observed_target == new.observed_target;
        for (gate, passes) in GATES.into_iter().filter(|(gate, _)| is_open(new, gate) && !was_open(gate)) {
            let agree = self.sms.agreeing(from, sent, |task| !matches(&spec, task) || passes(task.state));
            if agree < 2 {
                self.violate(4, format!("{gate} opens by {agree} listings"));
            }
        }
    }

    /// A status is made with the credentials that the spec names.
    pub(super) fn check_credentials(
        &mut self,
        namespace: &str,
        uid: &str,
        pass: usize,
        new: &MigrationTaskWatchStatus,
    ) {
        let Some(key) = self.sms.key_of(pass).map(str::to_owned) else { return };
        let spec = self.record(uid).specs.get(&new.observed_generation.unwrap_or_default()).cloned();
        let Some(secret) = spec.and_then(|spec| spec.credentials.secret_ref) else { return };
        let held = self.kubernetes.held.get(&(namespace.to_owned(), secret.name.clone()));
        if held.is_none_or(|held| !held.contains(&key)) {
            self.violate(1, format!("a status for the Secret {} is made with {key}", secret.name));
        }
    }

    /// Nothing is written without a change that a person would act on.
    pub(super) fn check_quiet(
        &mut self,
        (from, sent, uid): (u32, Moment, &str),
        before: &MigrationTaskWatchStatus,
        new: &MigrationTaskWatchStatus,
    ) {
        let owes = new.outbox.as_ref().is_some_and(|outbox| !outbox.events.is_empty());
        if owes {
            return;
        }
        let (said, was) = (Said::of(new), Said::of(before));
        if said.telling != was.telling {
            return;
        }
        let stepped = self.oracle.stepped;
        let synced = pass_of(before).and_then(|pass| self.sms.ended(pass)).unwrap_or_default();
        let record = self.record(uid);
        // A new process doesn't know when the last one wrote; and who sets clocks knows no times.
        let Some(last) = record.last.as_ref().filter(|last| last.process == from) else { return };
        if record.is_tampered || stepped.is_some_and(|stepped| stepped + MINUTE >= last.sent) {
            return;
        }
        let gap = sent.saturating_sub(last.sent);
        let (least, gap) = if said.progress == was.progress {
            (269 * SECOND, sent.saturating_sub(synced))
        } else {
            (59 * SECOND, gap)
        };
        if gap < least {
            let pass = pass_of(new);
            self.violate(2, format!("nothing new is written after {gap} of {least} ms (pass {pass:?})"));
        }
    }

    /// A process doesn't decide from what is older than its own last write.
    pub(super) fn check_version(
        &mut self,
        (from, sent): (u32, Moment),
        stored: &MigrationTaskWatch,
        version: &str,
    ) {
        let version: u64 = version.parse().unwrap_or_default();
        let known = self.record(&stored.uid().unwrap_or_default()).versions.get(&from).copied();
        if let Some((known, heard)) = known
            && version < known
            && sent > heard
        {
            self.violate(6, format!("a status sent at {sent} is decided from version {version}; {known} is known since {heard}"));
        }
    }

    /// A process gets to know which version it has written.
    pub(super) fn learn_version(
        &mut self,
        from: u32,
        stored: &MigrationTaskWatch,
        version: u64,
        heard: Option<Moment>,
    ) {
        if let Some(heard) = heard {
            self.record(&stored.uid().unwrap_or_default()).versions.insert(from, (version, heard));
        }
    }
}
