//! Kubernetes: watching the resources, and carrying out what the core decides.

mod aside;
mod context;
mod credentials;
mod error;
mod events;
mod figures;
mod leadership;
mod log;
mod namespaces;
mod pulse;
mod reconcile;
mod refusal;
mod said;
mod secret_changes;
mod secrets;
mod state;
mod status;
mod survival;
mod undelivered;
mod writes;

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, TryStreamExt, future, stream};
use kube::{
    Client,
    api::ObjectMeta,
    runtime::{
        Controller, Predicate, WatchStreamExt, controller, predicates,
        reflector::{self, ObjectRef, Store},
        utils::PredicateConfig,
        watcher,
    },
};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::{
    api::{MigrationTaskWatch, REQUESTED_AT},
    core::{budget::WriteRate, policy::Policy},
    listings::WatchKey,
    sms,
    telemetry::{Health, Metrics},
};

use context::Context;
pub use leadership::{Candidacy, Election, Leadership, Pulse};
pub use namespaces::{Scope, begun};
pub use pulse::READ_PATIENCE;
pub use said::{ApiError, of_stream};
pub use secrets::read_secret;

/// Within which time the loop that begins reconciles comes round. It waits for nothing.
const LOOP: Duration = Duration::from_mins(2);

/// How many announcements of pollers wait at most.
const NEWS: usize = 1024;

/// What the operator's owner decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// What those who create watches may do.
    pub policy: Policy,
    /// Where watches are looked at.
    pub scope: Scope,
    /// Whether changes of Secrets are noticed as they happen.
    pub watch_secrets: bool,
    /// How many watches are reconciled at the same time.
    pub concurrency: u16,
    /// How fast statuses are written.
    pub write_rate: WriteRate,
    /// The name of this process in events.
    pub instance: String,
}

/// What the controller works with.
pub struct Parts {
    /// Lists tasks.
    pub sms: sms::Client,
    /// The operator's own identity.
    pub ambient: sms::Ambient,
    /// Whether this operator may write.
    pub leadership: Leadership,
    /// What the operator's owner decides.
    pub options: Options,
    /// What is told of it all.
    pub metrics: Metrics,
}

/// Runs the controller until `shutdown`.
pub async fn run(
    client: Client,
    parts: Parts,
    health: &Health,
    shutdown: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let (store, writer) = reflector::store::<MigrationTaskWatch>();
    let (news, announced) = mpsc::channel(NEWS);
    let concurrency = parts.options.concurrency;
    let vitals = health.vitals().clone();
    let context = Arc::new(Context::new(client, parts, vitals.clone(), news, store.clone()));
    figures::show(&context);

    let health = health.clone();
    let ready = move || health.ready();
    let watches = namespaces::watches(&context.client, &context.options.scope, &vitals, ready)
        .reflect(writer)
        .inspect_ok({
            let context = context.clone();
            move |event| follow(event, &context)
        })
        .applied_objects()
        .predicate_filter(predicates::generation.combine(requested_at), PredicateConfig::default());
    let announced = stream::unfold(announced, |mut announced| async {
        announced
            .recv()
            .await
            .map(|key: WatchKey| (ObjectRef::new(&key.name).within(&key.namespace), announced))
    });
    let announced = vitals.watch("the loop that begins reconciles", LOOP, announced.boxed());

    let controller = Controller::for_stream(watches, store)
        .with_config(controller::Config::default().concurrency(concurrency))
        .reconcile_on(announced)
        .graceful_shutdown_on(shutdown)
        .run(reconcile::reconcile, reconcile::on_error, context.clone());
    tokio::select! {
        () = drain(controller) => {}
        never = notice_secrets(&context) => match never {},
    }
}

/// Has pollers told of changed Secrets.
async fn notice_secrets(context: &Context) -> Infallible {
    if context.options.watch_secrets {
        let on_change = |namespace: &str, secret: &str, version: Option<&str>| {
            context.secret_changed(namespace, secret, version);
        };
        let Context { client, options, watches, watchdog, .. } = context;
        secret_changes::notice(client, &options.scope, &watchdog.vitals, watches, on_change).await
    } else {
        future::pending().await
    }
}

/// The annotation that asks for a listing now is no part of the generation.
#[expect(clippy::unnecessary_wraps, reason = "the form of a predicate")]
fn requested_at(watch: &MigrationTaskWatch) -> Option<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    requested(&watch.metadata).hash(&mut hasher);
    Some(hasher.finish())
}

fn requested(meta: &ObjectMeta) -> Option<&str> {
    meta.annotations.as_ref()?.get(REQUESTED_AT).map(String::as_str)
}

/// What has been deleted is forgotten at once.
fn follow(event: &watcher::Event<MigrationTaskWatch>, context: &Context) {
    if let watcher::Event::Delete(watch) = event
        && let Some(key) = context::key(&watch.metadata)
    {
        context.forget(&key);
    }
}

type Reconciled = Result<
    (ObjectRef<MigrationTaskWatch>, controller::Action),
    controller::Error<error::Error, watcher::Error>,
>;

async fn drain(controller: impl Stream<Item = Reconciled>) {
    controller
        .for_each(|result| async {
            match result {
                Ok((watch, _)) => debug!(%watch, "reconciled"),
                Err(controller::Error::ObjectNotFound(watch)) => debug!(%watch, "deleted meanwhile"),
                // That is told where it failed.
                Err(controller::Error::ReconcilerFailed(..)) => {}
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "the controller was interrupted");
                }
            }
        })
        .await;
}

/// The watches that the API server has told of.
type Watches = Store<MigrationTaskWatch>;

#[cfg(test)]
mod tests;
