//! The calls of IAM that turn what a watch signs in with into credentials.

use http::header::HeaderName;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    api::Api,
    credentials::{
        AuthToken, Credentials, KeyPair, LookUp, PasswordLogin, Redactor, Scope, ScopeId, TokenScope,
    },
    error::Error,
    http::{Authorization, Call, Http, Received, Whole},
    wire::{PageError, iam},
};
use crate::core::endpoint::{Endpoint, Region};

/// Carries the token, in the answer.
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// A token, and when it ends.
pub(super) struct IssuedToken {
    pub(super) token: AuthToken,
    pub(super) expires: Option<Timestamp>,
}

/// IAM at one endpoint.
pub(super) struct Iam<'a> {
    pub(super) http: &'a Http,
    pub(super) endpoint: &'a Endpoint,
}

impl Iam<'_> {
    /// Gets a token for a password (`POST /v3/auth/tokens`).
    pub(super) async fn token(&self, login: &PasswordLogin) -> Result<IssuedToken, Error> {
        let api = Api::CreateToken;
        let body = token_request(login);
        let received = self
            .http
            .send(
                &Call {
                    api,
                    endpoint: self.endpoint,
                    // The catalogue of all services would be most of the answer.
                    query: vec![("nocatalog", "true".to_owned())],
                    authorization: Authorization::Body(&body, Redactor::of_password(login)),
                },
                Whole::default(),
            )
            .await?;
        let token = received.headers.get(SUBJECT_TOKEN).and_then(|value| value.to_str().ok());
        let token = token.and_then(|token| AuthToken::parse(token).ok());
        let token = token.ok_or_else(|| missing(api, &received, "X-Subject-Token"))?;
        Ok(IssuedToken { token, expires: iam::token_expiry(&received.value) })
    }

    /// Asks for the id that signed requests are to carry.
    pub(super) async fn look_up(
        &self,
        keys: &KeyPair,
        look_up: LookUp,
        region: Option<&Region>,
    ) -> Result<Scope, Error> {
        match look_up {
            LookUp::Domain => self.domain(keys).await.map(Scope::Domain),
            LookUp::Project => match region {
                Some(region) => self.project(keys, region).await.map(Scope::Project),
                None => Err(Error::NoRegion),
            },
        }
    }

    /// The account of a key (`GET /v3/auth/domains`).
    async fn domain(&self, keys: &KeyPair) -> Result<ScopeId, Error> {
        let api = Api::ListDomains;
        let received = self.get(api, Vec::new(), keys).await?;
        let found = iam::domain(&received.value).map_err(|problem| invalid(api, &received, problem))?;
        found.ok_or_else(|| missing(api, &received, "id of an account"))
    }

    /// The project of a region (`GET /v3/projects?name=`).
    async fn project(&self, keys: &KeyPair, region: &Region) -> Result<ScopeId, Error> {
        let api = Api::ListProjects;
        let received = self.get(api, vec![("name", region.as_str().to_owned())], keys).await?;
        let found = iam::project(&received.value, region.as_str());
        let found = found.map_err(|problem| invalid(api, &received, problem))?;
        found.ok_or_else(|| Error::NoProject { region: region.clone() })
    }

    async fn get(
        &self,
        api: Api,
        query: Vec<(&'static str, String)>,
        keys: &KeyPair,
    ) -> Result<Received<Vec<u8>>, Error> {
        let credentials = Credentials::AkSk { keys: keys.clone(), scope: Scope::None };
        let authorization = Authorization::Credentials(&credentials);
        let call = Call { api, endpoint: self.endpoint, query, authorization };
        self.http.send(&call, Whole::default()).await
    }
}

fn invalid(api: Api, received: &Received<Vec<u8>>, problem: PageError) -> Error {
    Error::InvalidResponse { api, problem, request_id: received.request_id.clone() }
}

fn missing(api: Api, received: &Received<Vec<u8>>, what: &'static str) -> Error {
    invalid(api, received, PageError::Missing(what))
}

/// The body of `POST /v3/auth/tokens`, as the vendor documents it.
fn token_request(login: &PasswordLogin) -> Zeroizing<Vec<u8>> {
    let domain = json!({"name": login.domain.as_str()});
    let scope = match &login.scope {
        TokenScope::Domain => json!({"domain": domain}),
        TokenScope::ProjectId(id) => json!({"project": {"id": id.as_str()}}),
        TokenScope::ProjectName(name) => json!({"project": {"name": name.as_str()}}),
    };
    let user =
        json!({"name": login.username.as_str(), "password": login.password.reveal(), "domain": domain});
    let mut request = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": scope,
    }});
    let body = Zeroizing::new(request.to_string().into_bytes());
    if let Some(Value::String(password)) = request.pointer_mut("/auth/identity/password/user/password") {
        zeroize::Zeroize::zeroize(password);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::credentials::{Name, Password};

    #[test]
    fn the_request_for_a_token_is_the_vendors() {
        let mut login = PasswordLogin {
            username: Name::parse("U").unwrap(),
            password: Password::parse("P\"\\").unwrap(),
            domain: Name::parse("D").unwrap(),
            scope: TokenScope::ProjectName(Name::parse("cn-north-4").unwrap()),
        };
        let body =
            |login: &PasswordLogin| -> Value { serde_json::from_slice(&token_request(login)).unwrap() };
        assert_eq!(
            body(&login),
            json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": {
                    "name": "U", "password": "P\"\\", "domain": {"name": "D"},
                }}},
                "scope": {"project": {"name": "cn-north-4"}},
            }})
        );
        login.scope = TokenScope::Domain;
        assert_eq!(body(&login)["auth"]["scope"], json!({"domain": {"name": "D"}}));
        login.scope = TokenScope::ProjectId(ScopeId::parse("p1").unwrap());
        assert_eq!(body(&login)["auth"]["scope"], json!({"project": {"id": "p1"}}));
    }
}
