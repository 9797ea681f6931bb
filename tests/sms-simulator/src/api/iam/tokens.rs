//! `POST /v3/auth/tokens`: a token for a user's password.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::login::Request;
use super::{Payload, Reply, Service, refusal};
use crate::accounts::{Account, Grant, Scope, Token, User};
use crate::auth::Signed;
use crate::model::uuid;
use crate::query::parameter;
use crate::random;
use crate::time;

/// Checks the password, and gives a token that opens the account.
pub(in crate::api) fn create(service: Service<'_>, request: Signed<'_>) -> Reply {
    let Some(asked) = Request::parse(request.body).filter(|_| is_json(request.headers)) else {
        return refusal(StatusCode::BAD_REQUEST, "Request body is invalid.");
    };
    let (account, user) = match service.gate.sign_in(service.accounts, asked.login(), service.now) {
        Ok(signed_in) => signed_in,
        Err(rejection) => return refusal(StatusCode::UNAUTHORIZED, rejection.to_string()),
    };
    let scope = match asked.scope(&account) {
        Ok(scope) => scope,
        // The page lists 404 without saying for what; unverified.
        Err(unknown) => return refusal(StatusCode::NOT_FOUND, unknown.to_string()),
    };
    let value = match random::base64(service.accounts.token_bytes()) {
        Ok(value) => value,
        Err(error) => return refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    let expires_at = service.now.checked_add(service.accounts.token_lifetime()).unwrap_or(Timestamp::MAX);
    let token = Token { value, expires_at: Some(expires_at), grant: Some(Grant { user, scope }) };
    let with_catalog = parameter(request.query, "nocatalog").is_none();
    let reply = created(service.now, &account, &token, with_catalog);
    service.accounts.update(&account.domain_id, |account| account.tokens.push(token));
    reply
}

/// The page demands the header.
fn is_json(headers: &HeaderMap) -> bool {
    let stated = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    stated.is_some_and(|stated| stated.starts_with("application/json"))
}

fn created(now: Timestamp, account: &Account, token: &Token, with_catalog: bool) -> Reply {
    let mut body = json!({
        "expires_at": token.expires_at.map(time::micros),
        "issued_at": time::micros(now),
        "methods": ["password"],
        "roles": [{"id": "0", "name": "te_admin"}],
    });
    if let Some(Grant { user, scope }) = &token.grant {
        merge(&mut body, json!({"user": user_body(account, user)}));
        merge(&mut body, scope_body(account, scope));
    }
    if with_catalog {
        merge(&mut body, json!({"catalog": [{"id": "0", "name": "iam", "type": "iam", "endpoints": []}]}));
    }
    let mut reply = Reply::new(StatusCode::CREATED, Payload::Json(json!({"token": body})));
    if let Ok(value) = HeaderValue::from_str(&token.value) {
        reply.headers.insert(HeaderName::from_static("x-subject-token"), value);
    }
    reply
}

fn user_body(account: &Account, user: &User) -> Value {
    json!({
        "id": uuid("user", &user.name).replace('-', ""),
        "name": user.name,
        "password_expires_at": "",
        "domain": domain_body(account),
    })
}

fn scope_body(account: &Account, scope: &Scope) -> Value {
    match scope {
        Scope::Domain => json!({"domain": domain_body(account)}),
        Scope::Project(id) => {
            let project = account.projects.iter().find(|project| project.id == *id);
            let name = project.map(|project| project.name.as_str());
            json!({"project": {"id": id, "name": name, "domain": domain_body(account)}})
        }
    }
}

fn domain_body(account: &Account) -> Value {
    json!({"id": account.domain_id, "name": account.domain_name})
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}
