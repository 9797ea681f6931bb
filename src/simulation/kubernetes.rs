//! A model of the API server: what it stores, its answers, its watch streams, and events that expire.

use std::collections::BTreeMap;

use axum::body::Bytes;
use k8s_openapi::api::events::v1::Event as KubeEvent;
use kube::Resource;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    HOUR, MINUTE, Moment, SECOND,
    fate::Weather,
    world::{Answer, Body, KubeRequest, World},
};
use crate::api::{MigrationTaskWatch, MigrationTaskWatchStatus};

const WATCHES: &str = "/apis/migration-task-watch.dev/v1alpha1/";
/// The largest status, in bytes.
const LARGEST: usize = 512 * 1024;

/// Namespace and name.
pub(super) type Name = (String, String);

/// What is in a Secret, as far as it matters.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) key: String,
}

/// A stream of changes that somebody listens to.
struct Stream {
    process: u32,
    lines: mpsc::UnboundedSender<(Moment, Bytes)>,
    /// When its last line is there.
    last: Moment,
    /// It tells nothing more.
    is_deaf: bool,
}

/// When somebody last read a Secret, and what from then on allows to read it again.
#[derive(Clone, Debug, Default)]
struct Reading {
    at: Moment,
    /// The access key that it found, if the reader knows it.
    key: Option<String>,
}

#[derive(Default)]
pub(super) struct Kubernetes {
    version: u64,
    pub(super) watches: BTreeMap<Name, MigrationTaskWatch>,
    pub(super) secrets: BTreeMap<Name, Secret>,
    /// The keys that each Secret has held.
    pub(super) held: BTreeMap<Name, std::collections::BTreeSet<String>>,
    /// Secrets that watches name, or have named.
    pub(super) named: std::collections::BTreeSet<Name>,
    events: BTreeMap<String, Moment>,
    /// What has changed: version, line.
    log: Vec<(u64, Bytes)>,
    /// Changes up to here are forgotten.
    compacted: u64,
    streams: Vec<Stream>,
    /// When each process first read a Secret.
    began: BTreeMap<u32, Moment>,
    readings: BTreeMap<(u32, Name), Reading>,
    /// When there was last a reason to read Secrets that isn't the clock.
    pub(super) urged: Moment,
    /// When somebody last asked for a listing.
    pub(super) asked: Option<Moment>,
    /// When a watch was last deleted.
    replaced: Option<Moment>,
}

impl Kubernetes {
    /// Somebody writes a Secret.
    pub(super) fn put_secret(&mut self, name: Name, key: &str) {
        self.held.entry(name.clone()).or_default().insert(key.to_owned());
        self.secrets.insert(name, Secret { key: key.to_owned() });
    }

    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    /// Streams tell nothing more, though they don't end.
    pub(super) fn deafen(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.is_deaf = true);
    }

    /// Streams end.
    pub(super) fn cut(&mut self) {
        self.streams.clear();
    }

    /// Who asks for what was before now has to list anew.
    pub(super) fn compact(&mut self, now: Moment) {
        self.compacted = self.version;
        for stream in self.streams.drain(..) {
            let _ = stream.lines.send((stream.last.max(now), gone_line()));
        }
    }
}

fn gone_line() -> Bytes {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version", "reason": "Expired", "code": 410});
    Bytes::from(format!("{}\n", json!({"type": "ERROR", "object": status})))
}

fn key(watch: &MigrationTaskWatch) -> Name {
    let meta = watch.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

impl World {
    /// Stores a watch, and tells all who listen.
    pub(super) fn store(&mut self, mut watch: MigrationTaskWatch) {
        let version = self.kubernetes.next_version();
        watch.metadata.resource_version = Some(version);
        let name = key(&watch);
        let secret = watch.spec.credentials.secret_ref.as_ref().map(|secret| secret.name.clone());
        self.kubernetes.named.insert((name.0.clone(), secret.unwrap_or_default()));
        let kind = if self.kubernetes.watches.contains_key(&name) { "MODIFIED" } else { "ADDED" };
        self.announce(kind, &watch);
        self.kubernetes.watches.insert(name, watch);
    }

    pub(super) fn delete(&mut self, name: &Name) {
        let Some(mut watch) = self.kubernetes.watches.remove(name) else { return };
        self.kubernetes.replaced = Some(self.now);
        watch.metadata.resource_version = Some(self.kubernetes.next_version());
        self.announce("DELETED", &watch);
    }

    fn announce(&mut self, kind: &str, watch: &MigrationTaskWatch) {
        let line = format!(r#"{{"type":"{kind}","object":{}}}"#, serde_json::to_string(watch).unwrap());
        let line = Bytes::from(format!("{line}\n"));
        let version = self.kubernetes.version;
        self.kubernetes.log.push((version, line.clone()));
        let weather = if self.is_calm { Weather::CALM } else { self.weather };
        let mut streams = std::mem::take(&mut self.kubernetes.streams);
        streams.retain(|stream| !stream.lines.is_closed());
        for stream in streams.iter_mut().filter(|stream| !stream.is_deaf) {
            let fate = self.fates.next(weather, stream.process, "stream");
            stream.last = stream.last.max(self.now + fate.there);
            let _ = stream.lines.send((stream.last, line.clone()));
            if fate.refused.is_some() {
                // Once more, later.
                stream.last += fate.back;
                let _ = stream.lines.send((stream.last, line.clone()));
            }
        }
        self.kubernetes.streams = streams;
    }

    /// Answers a request. The answer is heard at this moment, or never.
    pub(super) fn kube(
        &mut self,
        from: u32,
        sent: Moment,
        request: &KubeRequest,
        heard: Option<Moment>,
    ) -> Answer {
        let KubeRequest { method, path, query, body } = request;
        if let Some(rest) = path.strip_prefix(WATCHES) {
            let parts: Vec<&str> = rest.split('/').collect();
            return match (method.as_str(), parts.as_slice()) {
                ("GET", ["migrationtaskwatches"]) if query.contains("watch=true") => self.watch(from, query),
                ("GET", ["migrationtaskwatches"]) => self.list_watches(),
                ("GET", ["namespaces", namespace, _, name]) => {
                    let found = self.kubernetes.watches.get(&((*namespace).into(), (*name).into()));
                    found.map_or(Answer::refusal(404), |watch| {
                        Answer::new(200, serde_json::to_vec(watch).unwrap())
                    })
                }
                ("PATCH", ["namespaces", namespace, _, name, "status"]) => {
                    self.patch((from, sent), &((*namespace).into(), (*name).into()), body, heard)
                }
                _ => panic!("{method} {path}"),
            };
        }
        let parts: Vec<&str> = path.split('/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["", "api", "v1", "namespaces", namespace, "secrets", name]) => {
                self.read_secret((from, sent), &((*namespace).into(), (*name).into()), heard)
            }
            ("POST", ["", "apis", "events.k8s.io", "v1", "namespaces", _, "events"]) => self.create(body),
            _ => panic!("{method} {path}"),
        }
    }

    fn list_watches(&self) -> Answer {
        let items: Vec<_> = self.kubernetes.watches.values().collect();
        let list = json!({"kind": "MigrationTaskWatchList", "apiVersion": "migration-task-watch.dev/v1alpha1",
            "metadata": {"resourceVersion": self.kubernetes.version.to_string()}, "items": items});
        Answer::new(200, list.to_string())
    }

    fn watch(&mut self, from: u32, query: &str) -> Answer {
        let since = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let since: u64 = since.and_then(|since| since.parse().ok()).unwrap_or_default();
        let (lines, receiver) = mpsc::unbounded_channel();
        let answer = Answer { body: Body::Stream(receiver), ..Answer::new(200, "") };
        let first = self.now + 1;
        if since < self.kubernetes.compacted {
            let _ = lines.send((first, gone_line()));
            return answer;
        }
        for (_, line) in self.kubernetes.log.iter().filter(|(version, _)| *version > since) {
            let _ = lines.send((first, line.clone()));
        }
        self.kubernetes.streams.push(Stream { process: from, lines, last: first, is_deaf: false });
        answer
    }

    fn read_secret(&mut self, (from, sent): (u32, Moment), name: &Name, heard: Option<Moment>) -> Answer {
        if !self.kubernetes.named.contains(name) {
            self.violate(7, format!("no watch names the Secret {name:?}, and it is read"));
        }
        let answer = match self.kubernetes.secrets.get(name) {
            None => Answer::refusal(404),
            Some(Secret { key }) => {
                let data = secret_data(key);
                let secret = json!({"kind": "Secret", "apiVersion": "v1", "type": "Opaque",
                    "metadata": {"namespace": name.0, "name": name.1}, "data": data});
                Answer::new(200, secret.to_string())
            }
        };
        self.count_reading((from, sent), name, heard);
        answer
    }

    /// No Secret is read more often than is good.
    fn count_reading(&mut self, (from, sent): (u32, Moment), name: &Name, heard: Option<Moment>) {
        let named = |watch: &&MigrationTaskWatch| {
            let secret = watch.spec.credentials.secret_ref.as_ref();
            watch.metadata.namespace.as_ref() == Some(&name.0)
                && secret.is_some_and(|secret| secret.name == name.1)
        };
        let intervals = self.kubernetes.watches.values().filter(named).map(interval);
        let least = intervals.min().unwrap_or_default();
        // Each watch is new to an operator that has started.
        let began = *self.kubernetes.began.entry(from).or_insert(sent);
        let before = self.kubernetes.readings.get(&(from, name.clone())).cloned();
        if let Some(before) = &before {
            let Some(gap) = sent.checked_sub(before.at) else {
                // It was given up long ago.
                return;
            };
            // What is said to the operator may take long to get there.
            let is_urged = self.kubernetes.urged.max(began) + 6 * MINUTE >= before.at;
            // A reading that nobody waits for any more, since the watch is gone, is no reading.
            let is_dropped = self.kubernetes.replaced.is_some_and(|at| at + 6 * MINUTE >= before.at);
            let is_doubted = before.key.as_ref().is_none_or(|key| self.sms.is_doubtful(from, key, before.at));
            let least = match (is_urged, is_doubted) {
                _ if is_dropped => 0,
                (true, _) => SECOND,
                (false, true) => 5 * SECOND,
                // The second listing may come half an interval after the first, and later ones not.
                (false, false) => least * 9 / 20,
            };
            if gap < least {
                self.violate(9, format!("the Secret {name:?} is read after {gap} of {least} ms"));
            }
        }
        let key = self.kubernetes.secrets.get(name).map(|secret| secret.key.clone());
        let reading = Reading { at: sent, key: key.filter(|_| heard.is_some()) };
        self.kubernetes.readings.insert((from, name.clone()), reading);
    }

    fn create(&mut self, body: &Bytes) -> Answer {
        let event: KubeEvent = serde_json::from_slice(body).unwrap();
        let name = event.metadata.name.clone().unwrap_or_default();
        self.look_for_secrets(body);
        if let Some(code) = self.event_refusal() {
            self.stats.refusals += 1;
            return Answer::refusal(code);
        }
        let stored = self.kubernetes.events.get(&name);
        if stored.is_some_and(|created| created + HOUR > self.now) {
            return Answer::refusal(409);
        }
        self.kubernetes.events.insert(name.clone(), self.now);
        self.told(&name, &event);
        Answer::new(201, body.to_vec())
    }

    fn patch(
        &mut self,
        (from, sent): (u32, Moment),
        name: &Name,
        body: &Bytes,
        heard: Option<Moment>,
    ) -> Answer {
        #[derive(serde::Deserialize)]
        struct Applied {
            metadata: kube::api::ObjectMeta,
            status: MigrationTaskWatchStatus,
        }
        let applied: Applied = serde_json::from_slice(body).unwrap();
        self.look_for_secrets(body);
        // There is little else in it.
        if body.len() > LARGEST + 1024 {
            self.violate(5, format!("a status of {} bytes", body.len()));
        }
        let Some(stored) = self.kubernetes.watches.get(name) else { return Answer::refusal(404) };
        let mut stored = stored.clone();
        if applied.metadata.uid != stored.metadata.uid {
            return Answer::refusal(409);
        }
        match &applied.metadata.resource_version {
            None => self.violate(6, "a status that says not what it was decided from"),
            Some(version) => {
                self.check_version((from, sent), &stored, version);
                if stored.metadata.resource_version.as_ref() != Some(version) {
                    self.stats.conflicts += 1;
                    return Answer::refusal(409);
                }
            }
        }
        if let Some(code) = self.status_refusal(stored.status.as_ref(), &applied.status) {
            self.stats.refusals += 1;
            return Answer::refusal(code);
        }
        self.written((from, sent), &stored, &applied.status);
        stored.status = Some(applied.status);
        self.store(stored.clone());
        let version = self.kubernetes.version;
        self.learn_version(from, &stored, version, heard);
        let metadata = json!({"name": name.1, "namespace": name.0, "uid": stored.metadata.uid,
            "resourceVersion": version.to_string()});
        let answer =
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
        Answer::new(200, answer.to_string())
    }

    /// No credentials are told to anybody.
    fn look_for_secrets(&mut self, body: &Bytes) {
        if body.windows(HIDDEN.len()).any(|window| window == HIDDEN.as_bytes()) {
            self.violate(7, "a secret key is written down");
        }
    }
}

const HIDDEN: &str = "hidden-key-of-";

/// The secret key that belongs to an access key.
/// What a Secret with this key holds.
pub(super) fn secret_data(key: &str) -> Value {
    use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
    json!({"accessKey": BASE64.encode(key), "secretKey": BASE64.encode(hidden(key))})
}

fn hidden(key: &str) -> String {
    format!("{HIDDEN}{key}")
}

/// A watch's interval.
pub(super) fn interval(watch: &MigrationTaskWatch) -> Moment {
    let text = watch.spec.interval.trim_end_matches('s');
    text.parse::<u64>().unwrap_or(60) * SECOND
}
