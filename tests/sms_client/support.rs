//! A simulator, and a client for it.

use std::time::Duration;

use migration_task_watch::{
    core::{
        endpoint::Endpoint,
        failure::{Failure, FailureKind},
        plan::Iam,
    },
    sms::{Client, ClientOptions, Error, ListTarget, Listing, Login, Query, credentials::SecretData},
};
use sms_simulator::{Account, Config, Fault, Simulator, Task};

/// How long a test waits. Not a measure of speed: a machine may be slow.
const PATIENCE: Duration = Duration::from_mins(2);

/// What comes of this in time.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

pub(crate) const TOKEN: &str = "token-of-the-tests";

pub(crate) async fn simulator(tasks: Vec<Task>) -> Simulator {
    let accounts = vec![Account::default().with_token(TOKEN)];
    Simulator::start(Config { accounts, tasks, ..Config::default() }).await.unwrap()
}

/// A simulator with this many tasks, and something wrong.
pub(crate) async fn faulty(count: usize, fault: impl Into<Fault>) -> Simulator {
    let simulator = simulator(tasks(count)).await;
    simulator.faults().add(fault);
    simulator
}

pub(crate) fn tasks(count: usize) -> Vec<Task> {
    (0..count).map(|number| Task::new(format!("task-{number:05}"))).collect()
}

pub(crate) fn options() -> ClientOptions {
    ClientOptions {
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(20),
        ..ClientOptions::default()
    }
}

pub(crate) fn client(options: ClientOptions) -> Client {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new(options).unwrap()
}

pub(crate) fn target(endpoint: &str) -> ListTarget {
    let endpoint = Endpoint::parse(endpoint).unwrap();
    // The simulator plays both.
    let iam = Ok(Iam { endpoint: endpoint.clone(), otherwise: None });
    ListTarget { endpoint, enterprise_project_id: None, iam, region: None }
}

pub(crate) fn login(entries: &[(&str, &str)]) -> Login {
    let data: SecretData =
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
    Login::from_secret_data(&data).unwrap()
}

/// The default account's key pair, with more entries.
pub(crate) fn access_key(more: &[(&str, &str)]) -> Login {
    let account = Account::default();
    let key = &account.access_keys[0];
    login(&[&[("accessKey", key.id.as_str()), ("secretKey", key.secret.as_str())], more].concat())
}

pub(crate) async fn list_with(client: &Client, target: &ListTarget, login: &Login) -> Result<Listing, Error> {
    within(&format!("a listing of {}", target.endpoint), client.list_tasks(target, login, &Query::All)).await
}

pub(crate) async fn list(simulator: &Simulator) -> Result<Listing, Error> {
    list_with(&client(options()), &target(&simulator.endpoint()), &access_key(&[])).await
}

/// The failure of a listing that must fail.
pub(crate) async fn failure(simulator: &Simulator) -> Failure {
    let error = list(simulator).await.expect_err("must fail");
    Failure::from(&error)
}

pub(crate) async fn failure_kind(simulator: &Simulator) -> FailureKind {
    failure(simulator).await.kind
}
