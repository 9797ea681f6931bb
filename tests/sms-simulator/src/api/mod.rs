//! The simulated calls: which there are, and what they answer.

mod errors;
pub(crate) mod iam;
mod metadata;
pub(crate) mod pod_identity;
mod reply;
mod tasks;

use http::StatusCode;
use jiff::Timestamp;

pub use errors::{ENCODED_AUTHORIZATION_MESSAGE, ErrorBody};
pub(crate) use reply::{Payload, Reply};

use crate::accounts::{Account, Accounts, Action};
use crate::ambient::{Metadata, PodIdentity};
use crate::auth::{Gate, Signed};
use crate::store::Tasks;

/// What the calls answer from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service<'a> {
    pub(crate) accounts: &'a Accounts,
    pub(crate) gate: &'a Gate,
    pub(crate) metadata: &'a Metadata,
    pub(crate) pod_identity: &'a PodIdentity,
    pub(crate) tasks: &'a Tasks,
    pub(crate) now: Timestamp,
    pub(crate) request_id: &'a str,
    /// How far a fault turns the order of the tasks.
    pub(crate) rotation: usize,
}

impl Service<'_> {
    /// Answers a request: first whether there is such a call, then who calls, then whether they may.
    pub(crate) fn answer(self, request: Signed<'_>) -> Reply {
        let call = match (request.method, request.path) {
            ("GET", "/v3/tasks") => Action::ListTasks,
            ("GET", "/v3/auth/domains") => Action::ListDomains,
            ("GET", "/v3/projects") => Action::ListProjects,
            // These come before a caller has anything to be known by, or know callers in their own way.
            ("POST", "/v3/auth/tokens") => return iam::create_token(self, request),
            ("PUT", metadata::TOKEN_PATH) => return metadata::token(self, request),
            ("GET", metadata::KEY_PATH) => return metadata::key(self, request),
            ("POST", pod_identity::PATH) => return pod_identity::credentials(self, request),
            _ => return self.no_such_call(),
        };
        let account = match self.gate.admit(self.accounts, request, self.now) {
            Ok(account) => account,
            Err(denial) => {
                return self.gateway(StatusCode::UNAUTHORIZED, denial.code(), denial.to_string());
            }
        };
        match call {
            Action::ListTasks => self.list_tasks(&account, request.query),
            Action::ListDomains => iam::domains(&account),
            Action::ListProjects => iam::projects(&account, request.query),
        }
    }

    fn list_tasks(self, account: &Account, query: &str) -> Reply {
        if !account.may(Action::ListTasks) {
            return Reply::error(
                StatusCode::FORBIDDEN,
                &ErrorBody::forbidden(Action::ListTasks),
                self.request_id,
            );
        }
        match tasks::parse(query) {
            Ok(query) => Reply::ok(Payload::Tasks(
                self.tasks.page(&account.domain_id, &tasks::TaskQuery { rotation: self.rotation, ..query }),
            )),
            Err(invalid) => Reply::error(StatusCode::BAD_REQUEST, &invalid.body(), self.request_id),
        }
    }

    fn no_such_call(self) -> Reply {
        let message = "The API does not exist or has not been published in the environment";
        self.gateway(StatusCode::NOT_FOUND, "APIGW.0101", message.into())
    }

    fn gateway(self, status: StatusCode, code: &str, message: String) -> Reply {
        Reply::error(status, &ErrorBody::Gateway { code: code.into(), message }, self.request_id)
    }
}
