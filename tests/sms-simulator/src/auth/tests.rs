//! The vendor's own vectors pass, and whatever differs from them is refused.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::password::Rejection;
use super::*;
use crate::accounts::Token;

const VECTORS: &str = include_str!("../../../fixtures/signing-vectors.json");
const SECRET: &str = "SKexample+/secretKEY0123456789abcdefghij";

/// One vector as a request on the wire.
#[derive(Clone)]
struct Wire {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: String,
}

impl Wire {
    fn signed(&self) -> Signed<'_> {
        Signed {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            body: self.body.as_bytes(),
        }
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers
            .insert(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }

    fn admit(&self, accounts: &Accounts) -> Result<Account, Denial> {
        Gate::default().admit(accounts, self.signed(), now())
    }

    /// Signs anew with the second half of the rules, for refusals that must not be about the signature.
    fn sign(mut self, access_key: &str, names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let date = header(&self.headers, "x-sdk-date").unwrap().to_owned();
        let canonical = signature::canonical_request(self.signed(), &names).unwrap();
        let signature = signature::signature(SECRET, &signature::string_to_sign(&date, &canonical));
        let names = names.join(";");
        self.set(
            "authorization",
            &format!("SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={names}, Signature={signature}"),
        );
        self
    }
}

fn now() -> Timestamp {
    "2025-01-02T03:04:05Z".parse().unwrap()
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{field} of {vector}"))
}

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn wire(vector: &Value) -> Wire {
    let (path, query) =
        text(vector, "request_target").split_once('?').unwrap_or((text(vector, "request_target"), ""));
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        headers.insert(
            HeaderName::try_from(name.to_lowercase()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    };
    for (name, value) in vector["headers_in"].as_object().unwrap() {
        add(name, value.as_str().unwrap());
    }
    add("host", text(vector, "host"));
    add("authorization", text(vector, "authorization"));
    // The vendor's signer adds this header by itself; it is on the wire when it is among the signed.
    let added =
        text(vector, "canonical_request").lines().find_map(|line| line.strip_prefix("x-sdk-content-sha256:"));
    if let Some(value) = added {
        add("x-sdk-content-sha256", value);
    }
    Wire {
        method: text(vector, "method").into(),
        path: path.into(),
        query: query.into(),
        headers,
        body: text(vector, "body").into(),
    }
}

/// The account of the vectors.
fn accounts() -> Accounts {
    Accounts::new(vec![Account {
        access_keys: vectors()
            .iter()
            .map(|vector| AccessKey::permanent(text(vector, "ak"), text(vector, "sk")))
            .collect(),
        ..Account::new("0123456789abcdef0123456789abcdef", "", "")
    }])
}

fn plain() -> Wire {
    wire(&vectors()[0])
}

const AK: &str = "AKIDEXAMPLE0000000001";

#[test]
fn every_vector_verifies_step_by_step() {
    for vector in vectors() {
        let name = text(&vector, "name");
        let wire = wire(&vector);
        let authorization = Authorization::parse(text(&vector, "authorization")).unwrap();
        let canonical = signature::canonical_request(wire.signed(), &authorization.signed_headers).unwrap();
        assert_eq!(canonical, text(&vector, "canonical_request"), "{name}");
        let to_sign = signature::string_to_sign("20250102T030405Z", &canonical);
        assert_eq!(to_sign, text(&vector, "string_to_sign"), "{name}");
        assert!(wire.admit(&accounts()).is_ok(), "{name}");
    }
}

#[test]
fn any_change_after_signing_is_refused() {
    type Change = fn(&mut Wire);
    let changes: [(&str, Change); 6] = [
        ("method", |wire| wire.method = "PUT".into()),
        ("path", |wire| wire.path.push('x')),
        ("query", |wire| {
            wire.query = "limit=200&offset=200&state=RUNNING".into();
        }),
        ("body", |wire| wire.body.push(' ')),
        ("host", |wire| wire.set("host", "elsewhere")),
        ("header", |wire| wire.set("user-agent", "someone else")),
    ];
    for (what, change) in changes {
        let mut wire = wire(&vectors()[1]);
        change(&mut wire);
        assert!(matches!(wire.admit(&accounts()), Err(Denial::SignatureMismatch { .. })), "{what}");
    }
}

#[test]
fn query_order_on_the_wire_does_not_matter_but_a_plus_is_no_space() {
    let mut wire = wire(&vectors()[1]);
    wire.query = "state=RUNNING&offset=0&limit=200".into();
    assert!(wire.admit(&accounts()).is_ok());

    let mut spaced = plain();
    spaced.query = "name=a%20b".into();
    let mut spaced = spaced.sign(AK, &["host", "x-sdk-date"]);
    assert!(spaced.admit(&accounts()).is_ok());
    spaced.query = "name=a+b".into();
    assert!(spaced.admit(&accounts()).is_err());
}

#[test]
fn query_is_sorted_by_the_plain_key_not_the_escaped_one() {
    let query = "%7E=2&a=1&Z=3&%E4%BB%BB=4&a=0";
    let mut wire = plain();
    wire.query = query.into();
    let canonical = signature::canonical_request(wire.signed(), &["host".into()]).unwrap();
    assert_eq!(canonical.lines().nth(2), Some("Z=3&a=0&a=1&~=2&%E4%BB%BB=4"));
}

#[test]
fn skew_beyond_fifteen_minutes_is_0303_on_both_sides() {
    let accounts = accounts();
    let wire = plain();
    for (seconds, refused) in [(-901, true), (-900, false), (900, false), (901, true)] {
        let result =
            Gate::default().admit(&accounts, wire.signed(), now() + SignedDuration::from_secs(seconds));
        assert_eq!(result.is_err(), refused, "{seconds}");
        if let Err(denial) = result {
            assert_eq!(denial.code(), "APIGW.0303");
        }
    }
}

#[test]
fn malformed_dates_are_refused() {
    for date in [
        "",
        "2025-01-02T03:04:05Z",
        "20250102T030405",
        "20250102T030405+0000",
        "Thu, 02 Jan 2025 03:04:05 GMT",
    ] {
        let mut wire = plain();
        wire.set("x-sdk-date", date);
        assert_eq!(wire.admit(&accounts()), Err(Denial::NoDate), "{date}");
    }
}

#[test]
fn headers_that_say_who_is_calling_must_be_signed() {
    assert_eq!(plain().sign(AK, &["x-sdk-date"]).admit(&accounts()), Err(Denial::HeaderNotSigned("host")));
    assert_eq!(plain().sign(AK, &["host"]).admit(&accounts()), Err(Denial::HeaderNotSigned("x-sdk-date")));
    for name in SIGNED_WHEN_SENT {
        let mut wire = plain();
        wire.set(name, "x");
        let wire = wire.sign(AK, &["host", "x-sdk-date"]);
        assert_eq!(wire.admit(&accounts()), Err(Denial::HeaderNotSigned(name)));
    }
}

#[test]
fn a_signed_header_that_was_not_sent_is_refused() {
    let mut wire = plain();
    let authorization = text(&vectors()[0], "authorization").replace("x-sdk-date,", "x-sdk-date;x-trace,");
    wire.set("authorization", &authorization);
    assert_eq!(wire.admit(&accounts()), Err(Denial::SignedHeaderMissing("x-trace".into())));
}

#[test]
fn a_temporary_key_needs_its_own_security_token() {
    let temporary = Account::new("d", AK, SECRET).with_security_token("sts");
    let accounts = Accounts::new(vec![temporary]);
    let with = |token: Option<&str>| {
        let mut wire = plain();
        let mut names = vec!["host", "x-sdk-date"];
        if let Some(token) = token {
            wire.set("x-security-token", token);
            names.push("x-security-token");
        }
        wire.sign(AK, &names).admit(&accounts)
    };
    assert!(with(Some("sts")).is_ok());
    assert_eq!(with(Some("other")), Err(Denial::WrongSecurityToken));
    assert_eq!(with(None), Err(Denial::WrongSecurityToken));

    let mut wire = plain();
    wire.set("x-security-token", "sts");
    let permanent = Accounts::new(vec![Account::new("d", AK, SECRET)]);
    let wire = wire.sign(AK, &["host", "x-sdk-date", "x-security-token"]);
    assert_eq!(wire.admit(&permanent), Err(Denial::WrongSecurityToken));
}

#[test]
fn scope_headers_must_be_the_callers_own() {
    let accounts = Accounts::new(vec![Account::new("d", AK, SECRET)]);
    for (name, own) in [("x-domain-id", "d"), ("x-project-id", "project-d")] {
        for (value, admitted) in [(own, true), ("foreign", false)] {
            let mut wire = plain();
            wire.set(name, value);
            let wire = wire.sign(AK, &["host", "x-sdk-date", name]);
            assert_eq!(wire.admit(&accounts).is_ok(), admitted, "{name} {value}");
        }
    }
}

#[test]
fn unknown_keys_and_malformed_headers_are_refused() {
    let mut wire = plain();
    wire.headers.remove("authorization");
    assert_eq!(wire.admit(&accounts()), Err(Denial::NoCredentials));
    for value in ["", "Bearer x", "SDK-HMAC-SHA256", "SDK-HMAC-SHA256 Access=a, Signature=b"] {
        wire.set("authorization", value);
        assert_eq!(wire.admit(&accounts()), Err(Denial::MalformedAuthorization), "{value}");
    }
    let stranger = plain().sign("AKSTRANGER", &["host", "x-sdk-date"]);
    assert_eq!(stranger.admit(&accounts()), Err(Denial::UnknownAccessKey("AKSTRANGER".into())));
}

#[test]
fn five_wrong_signatures_lock_the_key_even_for_its_owner() {
    let gate = Gate::default();
    let accounts = accounts();
    let mut wrong = plain();
    wrong.path.push('x');
    for _ in 0..5 {
        let denial = gate.admit(&accounts, wrong.signed(), now());
        assert!(matches!(denial, Err(Denial::SignatureMismatch { .. })));
    }
    let right = plain();
    assert_eq!(gate.admit(&accounts, right.signed(), now()), Err(Denial::Locked));
    assert!(gate.admit(&accounts, right.signed(), now() + KEY_LOCKED_FOR).is_ok());
}

#[test]
fn tokens_open_their_account_until_they_expire() {
    let mut account = Account::new("d", AK, SECRET).with_token("forever");
    account.tokens.push(Token { expires_at: Some(now()), ..Token::new("brief") });
    let accounts = Accounts::new(vec![account]);
    let with = |token: &str, at: Timestamp| {
        let mut wire = plain();
        wire.headers.remove("authorization");
        wire.set("x-auth-token", token);
        Gate::default().admit(&accounts, wire.signed(), at).map_err(|denial| denial.code())
    };
    assert!(with("forever", now()).is_ok());
    assert_eq!(with("unknown", now()), Err("APIGW.0301"));
    assert!(with("brief", now() - SignedDuration::from_secs(1)).is_ok());
    assert_eq!(with("brief", now()), Err("APIGW.0307"));
}

#[test]
fn a_key_is_refused_from_its_expiry_on() {
    let mut account = Account::new("d", AK, SECRET);
    account.access_keys[0].expires_at = Some(now());
    let accounts = Accounts::new(vec![account]);
    let wire = plain().sign(AK, &["host", "x-sdk-date"]);
    let at = |at: Timestamp| Gate::default().admit(&accounts, wire.signed(), at).map(|_| ());
    assert_eq!(at(now() - SignedDuration::from_secs(1)), Ok(()));
    assert_eq!(at(now()), Err(Denial::ExpiredAccessKey));
}

#[test]
fn five_wrong_passwords_lock_their_user_alone() {
    let account = Account::new("d", AK, SECRET).with_user("ann", "right").with_user("bob", "right");
    let domain = account.domain_name.clone();
    let (gate, accounts) = (Gate::default(), Accounts::new(vec![account]));
    let sign_in = |user, password, at| {
        gate.sign_in(&accounts, Login { domain: &domain, user, password }, at).map(|(_, user)| user.name)
    };
    for _ in 0..4 {
        assert_eq!(sign_in("ann", "guess", now()), Err(Rejection::Wrong));
    }
    assert_eq!(sign_in("ann", "right", now()), Ok("ann".into()), "four failures are forgiven");
    for _ in 0..5 {
        assert_eq!(sign_in("ann", "guess", now()), Err(Rejection::Wrong));
    }
    assert_eq!(sign_in("ann", "right", now()), Err(Rejection::Locked));
    assert_eq!(sign_in("bob", "right", now()), Ok("bob".into()));
    assert_eq!(sign_in("ann", "right", now() + USER_LOCKED_FOR), Ok("ann".into()));
}
