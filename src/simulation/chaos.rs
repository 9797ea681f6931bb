//! What happens to the world, and who does what to it, until it is calm.

use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    HOUR, MINUTE, Moment, SECOND,
    kubernetes::{Name, interval},
    sms::Sky,
    trouble::Trouble,
    world::{Event, World},
};
use crate::api::{MigrationTaskWatch, MigrationTaskWatchSpec, MigrationTaskWatchStatus, REQUESTED_AT};

/// The intervals of watches, in seconds.
const INTERVALS: [u64; 4] = [5, 20, 60, 300];

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Tasks move on.
    TasksMove,
    /// Anything else.
    Something,
    /// The operator starts, after a crash.
    Start,
    /// An operator that leads no more has noticed it.
    End(u32),
    /// Streams that have gone deaf end.
    Cut,
    /// From now on nothing goes wrong, but that events may be refused.
    Calm,
    /// Somebody looks whether all is as it should be.
    Look,
}

/// What happens to operators; the rest happens here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Blow {
    /// Killed, to be started after this time.
    Kill(Moment),
    /// Stopped for this long. If that is longer than the Lease, another takes over meanwhile.
    Pause(Moment),
    /// Asked to end.
    Stop,
    /// Its clock is set, by this many milliseconds.
    Clock(i64),
}

impl World {
    /// There are watches and accounts, and everything begins.
    pub(super) fn begin(&mut self) -> Moment {
        let mut random = self.random.fork();
        for key in ["AK1", "AK2"] {
            self.sms.open(key, &mut random);
        }
        let seconds = INTERVALS[random.usize(..INTERVALS.len())];
        // Two of them share an account, in one namespace or in two.
        for (number, namespace) in ["a", "a", "b"].into_iter().enumerate() {
            let key = if number == 2 && random.bool() { "AK2" } else { "AK1" };
            self.kubernetes.put_secret((namespace.into(), "huawei".into()), key);
            self.kubernetes.put_secret((namespace.into(), "other".into()), "AK2");
            if number == 0 || random.bool() {
                let spec = spec(&mut random, seconds);
                self.create_watch(&(namespace.to_owned(), format!("w{number}")), &spec);
            }
        }
        let storm = random.u64(4..14) * seconds * SECOND;
        self.at(1, Event::Act(Act::Start));
        self.at(storm, Event::Act(Act::Calm));
        let first = random.u64(..seconds * SECOND);
        self.at(first, Event::Act(Act::TasksMove));
        self.at(first + random.u64(..2 * seconds * SECOND), Event::Act(Act::Something));
        seconds * SECOND
    }

    fn create_watch(&mut self, name: &Name, spec: &Value) {
        let spec: MigrationTaskWatchSpec = serde_json::from_value(spec.clone()).unwrap();
        let mut watch = MigrationTaskWatch::new(&name.1, spec.clone());
        let uid = format!("uid-{}-{}-{}", name.0, name.1, self.now);
        watch.metadata.namespace = Some(name.0.clone());
        watch.metadata.uid = Some(uid.clone());
        watch.metadata.generation = Some(1);
        self.record(&uid).specs.insert(1, spec);
        self.kubernetes.urged = self.now;
        self.store(watch);
    }

    /// Tasks move, now and again later.
    pub(super) fn move_tasks(&mut self, interval: Moment) {
        if self.is_calm {
            return;
        }
        let (now, mut random) = (self.now, self.random.fork());
        let keys: Vec<String> = self.sms.accounts.keys().cloned().collect();
        for key in keys {
            let said = self.sms.accounts.get_mut(&key).map(|account| account.go_on(now, &mut random));
            self.tell(|| format!("{key}:{}", said.unwrap_or_default()));
        }
        let next = now + random.u64(interval / 4..2 * interval);
        self.at(next, Event::Act(Act::TasksMove));
    }

    /// Something goes wrong, or somebody does something. What happens to operators is left to the caller.
    pub(super) fn something(&mut self, interval: Moment) -> Option<Blow> {
        if self.is_calm {
            return None;
        }
        let now = self.now;
        let mut random = self.random.fork();
        let next = now + random.u64(1..interval);
        self.at(next, Event::Act(Act::Something));
        let short = random.u64(..2 * interval.min(30 * SECOND));
        let dice = random.u8(..32);
        if self.spared.contains(&kind(dice)) {
            return None;
        }
        match dice {
            0..=3 => return Some(Blow::Kill(random.u64(..3 * SECOND))),
            4 => return Some(Blow::Kill(random.u64(..2 * interval))),
            5 if random.u8(..3) == 0 => return Some(Blow::Kill(50 * MINUTE + random.u64(..HOUR / 3))),
            6 | 7 => return Some(Blow::Pause(random.u64(..10 * SECOND))),
            8 => return Some(Blow::Pause(random.u64(10 * SECOND..40 * SECOND))),
            9 => return Some(Blow::Stop),
            10 => {
                let most = [2000, 60_000, 7_200_000][random.usize(..3)];
                return Some(Blow::Clock(random.i64(-most..=most)));
            }
            11 => {
                self.tell(|| "the API server is away".to_owned());
                self.outage_until = now + short;
            }
            12 => {
                self.tell(|| "streams go deaf".to_owned());
                self.kubernetes.deafen();
                self.at(now + short, Event::Act(Act::Cut));
            }
            13 => self.kubernetes.cut(),
            14 => self.kubernetes.compact(now),
            15..=18 => self.cloud(&mut random, interval),
            19..=22 => self.edit(&mut random, interval / SECOND),
            23 | 24 => self.tamper(&mut random),
            25 => self.replace(&mut random, interval / SECOND),
            26 => self.change_secret(&mut random),
            28 => self.forbid_events(&mut random, interval),
            29 | 30 => self.forbid_statuses(&mut random, interval),
            _ => {}
        }
        None
    }

    fn cloud(&mut self, random: &mut fastrand::Rng, interval: Moment) {
        self.sms.sky = match random.u8(..9) {
            0 => Sky::Fails(500),
            1 => Sky::Fails(503),
            2 => Sky::Fails(403),
            3 => Sky::Throttles([1, 20, 90][random.usize(..3)]),
            4 => Sky::Garbled,
            _ => Sky::Torn,
        };
        self.sms.sky_until = self.now + random.u64(..3 * interval);
        let sky = self.sms.sky;
        self.tell(|| format!("SMS: {sky:?}"));
    }

    fn any_watch(&self, random: &mut fastrand::Rng) -> Option<MigrationTaskWatch> {
        let watches: Vec<_> = self.kubernetes.watches.values().collect();
        let place = random.usize(..watches.len().max(1));
        watches.get(place).map(|watch| (*watch).clone())
    }

    /// Its owner edits a watch.
    fn edit(&mut self, random: &mut fastrand::Rng, seconds: u64) {
        let Some(mut watch) = self.any_watch(random) else { return };
        let now = self.now;
        if random.u8(..3) == 0 {
            self.tell(|| format!("{} is asked for a listing", watch.name_any()));
            self.kubernetes.asked = Some(now);
            watch.annotations_mut().insert(REQUESTED_AT.to_owned(), now.to_string());
        } else {
            let suspend = random.u8(..5) == 0;
            let mut spec = spec(random, seconds);
            spec["suspend"] = json!(suspend);
            if random.bool() {
                // Its target stays.
                spec["filter"] = serde_json::to_value(&watch.spec.filter).unwrap();
                spec["credentials"] = serde_json::to_value(&watch.spec.credentials).unwrap();
            }
            self.tell(|| format!("{} is edited: {spec}", watch.name_any()));
            watch.spec = serde_json::from_value(spec).unwrap();
            self.next_generation(&mut watch);
        }
        self.kubernetes.urged = now;
        self.store(watch);
    }

    fn next_generation(&mut self, watch: &mut MigrationTaskWatch) {
        let generation = watch.metadata.generation.unwrap_or_default() + 1;
        watch.metadata.generation = Some(generation);
        let uid = watch.uid().unwrap_or_default();
        self.record(&uid).specs.insert(generation, watch.spec.clone());
    }

    /// Somebody writes what is the operator's, or beside it.
    fn tamper(&mut self, random: &mut fastrand::Rng) {
        let Some(mut watch) = self.any_watch(random) else { return };
        let uid = watch.uid().unwrap_or_default();
        match random.u8(..4) {
            0 => {
                self.tell(|| format!("{} loses its status", watch.name_any()));
                watch.status = None;
                self.excuse(&uid);
            }
            1 => {
                self.tell(|| format!("{} gets a false total", watch.name_any()));
                let status = watch.status.get_or_insert_with(MigrationTaskWatchStatus::default);
                status.summary.iter_mut().for_each(|summary| summary.total += 7);
                status.conditions.pop();
            }
            _ => {
                self.tell(|| format!("{} gets a label", watch.name_any()));
                watch.labels_mut().insert("moment".to_owned(), self.now.to_string());
            }
        }
        let record = self.record(&uid);
        record.is_tampered = true;
        record.is_doubtful = true;
        self.store(watch);
    }

    /// A watch is deleted, and perhaps another gets its name.
    fn replace(&mut self, random: &mut fastrand::Rng, seconds: u64) {
        let Some(watch) = self.any_watch(random) else { return };
        let name = (watch.namespace().unwrap_or_default(), watch.name_any());
        self.tell(|| format!("{} is deleted and created anew", name.1));
        self.delete(&name);
        let spec = spec(random, seconds);
        self.now += 1;
        self.create_watch(&name, &spec);
    }

    fn change_secret(&mut self, random: &mut fastrand::Rng) {
        let namespace = if random.bool() { "a" } else { "b" };
        let name = (namespace.to_owned(), "huawei".to_owned());
        self.tell(|| format!("the Secret in {namespace} changes"));
        match random.u8(..3) {
            0 => drop(self.kubernetes.secrets.remove(&name)),
            1 => self.kubernetes.put_secret(name, "AK-wrong"),
            _ => self.mend_secrets(),
        }
    }

    fn mend_secrets(&mut self) {
        for namespace in ["a", "b"] {
            let name = (namespace.to_owned(), "huawei".to_owned());
            self.kubernetes.put_secret(name, "AK1");
        }
    }

    /// From now on nothing goes wrong, but that events may be refused.
    pub(super) fn calm(&mut self) {
        self.tell(|| "calm".to_owned());
        self.is_calm = true;
        self.outage_until = 0;
        self.sms.sky_until = 0;
        self.calm_policies();
        self.mend_secrets();
        self.kubernetes.cut();
        self.kubernetes.urged = self.now;
        let suspended: Vec<_> =
            self.kubernetes.watches.values().filter(|watch| watch.spec.suspend).cloned().collect();
        for mut watch in suspended {
            watch.spec.suspend = false;
            self.next_generation(&mut watch);
            self.store(watch);
        }
    }

    /// The longest interval that a watch has.
    pub(super) fn longest_interval(&self) -> Moment {
        self.kubernetes.watches.values().map(interval).max().unwrap_or(MINUTE)
    }
}

/// What a dice stands for.
fn kind(dice: u8) -> Trouble {
    match dice {
        0..=9 => Trouble::Blows,
        10 => Trouble::Clocks,
        11 => Trouble::Outages,
        12..=14 => Trouble::Streams,
        15..=18 => Trouble::Skies,
        19..=22 => Trouble::Edits,
        23 | 24 => Trouble::Tampering,
        25 => Trouble::Replacement,
        28..=30 => Trouble::Policies,
        _ => Trouble::Secrets,
    }
}

fn spec(random: &mut fastrand::Rng, seconds: u64) -> Value {
    let filter = match random.u8(..6) {
        0 | 1 => json!({"name": "app"}),
        // Without the marker, so that all of them can end.
        2 => json!({"name": "db"}),
        _ => json!(null),
    };
    let secret = if random.u8(..4) == 0 { "other" } else { "huawei" };
    let limit = [500, 500, 3, 0][random.usize(..4)];
    let seconds = if random.u8(..4) == 0 { seconds * 2 } else { seconds };
    json!({"region": "ap-southeast-3", "credentials": {"secretRef": {"name": secret}}, "filter": filter,
        "interval": format!("{seconds}s"), "taskLimit": limit, "stallAfter": "0s"})
}
