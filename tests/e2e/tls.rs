//! SMS over TLS, with an authority that the operator's environment names.

use serde_json::json;
use sms_simulator::{BadCertificate, Config, Task, Transport};

use crate::harness::{Stage, status};

#[tokio::test]
async fn a_trusted_certificate_is_accepted_over_real_tls() {
    let sms =
        Config { transport: Transport::local_https(), tasks: vec![Task::new("web-1")], ..Config::default() };
    let stage = Stage::with_sms("tls", sms).await;
    let authority = stage.log().with_file_name("ca.pem");
    std::fs::write(&authority, stage.sms.ca_pem().unwrap()).unwrap();
    let _operator = stage.operator_with(
        &["--allowed-endpoints", "https://127.0.0.1:*"],
        &[("SSL_CERT_FILE", authority.to_str().unwrap()), ("SSL_CERT_DIR", "/nonexistent")],
    );
    stage.apply("wave-1", json!({})).await.unwrap();
    let watch = stage.until_condition("wave-1", "Ready", ("True", "Synced")).await;
    assert_eq!(status(&watch).summary.unwrap().total, 1);
}

/// A certificate whose authority is trusted, and that is bad all the same.
async fn says(name: &str, bad: BadCertificate, what: &str) {
    let sms = Config { transport: Transport::BadHttps(bad), ..Config::default() };
    let stage = Stage::with_sms(name, sms).await;
    let authority = stage.log().with_file_name("ca.pem");
    std::fs::write(&authority, stage.sms.ca_pem().unwrap()).unwrap();
    let flags = ["--allowed-endpoints", "https://127.0.0.1:*", "--ca-file", authority.to_str().unwrap()];
    let _operator = stage.operator_with(&flags, &[]);
    stage.apply("wave-1", json!({})).await.unwrap();
    stage.until_condition("wave-1", "Stalled", ("True", "TLSFailed")).await;
    let message = stage.message("wave-1").await;
    assert!(message.contains(what), "{message}");
    assert_eq!(stage.sms.requests().counters().requests, 0);
}

#[tokio::test]
async fn an_expired_certificate_is_told() {
    says("tls-expired", BadCertificate::Expired, "its certificate has expired").await;
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_is_told() {
    says("tls-early", BadCertificate::NotYetValid, "its certificate is not valid yet").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told() {
    says("tls-name", BadCertificate::OtherName, "its certificate is for another name").await;
}
