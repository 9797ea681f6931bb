//! Statuses, whoever wrote them.

use serde_json::{Map, Value, json};

use super::{bytes::Bytes, schema, watch::settle};
use crate::{
    api::MigrationTaskWatchStatus,
    core::{decide::model::World, failure::FailureKind},
    sms,
};

/// A status that somebody else has edited: whatever the API server takes is read, and decided from.
pub fn statuses(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let body = json!({"count": 4, "tasks": [
        {"id": "a", "name": "one", "state": "RUNNING", "sub_tasks": [{"name": "MIGRATE_LINUX_FILE", "progress": 7}]},
        {"id": "b", "name": "two", "state": "MIGRATE_FAIL", "error_json": "{\"error_code\":\"SMS.0203\"}"},
        {"id": "c", "name": "three", "state": "SYNCING", "source_server": {"id": "s", "name": "web", "ip": "10.0.0.1"}},
        {"id": "d", "name": "four", "state": "READY", "create_date": 1_700_000_000_000_u64},
    ]});
    let tasks = sms::hostile::tasks(body.to_string().as_bytes()).expect("the page is one");
    let mut world = World::new(json!({"taskLimit": 2, "filter": {"ids": ["a", "b", "c", "d", "e"]}}));
    world.see(tasks.clone(), 0);
    settle(&mut world);
    let schema = schema::of_status();
    for _ in 0..16 {
        let mut status = json!(world.status);
        for _ in 0..=bytes.below(4) {
            meddle(&mut status, &mut bytes);
        }
        if schema::problem(schema, &status).is_some() {
            continue;
        }
        let read = serde_json::from_value::<MigrationTaskWatchStatus>(status.clone());
        world.status = read.unwrap_or_else(|error| panic!("{error}: {status}"));
        match bytes.byte() % 4 {
            0 => {
                world.restart();
                world.see(tasks.clone(), 0);
            }
            1 => world.miss(FailureKind::ServerError, "It went wrong."),
            2 => world.pass(bytes.one_of(&[1, 60, 901, 100_000])),
            _ => world.see(tasks.clone(), 0),
        }
        settle(&mut world);
        if bytes.is_empty() {
            break;
        }
    }
}

/// Changes something somewhere.
fn meddle(value: &mut Value, bytes: &mut Bytes<'_>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => meddle_fields(fields, bytes),
        Value::Array(items) if !items.is_empty() => {
            let place = bytes.below(items.len());
            match bytes.byte() % 4 {
                0 => drop(items.remove(place)),
                1 => items.push(items[place].clone()),
                _ => meddle(&mut items[place], bytes),
            }
        }
        Value::String(text) => *text = other_text(text, bytes),
        Value::Number(_) => {
            *value = match bytes.byte() % 4 {
                0 => json!(bytes.number().cast_signed()),
                1 => json!(i64::MAX),
                2 => json!(i64::MIN),
                _ => json!(-1),
            };
        }
        _ => {}
    }
}

fn meddle_fields(fields: &mut Map<String, Value>, bytes: &mut Bytes<'_>) {
    let name = fields.keys().nth(bytes.below(fields.len())).unwrap().clone();
    match bytes.byte() % 4 {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert("other".to_owned(), json!(1))),
        _ => meddle(&mut fields[&name], bytes),
    }
}

fn other_text(text: &str, bytes: &mut Bytes<'_>) -> String {
    match bytes.byte() % 8 {
        0 => String::new(),
        1 => text.repeat(1000),
        2 => "9999-12-31T23:59:59Z".to_owned(),
        3 => "0001-01-01T00:00:00Z".to_owned(),
        4 => format!("{text}{}", bytes.text()),
        5 => {
            let keep = bytes.below(text.len() + 1);
            crate::core::text::cut(text, keep).to_owned()
        }
        6 => "1970-01-01t00:00:00.5+23:59".to_owned(),
        _ => bytes.text().into_owned(),
    }
}
