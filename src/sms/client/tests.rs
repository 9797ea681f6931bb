//! Many listings over one client, under a clock that passes only when there is nothing to do.

use std::{
    cell::Cell,
    future::Future,
    rc::Rc,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures::{FutureExt as _, future::join_all};
use k8s_openapi::jiff::SignedDuration;
use serde_json::json;
use tokio::{
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use super::*;
use crate::{
    clock,
    core::failure::FailureKind,
    sms::{credentials::SecretData, http::Carrier},
};

mod pace;

const SECOND: Duration = Duration::from_secs(1);

/// A client of an SMS and an IAM that answer as `answer` says.
fn client(
    options: ClientOptions,
    answer: impl Fn(&reqwest::Request) -> (Duration, http::Response<String>) + Send + Sync + 'static,
) -> Client {
    client_of(options, move |request| {
        let (after, response) = answer(request);
        async move {
            sleep(after).await;
            response.map(Into::into)
        }
    })
}

fn client_of<F>(
    options: ClientOptions,
    answer: impl Fn(&reqwest::Request) -> F + Send + Sync + 'static,
) -> Client
where
    F: Future<Output = http::Response<reqwest::Body>> + Send + 'static,
{
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    clock::simulated::set(Instant::now(), Timestamp::UNIX_EPOCH);
    let carrier = Carrier::new(move |request| answer(&request).map(Into::into).boxed());
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

/// The failure of a listing whose pages are answered so.
async fn failure(answer: impl Fn() -> http::Response<reqwest::Body> + Send + Sync + 'static) -> Failure {
    let client = client_of(ClientOptions::default(), move |_| {
        let answer = answer();
        async { answer }
    });
    Failure::from(&client.list_tasks(&target(), &keys(1), &Query::All).await.unwrap_err())
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

#[tokio::test(start_paused = true)]
async fn tokens_are_renewed_before_they_are_refused() {
    const LIFE: Duration = Duration::from_secs(100);
    let issued: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let asked = issued.clone();
    let client = client(ClientOptions::default(), move |request| {
        if request.url().path() == "/v3/auth/tokens" {
            asked.lock().unwrap().push(Instant::now());
            return (SECOND, token(LIFE.try_into().unwrap()));
        }
        let is_good = asked.lock().unwrap().last().is_some_and(|at| at.elapsed() < LIFE);
        let refused = answer(401, &json!({"error_code": "APIGW.0307", "error_msg": "token expires"}));
        let page = answer(200, &json!({"count": 0, "tasks": []}));
        (SECOND / 10, if is_good { page } else { refused })
    });
    for _ in 0..1000 {
        let listing = client.list_tasks(&target(), &user(), &Query::All).await.unwrap();
        // One that is refused is asked for again.
        assert_eq!(listing.requests, 1);
        sleep(SECOND).await;
    }
    let issued = issued.lock().unwrap().len();
    assert!((11..=15).contains(&issued), "{issued}");
}

#[tokio::test(start_paused = true)]
async fn an_error_with_the_status_of_a_success_is_an_error() {
    for (body, kind, part) in [
        (
            json!({"error_code": "SMS.9004", "error_msg": "You do not have permission to perform this action"}),
            FailureKind::AccessDenied,
            "You do not have permission to perform this action (SMS.9004",
        ),
        (
            json!({"error_code": "SMS.9004", "error_msg": "text", "count": 0, "tasks": []}),
            FailureKind::AccessDenied,
            "text (SMS.9004",
        ),
        (json!({"error": {"message": "text", "code": 401}}), FailureKind::CredentialsInvalid, "text"),
        (json!({"a": "b"}), FailureKind::InvalidResponse, "no usable `count`"),
    ] {
        let text = body.to_string();
        let failure = failure(move || http::Response::new(text.clone().into())).await;
        assert_eq!(failure.kind, kind, "{body}: {failure:?}");
        assert!(failure.message.contains(part), "{body}: {}", failure.message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_is_read_whatever_its_label() {
    let client = client(ClientOptions::default(), |_| {
        let mut response = answer(200, &json!({"count": 1, "tasks": [{"id": "a"}]}));
        response.headers_mut().insert("content-type", "text/html".parse().unwrap());
        (SECOND, response)
    });
    assert_eq!(client.list_tasks(&target(), &keys(1), &Query::All).await.unwrap().tasks.len(), 1);
    for body in ["<html>", "Blocked", ""] {
        let failure = failure(move || {
            http::Response::builder().header("content-type", "text/html").body(body.into()).unwrap()
        })
        .await;
        assert_eq!(failure.kind, FailureKind::InvalidResponse);
        assert!(failure.message.contains("an HTML page"), "{}", failure.message);
    }
}

/// A body of parts that are made as they are asked for; others go on between two of them.
fn endless(part: Bytes, parts: usize, mut read: impl FnMut(usize) + Send + 'static) -> reqwest::Body {
    let begin = Bytes::from_static(br#"{"count":100000,"tasks":["#);
    let parts = std::iter::once(begin).chain(std::iter::repeat_n(part, parts));
    let parts = stream::iter(parts.map(move |part| {
        read(part.len());
        std::io::Result::Ok(part)
    }));
    reqwest::Body::wrap_stream(parts.then(|part| yield_now().map(|()| part)))
}

#[tokio::test(start_paused = true)]
async fn a_page_that_has_more_than_was_asked_for_is_read_no_further() {
    let read = Arc::new(Mutex::new(0));
    let count = read.clone();
    let failure = failure(move || {
        let count = count.clone();
        let part = Bytes::from(r#"{"id":"a"},"#.repeat(100));
        http::Response::new(endless(part, 1000, move |length| *count.lock().unwrap() += length))
    })
    .await;
    assert_eq!(failure.kind, FailureKind::InvalidResponse);
    assert!(failure.message.contains("more than the 200 tasks that were asked for"), "{}", failure.message);
    let read = *read.lock().unwrap();
    assert!(read < 10_000, "{read} bytes were read");
}

#[tokio::test(start_paused = true)]
async fn of_great_answers_one_is_read_at_a_time() {
    const MEGABYTE: usize = 1024 * 1024;
    let (now, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let (kept, peak) = (now.clone(), most.clone());
    let client = client_of(ClientOptions::default(), move |_| {
        let (kept, peak) = (kept.clone(), peak.clone());
        let mut mine = Mine { bytes: 0, kept };
        // One task with a text that doesn't end.
        let part = Bytes::from("\"".to_owned() + &"x".repeat(8192 - 2) + "\"");
        let body = endless(part, 8 * MEGABYTE / 8192, move |length| {
            mine.add(length);
            let mut peak = peak.lock().unwrap();
            *peak = (*peak).max(*mine.kept.lock().unwrap());
        });
        async { http::Response::new(body) }
    });
    let target = target();
    let listings = (0..24).map(|number| {
        let (client, target) = (&client, &target);
        async move { client.list_tasks(target, &keys(number), &Query::All).await }
    });
    for listing in join_all(listings).await {
        assert_eq!(Failure::from(&listing.unwrap_err()).kind, FailureKind::InvalidResponse);
    }
    let most = *most.lock().unwrap();
    assert!(most > 8 * MEGABYTE && most < 24 * MEGABYTE, "{most} bytes at a time");
}

/// What is kept of one body.
struct Mine {
    bytes: usize,
    kept: Arc<Mutex<usize>>,
}

impl Mine {
    fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        *self.kept.lock().unwrap() += bytes;
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        *self.kept.lock().unwrap() -= self.bytes;
    }
}
