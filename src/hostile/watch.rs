//! What must hold of a watch whenever its operator has decided.

use serde_json::{Value, json};

use super::{bytes::Bytes, schema};
use crate::{
    api::MigrationTaskWatchStatus,
    core::{
        decide::model::World,
        layout::{MAX_STATUS, json_size},
        outbox::MAX_NOTE,
    },
};

/// Lets it settle, and checks all that must hold.
pub(super) fn settle(world: &mut World) {
    if !world.settle() {
        return;
    }
    check(&world.status);
    let again = world.decide();
    assert!(again.status.is_none(), "{again:#?}\nafter {:#?}", world.status);
    world.carried = again.carried;
}

/// A status is one that the API server takes, and within its bounds.
fn check(status: &MigrationTaskWatchStatus) {
    let size = json_size(status);
    assert!(size <= MAX_STATUS, "{size} bytes");
    let problem = schema::problem(schema::of_status(), &json!(status));
    assert_eq!(problem, None);
    for condition in &status.conditions {
        assert!(condition.message.len() <= 32_768, "{condition:?}");
        assert!(condition.reason.starts_with(|c: char| c.is_ascii_uppercase()), "{condition:?}");
        assert!(["True", "False", "Unknown"].contains(&&*condition.status), "{condition:?}");
    }
    for event in status.outbox.iter().flat_map(|outbox| &outbox.events) {
        assert!((1..=MAX_NOTE).contains(&event.note.len()), "{event:?}");
        assert!(!event.reason.is_empty() && ["Normal", "Warning"].contains(&&*event.kind), "{event:?}");
    }
    let written = i64::try_from(status.tasks.len()).unwrap();
    if let Some((summary, omitted)) = status.summary.as_ref().zip(status.omitted_tasks) {
        assert_eq!(summary.total, written + omitted);
    }
}

/// A spec as the bytes say.
pub(super) fn spec(bytes: &mut Bytes<'_>) -> Value {
    let mut filter = json!({});
    match bytes.byte() % 8 {
        0 => filter["name"] = json!(bytes.one_of(&["*", "t*", "*1", "t", "nothing"])),
        1 => filter["ids"] = json!(["a-0", "b-0", bytes.text()]),
        2 => filter["sourceServerIds"] = json!(["a-0", bytes.text()]),
        3 => filter["states"] = json!(["RUNNING", "MIGRATE_FAIL"]),
        4 => filter["ids"] = json!((0..2000).map(|i| format!("{i:064}")).collect::<Vec<_>>()),
        _ => {}
    }
    let mut spec = json!({
        "filter": filter,
        "taskLimit": bytes.one_of(&[500, 0, 1, 3, 2000]),
        "interval": bytes.one_of(&["1m", "5s", "1h", "24h"]),
        "stallAfter": bytes.one_of(&["30m", "0", "1s", "2562047h", "nonsense"]),
        "suspend": bytes.byte() == 1,
    });
    if bytes.flag() {
        spec["expectedTasks"] = json!(bytes.one_of(&[1, 2, 40, 1_000_000]));
    }
    spec
}
