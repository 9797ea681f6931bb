//! What is told of the watches, oldest first.

use std::collections::HashSet;

use k8s_openapi::{api::events::v1::Event, jiff::Timestamp};
use kube::{Api, ResourceExt as _, api::ListParams};
use migration_task_watch::{
    api::{MANAGER, MigrationTaskWatch},
    core::outbox::event_name,
};

use crate::{
    error::Error,
    place::{Place, within},
};

/// Follows the events.
pub(crate) struct Events {
    began: Timestamp,
    seen: HashSet<String>,
    /// A line for each.
    pub(crate) lines: Vec<String>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { began: Timestamp::now(), seen: HashSet::new(), lines: Vec::new() }
    }

    /// The names of the columns.
    pub(crate) fn header() -> String {
        columns("TIME", "TYPE", "REASON", "OBJECT", "MESSAGE")
    }

    /// Adds what has been told since the last look.
    pub(crate) async fn update(&mut self, place: &Place) -> Result<(), Error> {
        let api: Api<Event> = Api::namespaced(place.client.clone(), place.namespace);
        let mut events = within("list the events", api.list(&ListParams::default())).await?.items;
        events.retain(|event| event.reporting_controller.as_deref() == Some(MANAGER));
        events.retain(|event| self.seen.insert(event.name_any()));
        events.sort_by_key(|event| (time(event), place_in_name(event)));
        self.lines.extend(events.iter().map(|event| line(event, self.began)));
        Ok(())
    }

    /// Whether all that the watch's status owes has been seen.
    pub(crate) fn cover(&self, watch: &MigrationTaskWatch) -> bool {
        let Some(outbox) = watch.status.as_ref().and_then(|status| status.outbox.as_ref()) else {
            return true;
        };
        let uid = watch.uid().unwrap_or_default();
        (0..outbox.events.len()).all(|place| self.seen.contains(&event_name(&uid, outbox.sequence, place)))
    }
}

fn time(event: &Event) -> Option<Timestamp> {
    event.event_time.as_ref().map(|time| time.0)
}

/// The place among the events of one listing, in which the names end.
fn place_in_name(event: &Event) -> Option<usize> {
    event.name_any().rsplit('.').next()?.parse().ok()
}

fn line(event: &Event, began: Timestamp) -> String {
    let since = time(event).map_or(0, |time| time.duration_since(began).as_secs().max(0));
    let watch = event.regarding.as_ref().and_then(|watch| watch.name.as_deref());
    columns(
        &format!("{}:{:02}", since / 60, since % 60),
        event.type_.as_deref().unwrap_or_default(),
        event.reason.as_deref().unwrap_or_default(),
        watch.unwrap_or_default(),
        event.note.as_deref().unwrap_or_default(),
    )
}

fn columns(time: &str, kind: &str, reason: &str, object: &str, message: &str) -> String {
    format!("{time:<6} {kind:<9} {reason:<18} {object:<8} {message}")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::MicroTime};

    use super::*;

    #[test]
    fn an_event_is_a_line_with_the_time_since_the_start() {
        let began = Timestamp::from_second(1_000).unwrap();
        let event = Event {
            event_time: Some(MicroTime(Timestamp::from_second(1_065).unwrap())),
            type_: Some("Warning".to_owned()),
            reason: Some("TaskFailed".to_owned()),
            note: Some("Task a failed".to_owned()),
            regarding: Some(ObjectReference {
                name: Some("wave-1".to_owned()),
                ..ObjectReference::default()
            }),
            ..Event::default()
        };
        assert_eq!(line(&event, began), "1:05   Warning   TaskFailed         wave-1   Task a failed");
        assert_eq!(line(&Event::default(), began).trim_end(), "0:00");
    }
}
