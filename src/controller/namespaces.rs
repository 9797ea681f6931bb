//! Which namespaces the operator looks at, and the streams of what happens in them.

mod merge;

use std::{collections::BTreeSet, error::Error, fmt::Debug};

use futures::{
    StreamExt, TryStreamExt, future,
    stream::{self, BoxStream},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tracing::{debug, warn};

use super::pulse;
use crate::{
    api::{MigrationTaskWatch, MigrationTaskWatchSpec},
    core::{last::trim, namespace::Namespace},
    telemetry::Vitals,
};
use merge::Merge;

/// Where the operator looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces; it needs a ClusterRole for that.
    #[default]
    Cluster,
    /// In these alone: a Role in each is enough, since no call goes beyond one of them.
    Namespaces(BTreeSet<Namespace>),
}

impl FromIterator<Namespace> for Scope {
    /// None given means all of them.
    fn from_iter<I: IntoIterator<Item = Namespace>>(namespaces: I) -> Self {
        let namespaces: BTreeSet<_> = namespaces.into_iter().collect();
        if namespaces.is_empty() { Self::Cluster } else { Self::Namespaces(namespaces) }
    }
}

impl Scope {
    /// One stream for each namespace, or a single one for all.
    /// `client` gives each a client of its own.
    fn apis<K>(&self, client: impl Fn() -> Client) -> Vec<(String, Api<K>)>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match self {
            Self::Cluster => vec![("all".to_owned(), Api::all(client()))],
            Self::Namespaces(namespaces) => {
                let api = |name: &Namespace| (name.to_string(), Api::namespaced(client(), name.as_str()));
                namespaces.iter().map(api).collect()
            }
        }
    }
}

/// What a stream is of, for the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// The objects.
    pub(super) objects: &'static str,
    /// The stream, when it is stuck.
    pub(super) stream: &'static str,
    /// The right to see them.
    pub(super) right: &'static str,
    /// What it means that they can't be seen.
    pub(super) consequence: &'static str,
    /// How many are listed at a time.
    pub(super) page: u32,
}

const WATCHES: Subject = Subject {
    objects: "MigrationTaskWatches",
    stream: "a stream of MigrationTaskWatches",
    right: "get, list and watch on migrationtaskwatches (migration-task-watch.dev)",
    consequence: "watches there are not worked on",
    // Each may have a status of half a megabyte.
    page: 20,
};

/// What happens in each namespace, as the API server tells it. Streams that fail are tried again, later each time,
/// and don't hold up the others.
pub(super) fn streams<K>(
    client: &Client,
    scope: &Scope,
    subject: Subject,
    vitals: &Vitals,
) -> Vec<BoxStream<'static, Event<K>>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let stream = |(namespace, api): (String, Api<K>)| {
        watcher(api, watcher::Config::default().page_size(subject.page))
            .inspect_err(move |error| tell(error, &namespace, subject))
            .default_backoff()
            .filter_map(|event| future::ready(event.ok()))
            .boxed()
    };
    scope.apis(|| pulse::client(client, vitals, subject.stream)).into_iter().map(stream).collect()
}

/// What happens to the watches of all namespaces in scope, as one stream for one store, without the tasks of their
/// statuses. `listed` is called once, when each namespace has been listed.
pub(super) fn watches(
    client: &Client,
    scope: &Scope,
    vitals: &Vitals,
    listed: impl FnOnce() + Send + 'static,
) -> BoxStream<'static, watcher::Result<Event<MigrationTaskWatch>>> {
    let streams = streams(client, scope, WATCHES, vitals);
    let mut merge = Merge::new(streams.len(), |metadata| MigrationTaskWatch {
        metadata,
        spec: MigrationTaskWatchSpec::default(),
        status: None,
    });
    let mut listed = Some(listed);
    let begin = Merge::<MigrationTaskWatch>::begin();
    let numbered = streams
        .into_iter()
        .enumerate()
        .map(|(source, events)| events.map(move |event| (source, slim(event))));
    let merged = stream::select_all(numbered).flat_map(move |(source, event)| {
        let events = merge.take(source, event);
        if merge.is_listed()
            && let Some(listed) = listed.take()
        {
            listed();
        }
        stream::iter(events)
    });
    stream::iter(begin).chain(merged).map(Ok).boxed()
}

/// Leaves nearly all of a watch's size behind.
fn slim(event: Event<MigrationTaskWatch>) -> Event<MigrationTaskWatch> {
    let slim = |mut watch: MigrationTaskWatch| {
        watch.metadata.managed_fields = None;
        watch.status.iter_mut().for_each(trim);
        watch
    };
    match event {
        Event::Apply(watch) => Event::Apply(slim(watch)),
        Event::InitApply(watch) => Event::InitApply(slim(watch)),
        Event::Delete(watch) => Event::Delete(slim(watch)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    }
}

/// Says which stream fails, and what would help.
fn tell(error: &watcher::Error, namespace: &str, subject: Subject) {
    let Subject { objects, right, consequence, .. } = subject;
    let cause = error as &dyn Error;
    match code(error) {
        Some(403) => warn!(
            namespace,
            "the {objects} can't be seen, and {consequence}: the operator's role there needs {right}"
        ),
        Some(404) => {
            warn!(
                namespace,
                error = cause,
                "the API server knows no {objects}; is the definition installed?"
            );
        }
        // Too old a version, which is no trouble: the list is read anew.
        Some(410) => debug!(namespace, "the {objects} are listed anew"),
        _ => warn!(namespace, error = cause, "the stream of {objects} was interrupted; it is tried again"),
    }
}

/// What the API server answered.
fn code(error: &watcher::Error) -> Option<u16> {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
        | WatchError(status) => Some(status.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_each_namespace_once() {
        let scope = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Scope>();
        assert_eq!(scope(&[]), Scope::Cluster);
        let Scope::Namespaces(namespaces) = scope(&["b", "a", " b"]) else { panic!() };
        assert_eq!(namespaces.into_iter().map(|name| name.to_string()).collect::<Vec<_>>(), ["a", "b"]);
    }
}
