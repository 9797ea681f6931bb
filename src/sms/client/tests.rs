//! Many listings over one client, under a clock that passes only when there is nothing to do.

use std::{cell::Cell, rc::Rc};

use futures::{FutureExt as _, future::join_all};
use k8s_openapi::jiff::SignedDuration;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::{
    clock,
    sms::{credentials::SecretData, http::Carrier},
};

const SECOND: Duration = Duration::from_secs(1);

/// A client of an SMS and an IAM that answer as `answer` says.
fn client(
    options: ClientOptions,
    answer: impl Fn(&reqwest::Request) -> (Duration, http::Response<String>) + Send + Sync + 'static,
) -> Client {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    clock::simulated::set(Instant::now(), Timestamp::UNIX_EPOCH);
    let carrier = Carrier::new(move |request| {
        let (after, response) = answer(&request);
        async move {
            sleep(after).await;
            response.into()
        }
        .boxed()
    });
    Client::carried(options, reqwest::Client::new(), carrier)
}

fn login(data: &[(&str, &str)]) -> Login {
    let data: SecretData =
        data.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
    Login::from_secret_data(&data).unwrap()
}

fn user() -> Login {
    login(&[("username", "watcher"), ("password", "secret"), ("domainName", "company")])
}

fn keys(number: usize) -> Login {
    login(&[("accessKey", "AK"), ("secretKey", &format!("secret-{number}"))])
}

fn target() -> ListTarget {
    let [endpoint, iam] = ["sms", "iam"]
        .map(|service| Endpoint::parse(&format!("https://{service}.cn-north-4.myhuaweicloud.com")).unwrap());
    let iam = Ok(Iam { endpoint: iam, otherwise: None });
    ListTarget { endpoint, enterprise_project_id: None, iam, region: None }
}

fn answer(status: u16, body: &serde_json::Value) -> http::Response<String> {
    http::Response::builder().status(status).body(body.to_string()).unwrap()
}

/// A token that lives for so long.
fn token(life: SignedDuration) -> http::Response<String> {
    let expires = clock::now().saturating_add(life).unwrap();
    let mut response = answer(201, &json!({"token": {"expires_at": expires.to_string()}}));
    response.headers_mut().insert("x-subject-token", "token".parse().unwrap());
    response
}

#[tokio::test(start_paused = true)]
async fn renewals_and_requests_do_not_wait_for_each_other() {
    for max_concurrency in [1, 2, 3] {
        let options = ClientOptions { max_concurrency, ..ClientOptions::default() };
        let client = client(options, |request| match request.url().path() {
            "/v3/auth/tokens" => (SECOND / 3, token(SignedDuration::from_secs(4))),
            _ => (SECOND / 4, answer(200, &json!({"count": 1, "tasks": [{"id": "a"}]}))),
        });
        let (client, target) = (Rc::new(client), target());
        let watches = [user(), user(), user(), keys(1), keys(2), keys(3)].map(|login| {
            let (client, target, listings) = (client.clone(), &target, Cell::new(0));
            async move {
                let began = Instant::now();
                while began.elapsed() < 180 * SECOND {
                    let listing = client.list_tasks(target, &login, &Query::All);
                    let listing = timeout(6 * SECOND, listing).await;
                    let listing = listing.unwrap_or_else(|_| panic!("after {} listings", listings.get()));
                    assert_eq!(listing.unwrap().tasks.len(), 1);
                    listings.set(listings.get() + 1);
                    sleep(SECOND / 10).await;
                }
                listings.get()
            }
        });
        let listings = join_all(watches).await;
        assert!(listings.iter().all(|count| *count > 30), "{max_concurrency}: {listings:?}");
    }
}
