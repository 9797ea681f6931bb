//! What a good team would write first, for the figures to have something beside them: a controller that, for each watch
//! and at each interval, reads the Secret, lists page by page, keeps the tasks, and writes the status if it differs.
//!
//! It doesn't do what costs the operator something: it signs nothing (its Secret holds a token), checks no listing for
//! completeness, remembers no transitions and tells no events.

mod listing;
mod model;
mod summary;

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::{
        Controller, WatchStreamExt as _,
        controller::{Action, Config},
        predicates, reflector, watcher,
    },
};
use migration_task_watch::api::{MigrationTaskWatch, MigrationTaskWatchStatus};
use serde_json::json;

use self::model::Task;
use crate::error::Error;

/// As many as the operator reconciles at a time.
const CONCURRENCY: u16 = 16;
const RETRY: Duration = Duration::from_secs(10);

struct Context {
    client: Client,
    sms: reqwest::Client,
    /// What each watch saw last.
    tasks: Mutex<HashMap<String, Vec<Task>>>,
}

/// Runs until it is killed.
pub(crate) async fn run(ca_file: &Path) -> Result<(), Error> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::try_default().await.map_err(Error::api("use the kubeconfig"))?;
    let authority = fs::read(ca_file).map_err(Error::io("read certificates"))?;
    let authority = reqwest::Certificate::from_pem(&authority)?;
    let context = Arc::new(Context {
        client: client.clone(),
        sms: reqwest::Client::builder().no_proxy().tls_certs_merge([authority]).build()?,
        tasks: Mutex::default(),
    });
    let watches: Api<MigrationTaskWatch> = Api::all(client);
    let (reader, writer) = reflector::store();
    let stream = watcher(watches, watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .applied_objects()
        .predicate_filter(predicates::generation, kube::runtime::PredicateConfig::default());
    let controller =
        Controller::for_stream(stream, reader).with_config(Config::default().concurrency(CONCURRENCY));
    writeln!(std::io::stdout(), "started").map_err(Error::io("say that it has started"))?;
    controller.run(reconcile, |_, _, _| Action::requeue(RETRY), context).for_each(report).await;
    Ok(())
}

async fn report<T, E: std::fmt::Debug>(result: Result<T, E>) {
    if let Err(error) = result {
        eprintln!("{error:?}");
    }
}

async fn reconcile(watch: Arc<MigrationTaskWatch>, context: Arc<Context>) -> Result<Action, Error> {
    let namespace = watch.namespace().unwrap_or_default();
    let token = read_token(&watch, &context.client, &namespace).await?;
    let endpoint = watch.spec.endpoint.as_deref().ok_or(Error::Incomplete)?;
    let mut tasks = listing::list(&context.sms, endpoint, &token).await?;
    if let Some(filter) = &watch.spec.filter {
        tasks.retain(|task| summary::matches(filter, task));
        tasks.shrink_to_fit();
    }

    let status = summary::status(&watch, &tasks);
    let watches: Api<MigrationTaskWatch> = Api::namespaced(context.client.clone(), &namespace);
    // The cache may be behind by as much as the watch stream is.
    if differs(watch.status.as_ref(), &status) {
        let patch = Patch::Merge(json!({"status": status}));
        let written = watches.patch_status(&watch.name_any(), &PatchParams::default(), &patch).await;
        written.map_err(Error::api("write the status"))?;
    }
    context.tasks.lock().unwrap_or_else(PoisonError::into_inner).insert(watch.name_any(), tasks);
    let interval = watch.spec.interval.parse::<kube::core::Duration>().map(Duration::from);
    Ok(Action::requeue(interval.unwrap_or(RETRY)))
}

fn differs(last: Option<&MigrationTaskWatchStatus>, status: &MigrationTaskWatchStatus) -> bool {
    last.is_none_or(|last| last.summary != status.summary || last.tasks != status.tasks)
}

async fn read_token(watch: &MigrationTaskWatch, client: &Client, namespace: &str) -> Result<String, Error> {
    let secret = watch.spec.credentials.secret_ref.as_ref().ok_or(Error::Incomplete)?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = secrets.get(&secret.name).await.map_err(Error::api("read the Secret"))?;
    let token = secret.data.as_ref().and_then(|data| data.get("naiveToken")).ok_or(Error::Incomplete)?;
    Ok(String::from_utf8_lossy(&token.0).into_owned())
}
