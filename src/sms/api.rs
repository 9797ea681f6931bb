//! The calls that are made, and what their refusals mean to a user.

use std::fmt;

/// A call of one of the vendor's APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// `GET /v3/tasks` of SMS.
    ListTasks,
    /// `POST /v3/auth/tokens` of IAM: a token for a password.
    CreateToken,
    /// `GET /v3/auth/domains` of IAM: which account a key belongs to.
    ListDomains,
    /// `GET /v3/projects` of IAM: the id of a project.
    ListProjects,
}

impl Api {
    /// The name of the call in the vendor's documents.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ListTasks => "ListTasks",
            Self::CreateToken => "CreateToken",
            Self::ListDomains => "ListDomains",
            Self::ListProjects => "ListProjects",
        }
    }

    /// The path of the call.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::ListTasks => "/v3/tasks",
            Self::CreateToken => "/v3/auth/tokens",
            Self::ListDomains => "/v3/auth/domains",
            Self::ListProjects => "/v3/projects",
        }
    }

    /// What to check when the credentials aren't accepted.
    pub(super) fn advice_on_credentials(self) -> &'static str {
        match self {
            Self::ListTasks | Self::ListDomains | Self::ListProjects => {
                "Check the keys or the token in the Secret"
            }
            Self::CreateToken => {
                "Check username, password, domainName and the project in the Secret, and that the user may use the API"
            }
        }
    }

    /// What to grant when a permission is missing.
    pub(super) fn advice_on_permission(self) -> &'static str {
        match self {
            Self::ListTasks => "Grant sms:server:listTask to the user or agency that they belong to",
            Self::CreateToken => "Let the user use the API",
            Self::ListDomains => {
                "Grant iam:users:getUser to the user that they belong to, or write the account's id into the \
                 Secret's domainId"
            }
            Self::ListProjects => {
                "Grant iam:projects:listProjects to the user that they belong to, or write the project's id into the \
                 Secret's projectId"
            }
        }
    }

    /// What to check when the request as such is refused.
    pub(super) fn advice_on_request(self) -> &'static str {
        match self {
            Self::ListTasks => "Check that the endpoint is one of SMS, and the enterprise project",
            Self::CreateToken | Self::ListDomains | Self::ListProjects => {
                "Check that spec.iamEndpoint, or what follows from spec.region, is an endpoint of IAM"
            }
        }
    }
}

/// The service, as messages name it.
impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ListTasks => "SMS",
            Self::CreateToken | Self::ListDomains | Self::ListProjects => "IAM",
        })
    }
}
