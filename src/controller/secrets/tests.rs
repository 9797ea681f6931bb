use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
    routing::get,
};
use futures::future::join_all;
use kube::Config;
use tokio::{net::TcpListener, sync::Semaphore};

use super::*;

const HOUR: Duration = Duration::from_hours(1);

/// Plays the API server: one Secret, whatever its name, but for that of a service account.
struct Server {
    reads: AtomicUsize,
    /// How many of the first readings fail.
    failures: usize,
    /// Answers are let go one by one.
    may_answer: Semaphore,
}

impl Server {
    async fn start(failures: usize, may_answer: usize) -> (Arc<Self>, Secrets) {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server =
            Arc::new(Self { reads: AtomicUsize::new(0), failures, may_answer: Semaphore::new(may_answer) });
        let path = "/api/v1/namespaces/{namespace}/secrets/{name}";
        let routes = Router::new().route(path, get(answer)).with_state(server.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let config = Config::new(format!("http://{address}").parse().unwrap());
        (server, Secrets::new(Client::try_from(config).unwrap()))
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

async fn answer(
    State(server): State<Arc<Server>>,
    Path((namespace, name)): Path<(String, String)>,
) -> impl IntoResponse {
    let number = server.reads.fetch_add(1, Ordering::SeqCst);
    server.may_answer.acquire().await.unwrap().forget();
    if number < server.failures {
        return (StatusCode::INTERNAL_SERVER_ERROR, "etcd has no leader".to_owned());
    }
    let secret = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": if name == "service-account" { SERVICE_ACCOUNT } else { "Opaque" },
        "data": {"token": "dG9rZW4="},
    });
    (StatusCode::OK, secret.to_string())
}

/// Time as the readings know it; the sockets take none.
fn pass(secrets: &Secrets, time: Duration) {
    for entry in secrets.lock().values() {
        if let Some(reading) = entry.try_lock().unwrap().as_mut() {
            reading.began -= time;
        }
    }
}

#[tokio::test]
async fn a_reading_serves_all_who_take_one_of_its_age() {
    let (server, secrets) = Server::start(0, 9).await;
    for _ in 0..3 {
        secrets.login("migration", "huawei", HOUR).await.unwrap();
    }
    assert_eq!(server.reads(), 1);
    pass(&secrets, Duration::from_mins(30));
    secrets.login("migration", "huawei", HOUR).await.unwrap();
    assert_eq!(server.reads(), 1);
    secrets.login("migration", "huawei", Duration::from_mins(10)).await.unwrap();
    secrets.login("other", "huawei", HOUR).await.unwrap();
    assert_eq!(server.reads(), 3);
}

#[tokio::test]
async fn a_reading_that_failed_is_not_taken_for_an_interval() {
    let (server, secrets) = Server::start(1, 9).await;
    let failure = secrets.login("migration", "huawei", HOUR).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InternalError);
    secrets.login("migration", "huawei", HOUR).await.unwrap_err();
    assert_eq!(server.reads(), 1, "those who ask at the same time share it");
    pass(&secrets, SECRET);
    secrets.login("migration", "huawei", HOUR).await.unwrap();
}

#[tokio::test]
async fn those_who_waited_for_a_slow_reading_take_it() {
    let (server, secrets) = Server::start(0, 0).await;
    let max_age = Duration::from_secs(1);
    let together = join_all((0..20).map(|_| secrets.login("migration", "huawei", max_age)));
    let answering = async {
        tokio::time::sleep(max_age * 11 / 10).await;
        server.may_answer.add_permits(20);
    };
    let ((), logins) = tokio::join!(answering, together);
    assert!(logins.iter().all(Result::is_ok));
    assert_eq!(server.reads(), 1);
}

#[tokio::test]
async fn what_nobody_uses_any_more_is_forgotten() {
    let (_server, secrets) = Server::start(1, 9).await;
    let kept = |secrets: &Secrets| secrets.lock().len();
    secrets.login("migration", "failed", HOUR).await.unwrap_err();
    secrets.login("migration", "daily", HOUR * 24).await.unwrap();
    secrets.login("migration", "often", Duration::from_secs(1)).await.unwrap();
    // Its watch was deleted while it was read.
    let reading = secrets.login("migration", "given-up", HOUR);
    assert!(futures::FutureExt::now_or_never(reading).is_none());
    pass(&secrets, Duration::from_mins(1));
    secrets.login("migration", "another", HOUR).await.unwrap();
    assert_eq!(kept(&secrets), 3, "daily, often, another");
    pass(&secrets, KEPT);
    secrets.login("migration", "another", HOUR).await.unwrap();
    assert_eq!(kept(&secrets), 2);
    pass(&secrets, HOUR * 24);
    secrets.login("migration", "another", HOUR).await.unwrap();
    assert_eq!(kept(&secrets), 1);
}

#[tokio::test]
async fn the_token_of_a_service_account_is_sent_to_nobody() {
    let (_server, secrets) = Server::start(0, 1).await;
    let failure = secrets.login("migration", "service-account", HOUR).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::SecretInvalid);
    assert!(failure.message.contains("service account"), "{}", failure.message);
}
