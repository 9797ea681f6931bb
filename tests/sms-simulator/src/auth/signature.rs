//! SDK-HMAC-SHA256 as the gateway computes it. Written from the vendor's rules alone, so that it can disagree with the operator's signer.

use std::fmt::Write;

use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use ring::{digest, hmac};

use super::Denial;
use crate::query::pairs;

/// The algorithm's name, which opens the Authorization header and the string to sign.
pub(crate) const ALGORITHM: &str = "SDK-HMAC-SHA256";

const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The parts of a request that a signature covers, as they came over the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// The Authorization header of a signed request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) access_key: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
}

impl Authorization {
    /// Reads `SDK-HMAC-SHA256 Access=AK, SignedHeaders=a;b, Signature=hex`.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let fields: Vec<_> = value.strip_prefix(ALGORITHM)?.split(',').map(str::trim).collect();
        let field = |name: &str| fields.iter().find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        Some(Self {
            access_key: field("Access")?.to_owned(),
            signed_headers: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: field("Signature")?.to_owned(),
        })
    }
}

/// The canonical request over the named headers, in their canonical (sorted) order.
pub(crate) fn canonical_request(request: Signed<'_>, signed_headers: &[String]) -> Result<String, Denial> {
    let mut names = signed_headers.to_vec();
    names.sort_unstable();
    Ok([
        request.method,
        &canonical_path(request.path),
        &canonical_query(request.query),
        &canonical_headers(request.headers, &names)?,
        &names.join(";"),
        &payload_hash(request),
    ]
    .join("\n"))
}

/// What the secret key signs.
pub(crate) fn string_to_sign(date: &str, canonical_request: &str) -> String {
    let hash = hex(digest::digest(&digest::SHA256, canonical_request.as_bytes()).as_ref());
    format!("{ALGORITHM}\n{date}\n{hash}")
}

/// The signature of a string to sign.
pub(crate) fn signature(secret: &str, string_to_sign: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex(hmac::sign(&key, string_to_sign.as_bytes()).as_ref())
}

/// A path is unescaped as a whole before it is split: an escaped slash becomes a separator, as in the vendor's signer.
fn canonical_path(path: &str) -> String {
    let plain = percent_decode_str(path).collect::<Vec<_>>();
    let mut canonical = plain.split(|byte| *byte == b'/').map(escape).collect::<Vec<_>>().join("/");
    if !canonical.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<_> = pairs(query).collect();
    pairs.sort_unstable();
    let pairs = pairs.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn canonical_headers(headers: &HeaderMap, names: &[String]) -> Result<String, Denial> {
    let mut block = String::new();
    for name in names {
        let value = headers.get(name).ok_or_else(|| Denial::SignedHeaderMissing(name.clone()))?;
        block.push_str(name);
        block.push(':');
        block.push_str(String::from_utf8_lossy(value.as_bytes()).trim());
        block.push('\n');
    }
    Ok(block)
}

fn payload_hash(request: Signed<'_>) -> String {
    match request.headers.get("x-sdk-content-sha256") {
        Some(stated) => String::from_utf8_lossy(stated.as_bytes()).into_owned(),
        None => hex(digest::digest(&digest::SHA256, request.body).as_ref()),
    }
}

fn escape(bytes: impl AsRef<[u8]>) -> String {
    percent_encode(bytes.as_ref(), UNESCAPED).to_string()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
