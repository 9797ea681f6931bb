//! Many tasks on one watch.

use serde_json::json;
use sms_simulator::{Task, TaskError, TaskState};

use crate::harness::{Stage, status};

#[tokio::test]
async fn fifteen_hundred_tasks_are_counted_exactly() {
    let tasks = (0..1500).map(|i| {
        let task = Task::new(format!("server-{i:04}"));
        match i % 10 {
            0 => task.failed(TaskError::coded("SMS.0201", "The network of the source server is busy.")),
            1..=5 => task.copying(50, 20.0),
            _ => task.in_state(TaskState::new("MIGRATE_SUCCESS")),
        }
    });
    let stage = Stage::new("size", tasks.collect()).await;
    let _operator = stage.operator();
    // One listing, however long it takes on a busy machine.
    stage.apply("fleet", json!({"taskLimit": 2000, "interval": "1h"})).await.unwrap();
    let watch = stage.until_condition("fleet", "Ready", ("True", "Synced")).await;
    let status = status(&watch);
    let summary = status.summary.clone().unwrap();
    assert_eq!((summary.total, summary.failed, summary.running, summary.succeeded), (1500, 150, 750, 600));
    let bytes = serde_json::to_vec(&status).unwrap().len();
    assert!(bytes <= 512 * 1024, "{bytes}");
    let written = i64::try_from(status.tasks.len()).unwrap();
    assert_eq!(written + status.omitted_tasks.unwrap(), 1500);
    assert!(written > 500, "{written} tasks are written out");
    assert!(status.tasks[..150].iter().all(|task| task.phase == "Failed" && task.error.is_some()));
    assert!(status.tasks[150..].iter().all(|task| task.phase != "Failed"));
    assert_eq!(stage.sms.requests().counters().requests, 8, "1,500 tasks are 8 pages");
}

#[tokio::test]
async fn the_longest_list_of_ids_is_watched() {
    let stage = Stage::new("ids", vec![Task::new("web-1").with_id("here"), Task::new("web-2")]).await;
    let _operator = stage.operator();
    let mut ids: Vec<String> = (1..2000).map(|i| format!("{i:064}")).collect();
    ids.push("here".to_owned());
    stage.apply("wave-1", json!({"filter": {"ids": ids}})).await.unwrap();
    let watch = stage.until_condition("wave-1", "Completed", ("False", "TasksMissing")).await;
    let status = status(&watch);
    assert_eq!(status.summary.unwrap().total, 1);
    let missing = status.missing.unwrap();
    assert_eq!((missing.count, missing.names.len()), (1999, 100));
}
