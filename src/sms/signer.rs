//! SDK-HMAC-SHA256, the vendor's way to sign requests.
//!
//! A request is put into a canonical form, which is hashed, and the hash is signed together with the time. The
//! rules are those of the vendor's own signer; its results are in `tests/fixtures/signing-vectors.json`.

use std::fmt::Write as _;

use k8s_openapi::jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::{digest, hmac};

use super::credentials::{AccessKey, SecretKey};

const ALGORITHM: &str = "SDK-HMAC-SHA256";
const DATE: &str = "X-Sdk-Date";
const CONTENT_HASH: &str = "X-Sdk-Content-Sha256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A request, as far as it is signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In upper case.
    pub method: &'a str,
    /// What the Host header says.
    pub host: &'a str,
    /// As it is sent.
    pub path: &'a str,
    /// Names and values, not encoded, in any order.
    pub query: &'a [(&'a str, String)],
    /// Headers to sign beside Host and the date. A proxy must not change them.
    pub headers: &'a [(&'a str, &'a str)],
    /// Empty for a GET.
    pub body: &'a [u8],
}

/// Signs a request. Returns the headers to send beside its own.
#[must_use]
pub fn sign(
    request: &Request<'_>,
    access_key: &AccessKey,
    secret_key: &SecretKey,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut added = vec![(DATE, date.clone())];
    if has_other_content_than_json(request) {
        added.push((CONTENT_HASH, UNSIGNED_PAYLOAD.to_owned()));
    }
    let canonical = CanonicalRequest::new(request, &added);
    let to_sign = string_to_sign(&canonical.text, &date);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.reveal().as_bytes());
    let authorization = format!(
        "{ALGORITHM} Access={}, SignedHeaders={}, Signature={}",
        access_key.reveal(),
        canonical.signed_headers,
        hex(hmac::sign(&key, to_sign.as_bytes()).as_ref()),
    );
    added.push(("Authorization", authorization));
    added
}

/// The query as it is signed and must be sent: sorted by name and value, then encoded.
pub(super) fn canonical_query(query: &[(&str, String)]) -> String {
    let mut pairs: Vec<_> = query.iter().collect();
    pairs.sort();
    let pairs: Vec<_> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// The vendor's signer signs no other body than JSON (and BSON).
fn has_other_content_than_json(request: &Request<'_>) -> bool {
    header(request, "Content-Type")
        .is_some_and(|kind| !kind.starts_with("application/json") && !kind.starts_with("application/bson"))
}

fn header<'a>(request: &Request<'a>, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

struct CanonicalRequest {
    text: String,
    signed_headers: String,
}

impl CanonicalRequest {
    fn new(request: &Request<'_>, added: &[(&str, String)]) -> Self {
        let headers = canonical_headers(request, added);
        let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let signed_headers = names.join(";");
        let text = [
            request.method,
            &canonical_path(request.path),
            &canonical_query(request.query),
            &lines.concat(),
            &signed_headers,
            &payload_hash(request, &headers),
        ]
        .join("\n");
        Self { text, signed_headers }
    }
}

/// Names in lower case and trimmed values, sorted by name.
fn canonical_headers(request: &Request<'_>, added: &[(&str, String)]) -> Vec<(String, String)> {
    let own = request.headers.iter().copied();
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    let mut headers: Vec<_> = own
        .chain(added)
        .chain([("Host", request.host)])
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    headers.sort();
    headers
}

/// Each segment decoded and encoded again, with a `/` at the end: that is in the canonical form only, not in the
/// path that is sent. An encoded `/` thereby becomes a separator, as in the vendor's signer.
fn canonical_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let segments: Vec<_> = decoded.split('/').map(encode).collect();
    let mut path = segments.join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

fn payload_hash(request: &Request<'_>, headers: &[(String, String)]) -> String {
    let given = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_HASH));
    match given {
        Some((_, hash)) if !request.body.is_empty() => hash.clone(),
        _ => sha256(request.body),
    }
}

fn string_to_sign(canonical_request: &str, date: &str) -> String {
    format!("{ALGORITHM}\n{date}\n{}", sha256(canonical_request.as_bytes()))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
