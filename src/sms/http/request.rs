//! Requests, authorised.

use http::{Method, StatusCode, header};
use k8s_openapi::jiff::Timestamp;

use crate::{
    core::endpoint::Endpoint,
    sms::{
        api::Api,
        credentials::{Credentials, KeyPair, Redactor, Scope},
        signer,
    },
};

/// A request, before it is authorised.
pub(in crate::sms) struct Call<'a> {
    pub(in crate::sms) api: Api,
    pub(in crate::sms) endpoint: &'a Endpoint,
    pub(in crate::sms) query: Vec<(&'static str, String)>,
    pub(in crate::sms) authorization: Authorization<'a>,
}

/// What a request proves who asks with.
pub(in crate::sms) enum Authorization<'a> {
    /// Headers.
    Credentials(&'a Credentials),
    /// A JSON body, in which these texts are secret.
    Body(&'a [u8], Redactor<'a>),
}

impl Call<'_> {
    pub(super) fn method(&self) -> Method {
        match self.authorization {
            Authorization::Credentials(_) => Method::GET,
            Authorization::Body(..) => Method::POST,
        }
    }

    /// The status of a success.
    pub(super) fn success(&self) -> StatusCode {
        match self.authorization {
            Authorization::Credentials(_) => StatusCode::OK,
            Authorization::Body(..) => StatusCode::CREATED,
        }
    }

    /// What must not be shown of it.
    pub(super) fn redactor(&self) -> Redactor<'_> {
        match &self.authorization {
            Authorization::Credentials(credentials) => Redactor::of(credentials),
            Authorization::Body(_, redactor) => redactor.clone(),
        }
    }

    /// The request as it is at this time.
    pub(super) fn build(&self, http: &reqwest::Client, now: Timestamp) -> reqwest::Result<reqwest::Request> {
        let mut url = format!("{}{}", self.endpoint, self.api.path());
        if !self.query.is_empty() {
            url.push('?');
            url.push_str(&signer::canonical_query(&self.query));
        }
        let builder = http.request(self.method(), url);
        let builder = match &self.authorization {
            Authorization::Credentials(credentials) => {
                let headers = self.headers(credentials, now);
                headers.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value))
            }
            Authorization::Body(body, _) => {
                builder.header(header::CONTENT_TYPE, "application/json").body(body.to_vec())
            }
        };
        let mut request = builder.build()?;
        // Keeps them out of all debug output of the layers below.
        request.headers_mut().values_mut().for_each(|value| value.set_sensitive(true));
        Ok(request)
    }

    /// The headers that tell who asks.
    fn headers(&self, credentials: &Credentials, now: Timestamp) -> Vec<(&'static str, String)> {
        let (keys, scope) = match credentials {
            Credentials::Token(token) => {
                return vec![("X-Auth-Token", token.reveal().to_owned())];
            }
            Credentials::AkSk { keys, scope } => (keys, scope),
        };
        let KeyPair { access_key, secret_key, security_token } = keys;
        let token = security_token.as_ref().map(|token| ("X-Security-Token", token.reveal()));
        let scope = match scope {
            Scope::None => None,
            Scope::Domain(id) => Some(("X-Domain-Id", id.as_str())),
            Scope::Project(id) => Some(("X-Project-Id", id.as_str())),
        };
        let headers: Vec<_> = token.into_iter().chain(scope).collect();
        let method = self.method();
        let request = signer::Request {
            method: method.as_str(),
            host: self.endpoint.authority(),
            path: self.api.path(),
            query: &self.query,
            headers: &headers,
            body: b"",
        };
        let signature = signer::sign(&request, access_key, secret_key, now);
        let own = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        own.chain(signature).collect()
    }
}
