//! SMS over TLS, with an authority that the operator's environment names.

use serde_json::json;
use sms_simulator::{Config, Task, Transport};

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
