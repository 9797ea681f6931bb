//! `migration-task-watch check`: one listing for a manifest, without an operator.

use std::{
    error::Error,
    io::{Read, Write, stdout},
    path::PathBuf,
    sync::Arc,
};

use clap::Args as ClapArgs;
use k8s_openapi::jiff::Timestamp;
use thiserror::Error;

use super::{
    cluster::{self, Choice, ClusterError},
    manifest::Manifest,
    run::SmsArgs,
    table,
};
use crate::{
    api::{Filter, MigrationTaskWatchStatus},
    controller::read_secret,
    core::{
        count::number,
        decide::{Carried, Identity, Inputs, Observation, decide},
        failure::{Failure, FailureKind},
        hints,
        last::Last,
        plan::{CredentialsRef, Plan},
        policy::{AmbientNamespaces, Policy},
        task::Snapshot,
    },
    sms::{ListTarget, Login, Query, credentials::SecretData, secret_data_of_environment},
    telemetry::Requests,
    views::clean,
};

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The manifest, or - for standard input. A Secret in the same file is used before the environment
    /// (HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK ...) and the cluster.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    file: PathBuf,

    /// Which watch of the manifest, if it holds several.
    #[arg(long)]
    name: Option<String>,

    /// Print the whole status as JSON.
    #[arg(short = 'o', long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,

    #[command(flatten)]
    sms: SmsArgs,
}

/// A check that found something wrong, told by the reason that the Ready condition would have.
#[derive(Debug, Error)]
#[error("{}: {}{}", .0.kind.reason(), .0.message, .0.request_note())]
struct CheckFailed(Failure);

#[derive(Debug, Error)]
#[error("{path} can't be read")]
struct Unreadable {
    path: String,
    source: std::io::Error,
}

/// Where the Secret is, if it is in a cluster.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Which cluster.
    pub(super) cluster: Choice,
    /// The namespace of a watch whose manifest names none.
    pub(super) namespace: Option<String>,
}

pub(super) async fn check(args: Args, place: &Place) -> Result<(), Box<dyn Error>> {
    let manifest = Manifest::parse(&read(&args.file)?, args.name.as_deref())?;
    // Whoever checks uses an identity of their own.
    let policy = Policy { endpoints: args.sms.allowed_endpoints()?, ambient: AmbientNamespaces::All };
    let namespace = manifest.watch.metadata.namespace.as_deref();
    let plan =
        Plan::parse(&manifest.watch.spec, namespace.unwrap_or_default(), &policy).map_err(CheckFailed)?;
    let login = match &plan.credentials {
        CredentialsRef::Secret(name) => from_secret(&manifest, name, place).await,
        CredentialsRef::Ambient => args.sms.ambient()?.login().await,
    };
    let login = login.map_err(CheckFailed)?;
    let listing =
        args.sms.client(Requests::default())?.list_tasks(&ListTarget::from(&plan), &login, &Query::All).await;
    let listing = listing.map_err(|error| CheckFailed(Failure::from(&error)))?;
    let now = Timestamp::now();
    let snapshot = Arc::new(listing.into_snapshot(1, now));
    let status = status(&plan, snapshot.clone(), now);
    if args.output.is_some() {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&status)?)?;
        return Ok(());
    }
    write!(stdout(), "{}", table::render(&status))?;
    for remark in remarks(&plan, manifest.watch.spec.filter.as_ref(), &status, &snapshot) {
        writeln!(stdout(), "{}", clean(&remark))?;
    }
    Ok(())
}

/// What is likely not as it was meant.
fn remarks(
    plan: &Plan,
    filter: Option<&Filter>,
    status: &MigrationTaskWatchStatus,
    snapshot: &Snapshot,
) -> Vec<String> {
    let total = status.summary.as_ref().map_or(0, |summary| summary.total);
    let mut remarks = Vec::new();
    if total == 0 {
        remarks.push(hints::nothing_of(snapshot.tasks.len(), snapshot.tasks.iter()));
    }
    if let Some(expected) = plan.expected_tasks.filter(|expected| total < number(*expected)) {
        remarks.push(format!("{total} of {expected} expected tasks are listed."));
    }
    remarks.extend(filter.into_iter().flat_map(|filter| hints::filter(filter, snapshot)));
    remarks
}

fn read(file: &PathBuf) -> Result<String, Unreadable> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    text.map_err(|source| Unreadable { path: file.display().to_string(), source })
}

/// The status that an operator would write after this first listing.
fn status(plan: &Plan, snapshot: Arc<Snapshot>, now: Timestamp) -> MigrationTaskWatchStatus {
    let plan = Plan { suspended: false, ..plan.clone() };
    let decision = decide(&Inputs {
        identity: &Identity { uid: "check".to_owned(), generation: 1 },
        plan: Ok(&plan),
        last: &Last::default(),
        observation: &Observation { snapshot: Some(snapshot), ..Observation::start(now) },
        carried: &Carried::default(),
        now,
    });
    // What only the operator needs is left out. A status that isn't there yet is whole.
    let status = decision.ok().and_then(|decision| decision.status).unwrap_or_default();
    MigrationTaskWatchStatus { outbox: None, ledger: None, ..status }
}

async fn from_secret(manifest: &Manifest, name: &str, place: &Place) -> Result<Arc<Login>, Failure> {
    let read = |data: &SecretData, whose: &str| {
        Login::from_secret_data(data).map(Arc::new).map_err(|error| error.into_failure(whose))
    };
    if let Some(data) = manifest.secret(name) {
        return read(data, &format!("The Secret {name}"));
    }
    if let Some(data) = secret_data_of_environment(|name| std::env::var(name).ok()) {
        return read(&data, "The environment");
    }
    let namespace = manifest.watch.metadata.namespace.as_deref().or(place.namespace.as_deref());
    match cluster::config_of(&place.cluster).await {
        Ok(config) => {
            let namespace = namespace.unwrap_or(&config.default_namespace).to_owned();
            let client = cluster::connect(config).map_err(|error| unusable(&error))?;
            read_secret(&client, &namespace, name).await
        }
        Err(error @ (ClusterError::Proxy(_) | ClusterError::Kubeconfig(_))) => Err(unusable(&error)),
        Err(_) => Err(Failure::new(
            FailureKind::SecretNotFound,
            format!(
                "The Secret {name} isn't in the manifest, HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK aren't set, and \
                 there is no cluster to read it from. Add one of these."
            ),
        )),
    }
}

fn unusable(error: &ClusterError) -> Failure {
    Failure::new(FailureKind::InternalError, format!("The Secret can't be read from a cluster: {error}."))
}
