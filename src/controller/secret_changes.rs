//! Noticing changes of Secrets as they happen, by their metadata alone.
//!
//! The API server's roles know no such thing as the metadata of a Secret: whoever may list and watch Secrets may read
//! them all. The operator asks for metadata only, keeps no more than the versions of those that watches name,
//! and doesn't do even that unless its owner says so.

mod sightings;

use std::convert::Infallible;

use futures::{StreamExt, future, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, api::ObjectMeta, core::PartialObjectMeta, runtime::watcher::Event};

use super::{
    Watches,
    namespaces::{Scope, Subject, streams},
};
use crate::{api::MigrationTaskWatch, telemetry::Vitals};
use sightings::{Change, SecretName, Sightings};

const SECRETS: Subject = Subject {
    objects: "Secrets",
    stream: "a stream of Secrets",
    right: "list and watch on secrets (in the chart, secrets.watch)",
    consequence: "their changes are noticed when they are read next, as without --watch-secrets",
    page: 500,
};

/// Calls `on_change` with namespace, name and version whenever a Secret that a watch names has changed or appeared, and
/// without a version when it is gone. Never ends.
pub(super) async fn notice(
    client: &Client,
    scope: &Scope,
    vitals: &Vitals,
    watches: &Watches,
    on_change: impl Fn(&str, &str, Option<&str>),
) -> Infallible {
    let streams = streams::<PartialObjectMeta<Secret>>(client, scope, SECRETS, vitals).into_iter();
    // Each stream has a memory of its own: the end of its list says nothing of other namespaces.
    let sighted = streams.map(|events| {
        let watches = watches.clone();
        let mut sightings = Sightings::default();
        events.flat_map(move |event| {
            let event = slim(event);
            stream::iter(sightings.take(event, watches.len(), |secret| is_in_use(&watches, secret)))
        })
    });
    let changes = stream::select_all(sighted.map(StreamExt::boxed));
    let tell = |Change { secret, version }| {
        on_change(&secret.namespace, &secret.name, version.as_deref());
        future::ready(())
    };
    changes.for_each(tell).await;
    future::pending().await
}

/// Whether a watch names this Secret, as far as the API server has told.
fn is_in_use(watches: &Watches, secret: &SecretName) -> bool {
    watches.find(|watch| names(watch, secret)).is_some()
}

fn names(watch: &MigrationTaskWatch, secret: &SecretName) -> bool {
    let named = watch.spec.credentials.secret_ref.as_ref().map(|secret| secret.name.as_str());
    named == Some(&secret.name) && watch.metadata.namespace.as_deref() == Some(&secret.namespace)
}

/// Leaves all but name and version behind; annotations can hold a copy of the data.
fn slim(event: Event<PartialObjectMeta<Secret>>) -> Event<(SecretName, String)> {
    let sighted = |PartialObjectMeta { metadata, .. }: PartialObjectMeta<Secret>| {
        let ObjectMeta { namespace, name, resource_version, .. } = metadata;
        let secret = SecretName { namespace: namespace.unwrap_or_default(), name: name.unwrap_or_default() };
        (secret, resource_version.unwrap_or_default())
    };
    match event {
        Event::Apply(object) => Event::Apply(sighted(object)),
        Event::Delete(object) => Event::Delete(sighted(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(sighted(object)),
        Event::InitDone => Event::InitDone,
    }
}
