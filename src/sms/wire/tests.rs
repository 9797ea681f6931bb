use std::mem;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::core::{
    task::{Earlier, Phase, TaskState},
    text::limits,
};

fn read(body: &[u8]) -> Result<Page, PageError> {
    Page::decode([body], &Earlier::default())
}

fn decode(page: &Value) -> Page {
    read(page.to_string().as_bytes()).unwrap()
}

fn decode_task(task: &Value) -> Task {
    let mut page = decode(&json!({ "count": 1, "tasks": [task] }));
    assert_eq!(page.skipped, 0);
    page.tasks.remove(0)
}

#[test]
fn the_vendors_example_decodes_to_what_it_shows() {
    let page = read(include_bytes!("../../../tests/fixtures/list-tasks-example.json")).unwrap();
    assert_eq!((page.count, page.tasks.len(), page.skipped), (3, 3, 0));
    let tasks: Vec<_> = page.tasks.iter().map(Task::details).collect();
    let [linux, windows, desktop] = tasks.as_slice() else { panic!("three tasks") };

    assert_eq!(&*linux.id, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxx0001");
    assert_eq!(&*linux.name, "sms_task_lxxxx11");
    assert_eq!(linux.kind.as_deref(), Some("MIGRATE_FILE"));
    assert_eq!(linux.os_type.as_deref(), Some("LINUX"));
    assert_eq!(linux.state, TaskState::MigrateSuccess);
    assert_eq!(linux.estimated_completion, None);
    assert_eq!(linux.created.unwrap().as_millisecond(), 1_585_139_506_000);
    assert_eq!(linux.migrate_speed, Some(0.0));
    assert_eq!((&linux.error, &linux.sub_task, linux.copied), (&None, &None, None));
    assert_eq!(linux.enterprise_project_id, None);
    assert_eq!(linux.source.id.as_deref(), Some("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxx0001"));
    assert_eq!(linux.source.ip.as_deref(), Some("192.168.*.107"));
    assert_eq!(linux.source.name.as_deref(), Some("xxx-linux-1"));
    assert_eq!(linux.source.state.as_deref(), Some("AVAILABLE"));
    assert_eq!((&linux.target.vm_id, &linux.target.name, &linux.target.ip), (&None, &None, &None));

    assert_eq!(&*windows.name, "sms_task_xxx22");
    assert_eq!(windows.kind.as_deref(), Some("MIGRATE_BLOCK"));
    assert_eq!(windows.os_type.as_deref(), Some("WINDOWS"));
    assert_eq!(windows.source.name.as_deref(), Some("xxx-windows-2"));

    assert_eq!(desktop.source, crate::core::task::Server::default());
    assert_eq!(desktop.target.vm_id.as_deref(), Some("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxx0001"));
    assert_eq!(desktop.target.name.as_deref(), Some("xxx-sms-target"));
    assert_eq!(page.tasks[2].progress().get(), 100);
}

#[test]
fn the_step_is_the_latest_that_has_not_ended_and_progress_that_of_the_latest_copy() {
    let step = |name: &str, progress: i64, start: Value, end: Value| json!({ "name": name, "progress": progress, "start_date": start, "end_date": end });
    let done = |name: &str, start: i64| step(name, 100, json!(start), json!(start + 1));
    let running = |name: &str, progress: i64, start: i64| step(name, progress, json!(start), Value::Null);
    let waiting = |name: &str| step(name, 0, Value::Null, Value::Null);
    let table = [
        (json!([]), None, None),
        (json!([waiting("CREATE_CLOUD_SERVER")]), None, None),
        (
            json!([waiting("MIGRATE_LINUX_FILE"), running("SSL_CONFIG", 30, 5)]),
            Some(("SSL_CONFIG", 30)),
            None,
        ),
        (
            json!([running("MIGRATE_LINUX_FILE", 42, 9), done("SSL_CONFIG", 5)]),
            Some(("MIGRATE_LINUX_FILE", 42)),
            Some(42),
        ),
        // A later step that ended beside one that still runs.
        (
            json!([running("MIGRATE_LINUX_FILE", 42, 5), done("SSL_CONFIG", 9)]),
            Some(("MIGRATE_LINUX_FILE", 42)),
            Some(42),
        ),
        // All have ended: the latest.
        (
            json!([done("CONFIGURE_LINUX", 9), done("MIGRATE_LINUX_FILE", 5)]),
            Some(("CONFIGURE_LINUX", 100)),
            Some(100),
        ),
        // Two copies: the latest started.
        (
            json!([running("SYNC_LINUX_FILE", 7, 9), done("MIGRATE_LINUX_FILE", 5)]),
            Some(("SYNC_LINUX_FILE", 7)),
            Some(7),
        ),
        // Without any time, what has progress has started.
        (
            json!([
                step("SSL_CONFIG", 100, json!(""), json!("")),
                step("MIGRATE_X", 3, json!(0), json!(null))
            ]),
            Some(("MIGRATE_X", 3)),
            Some(3),
        ),
        (
            json!([null, 3, "x", { "progress": 4 }, running("SSL_CONFIG", -7, 5)]),
            Some(("SSL_CONFIG", 0)),
            None,
        ),
        (json!("none"), None, None),
    ];
    for (sub_tasks, step, copied) in table {
        let task = decode_task(&json!({ "id": "a", "sub_tasks": sub_tasks }));
        let task = task.details();
        let found = task.sub_task.as_ref().map(|step| (&*step.name, step.progress.get()));
        assert_eq!(found, step, "{sub_tasks}");
        assert_eq!(task.copied.map(crate::core::task::Percent::get), copied, "{sub_tasks}");
    }
}

#[test]
fn the_current_step_stands_in_for_steps_that_are_missing() {
    let table = [
        (json!({"subtask_info": "MIGRATE_WINDOWS_BLOCK-41"}), Some(("MIGRATE_WINDOWS_BLOCK", 41)), 41),
        (
            json!({"subtask_info": "FORMAT_DISK_LINUX_FILE-10", "sub_tasks": []}),
            Some(("FORMAT_DISK_LINUX_FILE", 10)),
            0,
        ),
        (json!({"subtask_info": "CONFIGURE_LINUX-5", "sub_tasks": null}), Some(("CONFIGURE_LINUX", 5)), 99),
        (json!({"subtask_info": " SSL_CONFIG-0 ", "sub_tasks": [{"name": "A"}]}), Some(("SSL_CONFIG", 0)), 0),
        // The list says more.
        (
            json!({"subtask_info": "SSL_CONFIG-9", "sub_tasks": [{"name": "MIGRATE_X", "progress": 3}]}),
            Some(("MIGRATE_X", 3)),
            3,
        ),
        (json!({"subtask_info": "MIGRATE_X"}), None, 0),
        (json!({"subtask_info": "-41"}), None, 0),
        (json!({"subtask_info": "MIGRATE_X-400"}), None, 0),
        (json!({"subtask_info": ""}), None, 0),
        (json!({"subtask_info": {"name": "MIGRATE_X-4"}}), None, 0),
    ];
    for (fields, step, progress) in table {
        let mut task = json!({"id": "a", "state": "RUNNING"});
        task.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let task = decode_task(&task);
        let details = task.details();
        let found = details.sub_task.as_ref().map(|step| (&*step.name, step.progress.get()));
        assert_eq!((found, task.progress().get()), (step, progress), "{fields}");
    }
}

#[test]
fn wrong_types_are_read_by_what_they_mean() {
    let task = decode_task(&json!({
        "id": 17, "name": 5, "state": null, "migrate_speed": "12.5", "create_date": "1585139506000",
        "estimate_complete_time": 1e300, "source_server": "", "target_server": [], "error_json": 7,
        "start_target_server": "true", "new_field": { "deep": [] },
        "sub_tasks": [{ "name": "MIGRATE_X", "progress": "45.7", "start_date": "5" }],
    }));
    assert_eq!(task.progress().get(), 45);
    let task = task.details();
    assert_eq!((&*task.id, &*task.name), ("17", "5"));
    assert_eq!(task.state.phase(), Phase::Other);
    assert_eq!(task.migrate_speed, Some(12.5));
    assert_eq!(task.created.unwrap().as_millisecond(), 1_585_139_506_000);
    assert_eq!(task.estimated_completion, None);
    assert_eq!(task.error.unwrap().message.as_deref(), Some("7"));
}

#[test]
fn bad_entries_are_skipped_and_counted_and_hide_no_other() {
    let good = json!({ "id": "a", "state": "FUTURE_STATE" });
    let page = decode(&json!({
        "count": "7", "tasks": [null, good, 3, "x", [], {}, { "id": "" }, { "id": null }],
    }));
    assert_eq!((page.count, page.tasks.len(), page.skipped, page.entries()), (7, 1, 7, 8));
    assert_eq!(page.tasks[0].state_name(), "FUTURE_STATE");
    // What only JSON itself allows.
    let odd = r#"{"count":3,"tasks":[{"id":"a","id":"b"},{"id":"c","migrate_speed":1e999},{"id":"d","name":"\ud800"}]}"#;
    let ids: Vec<_> =
        read(odd.as_bytes()).unwrap().tasks.into_iter().map(|task| task.id().to_string()).collect();
    assert_eq!(ids, ["b", "c", "d"]);
    // A byte that is no UTF-8.
    let bytes = b"{\"count\":1,\"tasks\":[{\"id\":\"a\",\"name\":\"\xff\"}]}";
    assert_eq!(read(bytes).unwrap().tasks[0].name(), "\u{fffd}");
}

#[test]
fn long_texts_are_cut() {
    let long = "é".repeat(5_000_000);
    let task = decode_task(&json!({
        "id": long, "name": long, "state": long, "type": long, "error_json": long,
        "source_server": { "ip": long },
    }));
    let task = task.details();
    assert!(task.id.len() <= limits::ID);
    assert!(task.name.len() <= limits::NAME && task.state.name().len() <= limits::NAME);
    assert!(task.kind.unwrap().len() <= limits::NAME && task.source.ip.unwrap().len() <= limits::NAME);
    assert!(task.error.unwrap().message.unwrap().len() <= limits::MESSAGE);
}

#[test]
fn a_page_without_its_frame_is_refused() {
    for text in ["", "null", "[]", "<html>", "{", "{\"count\":1,\"tasks\":[{\"id\":\"a\"}", "{\"count\":1} x"]
    {
        assert!(matches!(read(text.as_bytes()), Err(PageError::Syntax)), "{text}");
    }
    for text in ["{}", "{\"tasks\":[]}", "{\"count\":null}", "{\"count\":-1}", "{\"count\":\"many\"}"] {
        assert!(matches!(read(text.as_bytes()), Err(PageError::Missing(_))), "{text}");
    }
    for text in ["{\"count\":1,\"tasks\":{}}", "{\"count\":1,\"tasks\":\"a\"}", "{\"count\":1,\"tasks\":7}"] {
        assert!(matches!(read(text.as_bytes()), Err(PageError::List { .. })), "{text}");
    }
    for text in ["{\"count\":0}", "{\"count\":0,\"tasks\":null}", "{\"count\":0.0,\"tasks\":\"\"}"] {
        assert_eq!(read(text.as_bytes()).unwrap(), Page { count: 0, tasks: vec![], skipped: 0 });
    }
}

const FIELDS: [&str; 14] = [
    "name",
    "type",
    "os_type",
    "state",
    "estimate_complete_time",
    "create_date",
    "migrate_speed",
    "error_json",
    "sub_tasks",
    "source_server",
    "target_server",
    "enterprise_project_id",
    "syncing",
    "subtask_info",
];

pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "\\{?\"?error_(code|msg)\"?:?\"?.{0,8}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        ".{0,4}",
        Just("name".to_owned()),
        Just("start_date".to_owned()),
        Just("progress".to_owned())
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_value_of_any_field_fails_the_page(values in proptest::collection::vec(any_json(), FIELDS.len())) {
        let mut task: serde_json::Map<_, _> = FIELDS.iter().map(|field| (*field).to_owned()).zip(values).collect();
        task.insert("id".to_owned(), json!("a"));
        let page = decode(&json!({ "count": 2, "tasks": [task, { "id": "b" }] }));
        prop_assert_eq!(page.tasks.len(), 2);
        prop_assert!(page.tasks[0].name().len() <= limits::NAME);
    }

    #[test]
    fn any_entries_are_tasks_or_skipped(entries in proptest::collection::vec(any_json(), 0..6)) {
        let page = decode(&json!({ "count": 0, "tasks": entries }));
        prop_assert_eq!(page.entries(), entries.len());
    }

    #[test]
    fn a_cut_page_is_an_error(entries in proptest::collection::vec(any_json(), 0..4), cut in any::<prop::sample::Index>()) {
        let whole = json!({ "count": 0, "tasks": entries }).to_string();
        let part = &whole.as_bytes()[..cut.index(whole.len())];
        prop_assert!(read(part).is_err());
    }

    #[test]
    fn it_makes_no_difference_in_which_parts_a_page_arrives(
        entries in proptest::collection::vec((any_json(), 0usize..20_000), 0..6),
        pretty: bool,
        change in proptest::option::of((any::<prop::sample::Index>(), proptest::collection::vec(any::<u8>(), 0..3))),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        size in prop_oneof![1usize..8, 100usize..9_000],
    ) {
        let tasks = entries.iter().map(|(value, length)| {
            json!({ "id": "é".repeat(length / 400), "name": value, "unknown": "x".repeat(*length), "error_json": value })
        });
        let page = json!({ "a": null, "count": 5, "tasks": tasks.collect::<Vec<_>>(), "z": 1 });
        let mut bytes = if pretty { serde_json::to_vec_pretty(&page) } else { serde_json::to_vec(&page) }.unwrap();
        if let Some((place, other)) = change {
            let place = place.index(bytes.len());
            bytes.splice(place..=place, other);
        }
        let whole = read(&bytes);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let parts = places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]);
        for parts in [parts.collect::<Vec<_>>(), bytes.chunks(size).collect()] {
            match (&whole, Page::decode(parts, &Earlier::default())) {
                (Ok(whole), Ok(page)) => prop_assert_eq!(whole, &page),
                (Err(whole), Err(error)) => prop_assert_eq!(mem::discriminant(whole), mem::discriminant(&error)),
                (whole, page) => prop_assert!(false, "{:?}, and in parts {:?}", whole, page),
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}

#[test]
fn an_error_in_the_place_of_a_page_is_one_whatever_stands_beside_it() {
    for body in [
        r#"{"error_code": "SMS.9004", "error_msg": "text"}"#,
        r#"{"error_code": "SMS.9004", "count": 0, "tasks": []}"#,
        r#"{"count": 0, "tasks": [], "error_code": 9004}"#,
        r#"{"error_msg": "text"}"#,
        r#"{"error": {"message": "text", "code": 401}}"#,
        r#"{"count": 0, "tasks": [], "error": {}}"#,
        "{\"error_c\\u006fde\": \"SMS.9004\"}",
    ] {
        assert!(matches!(read(body.as_bytes()), Err(PageError::Error(_))), "{body}");
        assert_eq!(read(body.as_bytes()).unwrap_err().to_string(), "it is an error");
        assert!(!format!("{:?}", read(body.as_bytes())).contains("text"));
    }
    for body in [
        r#"{"count": 0, "tasks": [], "error_code": null, "error_msg": "text"}"#,
        r#"{"count": 0, "tasks": [], "error_code": "", "error": null, "details": []}"#,
        r#"{"count": 0, "tasks": [], "error_code": "0", "error_msg": "success", "request_id": "r"}"#,
    ] {
        assert_eq!(read(body.as_bytes()).unwrap().count, 0, "{body}");
    }
    assert!(matches!(read(b"{}"), Err(PageError::Missing(_))));
}
