//! The operator's own identity: from the environment, the machine, or the cluster.

use std::{collections::HashMap, time::Duration};

use migration_task_watch::{
    core::failure::{Failure, FailureKind},
    sms::{Ambient, Listing, Login},
};
use sms_simulator::{Account, Config, Effect, ErrorBody, Fault, NoAgency, Simulator, TokenStep, Trigger};

use crate::support::{client, list_with, options, target, tasks};

const KEY_PATH: &str = "/openstack/latest/securitykey";

async fn simulator() -> Simulator {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let simulator = Simulator::start(Config { tasks: tasks(3), ..Config::default() }).await.unwrap();
    simulator.metadata().agency().assign(Account::default().domain_id);
    simulator.pod_identity().agency().assign(Account::default().domain_id);
    simulator
}

fn ambient(simulator: &Simulator, environment: &[(&str, &str)]) -> Ambient {
    let environment: HashMap<_, _> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ambient::new(|name| environment.get(name).cloned(), simulator.endpoint().parse().unwrap()).unwrap()
}

async fn list(simulator: &Simulator, login: &Login) -> Listing {
    list_with(&client(options()), &target(&simulator.endpoint()), login).await.unwrap()
}

fn asked(simulator: &Simulator, path: &str) -> usize {
    simulator.requests().count(|record| record.path == path)
}

async fn failure(ambient: &Ambient) -> Failure {
    ambient.login().await.expect_err("must fail")
}

#[tokio::test]
async fn the_environments_key_comes_first() {
    let simulator = simulator().await;
    let account = Account::default();
    let key = &account.access_keys[0];
    for scope in [
        ("HUAWEICLOUD_SDK_DOMAIN_ID", account.domain_id.as_str()),
        ("HUAWEICLOUD_SDK_PROJECT_ID", account.projects[0].id.as_str()),
        ("HUAWEICLOUD_SDK_PROJECT_ID", ""),
    ] {
        let ambient = ambient(
            &simulator,
            &[
                ("HUAWEICLOUD_SDK_AK", key.id.as_str()),
                ("HUAWEICLOUD_SDK_SK", key.secret.as_str()),
                ("HC_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
                ("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent"),
                scope,
            ],
        );
        let login = ambient.login().await.unwrap();
        assert_eq!(list(&simulator, &login).await.tasks.len(), 3);
    }
    assert_eq!(asked(&simulator, KEY_PATH), 0);
}

#[tokio::test]
async fn a_bad_environment_is_named() {
    let simulator = simulator().await;
    let failure = failure(&ambient(&simulator, &[("HUAWEICLOUD_SDK_AK", "AK")])).await;
    assert_eq!(failure.kind, FailureKind::SecretInvalid);
    assert!(failure.message.contains("environment") && failure.message.contains("secretKey"), "{failure:?}");
}

#[tokio::test]
async fn a_machines_agency_serves_with_and_without_the_token_step() {
    for step in [TokenStep::Required, TokenStep::Optional, TokenStep::Missing] {
        let simulator = simulator().await;
        simulator.metadata().set_token_step(step);
        let ambient = ambient(&simulator, &[]);
        for _ in 0..5 {
            let login = ambient.login().await.unwrap();
            assert_eq!(list(&simulator, &login).await.credentials_expire, None, "it is renewed by itself");
        }
        assert_eq!((asked(&simulator, KEY_PATH), simulator.metadata().agency().issued().len()), (1, 1));
    }
}

#[tokio::test]
async fn a_machines_token_is_renewed_when_it_is_refused() {
    let simulator = simulator().await;
    simulator.metadata().set_token_step(TokenStep::Required);
    // Each key is about to end, so that the machine is asked again.
    simulator.metadata().agency().set_lifetime(Duration::from_millis(1));
    let ambient = ambient(&simulator, &[]);
    ambient.login().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    simulator.metadata().revoke_tokens();
    ambient.login().await.unwrap();
    assert_eq!(asked(&simulator, KEY_PATH), 3);
    assert_eq!(asked(&simulator, "/meta-data/latest/api/token"), 2);
}

#[tokio::test]
async fn a_machine_without_an_agency_is_told() {
    for answer in [NoAgency::Unauthorized, NoAgency::NotFound] {
        let simulator = simulator().await;
        simulator.metadata().set_no_agency(answer);
        simulator.metadata().agency().withdraw();
        let ambient = ambient(&simulator, &[]);
        for _ in 0..5 {
            let failure = failure(&ambient).await;
            assert_eq!(failure.kind, FailureKind::CredentialsInvalid);
            assert!(failure.needs_a_person && failure.message.contains("agency"), "{failure:?}");
        }
        assert!(asked(&simulator, KEY_PATH) <= 2, "all share one failure");
    }
}

#[tokio::test]
async fn no_answer_of_a_machine_breaks_anything() {
    let bodies = [ErrorBody::Html, ErrorBody::Gateway { code: "MARKER".into(), message: "MARKER".into() }];
    for path in [KEY_PATH, "/meta-data/latest/api/token"] {
        for status in [200, 302, 400, 403, 429, 500, 503] {
            for body in &bodies {
                let simulator = simulator().await;
                let when = Trigger { path: Some(path.into()), ..Trigger::default() };
                simulator.faults().add(Fault { when, effect: Effect::respond(status, body.clone()) });
                if let Err(failure) = ambient(&simulator, &[]).login().await {
                    assert!(!format!("{failure:?}").contains("MARKER"), "{failure:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_machine_that_is_not_there_is_told() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ambient = Ambient::new(|_| None, format!("http://{nobody}").parse().unwrap()).unwrap();
    let failure = failure(&ambient).await;
    assert_eq!(failure.kind, FailureKind::EndpointUnreachable);
    assert!(failure.message.contains("did not answer"), "{failure:?}");
}

#[tokio::test]
async fn a_pods_identity_is_asked_with_the_token_as_it_is_now() {
    let simulator = simulator().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "pod-token-1\n").unwrap();
    simulator.pod_identity().set_authorization("pod-token-1");
    simulator.pod_identity().agency().set_lifetime(Duration::from_millis(1));
    let url = simulator.pod_identity_url();
    let variables = [
        ("HC_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().unwrap()),
    ];
    let pod = ambient(&simulator, &variables);
    pod.login().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    // The kubelet has written another.
    std::fs::write(file.path(), "pod-token-2").unwrap();
    simulator.pod_identity().set_authorization("pod-token-2");
    simulator.pod_identity().agency().set_lifetime(Duration::from_hours(1));
    let login = pod.login().await.unwrap();
    assert_eq!(list(&simulator, &login).await.tasks.len(), 3);
    assert_eq!(asked(&simulator, KEY_PATH), 0, "the machine isn't asked");
}

#[tokio::test]
async fn a_pod_without_a_usable_token_is_told() {
    let simulator = simulator().await;
    simulator.pod_identity().set_authorization("pod-token");
    let file = tempfile::NamedTempFile::new().unwrap();
    let url = simulator.pod_identity_url();
    let missing = "/nonexistent/token".to_owned();
    let wrong = file.path().to_str().unwrap().to_owned();
    for (path, content, kind, text) in [
        (&missing, "", FailureKind::InternalError, "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        (&wrong, "", FailureKind::InternalError, "is empty"),
        (&wrong, "MARKER", FailureKind::CredentialsInvalid, "pod identity association"),
    ] {
        std::fs::write(file.path(), content).unwrap();
        let variables = [
            ("HC_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
            ("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", path.as_str()),
        ];
        let failure = failure(&ambient(&simulator, &variables)).await;
        assert_eq!(failure.kind, kind);
        assert!(failure.needs_a_person && failure.message.contains(text), "{failure:?}");
        assert!(!format!("{failure:?}").contains("MARKER"));
    }
}
