//! Which namespaces the operator looks at, and the streams of what happens in them.

mod merge;

use std::{collections::BTreeSet, fmt::Debug, mem, time::Duration};

use futures::{
    Stream, StreamExt, future,
    stream::{self, BoxStream},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    runtime::{
        WatchStreamExt,
        utils::Backoff,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{pulse, said::of_stream};
use crate::{
    api::{MigrationTaskWatch, MigrationTaskWatchSpec},
    core::{last::trim, namespace::Namespace, repeats::Repeats},
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
        let mut lines = Lines { namespace, subject, repeats: Repeats::default() };
        begun(watcher(api, watcher::Config::default().page_size(subject.page)))
            .inspect(move |event| lines.see(event))
            .backoff(Pauses::default())
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

/// Leaves the beginning of a list out until something of it is there. The client says that a list has begun before it
/// asks for one: taken for a success, that would undo the pauses between tries.
pub fn begun<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
) -> impl Stream<Item = watcher::Result<Event<K>>> {
    let mut has_begun = false;
    events.flat_map(move |event| {
        let (first, event) = match event {
            Ok(Event::Init) => {
                has_begun = true;
                (None, None)
            }
            Ok(event) => (mem::take(&mut has_begun).then_some(Ok(Event::Init)), Some(Ok(event))),
            Err(error) => (None, Some(Err(error))),
        };
        stream::iter([first, event].into_iter().flatten())
    })
}

/// The longest pause between two tries of a stream.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The client's own pauses, which chance makes up to twice as long as this.
#[derive(Default)]
struct Pauses(watcher::DefaultBackoff);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|pause| pause.min(LONGEST_PAUSE))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// What is said in the log of one stream: that it fails when that is new, and then now and then.
struct Lines {
    namespace: String,
    subject: Subject,
    repeats: Repeats<Option<u16>>,
}

impl Lines {
    fn see<K>(&mut self, event: &watcher::Result<Event<K>>) {
        let Self { namespace, subject, repeats } = self;
        match event {
            Ok(_) => {
                if let Some(times) = repeats.works() {
                    info!(namespace, times, "the {} are seen again", subject.objects);
                }
            }
            // Too old a version, which is no trouble: the list is read anew.
            Err(error) if code(error) == Some(410) => {
                debug!(namespace, "the {} are listed anew", subject.objects);
            }
            Err(error) => {
                let times = repeats.fails(code(error), Instant::now().into_std());
                tell(error, namespace, *subject, times);
            }
        }
    }
}

/// Says which stream fails, and what would help.
fn tell(error: &watcher::Error, namespace: &str, subject: Subject, times: Option<u32>) {
    let Subject { objects, right, consequence, .. } = subject;
    let error_said = of_stream(error);
    let Some(times) = times else {
        debug!(namespace, error = error_said, "the {objects} can't be seen");
        return;
    };
    match code(error) {
        Some(403) => warn!(
            namespace,
            times, "the {objects} can't be seen, and {consequence}: the operator's role there needs {right}"
        ),
        Some(404) => {
            warn!(
                namespace,
                times,
                error = error_said,
                "the API server knows no {objects}; is the definition installed?"
            );
        }
        _ => {
            let error = error_said;
            warn!(namespace, times, error, "the stream of {objects} was interrupted; it is tried again");
        }
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
    use std::sync::{Arc, Mutex};

    use axum::{Router, body::Body, http::StatusCode, response::IntoResponse};
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_for_long_is_tried_later_each_time() {
        for code in [403, 404, 500] {
            let asked = Arc::<Mutex<Vec<Instant>>>::default();
            let seen = asked.clone();
            let answer = move || {
                seen.lock().unwrap().push(Instant::now());
                let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": "no", "reason": "No", "code": code});
                let code = StatusCode::from_u16(code).unwrap();
                future::ready((code, Body::from(status.to_string())).into_response())
            };
            let client = Client::new(Router::new().fallback(answer), "default");
            let all = streams::<MigrationTaskWatch>(&client, &Scope::Cluster, WATCHES, &Vitals::default());
            let all = stream::select_all(all).for_each(|_| future::ready(()));
            let _ = tokio::time::timeout(Duration::from_mins(10), all).await;
            let asked = asked.lock().unwrap();
            let gaps: Vec<_> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
            // From about a second on, doubled, to half a minute.
            assert!((20..=30).contains(&asked.len()), "{code}: {gaps:?}");
            assert!(gaps.iter().all(|gap| *gap <= 30) && gaps.last() >= Some(&29), "{code}: {gaps:?}");
        }
    }

    #[test]
    fn a_scope_names_each_namespace_once() {
        let scope = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Scope>();
        assert_eq!(scope(&[]), Scope::Cluster);
        let Scope::Namespaces(namespaces) = scope(&["b", "a", " b"]) else { panic!() };
        assert_eq!(namespaces.into_iter().map(|name| name.to_string()).collect::<Vec<_>>(), ["a", "b"]);
    }
}
