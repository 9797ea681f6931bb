//! Creating the events of an outbox.

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Resource,
    api::{ObjectMeta, PostParams},
};
use tracing::warn;

use super::{error::Error, leadership::Leadership};
use crate::{
    api::{MANAGER, MigrationTaskWatch, Outbox, OutboxEvent},
    clock,
    core::outbox::event_name,
    telemetry::{Events, Telling},
};

/// How many events are created at the same time.
const AT_ONCE: usize = 8;

/// Creates all events. One that is there already has been told; one that can't ever be created is given up.
pub(super) async fn deliver(
    client: &kube::Client,
    leadership: &Leadership,
    watch: &MigrationTaskWatch,
    outbox: &Outbox,
    instance: &str,
    told: &Events,
) -> Result<(), Error> {
    let namespace = watch.metadata.namespace.clone().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let all = outbox.events.iter().enumerate();
    let all: Vec<Event> = all.map(|(place, event)| to_event(watch, outbox, place, event, instance)).collect();
    stream::iter(all)
        .map(|event| create(&events, leadership, event, told))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await
        .map(drop)
}

async fn create(
    events: &Api<Event>,
    leadership: &Leadership,
    event: Event,
    told: &Events,
) -> Result<(), Error> {
    let telling =
        match leadership.write("creating an event", events.create(&PostParams::default(), &event)).await {
            Ok(_) => Telling::Created,
            Err(error) => match error.code() {
                Some(409) => Telling::Known,
                // The namespace is gone, or the event isn't one: trying again changes nothing.
                Some(404 | 422) => {
                    warn!(reason = event.reason, note = event.note, "an event can't be created: {error}");
                    Telling::GivenUp
                }
                Some(403) if is_terminating(&error) => Telling::GivenUp,
                _ => return Err(error),
            },
        };
    told.told(event.reason.as_deref().unwrap_or_default(), telling);
    Ok(())
}

/// Nothing can be created in a namespace that is being deleted.
fn is_terminating(error: &Error) -> bool {
    error.status().is_some_and(|status| status.message.contains("being terminated"))
}

fn to_event(
    watch: &MigrationTaskWatch,
    outbox: &Outbox,
    place: usize,
    event: &OutboxEvent,
    instance: &str,
) -> Event {
    let uid = watch.metadata.uid.as_deref().unwrap_or_default();
    Event {
        metadata: ObjectMeta {
            name: Some(event_name(uid, outbox.sequence, place)),
            namespace: watch.metadata.namespace.clone(),
            ..ObjectMeta::default()
        },
        type_: Some(event.kind.clone()),
        reason: Some(event.reason.clone()),
        note: Some(event.note.clone()),
        action: Some("List".to_owned()),
        event_time: Some(MicroTime(outbox.time.as_ref().map_or_else(clock::now, |time| time.0))),
        reporting_controller: Some(MANAGER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(MigrationTaskWatch::api_version(&()).into_owned()),
            kind: Some(MigrationTaskWatch::kind(&()).into_owned()),
            name: watch.metadata.name.clone(),
            namespace: watch.metadata.namespace.clone(),
            uid: watch.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        ..Event::default()
    }
}
