//! What `POST /v3/auth/tokens` is asked with.

use serde::Deserialize;

use crate::accounts::{Account, Scope};
use crate::auth::Login;

/// The body: a user with a password, and what the token is to be for.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    auth: Auth,
}

#[derive(Debug, Deserialize)]
struct Auth {
    identity: Identity,
    scope: ScopeBody,
}

#[derive(Debug, Deserialize)]
struct Identity {
    methods: Vec<String>,
    password: Password,
}

#[derive(Debug, Deserialize)]
struct Password {
    user: UserBody,
}

#[derive(Debug, Deserialize)]
struct UserBody {
    name: String,
    password: String,
    domain: DomainName,
}

#[derive(Debug, Deserialize)]
struct DomainName {
    name: String,
}

/// Exactly one of both. By the page it may be left out; refused here, since what such a token opens is unverified.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScopeBody {
    Project(ProjectBody),
    Domain(Named),
}

#[derive(Debug, Deserialize)]
struct ProjectBody {
    #[serde(flatten)]
    project: Named,
    domain: Option<Named>,
}

/// By id or by name; by both, they must agree.
#[derive(Debug, Deserialize)]
struct Named {
    id: Option<String>,
    name: Option<String>,
}

/// The scope isn't one of the account's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Could not find {what}: {name}.")]
pub(super) struct UnknownScope {
    what: &'static str,
    name: String,
}

impl Request {
    /// Reads a body, if it is JSON of the page's form.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().filter(Self::is_complete)
    }

    fn is_complete(&self) -> bool {
        let named = match &self.auth.scope {
            ScopeBody::Project(body) => body.project.is_given(),
            ScopeBody::Domain(domain) => domain.is_given(),
        };
        named && self.auth.identity.methods == ["password"]
    }

    /// Who wants the token.
    pub(super) fn login(&self) -> Login<'_> {
        let user = &self.auth.identity.password.user;
        Login { domain: &user.domain.name, user: &user.name, password: &user.password }
    }

    /// What it is to be for.
    pub(super) fn scope(&self, account: &Account) -> Result<Scope, UnknownScope> {
        match &self.auth.scope {
            ScopeBody::Domain(domain) => check_domain(account, domain).map(|()| Scope::Domain),
            ScopeBody::Project(body) => {
                body.domain.as_ref().map_or(Ok(()), |domain| check_domain(account, domain))?;
                let mut projects = account.projects.iter();
                let found = projects.find(|project| body.project.means(&project.id, &project.name));
                let found = found.map(|project| Scope::Project(project.id.clone()));
                found.ok_or_else(|| UnknownScope { what: "project", name: body.project.to_string() })
            }
        }
    }
}

fn check_domain(account: &Account, domain: &Named) -> Result<(), UnknownScope> {
    if domain.means(&account.domain_id, &account.domain_name) {
        Ok(())
    } else {
        Err(UnknownScope { what: "domain", name: domain.to_string() })
    }
}

impl Named {
    fn is_given(&self) -> bool {
        self.id.is_some() || self.name.is_some()
    }

    fn means(&self, id: &str, name: &str) -> bool {
        self.id.as_deref().is_none_or(|wanted| wanted == id)
            && self.name.as_deref().is_none_or(|wanted| wanted == name)
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name.as_deref().or(self.id.as_deref()).unwrap_or_default())
    }
}
