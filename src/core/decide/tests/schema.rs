//! Whatever SMS says, the API server takes the status that is made of it: [`World::write`] holds each against the schema.

use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::*;
use crate::sms;

/// A number as it may stand in JSON, or as a text in its place.
fn number() -> impl Strategy<Value = Value> {
    let extreme = select(vec![f64::MAX, f64::MIN, f64::MAX / 100.0, f64::MIN_POSITIVE, -0.0, 1e308, 9.3e18]);
    let float = prop_oneof![extreme, any::<f64>().prop_filter("a number of JSON", |float| float.is_finite())];
    let integer = prop_oneof![any::<i64>(), select(vec![i64::MAX, i64::MIN, -1, 253_402_300_800_000])];
    prop_oneof![
        float.clone().prop_map(|float| json!(float)),
        float.prop_map(|float| json!(float.to_string())),
        integer.prop_map(|integer| json!(integer)),
        any::<u64>().prop_map(|integer| json!(integer)),
    ]
}

/// A text of any characters, or none.
fn text() -> impl Strategy<Value = Value> {
    prop_oneof![any::<String>().prop_map(Value::from), "\\PC{0,300}".prop_map(Value::from), Just(Value::Null)]
}

/// A state that the operator knows, or any other: it becomes a key of the summary.
fn state() -> impl Strategy<Value = Value> {
    let known = ["READY", "RUNNING", "SYNCING", "MIGRATE_SUCCESS", "MIGRATE_FAIL", "ABORT"];
    prop_oneof![select(known.to_vec()).prop_map(Value::from), text()]
}

fn task() -> impl Strategy<Value = Value> {
    let numbers = prop::array::uniform4(number());
    let texts = prop::array::uniform6(text());
    (state(), numbers, texts).prop_map(
        |(state, [speed, created, estimate, progress], [name, kind, id, ip, code, step])| {
            let error = json!({"error_code": code, "error_msg": name}).to_string();
            json!({
                "name": name, "type": kind, "os_type": kind, "state": state, "migrate_speed": speed,
                "create_date": created, "estimate_complete_time": estimate, "error_json": error,
                "sub_tasks": [{"name": step, "progress": progress}],
                "source_server": {"id": id, "name": name, "ip": ip, "state": state},
                "target_server": {"id": id, "vm_id": id, "name": name, "ip": ip},
            })
        },
    )
}

/// Listings, each of these tasks.
fn listings() -> impl Strategy<Value = Vec<Vec<Value>>> {
    prop::collection::vec(prop::collection::vec(task(), 0..6), 1..4)
}

fn read(listing: Vec<Value>) -> Vec<Task> {
    let listing: Vec<Value> = listing
        .into_iter()
        .enumerate()
        .map(|(place, mut task)| {
            task["id"] = json!(format!("t{place}"));
            task
        })
        .collect();
    let body = json!({"count": listing.len(), "tasks": listing}).to_string();
    sms::hostile::tasks(body.as_bytes()).unwrap()
}

proptest! {
    #[test]
    fn no_value_of_sms_makes_a_status_that_is_refused(listings in listings(), limit in 0..4) {
        let mut world = World::new(json!({"taskLimit": limit, "stallAfter": "1m"}));
        for listing in listings {
            world.list(read(listing));
            world.pass(61);
        }
        prop_assert!(world.status.summary.is_some());
    }
}

#[test]
fn a_speed_beyond_all_bounds_leaves_both_tasks_there() {
    for speed in [1.797e308, -1e308, 1e308] {
        let mut world = World::new(json!({}));
        world.list(vec![at("a", 10, speed), at("b", 20, 1.5)]);
        let speeds: Vec<_> = world.status.tasks.iter().map(|task| task.migrate_speed).collect();
        assert_eq!(speeds, [None, Some(1.5)], "{speed}");
    }
}
