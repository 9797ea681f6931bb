//! Pages and filters.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use sms_simulator::{Account, Config, Simulator, Task, TaskError, TaskState};

use crate::client::{get, get_json, http, ids, numbered, start};

#[tokio::test]
async fn the_newest_come_first_a_hundred_at_a_time() {
    let simulator = start(numbered(250)).await;
    let page = get_json(&simulator, "/v3/tasks").await;
    assert_eq!(page["count"], 250);
    let names: Vec<_> =
        page["tasks"].as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names[0], names[99]), (100, "task-0249", "task-0150"));

    for (limit, size) in [(0, 0), (1, 1), (200, 200)] {
        let page = get_json(&simulator, &format!("/v3/tasks?limit={limit}")).await;
        assert_eq!((ids(&page).len(), &page["count"]), (size, &250.into()));
    }
    for offset in [250, 65_535] {
        let page = get_json(&simulator, &format!("/v3/tasks?offset={offset}")).await;
        assert_eq!((ids(&page).len(), &page["count"]), (0, &250.into()));
    }
}

#[tokio::test]
async fn each_account_sees_its_own_and_the_shared() {
    let tasks = vec![
        Task::new("shared"),
        Task::new("first").of_account("d-1"),
        Task::new("second").of_account("d-2"),
        Task::new("nobodys").of_account("d-9"),
    ];
    let accounts = ["d-1", "d-2"].map(|id| Account::new(id, id, "SK").with_token(format!("token-{id}")));
    let config = Config { accounts: accounts.to_vec(), tasks, ..Config::default() };
    let simulator = Simulator::start(config).await.unwrap();
    for (domain, own) in [("d-1", "first"), ("d-2", "second")] {
        let request = http().get(format!("{}/v3/tasks", simulator.endpoint()));
        let response = request.header("x-auth-token", format!("token-{domain}")).send().await.unwrap();
        let page: Value = response.json().await.unwrap();
        assert_eq!(page["count"], 2, "count is of what they see");
        assert_eq!(ids(&page), [Task::new(own).id, Task::new("shared").id]);
    }
}

async fn concatenated(simulator: &Simulator, filter: &str, limit: usize) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page =
            get_json(simulator, &format!("/v3/tasks?{filter}&limit={limit}&offset={}", all.len())).await;
        let ids = ids(&page);
        if ids.is_empty() {
            assert_eq!(page["count"], all.len());
            return all;
        }
        assert!(ids.len() <= limit);
        all.extend(ids);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn pages_of_any_limit_are_the_filtered_list(
        states in prop::collection::vec(prop::sample::select(TaskState::FILTERABLE.to_vec()), 0..120),
        wanted in prop::sample::select(TaskState::FILTERABLE.to_vec()),
        limit in 1_usize..=200,
    ) {
        let named = |(number, state): (usize, &TaskState)| Task::new(format!("t{number}")).in_state(state.clone());
        let tasks: Vec<_> = states.iter().enumerate().map(named).collect();
        let matching = tasks.iter().zip(&states).rev().filter(|(_, state)| **state == wanted);
        let expected: Vec<_> = matching.map(|(task, _)| task.id.clone()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let simulator = start(tasks).await;
            assert_eq!(concatenated(&simulator, &format!("state={wanted}"), limit).await, expected);
            let unique: BTreeSet<_> = concatenated(&simulator, "", limit).await.into_iter().collect();
            assert_eq!(unique.len(), states.len());
        });
    }
}

#[tokio::test]
async fn every_filter_narrows_and_all_must_match() {
    let mut special = Task::new("web 名+1").in_state(TaskState::SYNCING);
    special.enterprise_project_id = "ep-1".into();
    let (id, source) = (special.id.clone(), special.source.clone().unwrap().id);
    let simulator = start([numbered(5), vec![special, Task::new("WEB-2")]].concat()).await;
    for (filter, matches) in [
        ("name=web", 1),
        ("name=web%20%E5%90%8D%2B1", 1),
        ("name=web+", 0),
        ("name=task-000", 5),
        ("name=", 7),
        ("state=SYNCING", 1),
        ("state=READY", 6),
        (&format!("id={id}"), 1),
        ("id=nobody", 0),
        (&format!("source_server_id={source}"), 1),
        (&format!("source_server_id={id}"), 0),
        ("enterprise_project_id=0", 6),
        ("enterprise_project_id=ep-1", 1),
        ("enterprise_project_id=all_granted_eps", 7),
        ("state=SYNCING&name=web&enterprise_project_id=ep-1", 1),
        ("state=READY&name=web", 0),
        ("unknown=parameter", 7),
    ] {
        let page = get_json(&simulator, &format!("/v3/tasks?{filter}")).await;
        assert_eq!((&page["count"], ids(&page).len()), (&matches.into(), matches), "{filter}");
    }
}

#[tokio::test]
async fn tasks_change_appear_and_vanish_while_it_runs() {
    let simulator = start(numbered(2)).await;
    let newest = Task::new("newest");
    simulator.tasks().insert(newest.clone());
    assert_eq!(ids(&get_json(&simulator, "/v3/tasks").await)[0], newest.id);

    let changed = simulator.tasks().change(&newest.id, |task| {
        task.state = TaskState::MIGRATE_FAIL;
        task.error = Some(TaskError::coded("SMS.0203", "The gateway timed out."));
    });
    assert!(changed);
    let task = &get_json(&simulator, &format!("/v3/tasks?id={}", newest.id)).await["tasks"][0];
    assert_eq!(task["state"], "MIGRATE_FAIL");
    let error: Value = serde_json::from_str(task["error_json"].as_str().unwrap()).unwrap();
    assert_eq!(error["error_code"], "SMS.0203");

    assert!(simulator.tasks().remove(&newest.id).is_some());
    assert_eq!(get_json(&simulator, "/v3/tasks").await["count"], 2);
    simulator.tasks().replace(numbered(7));
    assert_eq!(get_json(&simulator, "/v3/tasks").await["count"], 7);
}

/// The fields of an object, nested objects and the first elements of arrays included, as paths.
fn paths(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{prefix}/{name}");
                found.insert(path.clone());
                paths(value, &path, found);
            }
        }
        Value::Array(items) => {
            items.iter().take(1).for_each(|item| paths(item, &format!("{prefix}/0"), found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_task_has_every_field_of_the_vendors_example_and_page() {
    let example: Value =
        serde_json::from_str(include_str!("../../../fixtures/list-tasks-example.json")).unwrap();
    let simulator = start(vec![Task::new("web-1").copying(40, 12.5)]).await;
    let page = get_json(&simulator, "/v3/tasks").await;
    let (mut expected, mut actual) = (BTreeSet::new(), BTreeSet::new());
    paths(&example, "", &mut expected);
    paths(&page, "", &mut actual);
    assert_eq!(expected.difference(&actual).collect::<Vec<_>>(), Vec::<&String>::new());

    let task = &page["tasks"][0];
    for field in
        ["sub_tasks", "clone_server", "syncing", "network_check_info", "special_config", "subtask_info"]
    {
        assert!(task.get(field).is_some(), "{field}");
    }
    assert_eq!(task["sub_tasks"][0]["name"], "MIGRATE_LINUX_FILE");
    assert_eq!(task["sub_tasks"][0]["progress"], 40);
    assert!(task["sub_tasks"][0]["end_date"].is_null());
    assert_eq!(task["migrate_speed"], 12.5);
}

#[tokio::test]
async fn fields_come_in_the_order_of_the_page() {
    let simulator = start(numbered(1)).await;
    let body = get(&simulator, "/v3/tasks").await.unwrap().text().await.unwrap();
    let positions: Vec<_> =
        ["\"count\"", "\"tasks\"", "\"id\"", "\"create_date\"", "\"source_server\"", "\"subtask_info\""]
            .iter()
            .map(|field| body.find(field).unwrap())
            .collect();
    assert!(positions.is_sorted(), "{positions:?}");
}
