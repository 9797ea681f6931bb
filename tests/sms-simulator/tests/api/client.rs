//! A client that calls by token, so that these tests need no signer.

use std::{sync::Once, time::Duration};

use reqwest::{Certificate, Client, Response};
use serde_json::Value;
use sms_simulator::{Account, Config, Simulator, Task};

/// How long a test waits. Not a measure of speed: a machine may be slow.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// What comes of this in time.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(PATIENCE, future).await;
    in_time.map_err(|_| format!("{what}: not within {PATIENCE:?}")).unwrap()
}

/// The token of [`start`]'s account.
pub(crate) const TOKEN: &str = "token-of-the-tests";

/// A server with these tasks, whose default account is opened by [`TOKEN`].
pub(crate) async fn start(tasks: Vec<Task>) -> Simulator {
    let accounts = vec![Account::default().with_token(TOKEN)];
    Simulator::start(Config { accounts, tasks, ..Config::default() }).await.unwrap()
}

/// So many READY tasks, named task-0000 and so on.
pub(crate) fn numbered(count: usize) -> Vec<Task> {
    (0..count).map(|number| Task::new(format!("task-{number:04}"))).collect()
}

/// A client without redirects; one connection pool each.
pub(crate) fn http() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let redirect = reqwest::redirect::Policy::none();
    Client::builder().no_proxy().redirect(redirect).build().unwrap()
}

/// A client that trusts the server's own CA alone.
pub(crate) fn trusting(simulator: &Simulator) -> reqwest::ClientBuilder {
    http(); // installs the crypto provider
    let ca = Certificate::from_pem(simulator.ca_pem().unwrap().as_bytes()).unwrap();
    Client::builder().timeout(PATIENCE).tls_certs_only([ca])
}

/// The answer to a GET with [`TOKEN`].
pub(crate) async fn get(simulator: &Simulator, target: &str) -> reqwest::Result<Response> {
    let url = format!("{}{target}", simulator.endpoint());
    http().get(url).header("X-Auth-Token", TOKEN).send().await
}

/// The JSON of a GET's answer, whatever its status.
pub(crate) async fn get_json(simulator: &Simulator, target: &str) -> Value {
    get(simulator, target).await.unwrap().json().await.unwrap()
}

/// The ids on a page.
pub(crate) fn ids(page: &Value) -> Vec<String> {
    page["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
}
