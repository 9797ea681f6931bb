//! Everything outside of the operators, and the order in which it happens.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use fastrand::Rng;
use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    Bug, Moment, SECOND,
    chaos::Act,
    fate::{Crash, Fate, Fates, Weather},
    kubernetes::Kubernetes,
    oracle::Oracle,
    policies::Policies,
    sms::Sms,
    trouble::Spared,
};

/// How many steps before its end a trace keeps.
const TRACE: usize = 400;

/// The time after which operators give up a request, give or take a second.
const UNSURE: Range<Moment> = 29 * SECOND..31 * SECOND;

/// The world, shared by all operators.
#[derive(Clone)]
pub(super) struct Shared {
    world: Arc<Mutex<World>>,
    /// Something has been sent.
    pub(super) interrupt: Arc<Notify>,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)), interrupt: Arc::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request to the API server.
#[derive(Clone, Debug)]
pub(super) struct KubeRequest {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) body: Bytes,
}

/// A request to SMS.
#[derive(Clone, Debug)]
pub(super) struct SmsRequest {
    /// The access key that it is signed with.
    pub(super) key: String,
    pub(super) host: String,
    pub(super) limit: usize,
    pub(super) offset: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Request {
    Kube(KubeRequest),
    Sms(SmsRequest),
}

impl Request {
    /// What it is about, in a few words.
    fn about(&self) -> String {
        match self {
            Self::Kube(KubeRequest { method, path, .. }) => {
                let path = path.trim_start_matches("/apis/migration-task-watch.dev/v1alpha1/");
                format!("{method} {path}")
            }
            Self::Sms(SmsRequest { key, offset, .. }) => format!("tasks of {key} from {offset}"),
        }
    }
}

impl Request {
    /// The name of the event that it creates.
    fn event(&self) -> Option<String> {
        let Self::Kube(request) = self else { return None };
        request.creates_event().then(|| {
            let event: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
            event["metadata"]["name"].as_str().unwrap_or_default().to_owned()
        })
    }
}

impl KubeRequest {
    pub(super) fn creates_event(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/events")
    }
}

pub(super) enum Body {
    Whole(Vec<u8>),
    /// Lines, and when each is there.
    Stream(mpsc::UnboundedReceiver<(Moment, Bytes)>),
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

impl Answer {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: Body::Whole(body.into()) }
    }

    /// That of an API server that doesn't do what it is asked for.
    pub(super) fn refusal(status: u16) -> Self {
        let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("simulated {status}"), "reason": format!("{status}"), "code": status});
        Self::new(status, body.to_string())
    }
}

pub(super) type Reply = oneshot::Sender<(Moment, Answer)>;

/// What happens at a moment.
pub(super) enum Event {
    Arrives { from: u32, sent: Moment, request: Request, fate: Fate, reply: Reply },
    Act(Act),
}

/// How much was done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stats {
    pub(super) steps: u64,
    pub(super) listings: u64,
    pub(super) writes: u64,
    pub(super) conflicts: u64,
    /// Statuses and events that policies refused.
    pub(super) refusals: u64,
    pub(super) events: u64,
    pub(super) crashes: u64,
    pub(super) transitions: u64,
    /// A hash of all that was noted.
    pub(super) trace: u64,
}

pub(super) struct World {
    pub(super) bug: Option<Bug>,
    pub(super) spared: Spared,
    pub(super) now: Moment,
    queue: BTreeMap<(Moment, u64), Event>,
    count: u64,
    pub(super) random: Rng,
    pub(super) fates: Fates,
    pub(super) weather: Weather,
    pub(super) is_calm: bool,
    /// The API server answers nobody before then.
    pub(super) outage_until: Moment,
    pub(super) kubernetes: Kubernetes,
    pub(super) sms: Sms,
    pub(super) policies: Policies,
    pub(super) oracle: Oracle,
    /// What planted bugs remember.
    pub(super) heard: HashMap<String, Vec<u8>>,
    /// Processes that have crashed or ended.
    pub(super) dead: Vec<u32>,
    /// What has gone against an invariant.
    pub(super) broken: Option<String>,
    pub(super) trace: VecDeque<String>,
    pub(super) stats: Stats,
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>, spared: &Spared) -> Self {
        let mut random = Rng::with_seed(seed);
        let weather = Weather::of(&mut random, spared);
        Self {
            bug,
            spared: spared.clone(),
            now: 0,
            queue: BTreeMap::new(),
            count: 0,
            fates: Fates::new(seed),
            weather,
            is_calm: false,
            outage_until: 0,
            kubernetes: Kubernetes::default(),
            sms: Sms::new(&mut random, bug),
            policies: Policies::default(),
            oracle: Oracle::default(),
            heard: HashMap::new(),
            dead: Vec::new(),
            broken: None,
            trace: VecDeque::new(),
            stats: Stats::default(),
            random,
        }
    }

    pub(super) fn page_size(&self) -> u32 {
        self.sms.page_size
    }

    /// Notes what happens.
    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        let now = self.now;
        let line = format!("{:>8}.{:03} {}", now / 1000, now % 1000, what());
        let mut hasher = DefaultHasher::new();
        (self.stats.trace, &line).hash(&mut hasher);
        self.stats.trace = hasher.finish();
        self.trace.push_back(line);
    }

    /// An invariant is broken. The first time counts.
    pub(super) fn violate(&mut self, invariant: u8, what: impl Into<String>) {
        let what = format!("invariant {invariant}: {}", what.into());
        self.tell(|| format!("!!! {what}"));
        self.broken.get_or_insert(what);
    }

    pub(super) fn at(&mut self, moment: Moment, event: Event) {
        self.count += 1;
        self.queue.insert((moment, self.count), event);
    }

    /// When the next thing happens.
    pub(super) fn next(&self) -> Option<Moment> {
        self.queue.first_key_value().map(|((moment, _), _)| *moment)
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let ((moment, _), event) = self.queue.pop_first()?;
        // Who has run ahead has sent this late.
        self.now = self.now.max(moment);
        Some(event)
    }

    /// A process sends something.
    pub(super) fn send(&mut self, from: u32, now: Moment, request: Request, reply: Reply) {
        let weather = if self.is_calm { Weather::CALM } else { self.weather };
        let fate = self.fates.next(weather, from, &request.about());
        if fate.crash == Some(Crash::Before) {
            self.tell(|| format!("operator {from} dies before {}", request.about()));
            self.dead.push(from);
            return;
        }
        if fate.lost {
            self.tell(|| format!("operator {from} sends into nothing: {}", request.about()));
            return;
        }
        self.at(now + fate.there, Event::Arrives { from, sent: now, request, fate, reply });
    }

    /// A request is there.
    pub(super) fn arrives(&mut self, from: u32, sent: Moment, request: Request, fate: Fate, reply: Reply) {
        self.stats.steps += 1;
        let about = request.about();
        let event = request.event();
        let back = self.now + fate.back;
        // At half a minute nobody could say whether the answer was still waited for.
        let is_unanswered = fate.unanswered || UNSURE.contains(&(back - sent));
        let is_silent = is_unanswered || fate.crash.is_some();
        let heard = (!is_silent && !reply.is_closed() && back < sent + UNSURE.start).then_some(back);
        let answer = match (request, fate.refused) {
            (Request::Kube(_), _) if self.now < self.outage_until => Answer::refusal(503),
            (_, Some(status)) => Answer::refusal(status),
            (Request::Kube(request), None) => self.kube(from, sent, &request, heard),
            (Request::Sms(request), None) => self.tasks(from, sent, &request, heard),
        };
        if let Some(name) = event {
            self.event_answered(from, &name, answer.status);
        }
        let note = if is_silent { " (unheard)" } else { "" };
        self.tell(|| format!("operator {from}: {about} -> {}{note}", answer.status));
        if fate.crash.is_some() {
            self.tell(|| format!("operator {from} dies after {about}"));
            self.dead.push(from);
        } else if is_unanswered {
            // The other side waits for as long as it has patience.
            std::mem::forget(reply);
        } else {
            // Nobody may be waiting any more.
            let _ = reply.send((back, answer));
        }
    }
}
