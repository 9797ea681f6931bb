//! What must be told, found out without the core: from the statuses that were stored, and the listings that they were
//! made of.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::events::v1::Event as KubeEvent;
use kube::ResourceExt;

use super::{
    MINUTE, Moment, SECOND,
    sms::{FIRST_PASS, MARKER, Task},
    world::World,
};
use crate::api::{
    MigrationTaskWatch, MigrationTaskWatchSpec, MigrationTaskWatchStatus, OutboxEvent, Summary,
};

/// After this time an outbox may be given up, since its events may have been told and have expired.
const GIVEN_UP: Moment = 44 * MINUTE;
/// For how long statuses wait at least for events that are refused.
const HELD: Moment = 29 * SECOND;

/// What an outbox owes.
#[derive(Debug)]
struct Owed {
    /// When the status was sent: shortly after its time was taken from a clock.
    since: Moment,
    events: Vec<OutboxEvent>,
    told: Vec<bool>,
    /// Those that can never be told, says the API server.
    invalid: Vec<bool>,
    /// Who has tried, and was refused.
    refused: BTreeSet<u32>,
    /// The operator that went on without, and keeps them for later for as long as it lives.
    kept_by: Option<u32>,
    /// Somebody else has wiped it, or it is too old.
    is_excused: bool,
}

/// What was last told of a task.
#[derive(Clone, Debug)]
struct Known {
    state: &'static str,
    /// From how many listings in a row it has been missing.
    missed: u8,
}

/// What there is to know of one watch.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Its specs by generation.
    pub(super) specs: BTreeMap<i64, MigrationTaskWatchSpec>,
    known: BTreeMap<String, Known>,
    /// What its last status was made of: for which target, and of which pass.
    made_of: (Option<String>, Option<usize>),
    owed: BTreeMap<i64, Owed>,
    pub(super) last: Option<Write>,
    /// When each process was first refused an event.
    refused: BTreeMap<u32, Moment>,
    /// The newest version that each process has written and knows of, and since when it does.
    pub(super) versions: BTreeMap<u32, (u64, Moment)>,
    /// Somebody else has edited the status since the last write.
    pub(super) is_tampered: bool,
    /// The same, since the last status that counts what it was made of.
    pub(super) is_doubtful: bool,
}

/// The last write of an operator.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) sent: Moment,
    pub(super) process: u32,
}

impl Owed {
    fn untold(&self) -> impl Iterator<Item = &OutboxEvent> {
        let open = self.told.iter().zip(&self.invalid).map(|(told, invalid)| !told && !invalid);
        self.events.iter().zip(open).filter(|(_, open)| *open).map(|(event, _)| event)
    }

    /// Whether its events may have expired, by a clock that was perhaps set.
    fn is_old(&self, now: Moment, stepped: Option<Moment>) -> bool {
        now - self.since > GIVEN_UP || stepped.is_some_and(|stepped| stepped >= self.since)
    }
}

#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) records: BTreeMap<String, Record>,
    /// When a clock was last set, or an operator started that goes by another.
    pub(super) stepped: Option<Moment>,
}

/// The pass that a status was made of.
pub(super) fn pass_of(status: &MigrationTaskWatchStatus) -> Option<usize> {
    let estimate = status.summary.as_ref()?.estimated_completion_time.as_ref()?;
    usize::try_from(estimate.0.as_second() - FIRST_PASS).ok()
}

/// Whether a watch with this spec is about a task.
pub(super) fn matches(spec: &MigrationTaskWatchSpec, task: &Task) -> bool {
    is_about(spec, &task.name)
}

fn is_about(spec: &MigrationTaskWatchSpec, task: &str) -> bool {
    let name = spec.filter.as_ref().and_then(|filter| filter.name.as_deref());
    name.is_none_or(|name| task.contains(name))
}

/// What is told of a task that is in this state now and wasn't before.
fn reason(state: &str) -> Option<&'static str> {
    Some(match state {
        "RUNNING" => "TaskStarted",
        "SYNCING" => "TaskSyncing",
        "MIGRATE_SUCCESS" | "SYNC_SUCCESS" => "TaskSucceeded",
        "MIGRATE_FAIL" => "TaskFailed",
        "ABORT" => "TaskAborted",
        _ => return None,
    })
}

/// States of one phase. What isn't told has phases, too.
fn phase(state: &str) -> &str {
    reason(state).unwrap_or(state)
}

/// What the events of an outbox say of tasks: each reason with the id, or as often as they count.
fn said(events: &[OutboxEvent]) -> Vec<String> {
    let mut said = Vec::new();
    for OutboxEvent { reason, note, .. } in events {
        let is_of_tasks = reason.starts_with("Task") || reason == "WatchStarted";
        let count = note.split(' ').next().and_then(|count| count.parse::<usize>().ok());
        let id = note.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(id, _)| id);
        match (is_of_tasks, count, id) {
            (false, ..) => {}
            (_, Some(count), _) => said.extend(std::iter::repeat_n(format!("{reason} many"), count)),
            (_, _, Some(id)) if reason != "TaskDisappeared" && reason != "WatchStarted" => {
                said.push(format!("{reason} {id}"));
            }
            _ => said.push(reason.clone()),
        }
    }
    said.sort();
    said
}

impl Record {
    /// What must be told of a listing, and what is known then.
    fn expect(&self, listing: &[Task], is_baseline: bool) -> (Vec<String>, BTreeMap<String, Known>) {
        let mut told = Vec::new();
        let mut all = if is_baseline { BTreeMap::new() } else { self.known.clone() };
        if is_baseline {
            told.push("WatchStarted".to_owned());
        }
        let listed: BTreeSet<&str> = listing.iter().map(|task| task.id.as_str()).collect();
        for task in listing {
            let before = all.get(&task.id).map(|known| phase(known.state));
            if !is_baseline && before != Some(phase(task.state)) {
                told.extend(reason(task.state).map(|reason| format!("{reason} {}", task.id)));
            }
            all.insert(task.id.clone(), Known { state: task.state, missed: 0 });
        }
        all.retain(|id, known| {
            if !listed.contains(id.as_str()) {
                known.missed += 1;
                if known.missed == 2 {
                    told.push("TaskDisappeared".to_owned());
                }
            }
            known.missed < 2
        });
        told.sort();
        (told, all)
    }
}

/// How many tasks there are in each state.
pub(super) fn counts<'a>(tasks: impl Iterator<Item = &'a Task>) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    tasks.for_each(|task| *counts.entry(task.state.to_owned()).or_default() += 1);
    counts
}

/// The watch, the outbox and the place in it that an event's name is made of.
fn event_of(name: &str) -> Option<(&str, i64, usize)> {
    let mut parts = name.strip_prefix("mtw.")?.split('.');
    let uid = parts.next()?;
    Some((uid, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Counted events are told without the ids.
fn agree(said: &[String], expected: &[String]) -> bool {
    let mut left: Vec<&String> = expected.iter().collect();
    let (many, single): (Vec<&String>, Vec<&String>) = said.iter().partition(|said| said.ends_with(" many"));
    let singly = single.into_iter().all(|said| {
        let place = left.iter().position(|expected| *expected == said);
        place.map(|place| left.remove(place)).is_some()
    });
    let together = many.into_iter().all(|said| {
        let reason = said.trim_end_matches(" many");
        let place = left.iter().position(|expected| expected.split(' ').next() == Some(reason));
        place.map(|place| left.remove(place)).is_some()
    });
    singly && together && left.is_empty()
}

impl World {
    pub(super) fn record(&mut self, uid: &str) -> &mut Record {
        self.oracle.records.entry(uid.to_owned()).or_default()
    }

    /// An operator's status is stored over another.
    pub(super) fn written(
        &mut self,
        (from, sent): (u32, Moment),
        stored: &MigrationTaskWatch,
        new: &MigrationTaskWatchStatus,
    ) {
        self.stats.writes += 1;
        let uid = stored.uid().unwrap_or_default();
        let before = stored.status.clone().unwrap_or_default();
        self.check_delivered((from, sent), &uid, &before);
        self.check_transitions(&stored.namespace().unwrap_or_default(), &uid, &before, new);
        self.check_gates((from, sent, &uid), &before, new);
        self.check_quiet((from, sent, &uid), &before, new);
        if let Some(outbox) = new.outbox.as_ref().filter(|outbox| !outbox.events.is_empty()) {
            let told = vec![false; outbox.events.len()];
            let owed = Owed {
                since: sent,
                events: outbox.events.clone(),
                invalid: told.clone(),
                told,
                refused: BTreeSet::new(),
                kept_by: None,
                is_excused: false,
            };
            if self.record(&uid).owed.insert(outbox.sequence, owed).is_some() {
                self.violate(3, format!("the sequence {} is used twice", outbox.sequence));
            }
        }
        let record = self.record(&uid);
        record.last = Some(Write { sent, process: from });
        record.is_tampered = false;
    }

    /// Nothing else is written before the events of the last status are created, but where they are refused for long.
    fn check_delivered(&mut self, (from, sent): (u32, Moment), uid: &str, before: &MigrationTaskWatchStatus) {
        let (now, stepped) = (self.now, self.oracle.stepped);
        let Some(outbox) = &before.outbox else { return };
        let record = self.record(uid);
        let is_refused_for_long = record.refused.get(&from).is_some_and(|first| sent >= first + HELD);
        let Some(owed) = record.owed.get_mut(&outbox.sequence) else { return };
        if owed.untold().next().is_none() || outbox.events.is_empty() {
        } else if owed.is_old(now, stepped) {
            owed.is_excused = true;
        } else if is_refused_for_long && owed.refused.contains(&from) {
            owed.kept_by = Some(from);
        } else {
            let what = format!("a status is written over one that owes {:?}", owed.events);
            self.violate(3, what);
        }
    }

    /// An event was tried.
    pub(super) fn event_answered(&mut self, from: u32, name: &str, answer: u16) {
        let now = self.now;
        let Some((uid, sequence, place)) = event_of(name) else { return };
        let record = self.record(uid);
        let Some(owed) = record.owed.get_mut(&sequence) else { return };
        match answer {
            422 => owed.invalid.get_mut(place).into_iter().for_each(|invalid| *invalid = true),
            400 | 403 | 500 => {
                owed.refused.insert(from);
                record.refused.entry(from).or_insert(now);
            }
            _ => {}
        }
    }

    /// The events are those of what has changed between the listings that both statuses were made of.
    fn check_transitions(
        &mut self,
        namespace: &str,
        uid: &str,
        before: &MigrationTaskWatchStatus,
        new: &MigrationTaskWatchStatus,
    ) {
        let spec = self.record(uid).specs.get(&new.observed_generation.unwrap_or_default());
        if spec.is_some_and(|spec| !is_about(spec, MARKER)) {
            // It doesn't say which listing it was made of.
            return;
        }
        let events = new.outbox.as_ref().map(|outbox| said(&outbox.events)).unwrap_or_default();
        let pass = pass_of(new);
        // A status that somebody has edited may no longer tell what was known: that is begun anew, and said.
        let begins_anew = self.record(uid).is_doubtful && events.iter().any(|event| event == "WatchStarted");
        // An operator may still know what stood in one that somebody has removed.
        let (target, last_pass) = match &before.observed_target {
            Some(_) => (before.observed_target.clone(), pass_of(before)),
            None => self.record(uid).made_of.clone(),
        };
        let is_baseline = target != new.observed_target || begins_anew;
        if new.observed_target.is_some() {
            self.record(uid).made_of = (new.observed_target.clone(), pass);
        }
        let pass = pass.filter(|pass| is_baseline || last_pass != Some(*pass));
        if let Some(pass) = pass {
            self.check_credentials(namespace, uid, pass, new);
        }
        let expected = match pass {
            None => Vec::new(),
            Some(pass) => match self.take_notice((uid, is_baseline), pass, new, &events) {
                Ok(expected) => expected,
                Err(what) => {
                    return self.violate(4, format!("a listing that wasn't complete is believed: {what}"));
                }
            },
        };
        self.stats.transitions += expected.len() as u64;
        if !agree(&events, &expected) {
            self.violate(3, format!("{events:?} is told, and {expected:?} has happened"));
        }
    }

    /// Takes notice of the listing that a status was made of, and says what must be told of it. Where it may be one of
    /// several, it is the one that the status counts, and tells of if any.
    fn take_notice(
        &mut self,
        (uid, is_baseline): (&str, bool),
        pass: usize,
        new: &MigrationTaskWatchStatus,
        events: &[String],
    ) -> Result<Vec<String>, String> {
        let record = self.oracle.records.entry(uid.to_owned()).or_default();
        let spec =
            record.specs.get(&new.observed_generation.unwrap_or_default()).cloned().unwrap_or_default();
        let Summary { total, by_state: counted, .. } = new.summary.clone().unwrap_or_default();
        let mut best = None;
        for mut listing in self.sms.listings(pass) {
            listing.retain(|task| matches(&spec, task));
            if counts(listing.iter()) != counted {
                continue;
            }
            let (told, known) = record.expect(&listing, is_baseline);
            let is_told = agree(events, &told);
            if is_told || best.is_none() {
                best = Some((told, known));
            }
            if is_told {
                break;
            }
        }
        let Some((told, known)) = best else {
            let gap = self.sms.gap(pass);
            return Err(
                gap.unwrap_or_else(|| format!("{counted:?} are counted, which pass {pass} has not found"))
            );
        };
        record.known = known;
        record.is_doubtful &= total != counted.values().sum::<i64>();
        Ok(told)
    }

    /// An event is created that wasn't there.
    pub(super) fn told(&mut self, name: &str, event: &KubeEvent) {
        self.stats.events += 1;
        let Some((uid, sequence, place)) = event_of(name) else {
            return self.violate(3, format!("an event named {name}"));
        };
        let owed = self.record(uid).owed.get_mut(&sequence);
        let Some((owed, told)) =
            owed.and_then(|owed| Some((owed.events.get(place)?.clone(), owed.told.get_mut(place)?)))
        else {
            return self.violate(3, format!("the event {name} is told, and no status has owed it"));
        };
        let was_told = std::mem::replace(told, true);
        if was_told {
            self.violate(3, format!("the event {name} is told again"));
        }
        if event.note.as_ref() != Some(&owed.note) || event.reason.as_ref() != Some(&owed.reason) {
            self.violate(3, format!("{owed:?} is told as {:?}: {:?}", event.reason, event.note));
        }
    }

    /// Somebody else removes the whole status: what it owed is gone.
    pub(super) fn excuse(&mut self, uid: &str) {
        for owed in self.record(uid).owed.values_mut() {
            owed.is_excused = true;
        }
    }

    /// What hasn't been told of a watch, and no operator keeps for later.
    pub(super) fn untold(&self, uid: &str) -> Vec<&OutboxEvent> {
        let owed = self.owed(uid).filter(|owed| owed.kept_by.is_none());
        owed.flat_map(Owed::untold).collect()
    }

    /// What an operator keeps of a watch until it is accepted.
    pub(super) fn kept(&self, uid: &str, operator: u32) -> Vec<&OutboxEvent> {
        let (now, stepped) = (self.now, self.oracle.stepped);
        let owed = self.owed(uid);
        let owed = owed.filter(|owed| owed.kept_by == Some(operator) && !owed.is_old(now, stepped));
        owed.flat_map(Owed::untold).collect()
    }

    fn owed(&self, uid: &str) -> impl Iterator<Item = &Owed> {
        let record = self.oracle.records.get(uid);
        record.into_iter().flat_map(|record| record.owed.values()).filter(|owed| !owed.is_excused)
    }
}
