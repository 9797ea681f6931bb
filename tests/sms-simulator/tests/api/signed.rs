//! Signed calls over the wire, by a signer that knows just enough for a GET.

use jiff::{SignedDuration, Timestamp};
use reqwest::Response;
use ring::{digest, hmac};
use serde_json::Value;
use sms_simulator::{AccessKey, Account, Simulator};

use crate::client::{http, numbered, start};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let digit = |nibble| char::from_digit(u32::from(nibble), 16).unwrap();
    bytes.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A GET of the tasks, signed for the default account with this secret.
async fn signed(simulator: &Simulator, query: &str, secret: &str) -> Response {
    signed_by(simulator, query, &AccessKey::permanent(&Account::default().access_keys[0].id, secret)).await
}

/// A GET of the tasks, signed with this key; the query must be sorted and escaped.
pub(crate) async fn signed_by(simulator: &Simulator, query: &str, key: &AccessKey) -> Response {
    signed_at(simulator, query, key, simulator.clock().now()).await
}

async fn signed_at(simulator: &Simulator, query: &str, key: &AccessKey, now: Timestamp) -> Response {
    let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let host = simulator.endpoint().replace("http://", "");
    let empty = hex(digest::digest(&digest::SHA256, b""));
    let mut headers = vec![("host", host), ("x-sdk-date", date.clone())];
    headers.extend(key.security_token.clone().map(|token| ("x-security-token", token)));
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let block: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical = format!("GET\n/v3/tasks/\n{query}\n{block}\n{names}\n{empty}");
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let secret = hmac::Key::new(hmac::HMAC_SHA256, key.secret.as_bytes());
    let signature = hex(hmac::sign(&secret, format!("SDK-HMAC-SHA256\n{date}\n{hash}").as_bytes()));
    let authorization =
        format!("SDK-HMAC-SHA256 Access={}, SignedHeaders={names}, Signature={signature}", key.id);
    let mut request = http().get(format!("{}/v3/tasks?{query}", simulator.endpoint()));
    for (name, value) in &headers[1..] {
        request = request.header(*name, value);
    }
    request.header("Authorization", authorization).send().await.unwrap()
}

/// The status and error code of an answer.
pub(crate) async fn outcome(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["error_code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_signed_call_is_answered_and_skew_is_not() {
    let simulator = start(numbered(3)).await;
    let secret = &Account::default().access_keys[0].secret;
    let page: Value = signed(&simulator, "limit=2&name=task-&offset=1", secret).await.json().await.unwrap();
    assert_eq!((&page["count"], page["tasks"].as_array().map(Vec::len)), (&3.into(), Some(2)));

    for minutes in [16, -16] {
        simulator.clock().set_offset(SignedDuration::from_mins(minutes));
        let refused =
            outcome(signed_at(&simulator, "", &Account::default().access_keys[0], Timestamp::now()).await)
                .await;
        assert_eq!(refused, (401, "APIGW.0303".into()));
    }
}

#[tokio::test]
async fn a_guesser_locks_the_key_for_five_minutes() {
    let simulator = start(numbered(1)).await;
    let secret = &Account::default().access_keys[0].secret;
    for _ in 0..5 {
        assert_eq!(outcome(signed(&simulator, "", "guess").await).await, (401, "APIGW.0301".into()));
    }
    let locked: Value = signed(&simulator, "", secret).await.json().await.unwrap();
    assert!(locked["error_msg"].as_str().unwrap().contains("reach the limit"), "{locked}");
    simulator.clock().set_offset(SignedDuration::from_mins(6));
    assert_eq!(outcome(signed(&simulator, "", secret).await).await.0, 200);
    assert_eq!(simulator.requests().counters().signed, 7);
}
