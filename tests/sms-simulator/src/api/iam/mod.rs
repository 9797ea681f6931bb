//! IAM: the look-ups of the ids that a caller acts for, and tokens.

mod login;
mod tokens;

use http::StatusCode;
use serde_json::json;

pub(super) use tokens::create as create_token;

use super::{ErrorBody, Payload, Reply, Service};
use crate::accounts::{Account, Action, Project};
use crate::query::parameter;

/// Whether a path is one of IAM, whose answers carry `X-IAM-Trace-Id`.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with("/v3/auth/") || path == "/v3/projects"
}

/// `GET /v3/auth/domains`: the caller's account.
pub(super) fn domains(account: &Account) -> Reply {
    if !account.may(Action::ListDomains) {
        return forbidden(Action::ListDomains);
    }
    Reply::ok(Payload::Json(json!({
        "domains": [{
            "id": account.domain_id,
            "name": account.domain_name,
            "enabled": true,
            "description": "",
            "links": {"self": format!("https://iam.myhuaweicloud.com/v3/domains/{}", account.domain_id)},
        }],
        "links": {"next": null, "previous": null, "self": "https://iam.myhuaweicloud.com/v3/auth/domains"},
    })))
}

/// `GET /v3/projects`: the caller's projects, or the one of a name.
pub(super) fn projects(account: &Account, query: &str) -> Reply {
    if !account.may(Action::ListProjects) {
        return forbidden(Action::ListProjects);
    }
    let name = parameter(query, "name");
    let wanted =
        account.projects.iter().filter(|project| name.as_ref().is_none_or(|name| *name == project.name));
    let projects: Vec<_> = wanted.map(|project| body(account, project)).collect();
    Reply::ok(Payload::Json(json!({
        "projects": projects,
        "links": {"next": null, "previous": null, "self": "https://iam.myhuaweicloud.com/v3/projects"},
    })))
}

fn body(account: &Account, project: &Project) -> serde_json::Value {
    json!({
        "id": project.id,
        "name": project.name,
        "domain_id": account.domain_id,
        "parent_id": account.domain_id,
        "is_domain": false,
        "enabled": true,
        "description": "",
        "links": {"self": format!("https://iam.myhuaweicloud.com/v3/projects/{}", project.id)},
    })
}

fn forbidden(action: Action) -> Reply {
    refusal(
        StatusCode::FORBIDDEN,
        format!("You are not authorized to perform the requested action: {action}"),
    )
}

fn refusal(status: StatusCode, message: impl Into<String>) -> Reply {
    Reply::error(status, &ErrorBody::Iam { message: message.into() }, "")
}
