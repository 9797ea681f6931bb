use std::collections::BTreeMap;

use k8s_openapi::jiff::{civil, tz::TimeZone};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    empty_sha256: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    ak: String,
    sk: String,
    method: String,
    host: String,
    path: String,
    query: Vec<(String, serde_json::Value)>,
    headers_in: BTreeMap<String, String>,
    body: String,
    canonical_request: String,
    canonical_request_sha256: String,
    string_to_sign: String,
    authorization: String,
    request_target: String,
}

fn time(date: &str) -> Timestamp {
    let date = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).unwrap();
    date.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

#[test]
fn the_vendors_own_signatures_come_out() {
    let text = include_str!("../../../tests/fixtures/signing-vectors.json");
    let vectors: Vectors = serde_json::from_str(text).unwrap();
    assert_eq!(sha256(b""), vectors.empty_sha256);
    assert!(vectors.vectors.len() >= 6);
    for vector in vectors.vectors {
        check(&vector);
    }
}

fn check(vector: &Vector) {
    let name = &vector.name;
    let query: Vec<_> = vector
        .query
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    let date = &vector.headers_in[DATE];
    let headers: Vec<_> = vector
        .headers_in
        .iter()
        .filter(|(name, _)| *name != DATE)
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let request = Request {
        method: &vector.method,
        host: &vector.host,
        path: &vector.path,
        query: &query,
        headers: &headers,
        body: vector.body.as_bytes(),
    };
    let access_key = AccessKey::parse(&vector.ak).unwrap();
    let secret_key = SecretKey::parse(&vector.sk).unwrap();
    let signed = sign(&request, &access_key, &secret_key, time(date));
    let (authorization, added) = signed.split_last().unwrap();
    let canonical = CanonicalRequest::new(&request, added);
    assert_eq!(canonical.text, vector.canonical_request, "{name}");
    assert_eq!(sha256(canonical.text.as_bytes()), vector.canonical_request_sha256, "{name}");
    assert_eq!(string_to_sign(&canonical.text, date), vector.string_to_sign, "{name}");
    assert_eq!(*authorization, ("Authorization", vector.authorization.clone()), "{name}");

    let encoded = canonical_query(&query);
    let target = if encoded.is_empty() { vector.path.clone() } else { format!("{}?{encoded}", vector.path) };
    assert_eq!(target, vector.request_target, "{name}");
}

/// The rules once more, written in the plainest way and without the code under test: percent-encoding byte by byte,
/// HMAC by its definition.
mod plain {
    use super::*;

    pub(super) fn encode(text: &str) -> String {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    out.push(char::from(byte));
                }
                _ => write!(out, "%{byte:02X}").unwrap(),
            }
        }
        out
    }

    fn hash(bytes: &[u8]) -> [u8; 32] {
        digest::digest(&digest::SHA256, bytes).as_ref().try_into().unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        let mut out = String::new();
        for byte in bytes {
            write!(out, "{byte:02x}").unwrap();
        }
        out
    }

    fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
        let key = if key.len() > 64 { hash(key).to_vec() } else { key.to_vec() };
        let mut block = [0u8; 64];
        block[..key.len()].copy_from_slice(&key);
        let inner = [block.map(|byte| byte ^ 0x36).as_slice(), text].concat();
        hash(&[block.map(|byte| byte ^ 0x5c).as_slice(), &hash(&inner)].concat())
    }

    pub(super) fn authorization(
        host: &str,
        path: &[String],
        query: &[(String, String)],
        domain: Option<&str>,
        (access_key, secret_key): (&str, &str),
        date: &str,
    ) -> String {
        let mut uri = String::from("/");
        for segment in path {
            uri += &encode(segment);
            uri += "/";
        }
        let mut query = query.to_vec();
        query.sort();
        let query: Vec<_> = query.iter().map(|(k, v)| encode(k) + "=" + &encode(v)).collect();
        let mut headers = format!("host:{host}\n");
        let mut names = String::from("host");
        if let Some(domain) = domain {
            headers = headers + "x-domain-id:" + domain.trim() + "\n";
            names += ";x-domain-id";
        }
        headers = headers + "x-sdk-date:" + date + "\n";
        names += ";x-sdk-date";
        let query = query.join("&");
        let canonical = format!("GET\n{uri}\n{query}\n{headers}\n{names}\n{}", hex(&hash(b"")));
        let to_sign = format!("SDK-HMAC-SHA256\n{date}\n{}", hex(&hash(canonical.as_bytes())));
        let signature = hex(&hmac(secret_key.as_bytes(), to_sign.as_bytes()));
        format!("SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={names}, Signature={signature}")
    }
}

proptest! {
    #[test]
    fn two_readings_of_the_rules_agree(
        host in "[a-z]{1,9}(\\.[a-z]{1,9}){0,2}(:[1-9][0-9]{0,3})?",
        path in proptest::collection::vec("[^/%]{1,6}", 0..4),
        query in proptest::collection::vec((".{0,6}", "\\PC{0,6}"), 0..5),
        domain in proptest::option::of(" ?[a-f0-9]{1,32} ?"),
        access_key in "[A-Z0-9]{1,20}",
        secret_key in "[!-~]{1,100}",
        second in 0i64..4_000_000_000,
    ) {
        let now = Timestamp::from_second(second).unwrap();
        let sent_path = format!("/{}", path.iter().map(|segment| plain::encode(segment)).collect::<Vec<_>>().join("/"));
        let pairs: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let headers: Vec<_> = domain.as_deref().map(|id| ("X-Domain-Id", id)).into_iter().collect();
        let request = Request {
            method: "GET",
            host: &host,
            path: &sent_path,
            query: &pairs,
            headers: &headers,
            body: b"",
        };
        let keys = (AccessKey::parse(&access_key).unwrap(), SecretKey::parse(&secret_key).unwrap());
        let signed = sign(&request, &keys.0, &keys.1, now);
        prop_assert_eq!(signed.len(), 2);
        prop_assert_eq!(time(&signed[0].1), now);
        let keys = (access_key.as_str(), secret_key.as_str());
        let expected = plain::authorization(&host, &path, &query, domain.as_deref(), keys, &signed[0].1);
        prop_assert_eq!(&signed[1].1, &expected);
    }

    #[test]
    fn a_query_stays_the_same_in_a_url(query in proptest::collection::vec((".{0,6}", ".{0,6}"), 1..5)) {
        let pairs: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let sent = canonical_query(&pairs);
        let url = url::Url::parse(&format!("https://a.example/v3/tasks?{sent}")).unwrap();
        prop_assert_eq!(url.query(), Some(sent.as_str()));
    }
}
