//! Sees every version of every watch of a namespace, and every event.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{ListParams, WatchEvent, WatchParams},
    runtime::{WatchStreamExt, watcher},
};
use migration_task_watch::api::MigrationTaskWatch;
use tokio::{sync::watch, task::AbortHandle};

use super::{fleet::Fleet, oracle::Oracle};
use crate::harness::{Stage, status};

/// Records in the background until it is dropped.
pub(crate) struct Recorder {
    state: Arc<State>,
    recording: Vec<AbortHandle>,
}

struct State {
    fleet: Arc<Fleet>,
    seen: Mutex<Seen>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Seen {
    oracles: BTreeMap<String, Oracle>,
    uids: BTreeMap<String, String>,
    events: BTreeMap<String, Event>,
    problems: Vec<String>,
    statuses: usize,
}

impl Recorder {
    /// Starts to record all watches of a stage, none of which is there yet. Each is on these blocks.
    pub(crate) async fn start(
        stage: &Stage,
        fleet: Arc<Fleet>,
        watches: impl IntoIterator<Item = (String, std::ops::Range<usize>)>,
    ) -> Self {
        let oracles = watches.into_iter().map(|(name, blocks)| (name, Oracle::new(blocks))).collect();
        let seen = Mutex::new(Seen { oracles, ..Seen::default() });
        let state = Arc::new(State { fleet, seen, changes: watch::Sender::new(0) });
        let list = stage.watches().list(&ListParams::default()).await.unwrap();
        assert!(list.items.is_empty(), "nothing is to be missed");
        let from = list.metadata.resource_version.unwrap();
        let events = Api::namespaced(stage.client.clone(), &stage.namespace);
        let recording = vec![
            tokio::spawn(record_statuses(state.clone(), stage.watches(), from)).abort_handle(),
            tokio::spawn(record_events(state.clone(), events)).abort_handle(),
        ];
        Self { state, recording }
    }

    /// How many statuses were written so far.
    pub(crate) fn statuses(&self) -> usize {
        self.state.lock().statuses
    }

    /// How many events were seen so far.
    pub(crate) fn events(&self) -> usize {
        self.state.lock().events.len()
    }

    /// Waits until more events were seen than these, but not for longer than so.
    pub(crate) async fn further_events(&self, than: usize, patience: Duration) {
        self.until(patience, |seen| seen.events.len() > than).await;
    }

    /// Waits until more statuses were written than these, but not for longer than so.
    pub(crate) async fn further(&self, than: usize, patience: Duration) {
        self.until(patience, |seen| seen.statuses > than).await;
    }

    /// Waits until all watches show all as it is now. False when they don't in time.
    pub(crate) async fn up_to_date(&self, patience: Duration) -> bool {
        let fleet = &self.state.fleet;
        self.until(patience, |seen| seen.oracles.values().all(|oracle| oracle.is_up_to_date(fleet))).await
    }

    /// Waits until so many tasks are said to have disappeared.
    pub(crate) async fn disappeared(&self, count: usize, patience: Duration) -> bool {
        let sum = |seen: &Seen| seen.oracles.values().map(|oracle| oracle.disappeared).sum::<usize>();
        self.until(patience, |seen| sum(seen) >= count).await
    }

    /// Waits until events and statuses that were seen agree: either may be seen before the other.
    pub(crate) async fn agreed(&self, patience: Duration) -> bool {
        self.until(patience, |seen| seen.unexplained().is_empty() && seen.overdue().is_empty()).await
    }

    /// Waits until all that was promised is told.
    pub(crate) async fn all_told(&self, patience: Duration) -> bool {
        self.until(patience, |seen| seen.untold().next().is_none()).await
    }

    async fn until(&self, patience: Duration, wanted: impl Fn(&Seen) -> bool) -> bool {
        let mut changes = self.state.changes.subscribe();
        let wait = async {
            while !wanted(&self.state.lock()) {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(patience, wait).await.is_ok()
    }

    /// All that isn't as it has to be; what is still to be told counts when it is said that everything should be.
    pub(crate) fn problems(&self, finished: bool) -> Vec<String> {
        let seen = self.state.lock();
        let of_watches = seen.oracles.iter().flat_map(|(name, oracle)| {
            oracle.problems.iter().map(move |problem| format!("{name} {problem}"))
        });
        let mut problems: Vec<String> = seen.problems.iter().cloned().chain(of_watches).collect();
        problems.extend(seen.unexplained());
        problems.extend(seen.overdue());
        if finished {
            problems.extend(seen.untold().map(|name| format!("{name} was promised and not told")));
            for (name, oracle) in &seen.oracles {
                if !oracle.has_told_all_gone(&self.state.fleet) {
                    problems.push(format!("{name} says that {} tasks have disappeared", oracle.disappeared));
                }
                if !oracle.is_up_to_date(&self.state.fleet) {
                    problems.push(format!("{name} isn't up to date: {}", oracle.says()));
                }
            }
        }
        problems
    }

    /// What was seen, in a line.
    pub(crate) fn figures(&self) -> String {
        let seen = self.state.lock();
        let sum = |of: fn(&Oracle) -> usize| seen.oracles.values().map(of).sum::<usize>();
        format!(
            "{} statuses of {} listings, {} transitions and {} disappearances told by {} events",
            seen.statuses,
            sum(|oracle| oracle.listings),
            sum(|oracle| oracle.transitions),
            sum(|oracle| oracle.disappeared),
            seen.events.len()
        )
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.recording.iter().for_each(AbortHandle::abort);
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, watch: &MigrationTaskWatch) {
        let mut seen = self.lock();
        let name = watch.metadata.name.clone().unwrap_or_default();
        seen.uids.insert(name.clone(), watch.metadata.uid.clone().unwrap_or_default());
        let seen = &mut *seen;
        let Some(oracle) = seen.oracles.get_mut(&name) else { return };
        if watch.status.is_some()
            && oracle.see(
                watch.metadata.resource_version.as_deref().unwrap_or_default(),
                status(watch),
                &self.fleet,
            )
        {
            seen.statuses += 1;
        }
    }

    fn see_event(&self, event: Event) {
        let mut seen = self.lock();
        let of = event.regarding.as_ref().and_then(|watch| watch.name.as_ref());
        if !of.is_some_and(|watch| seen.oracles.contains_key(watch)) {
            return;
        }
        let name = event.metadata.name.clone().unwrap_or_default();
        let before = seen.events.insert(name.clone(), event.clone());
        if before.is_some_and(|before| (before.note, before.reason) != (event.note, event.reason)) {
            seen.problems.push(format!("{name} was told twice, in other words"));
        }
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}

impl Seen {
    /// Reason and note of all events that statuses have promised, by the names that they have to bear.
    fn promised(&self) -> BTreeMap<String, (&str, &str)> {
        let mut promised = BTreeMap::new();
        for (watch, oracle) in &self.oracles {
            for ((sequence, place), event) in &oracle.promised {
                let said = (event.reason.as_str(), event.note.as_str());
                promised.insert(self.name_of(watch, *sequence, *place), said);
            }
        }
        promised
    }

    /// Events that weren't told although a later status is written, which had to wait for them.
    fn overdue(&self) -> Vec<String> {
        let mut overdue = Vec::new();
        for (watch, oracle) in &self.oracles {
            let earlier = oracle.promised.keys().filter(|(sequence, _)| *sequence < oracle.sequence());
            for (sequence, place) in earlier {
                let name = self.name_of(watch, *sequence, *place);
                if !self.events.contains_key(&name) {
                    overdue.push(format!("{watch} {name} was promised and not told before the next status"));
                }
            }
        }
        overdue
    }

    /// The name that an event has to bear.
    fn name_of(&self, watch: &str, sequence: i64, place: usize) -> String {
        format!("mtw.{}.{sequence}.{place}", self.uids.get(watch).map_or("", String::as_str))
    }

    fn untold(&self) -> impl Iterator<Item = String> {
        self.promised()
            .into_keys()
            .filter(|name| !self.events.contains_key(name))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Events that no status has promised.
    fn unexplained(&self) -> Vec<String> {
        let promised = self.promised();
        let said = |event: &Event| {
            (event.reason.clone().unwrap_or_default(), event.note.clone().unwrap_or_default())
        };
        let all = self.events.iter().map(|(name, event)| (name, said(event)));
        all.filter(|(name, (reason, note))| promised.get(*name) != Some(&(reason.as_str(), note.as_str())))
            .map(|(name, said)| format!("{name} was told and not promised: {said:?}"))
            .collect()
    }
}

/// Takes every version of the watches, one after the other: the API server leaves none out.
async fn record_statuses(state: Arc<State>, watches: Api<MigrationTaskWatch>, mut from: String) {
    loop {
        let Ok(stream) = watches.watch(&WatchParams::default(), &from).await else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let mut stream = stream.boxed();
        while let Ok(Some(event)) = stream.try_next().await {
            match event {
                WatchEvent::Added(watch) | WatchEvent::Modified(watch) | WatchEvent::Deleted(watch) => {
                    from = watch.metadata.resource_version.clone().unwrap_or_default();
                    state.see(&watch);
                }
                WatchEvent::Bookmark(bookmark) => from = bookmark.metadata.resource_version,
                WatchEvent::Error(error) => {
                    state.lock().problems.push(format!("versions were missed: {error}"));
                }
            }
            state.changed();
        }
    }
}

async fn record_events(state: Arc<State>, events: Api<Event>) {
    // Without a pause after an error it would go on for ever in a runtime that ends, which then wouldn't.
    let mut stream = watcher(events, watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = stream.next().await {
        if let Ok(watcher::Event::Apply(event) | watcher::Event::InitApply(event)) = event {
            state.see_event(event);
            state.changed();
        }
    }
}
