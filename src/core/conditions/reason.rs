//! The reasons of conditions: a closed list, each with what to do about it.

use crate::core::failure::FailureKind;

/// Why a condition is as it is. Scripts go by these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Ready: listings are complete.
    Synced,
    /// Ready: listings are paused.
    Suspended,
    /// No listing of what the spec asks for has been complete yet.
    Pending,
    /// Ready: what listings fail with.
    Failing(FailureKind),
    /// Completed is open.
    AllEnded,
    /// Succeeded is open.
    AllSucceeded,
    /// CutoverReady is open.
    AllSynced,
    /// A gate waits for tasks that go on.
    InProgress,
    /// A gate would be open by the newest listing, and waits for a second one that says the same.
    Confirming,
    /// No task matches.
    NoTasks,
    /// There may be more tasks than are known.
    TasksMissing,
    /// At least one task has failed.
    TasksFailed,
    /// No task has failed.
    NoTasksFailed,
    /// At least one task stands still.
    TasksStalled,
    /// No task stands still.
    NoTasksStalled,
    /// The filter hides tasks that a gate needs.
    StatesFiltered,
    /// No listing is recent enough.
    Stale,
    /// The API server takes no events.
    EventsRefused,
}

impl Reason {
    const BESIDES_FAILURES: [Self; 17] = [
        Self::Synced,
        Self::Suspended,
        Self::Pending,
        Self::AllEnded,
        Self::AllSucceeded,
        Self::AllSynced,
        Self::InProgress,
        Self::Confirming,
        Self::NoTasks,
        Self::TasksMissing,
        Self::TasksFailed,
        Self::NoTasksFailed,
        Self::TasksStalled,
        Self::NoTasksStalled,
        Self::StatesFiltered,
        Self::Stale,
        Self::EventsRefused,
    ];

    /// Every reason.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::BESIDES_FAILURES.into_iter().chain(FailureKind::ALL.map(Self::Failing))
    }

    /// The reason of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().find(|reason| reason.name() == name)
    }

    /// The reason as a condition has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::Suspended => "Suspended",
            Self::Pending => "Pending",
            Self::Failing(kind) => kind.reason(),
            Self::AllEnded => "AllEnded",
            Self::AllSucceeded => "AllSucceeded",
            Self::AllSynced => "AllSynced",
            Self::InProgress => "InProgress",
            Self::Confirming => "Confirming",
            Self::NoTasks => "NoTasks",
            Self::TasksMissing => "TasksMissing",
            Self::TasksFailed => "TasksFailed",
            Self::NoTasksFailed => "NoTasksFailed",
            Self::TasksStalled => "TasksStalled",
            Self::NoTasksStalled => "NoTasksStalled",
            Self::StatesFiltered => "StatesFiltered",
            Self::Stale => "Stale",
            Self::EventsRefused => "EventsRefused",
        }
    }

    /// What to do about it, as docs/conditions.md says it, too. None where there is nothing to do.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::Synced
            | Self::AllEnded
            | Self::AllSucceeded
            | Self::AllSynced
            | Self::NoTasksFailed
            | Self::NoTasksStalled => return None,
            Self::Suspended => "set spec.suspend to false for listings to go on",
            Self::Pending => "wait; Ready says what the listing waits for",
            Self::InProgress => "wait",
            Self::Confirming => "wait; a second listing is asked for at once",
            Self::NoTasks => "check the filter: names are case-sensitive, and with a * must match as a whole",
            Self::TasksMissing => {
                "create the tasks that are missing in SMS, or correct the filter and expectedTasks. status.missing \
                 names the listed ids that have no task"
            }
            Self::TasksFailed => {
                "mend what the task's error says and start it again in SMS, or take it out of the wave"
            }
            Self::TasksStalled => {
                "look at the source server and its agent, and at the network between it and the target server; SMS \
                 can pause a task and start it again"
            }
            Self::StatesFiltered => "use a watch without states to wait",
            Self::Stale => "see Ready",
            Self::EventsRefused => {
                "let the operator create Events in the namespace: the message says whether a right, a quota, a policy or a \
                 webhook is in the way. They are tried again every minute, for 45 minutes"
            }
            Self::Failing(kind) => about_failure(kind),
        })
    }
}

fn about_failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidSpec => "correct the field that the message names",
        FailureKind::EndpointNotAllowed => {
            "correct the region or the endpoint, or ask the operator's owner for it (--allowed-endpoints, chart value \
             allowedEndpoints; --allowed-cidrs for addresses)"
        }
        FailureKind::SecretNotFound => {
            "create it, or correct spec.credentials.secretRef.name. It is looked for every 5 seconds"
        }
        FailureKind::SecretInvalid => "correct the Secret. It is read every 5 seconds",
        FailureKind::CredentialsInvalid => {
            "write a good key into the Secret: it is tried within 5 seconds. The same key is tried again after a \
             minute, then less and less often, down to every 10 minutes, and when a listing is asked for, at most once a minute: \
             failures in a row can lock a key"
        }
        FailureKind::AccessDenied => {
            "grant sms:server:listTask to the user or agency, for the enterprise project if the filter names one. \
             Tried again after a minute, then less and less often, and when a listing is asked for, at most every 15 \
             seconds"
        }
        FailureKind::EndpointUnreachable => {
            "check the region, name resolution, NetworkPolicies and proxies between the operator's pod and the endpoint"
        }
        FailureKind::TlsFailed => {
            "check the endpoint. An authority of your own has to be one of the operator's trusted authorities"
        }
        FailureKind::ClockSkew => "synchronise the node's clock. Tried again every minute",
        FailureKind::Throttled => {
            "longer intervals, or fewer watches on the account. What SMS asks for in Retry-After, up to 15 minutes, is \
             kept"
        }
        FailureKind::ServerError => {
            "wait; if it lasts, ask Huawei Cloud's support, with the request id of the message"
        }
        FailureKind::InvalidResponse => {
            "check the endpoint, and the proxies on the way: these often answer with pages of their own"
        }
        FailureKind::ListIncomplete => "wait; delete tasks in SMS that have ended long ago",
        FailureKind::StatusRefused => {
            "mend what the message says: a policy or a webhook that refuses the status, or a definition of another version. \
             The whole status is tried again, every 5 minutes at least"
        }
        FailureKind::InternalError => {
            "the message says what; for a Secret it is usually a right that is missing"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &str = include_str!("../../../docs/conditions.md");

    /// Text without the marks of links and code.
    fn plain(markdown: &str) -> String {
        let mut text = String::new();
        let mut rest = markdown;
        while let Some((before, link)) = rest.split_once('[') {
            let (label, after) = link.split_once("](").unwrap();
            text.push_str(before);
            text.push_str(label);
            rest = after.split_once(')').unwrap().1;
        }
        (text + rest).replace('`', "").trim().to_owned()
    }

    /// The cells of each row of a table that names a reason.
    fn rows(reason: Reason) -> Vec<Vec<&'static str>> {
        let rows = DOCS.lines().filter(|line| line.starts_with("| "));
        let rows = rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
        let names = |cell: &&str| cell.split(", ").any(|name| name.split(' ').next() == Some(reason.name()));
        rows.filter(|cells| cells.iter().any(names)).collect()
    }

    #[test]
    fn each_reason_is_documented_with_the_same_advice() {
        for reason in Reason::all() {
            let advice = reason.advice().unwrap_or_default();
            let rows = rows(reason);
            assert!(!rows.is_empty(), "docs/conditions.md doesn't name {}", reason.name());
            let told = rows.iter().any(|cells| plain(cells.last().unwrap()) == advice);
            assert!(told, "docs/conditions.md says of {}: {rows:?}, not: {advice}", reason.name());
        }
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for reason in Reason::all() {
            assert_eq!(Reason::parse(reason.name()), Some(reason));
        }
        assert_eq!(Reason::parse("NotYetInvented"), None);
    }
}
