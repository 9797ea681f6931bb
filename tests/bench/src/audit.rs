//! What a program asked of the API server, by the API server's own audit log.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::error::Error;

/// Service accounts' requests, without their bodies.
const POLICY: &str = r#"{
  "apiVersion": "audit.k8s.io/v1",
  "kind": "Policy",
  "omitStages": ["RequestReceived", "ResponseStarted"],
  "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]
}"#;

/// The audit log of an API server.
pub(crate) struct AuditLog {
    log: PathBuf,
    policy: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    verb: String,
    user: User,
    object_ref: Option<Reference>,
    response_status: Option<Answer>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
struct Reference {
    resource: String,
    subresource: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    code: Option<u16>,
}

/// Requests by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    /// Accepted writes, by the resource that they are of.
    pub(crate) writes: BTreeMap<String, u64>,
    /// Refused writes, such as conflicts.
    pub(crate) refused: u64,
    /// Reads, watches aside.
    pub(crate) reads: u64,
}

impl AuditLog {
    pub(crate) fn new(dir: &Path) -> Result<Self, Error> {
        let (log, policy) = (dir.join("audit.log"), dir.join("audit-policy.json"));
        fs::write(&policy, POLICY).map_err(Error::io("write the audit policy"))?;
        Ok(Self { log, policy })
    }

    /// What kube-apiserver needs.
    pub(crate) fn arguments(&self) -> Vec<String> {
        vec![
            format!("--audit-log-path={}", self.log.display()),
            format!("--audit-policy-file={}", self.policy.display()),
        ]
    }

    /// What a user has asked so far.
    pub(crate) fn of(&self, user: &str) -> Result<Requests, Error> {
        let log = fs::read_to_string(&self.log).map_err(Error::io("read the audit log"))?;
        // The last line may be half written.
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let mut requests = Requests::default();
        entries.filter(|entry| entry.user.username == user).for_each(|entry| requests.add(&entry));
        Ok(requests)
    }
}

impl Requests {
    fn add(&mut self, entry: &Entry) {
        let code = entry.response_status.as_ref().and_then(|answer| answer.code).unwrap_or_default();
        match entry.verb.as_str() {
            "get" | "list" => self.reads += 1,
            "watch" => {}
            _ if code >= 400 => self.refused += 1,
            _ => *self.writes.entry(entry.resource()).or_default() += 1,
        }
    }

    /// Those that came after others.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let count = |name: &String| before.writes.get(name).copied().unwrap_or_default();
        Self {
            writes: self.writes.iter().map(|(name, writes)| (name.clone(), writes - count(name))).collect(),
            refused: self.refused - before.refused,
            reads: self.reads - before.reads,
        }
    }

    pub(crate) fn of_kind(&self, kind: &str) -> u64 {
        self.writes.get(kind).copied().unwrap_or_default()
    }
}

impl Entry {
    fn resource(&self) -> String {
        match &self.object_ref {
            Some(Reference { resource, subresource: Some(part) }) => format!("{resource}/{part}"),
            Some(Reference { resource, .. }) => resource.clone(),
            None => "other".to_owned(),
        }
    }
}
