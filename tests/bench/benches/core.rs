//! What the operator does again and again, by itself: signing a request, listing a page, deciding.

#![expect(clippy::unwrap_used, reason = "a bench is like a test: it ends where something is wrong")]

use std::sync::Arc;

use bench::{
    sms::{Args, Sms},
    world::{Size, World},
};
use divan::{AllocProfiler, Bencher, black_box, counter::BytesCount};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use migration_task_watch::{
    api::{self, MigrationTaskWatchSpec},
    core::{
        decide::{Carried, Decision, Identity, Inputs, Observation, decide},
        endpoint::Endpoint,
        filter::Filter,
        last::Last,
        plan::{Iam, Plan},
        policy::Policy,
        task::Snapshot,
    },
    sms::{
        Client, ClientOptions, ListTarget, Login, Query,
        credentials::{AccessKey, SecretData, SecretKey},
        signer::{self, Request},
    },
};
use serde_json::json;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const START: i64 = 1_800_000_000;
/// Of so many tasks one changes between two listings.
const ONE_CHANGES_OF: usize = 100;

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    divan::main();
}

#[divan::bench]
fn sign(bencher: Bencher) {
    let access_key = AccessKey::parse("AKBENCHBENCHBENCHBENCH").unwrap();
    let secret_key = SecretKey::parse("secret-of-the-bench-secret-of-the-bench").unwrap();
    let query = [("limit", "200".to_owned()), ("offset", "65000".to_owned())];
    let request = Request {
        method: "GET",
        host: "sms.ap-southeast-3.myhuaweicloud.com",
        path: "/v3/tasks",
        query: &query,
        headers: &[("X-Project-Id", "0123456789abcdef0123456789abcdef")],
        body: b"",
    };
    let now = Timestamp::from_second(START).unwrap();
    bencher.bench(|| signer::sign(black_box(&request), &access_key, &secret_key, now));
}

/// From the request to the records of the tasks, by way of the loopback.
#[divan::bench]
fn list_a_page_of_200(bencher: Bencher) {
    let service = Service::start(200);
    let client = Client::new(ClientOptions::default()).unwrap();
    let bytes = service.world.page(200, 0..200).unwrap().len();
    bencher.counter(BytesCount::new(bytes)).bench(|| service.list(&client));
}

/// A listing in which nothing is new.
#[divan::bench(args = [2_000, 65_000], max_time = 5)]
fn decide_unchanged(bencher: Bencher, tasks: usize) {
    let mut watch = Watch::new(tasks);
    watch.list();
    bencher.bench(|| watch.decide());
}

/// A listing in which one of a hundred tasks is in another state.
#[divan::bench(args = [2_000, 65_000], max_time = 5)]
fn decide_changed(bencher: Bencher, tasks: usize) {
    let mut watch = Watch::new(tasks);
    watch.service.change(tasks / ONE_CHANGES_OF);
    watch.list();
    assert!(watch.decide().status.is_some());
    bencher.bench(|| watch.decide());
}

/// A listing of which names alone tell whose the tasks are: a thousand times the patterns must not take much more.
#[divan::bench(args = [2, 20, 200, 2_000], max_time = 5)]
fn filter_65000_tasks_by_patterns(bencher: Bencher, patterns: u32) {
    let names = (0..patterns).map(|i| format!("*part-{i:05}*")).collect();
    let filter = Filter::new(&api::Filter { source_server_names: Some(names), ..api::Filter::default() });
    let service = Service::start(65_000);
    let snapshot = service.list(&Client::new(ClientOptions::default()).unwrap());
    bencher.bench(|| snapshot.tasks.iter().filter(|task| filter.matches(black_box(task))).count());
}

/// An SMS, and who lists its tasks.
struct Service {
    runtime: Runtime,
    target: ListTarget,
    login: Login,
    world: World,
}

impl Service {
    fn start(tasks: usize) -> Self {
        let size = Size { tasks, waves: 300, unnameable: true };
        let runtime = Runtime::new().unwrap();
        let args = Args { size, latency: 0, limit: None, gzip: false, http2: false };
        let sms = runtime.block_on(Sms::bind(args, None)).unwrap();
        let endpoint = Endpoint::parse(&sms.endpoint).unwrap();
        runtime.spawn(sms.serve());
        let iam = Ok(Iam { endpoint: endpoint.clone(), otherwise: None });
        let target = ListTarget { endpoint, enterprise_project_id: None, iam, region: None };
        let keys = [("accessKey", "AKBENCH"), ("secretKey", "secret")];
        let secret: SecretData =
            keys.map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect();
        Self { runtime, target, login: Login::from_secret_data(&secret).unwrap(), world: World::new(size) }
    }

    fn list(&self, client: &Client) -> Snapshot {
        let listing =
            self.runtime.block_on(client.list_tasks(&self.target, &self.login, &Query::All)).unwrap();
        listing.into_snapshot(1, Timestamp::from_second(START).unwrap())
    }

    /// Changes tasks, as seen by the next listing.
    fn change(&mut self, count: usize) {
        self.world.change(count);
        let url = format!("{}/control/change?count={count}", self.target.endpoint);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        self.runtime.block_on(client.post(url).send()).unwrap().error_for_status().unwrap();
    }
}

/// A watch that has told what it found at first.
struct Watch {
    service: Service,
    client: Client,
    plan: Plan,
    identity: Identity,
    last: Last,
    observation: Observation,
    carried: Carried,
    now: Timestamp,
    sequence: u64,
}

impl Watch {
    fn new(tasks: usize) -> Self {
        let service = Service::start(tasks);
        let spec: MigrationTaskWatchSpec = serde_json::from_value(json!({
            "endpoint": service.target.endpoint.as_str(),
            "credentials": {"secretRef": {"name": "huawei"}},
        }))
        .unwrap();
        let policy = Policy { endpoints: "http://127.0.0.1:*".parse().unwrap(), ..Policy::default() };
        let now = Timestamp::from_second(START).unwrap();
        let mut watch = Self {
            service,
            client: Client::new(ClientOptions::default()).unwrap(),
            plan: Plan::parse(&spec, "bench", &policy).unwrap(),
            identity: Identity { uid: "7d3a9c1e-5b52-4000-9b52-000000000001".to_owned(), generation: 1 },
            last: Last::default(),
            observation: Observation::start(now),
            carried: Carried::default(),
            now,
            sequence: 0,
        };
        watch.list();
        // Once to write, once to clear what the first has written to be told.
        for _ in 0..2 {
            watch.settle();
            watch.list();
        }
        watch
    }

    /// A minute later, the next listing is complete.
    fn list(&mut self) {
        self.sequence += 1;
        self.now += SignedDuration::from_secs(60);
        let mut snapshot = self.service.list(&self.client);
        snapshot.sequence = self.sequence;
        snapshot.completed = self.now;
        self.observation.snapshot = Some(Arc::new(snapshot));
    }

    fn settle(&mut self) {
        let decision = self.decide();
        self.carried = decision.carried;
        if let Some(status) = decision.status {
            self.last = Last::whole(status);
            self.last.trim();
        }
    }

    fn decide(&self) -> Decision {
        decide(&Inputs {
            identity: &self.identity,
            plan: Ok(&self.plan),
            last: &self.last,
            observation: &self.observation,
            carried: &self.carried,
            now: self.now,
        })
        .unwrap()
    }
}
