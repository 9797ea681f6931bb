//! The events of both watches, oldest first.

use std::collections::HashSet;

use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};

use crate::{Result, stage::Stage};

/// Follows what is told.
#[derive(Default)]
pub(crate) struct Followed {
    seen: HashSet<String>,
}

impl Followed {
    /// What has been told since the last look, a line each.
    pub(crate) async fn news(&mut self, stage: &Stage) -> Result<Vec<String>> {
        let events: Api<Event> = Api::namespaced(stage.client.clone(), stage.namespace);
        let mut events = events.list(&ListParams::default()).await?.items;
        events.retain(|event| self.seen.insert(event.metadata.name.clone().unwrap_or_default()));
        events.sort_by_key(|event| (event.event_time.clone().map(|time| time.0), place(event)));
        Ok(events.iter().map(line).collect())
    }
}

/// The place of an event among those of one listing: names end in it.
fn place(event: &Event) -> usize {
    let name = event.metadata.name.as_deref().unwrap_or_default();
    name.rsplit('.').next().and_then(|place| place.parse().ok()).unwrap_or_default()
}

fn line(event: &Event) -> String {
    let watch = event.regarding.as_ref().and_then(|watch| watch.name.as_deref()).unwrap_or_default();
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    format!("{:<8} {:<7} {:<15} {}", watch, text(&event.type_), text(&event.reason), text(&event.note))
}
