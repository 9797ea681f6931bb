//! What has to be told between two statuses of a watch, and whether it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use migration_task_watch::api::{MigrationTaskWatchStatus, OutboxEvent};

use super::{
    fleet::{Fleet, event_of, read_mark},
    told::Told,
};

/// The version of each block that a status was decided from.
type Versions = BTreeMap<usize, usize>;

/// What is known of one watch.
pub(crate) struct Oracle {
    blocks: Range<usize>,
    last: Option<Last>,
    /// All events that the statuses have promised, by sequence and place.
    pub(crate) promised: BTreeMap<(i64, usize), OutboxEvent>,
    /// How many statuses came from a listing that the one before didn't.
    pub(crate) listings: usize,
    /// How many transitions were promised.
    pub(crate) transitions: usize,
    /// How many tasks are said to have disappeared.
    pub(crate) disappeared: usize,
    /// Those of them that are named.
    named: BTreeSet<String>,
    pub(crate) problems: Vec<String>,
}

struct Last {
    versions: Versions,
    ready: (String, String),
    sequence: i64,
    status: MigrationTaskWatchStatus,
}

impl Oracle {
    /// An oracle of a watch on these blocks.
    pub(crate) fn new(blocks: Range<usize>) -> Self {
        Self {
            blocks,
            last: None,
            promised: BTreeMap::new(),
            listings: 0,
            transitions: 0,
            disappeared: 0,
            named: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Whether the last status shows all blocks as they are now, and how many tasks it is about.
    pub(crate) fn is_up_to_date(&self, fleet: &Fleet) -> bool {
        let Some(last) = &self.last else { return false };
        self.blocks.clone().all(|block| last.versions.get(&block) == Some(&fleet.version(block)))
    }

    /// Whether as many tasks are said to have disappeared as are gone.
    pub(crate) fn has_told_all_gone(&self, fleet: &Fleet) -> bool {
        self.disappeared == self.blocks.clone().map(|block| fleet.gone_of(block)).sum::<usize>()
    }

    /// The sequence of the last status's events; 0 when there were none.
    pub(crate) fn sequence(&self) -> i64 {
        self.last.as_ref().map_or(0, |last| last.sequence)
    }

    /// The reasons that the status's conditions have, for a message.
    pub(crate) fn says(&self) -> String {
        self.last
            .as_ref()
            .map_or("nothing".to_owned(), |last| format!("{:?} {:?}", last.ready, last.versions))
    }

    /// A status that was written, after all before it. False when it is the last one still.
    pub(crate) fn see(&mut self, version: &str, status: MigrationTaskWatchStatus, fleet: &Fleet) -> bool {
        if self.last.as_ref().is_some_and(|last| last.status == status) {
            return false;
        }
        let before = self.problems.len();
        let new = self.new_events(&status);
        let ready = ready(&status);
        self.check_watch_events(&new, &ready);
        let versions = self.versions(&status, fleet);
        if !versions.is_empty() {
            self.check_tasks(&status, &versions, fleet);
            self.check_transitions(&new, &versions, fleet);
        } else if new.iter().any(|event| event.reason.starts_with("Task")) {
            self.problem(format!("transitions before a listing: {new:?}"));
        }
        if self.last.as_ref().is_none_or(|last| last.versions != versions) {
            self.listings += 1;
        }
        let sequence = status.outbox.as_ref().map_or(0, |outbox| outbox.sequence);
        self.last = Some(Last { versions, ready, sequence, status });
        for problem in &mut self.problems[before..] {
            *problem = format!("at {version}: {problem}");
        }
        true
    }

    fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    /// The events that this status is the first to promise.
    fn new_events(&mut self, status: &MigrationTaskWatchStatus) -> Vec<OutboxEvent> {
        let outbox = status.outbox.clone().unwrap_or_default();
        let last = self.sequence();
        if outbox.sequence < last {
            self.problem(format!("sequence {} after {last}", outbox.sequence));
        }
        if outbox.sequence == last {
            for (place, event) in outbox.events.iter().enumerate() {
                if self.promised.get(&(last, place)) != Some(event) {
                    self.problem(format!("{event:?} is promised under a name that was used"));
                }
            }
            return Vec::new();
        }
        for (place, event) in outbox.events.iter().enumerate() {
            self.promised.insert((outbox.sequence, place), event.clone());
        }
        outbox.events
    }

    /// Events about the watch itself follow from its Ready condition.
    fn check_watch_events(&mut self, new: &[OutboxEvent], ready: &(String, String)) {
        let was = self.last.as_ref().map(|last| last.ready.clone()).unwrap_or_default();
        let expected = match (was.0.as_str(), ready.0.as_str()) {
            ("False", "False") if was.1 == ready.1 => None,
            (_, "False") => Some(ready.1.clone()),
            ("False", "True") => Some("Recovered".to_owned()),
            _ => None,
        };
        let told: Vec<&String> = new
            .iter()
            .map(|event| &event.reason)
            .filter(|reason| !reason.starts_with("Task") && *reason != "WatchStarted")
            .collect();
        if told != expected.iter().collect::<Vec<_>>() {
            self.problem(format!("from {was:?} to {ready:?} is told as {told:?}"));
        }
    }

    /// The version of each block, by its mark.
    fn versions(&mut self, status: &MigrationTaskWatchStatus, fleet: &Fleet) -> Versions {
        let marks =
            status.tasks.iter().filter_map(|task| read_mark(&task.id, task.error.as_ref()?.code.as_deref()?));
        let versions: Versions = marks.collect();
        let expected: Vec<usize> = self.blocks.clone().collect();
        if status.summary.is_some() && versions.keys().copied().collect::<Vec<_>>() != expected {
            self.problem(format!("not all marks are there: {versions:?}"));
            return Versions::new();
        }
        for (block, version) in &versions {
            let last = self.last.as_ref().and_then(|last| last.versions.get(block).copied()).unwrap_or(0);
            if *version < last || *version > fleet.version(*block) {
                self.problem(format!("block {block} goes from version {last} to {version}"));
            }
        }
        versions
    }

    /// Whether counts and tasks are those of the versions.
    fn check_tasks(&mut self, status: &MigrationTaskWatchStatus, versions: &Versions, fleet: &Fleet) {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for (block, version) in versions {
            for (state, count) in fleet.counts(*block, *version) {
                *counts.entry(state).or_default() += count;
            }
        }
        let summary = status.summary.clone().unwrap_or_default();
        let total = counts.values().sum::<i64>();
        if summary.by_state != counts || summary.total != total {
            self.problem(format!("{:?} is counted, and it is {counts:?}", summary.by_state));
        }
        let written = i64::try_from(status.tasks.len()).unwrap_or(i64::MAX);
        if written + status.omitted_tasks.unwrap_or(0) != total {
            self.problem(format!("{written} of {total} are written, and {:?} omitted", status.omitted_tasks));
        }
        let truth: BTreeMap<String, _> =
            versions.iter().flat_map(|(block, version)| fleet.at(*block, *version)).collect();
        for task in status.tasks.iter().filter(|task| task.id.starts_with("task-")) {
            let state = task.name.as_ref().and_then(|name| truth.get(name).copied().flatten());
            if state != Some(task.state.as_str()) {
                self.problem(format!("{:?} is written as {:?} and was {state:?}", task.name, task.state));
            }
        }
    }

    /// Whether what is told is exactly what differs.
    fn check_transitions(&mut self, new: &[OutboxEvent], versions: &Versions, fleet: &Fleet) {
        let started = new.iter().filter(|event| event.reason == "WatchStarted").count();
        let is_baseline = self.last.as_ref().is_none_or(|last| last.versions.is_empty());
        if started != usize::from(is_baseline) {
            self.problem(format!("{started} new baselines, where there was {}", usize::from(is_baseline)));
        }
        let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        if !is_baseline {
            let last = self.last.as_ref().map(|last| last.versions.clone()).unwrap_or_default();
            for (block, version) in
                versions.iter().filter(|(block, version)| last.get(block) != Some(version))
            {
                let before = fleet.at(*block, last.get(block).copied().unwrap_or(0));
                for ((name, now), (_, before)) in fleet.at(*block, *version).into_iter().zip(before) {
                    let Some(now) = now.map(event_of) else { continue };
                    if before.map(event_of) != Some(now) && !now.starts_with('(') {
                        expected.entry(now).or_default().insert(name);
                    }
                }
            }
        }
        self.transitions += expected.values().map(BTreeSet::len).sum::<usize>();
        let mut told: BTreeMap<&str, Vec<Told>> = BTreeMap::new();
        for event in new.iter().filter(|event| event.reason.starts_with("Task")) {
            match Told::read(&event.note) {
                Ok(read) => told.entry(&event.reason).or_default().push(read),
                Err(error) => self.problem(error),
            }
        }
        let disappeared = told.remove("TaskDisappeared").unwrap_or_default();
        self.check_disappeared(disappeared, versions, fleet);
        let reasons: BTreeSet<&str> = told.keys().chain(expected.keys()).copied().collect();
        for reason in reasons {
            let (expected, told) = (expected.remove(reason).unwrap_or_default(), told.remove(reason));
            if let Err(problem) = compare(&expected, &told.unwrap_or_default()) {
                self.problem(format!("{reason}: {problem}"));
            }
        }
    }

    /// Whether those that are said to have disappeared are gone, and were told for the first time.
    fn check_disappeared(&mut self, told: Vec<Told>, versions: &Versions, fleet: &Fleet) {
        let there: BTreeSet<String> = versions
            .iter()
            .flat_map(|(block, version)| fleet.at(*block, *version))
            .filter_map(|(name, state)| state.map(|_| name))
            .collect();
        for Told { count, names, .. } in told {
            self.disappeared += count;
            for name in names {
                if there.contains(&name) || !self.named.insert(name.clone()) {
                    self.problem(format!("{name} is there, or is said to have disappeared again"));
                }
            }
        }
    }
}

/// Compares the tasks that have come to a phase with what is told of it.
fn compare(expected: &BTreeSet<String>, told: &[Told]) -> Result<(), String> {
    let count: usize = told.iter().map(|told| told.count).sum();
    let names: Vec<&String> = told.iter().flat_map(|told| &told.names).collect();
    let distinct: BTreeSet<&String> = names.iter().copied().collect();
    if count != expected.len() || distinct.len() != names.len() {
        let lost: Vec<_> = expected.iter().filter(|name| !distinct.contains(name)).collect();
        return Err(format!("{count} told of {}; not named: {lost:?}; told: {told:?}", expected.len()));
    }
    if told.iter().all(|told| told.all) && distinct.len() != expected.len() {
        return Err(format!("others than {expected:?} are told: {told:?}"));
    }
    match names.iter().find(|name| !expected.contains(**name)) {
        Some(name) => Err(format!("{name} is told and didn't get there")),
        None => Ok(()),
    }
}

fn ready(status: &MigrationTaskWatchStatus) -> (String, String) {
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    ready.map(|ready| (ready.status.clone(), ready.reason.clone())).unwrap_or_default()
}
