//! Requests, authorised.

use k8s_openapi::jiff::Timestamp;

use super::ListTarget;
use crate::sms::{
    credentials::{Credentials, Scope},
    listing::PageRequest,
    signer,
};

const METHOD: http::Method = http::Method::GET;
const PATH: &str = "/v3/tasks";

/// Asks for a page of tasks.
pub(super) fn list_tasks(
    http: &reqwest::Client,
    target: &ListTarget,
    credentials: &Credentials,
    page: PageRequest,
    now: Timestamp,
) -> reqwest::Result<reqwest::Request> {
    let mut query = vec![("limit", page.limit.to_string()), ("offset", page.offset.to_string())];
    query.extend(target.enterprise_project_id.iter().map(|id| ("enterprise_project_id", id.clone())));
    let url = format!("{}{PATH}?{}", target.endpoint, signer::canonical_query(&query));
    let builder = http.request(METHOD, url);
    let headers = authorization(target.endpoint.authority(), &query, credentials, now);
    let builder = headers.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    let mut request = builder.build()?;
    // Keeps them out of all debug output of the layers below.
    request.headers_mut().values_mut().for_each(|value| value.set_sensitive(true));
    Ok(request)
}

/// The headers that tell who asks.
fn authorization(
    host: &str,
    query: &[(&str, String)],
    credentials: &Credentials,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let (access_key, secret_key, security_token, scope) = match credentials {
        Credentials::Token(token) => return vec![("X-Auth-Token", token.reveal().to_owned())],
        Credentials::AkSk { access_key, secret_key, security_token, scope } => {
            (access_key, secret_key, security_token, scope)
        }
    };
    let token = security_token.as_ref().map(|token| ("X-Security-Token", token.reveal()));
    let scope = match scope {
        Scope::None => None,
        Scope::Domain(id) => Some(("X-Domain-Id", id.as_str())),
        Scope::Project(id) => Some(("X-Project-Id", id.as_str())),
    };
    let headers: Vec<_> = token.into_iter().chain(scope).collect();
    let request =
        signer::Request { method: METHOD.as_str(), host, path: PATH, query, headers: &headers, body: b"" };
    let signature = signer::sign(&request, access_key, secret_key, now);
    headers.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(signature).collect()
}
