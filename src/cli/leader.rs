//! Flags of the election, and who this operator is in it.

use std::{fs, io, time::Duration};

use clap::Args as ClapArgs;
use ring::rand::{SecureRandom, SystemRandom};

use super::network::first_variable;
use crate::{
    controller::Candidacy,
    core::{
        duration,
        lease::{Timing, TimingError},
        namespace::{Namespace, NamespaceError},
    },
};

/// Where a pod finds the name of its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Where Linux has the machine's name, which is the pod's in a pod.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// The flags of the election.
#[derive(Debug, ClapArgs)]
pub(super) struct LeaderArgs {
    /// Work only while holding the Lease, and stand by otherwise, so that several operators can run. It needs the
    /// rights to get, create and update leases in the Lease's namespace.
    #[arg(long, env = "LEADER_ELECT")]
    leader_elect: bool,

    /// For how long others leave the Lease alone after its holder was last seen renewing it; whole seconds.
    #[arg(long, env = "LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = parsed)]
    lease_duration: Duration,

    /// For how long the leader goes on without a renewal; less than the lease's duration.
    #[arg(long, env = "RENEW_DEADLINE", value_name = "DURATION", default_value = "10s", value_parser = parsed)]
    renew_deadline: Duration,

    /// How long to wait between two tries to renew or to take the Lease, up to a fifth more.
    #[arg(long, env = "RETRY_PERIOD", value_name = "DURATION", default_value = "2s", value_parser = parsed)]
    retry_period: Duration,

    /// The name of the Lease: the same for all operators of which one is to work.
    #[arg(long, env = "LEASE_NAME", value_name = "NAME", default_value = "migration-task-watch")]
    lease_name: String,

    /// The namespace of the Lease. The default is the operator's own.
    #[arg(long, env = "LEASE_NAMESPACE", value_name = "NAMESPACE")]
    lease_namespace: Option<String>,
}

/// The operator can't stand for election.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeaderArgsError {
    #[error("--lease-duration, --renew-deadline, --retry-period: {0}")]
    Timing(#[from] TimingError),
    #[error(
        "say where the Lease is with --lease-namespace: this isn't a pod, which has a namespace of its own"
    )]
    NoNamespace,
    #[error("--lease-namespace: {0}")]
    Namespace(#[from] NamespaceError),
    #[error(
        "--lease-name must be lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"
    )]
    Name,
    #[error("this operator can't be given a name of its own: the system's random numbers fail")]
    Random,
    #[error("this machine's name can't be read from {HOST_NAME_FILE}; set POD_NAME")]
    HostName(#[source] io::Error),
}

impl LeaderArgs {
    /// Where and as whom to stand for election; none without `--leader-elect`.
    pub(super) fn candidacy(&self) -> Result<Option<Candidacy>, LeaderArgsError> {
        let timing = Timing::new(self.lease_duration, self.renew_deadline, self.retry_period)?;
        if !self.leader_elect {
            return Ok(None);
        }
        let lease =
            Some(self.lease_name.clone()).filter(|name| is_name(name)).ok_or(LeaderArgsError::Name)?;
        let said = self.lease_namespace.clone().filter(|name| !name.trim().is_empty());
        let namespace = said.or_else(own_namespace).ok_or(LeaderArgsError::NoNamespace)?;
        let namespace = namespace.parse::<Namespace>()?.to_string();
        Ok(Some(Candidacy { namespace, lease, identity: identity()?, timing }))
    }
}

/// Whether an object can have this name.
fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_end = |c: char| c.is_ascii_alphanumeric();
    (1..=253).contains(&name.len())
        && name.chars().all(is_allowed)
        && name.starts_with(is_end)
        && name.ends_with(is_end)
}

fn own_namespace() -> Option<String> {
    let file = || fs::read_to_string(NAMESPACE_FILE).ok();
    first_variable(&["POD_NAMESPACE"])
        .or_else(file)
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
}

/// The pod's name, or the machine's, with a few random letters: a process that comes after another one in the same pod
/// must not take itself for that.
fn identity() -> Result<String, LeaderArgsError> {
    let name = match first_variable(&["POD_NAME"]) {
        Some(name) => name,
        None => fs::read_to_string(HOST_NAME_FILE).map_err(LeaderArgsError::HostName)?,
    };
    let mut random = [0; 8];
    SystemRandom::new().fill(&mut random).map_err(|_| LeaderArgsError::Random)?;
    Ok(format!("{}_{:016x}", name.trim(), u64::from_be_bytes(random)))
}

fn parsed(text: &str) -> Result<Duration, &'static str> {
    duration::parse(text).ok_or("it must be a duration such as 15s, 500ms or 1m30s")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        leader: LeaderArgs,
    }

    fn candidacy(flags: &str) -> Result<Option<Candidacy>, String> {
        let cli = Cli::try_parse_from(["x"].into_iter().chain(flags.split_whitespace()));
        cli.map_err(|error| error.to_string())?.leader.candidacy().map_err(|error| error.to_string())
    }

    #[test]
    fn nobody_stands_for_election_unless_told() {
        assert!(candidacy("").unwrap().is_none());
        let found = candidacy("--leader-elect --lease-namespace here").unwrap().unwrap();
        assert_eq!((found.namespace.as_str(), found.lease.as_str()), ("here", "migration-task-watch"));
        let seconds = Duration::from_secs;
        assert_eq!(found.timing, Timing::new(seconds(15), seconds(10), seconds(2)).unwrap());
    }

    #[test]
    fn two_processes_have_two_identities() {
        let identity = || candidacy("--leader-elect --lease-namespace here").unwrap().unwrap().identity;
        assert_ne!(identity(), identity());
    }

    #[test]
    fn flags_that_can_not_work_are_refused() {
        let table = [
            ("--lease-duration 10s", "longer than the renew deadline"),
            ("--retry-period 9s", "1.2 times the retry period"),
            ("--lease-duration 10.5s", "whole seconds"),
            ("--retry-period 0s", "at least 10ms"),
            ("--retry-period soon", "a duration such as"),
            ("--retry-period -2s", "unexpected argument"),
            ("--retry-period=-2s", "a duration such as"),
            ("--lease-duration 99999999999999999999999h", "a duration such as"),
            ("--lease-duration 2000000h", "whole seconds, from 1s to 1h"),
            ("--leader-elect --lease-name a/b --lease-namespace x", "--lease-name"),
            ("--leader-elect --lease-name=-a --lease-namespace x", "--lease-name"),
            ("--leader-elect --lease-namespace A", "can't be a namespace"),
            ("--lease-duration=", "a duration such as"),
        ];
        for (flags, message) in table {
            let error = candidacy(flags).unwrap_err();
            assert!(error.contains(message), "{flags}: {error}");
        }
    }
}
