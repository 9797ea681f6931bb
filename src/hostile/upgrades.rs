//! Statuses that other versions have written, as `tests/fixtures/status` keeps them, and what is left of one when fields
//! are missing that another version doesn't know.

use std::{collections::BTreeSet, fs, path::Path};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::watch::settle;
use crate::{
    api::MigrationTaskWatchStatus,
    core::{
        decide::{
            Identity,
            model::{START, World},
        },
        plan::Plan,
        policy::Policy,
    },
    sms,
};

/// A status, what it was decided from, and what decides next.
struct Fixture {
    identity: Identity,
    plan: Plan,
    status: Value,
    listing: Value,
}

fn fixtures() -> Vec<(String, Fixture)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/status");
    let read = |path: &Path| {
        let mut all: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let policy = Policy { endpoints: "http://127.0.0.1:*".parse().unwrap(), ..Policy::default() };
        let spec = serde_json::from_value(all["spec"].take()).unwrap();
        Fixture {
            identity: Identity {
                uid: all["uid"].as_str().unwrap().to_owned(),
                generation: all["generation"].as_i64().unwrap(),
            },
            plan: Plan::parse(&spec, "migration", &policy).unwrap(),
            status: all["status"].take(),
            listing: all["listing"].take(),
        }
    };
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path))).collect()
}

impl Fixture {
    /// What this build tells when it begins with a status, and SMS answers this.
    fn told(&self, status: &Value, listing: &Value) -> Vec<(String, String)> {
        let status: MigrationTaskWatchStatus = serde_json::from_value(status.clone()).unwrap();
        let tasks = sms::hostile::tasks(listing.to_string().as_bytes()).unwrap();
        let mut world = resumed(self.identity.clone(), self.plan.clone(), status);
        // What the status owes is told by name, so that it is told once.
        settle(&mut world);
        world.take_told();
        world.see(tasks.clone(), 0);
        settle(&mut world);
        world.pass(1);
        world.see(tasks, 0);
        settle(&mut world);
        world.take_told().into_iter().map(|event| (event.reason, event.note)).collect()
    }

    fn reasons(&self, status: &Value) -> Vec<String> {
        self.told(status, &self.listing).into_iter().map(|(reason, _)| reason).collect()
    }
}

#[test]
fn each_version_has_a_fixture() {
    let current = format!("v{}.json", env!("CARGO_PKG_VERSION"));
    assert!(fixtures().iter().any(|(name, _)| *name == current));
}

#[test]
fn statuses_of_all_versions_are_read_and_nothing_is_told_twice() {
    for (name, fixture) in fixtures() {
        assert_eq!(fixture.reasons(&fixture.status), [""; 0], "{name}");
        let read: MigrationTaskWatchStatus = serde_json::from_value(fixture.status.clone()).unwrap();
        let mut again = json!(read);
        assert_eq!(without_unknown(&fixture.status, &again), again, "{name}");
        // One from the future.
        again["future"] = json!({"kind": "novel"});
        again["tasks"][0]["future"] = json!([7]);
        again["conditions"][0]["future"] = json!(7);
        again["outbox"]["events"][0]["future"] = json!(null);
        assert_eq!(fixture.reasons(&again), [""; 0], "{name}");
    }
}

/// A value without the fields that another doesn't have.
fn without_unknown(value: &Value, known: &Value) -> Value {
    match (value, known) {
        (Value::Object(fields), Value::Object(known)) => {
            let kept = fields
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), without_unknown(value, known.get(name)?))));
            Value::Object(kept.collect())
        }
        (Value::Array(items), Value::Array(known)) if items.len() == known.len() => {
            items.iter().zip(known).map(|(item, known)| without_unknown(item, known)).collect()
        }
        _ => value.clone(),
    }
}

#[test]
fn what_happened_meanwhile_is_told_once_of_each_task() {
    for (name, fixture) in fixtures() {
        let count = fixture.listing["tasks"].as_array().unwrap().len();
        for place in 0..count {
            let mut listing = fixture.listing.clone();
            let task = &mut listing["tasks"][place];
            let (state, reason) = match task["state"].as_str().unwrap() {
                "SYNCING" => ("MIGRATE_SUCCESS", "TaskSucceeded"),
                _ => ("SYNCING", "TaskSyncing"),
            };
            task["state"] = json!(state);
            let id = format!("({})", task["id"].as_str().unwrap());
            let told = fixture.told(&fixture.status, &listing);
            assert_eq!(told.len(), 1, "{name} {told:?}");
            assert!(told[0].0 == reason && told[0].1.contains(&id), "{name} {told:?}");
        }
    }
}

/// A watch whose operator has just started, a second after the last listing.
fn resumed(identity: Identity, plan: Plan, status: MigrationTaskWatchStatus) -> World {
    let last = status.last_sync_time.as_ref().map_or(START, |time| time.0.as_second());
    World::begin(Ok(plan), status, identity, Timestamp::from_second(last + 1).unwrap())
}

/// The places of all fields: `tasks` and `conditions` entry by entry.
fn places(pointer: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let pointer = format!("{pointer}/{name}");
                places(&pointer, value, found);
                found.insert(pointer);
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(place, item)| places(&format!("{pointer}/{place}"), item, found));
        }
        _ => {}
    }
}

#[test]
fn any_field_may_be_missing() {
    for (name, fixture) in fixtures() {
        let mut pointers = BTreeSet::new();
        places("", &fixture.status, &mut pointers);
        assert!(pointers.len() > 200, "{pointers:?}");
        for pointer in pointers {
            let mut status = fixture.status.clone();
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            status.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field);
            let told = fixture.reasons(&status);
            assert_eq!(told, told_without(&pointer, &status), "{name} without {pointer}");
        }
    }
}

/// What has to be told when a field is missing.
fn told_without(pointer: &str, status: &Value) -> &'static [&'static str] {
    match pointer.split('/').skip(1).collect::<Vec<_>>()[..] {
        // What was known is lost, and the next listing is a new baseline.
        ["observedTarget" | "ledger" | "tasks"] | ["tasks", _, "id"] => &["WatchStarted"],
        // Where a stalled task stands now isn't where it stood.
        ["tasks", place, "progress" | "subTask"] | ["tasks", place, "subTask", "name"]
            if status["tasks"][place.parse::<usize>().unwrap()].get("stalledSince").is_some() =>
        {
            &["TaskResumed"]
        }
        _ => &[],
    }
}
