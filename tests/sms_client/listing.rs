//! Complete listings, and who may have them.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use migration_task_watch::{
    core::failure::{Failure, FailureKind},
    sms::{ClientOptions, ListTarget, Login, Paging},
};
use sms_simulator::{Account, Action, ENCODED_AUTHORIZATION_MESSAGE, Effect, Seconds, Task, TaskState};

use crate::support::{
    TOKEN, access_key, client, failure, list, list_with, login, options, simulator, target, tasks,
};

#[tokio::test]
async fn every_task_is_listed_once_with_as_few_requests_as_can_be() {
    for (count, requests) in [(0, 1), (1, 1), (200, 1), (201, 2), (1500, 8)] {
        let simulator = simulator(tasks(count)).await;
        let listing = list(&simulator).await.unwrap();
        let names: BTreeSet<_> = listing.tasks.iter().map(|task| task.name().to_owned()).collect();
        assert_eq!(names, tasks(count).into_iter().map(|task| task.name).collect());
        assert_eq!((listing.tasks.len(), listing.skipped, listing.requests), (count, 0, requests));
        assert_eq!(simulator.requests().counters().requests, u64::from(requests));
    }
}

#[tokio::test]
async fn generated_tasks_come_through_as_the_simulator_has_them() {
    let tasks = sms_simulator::generate(400, 7);
    let simulator = simulator(tasks.clone()).await;
    simulator.timeline().pause();
    let position = simulator.timeline().position();
    let listing = list(&simulator).await.unwrap();
    for task in tasks {
        let listed = listing.tasks.iter().find(|listed| *listed.id() == *task.id).unwrap().details();
        let now = task.at(position);
        assert_eq!(listed.state.name(), now.state.to_string());
        let current = now.current().map(|step| (step.name.as_str(), step.progress));
        assert_eq!(listed.sub_task.as_ref().map(|step| (&*step.name, step.progress.get())), current);
        assert_eq!(listed.error.is_some(), now.error.is_some());
    }
}

#[tokio::test]
async fn each_kind_of_credentials_opens_the_account() {
    let account = Account::default();
    let (domain, project) = (account.domain_id.as_str(), account.projects[0].id.as_str());
    let simulator = simulator(tasks(3)).await;
    for login in [
        access_key(&[]),
        access_key(&[("domainId", domain)]),
        access_key(&[("projectId", project)]),
        login(&[("token", TOKEN)]),
    ] {
        let listing = list_with(&client(options()), &target(&simulator.endpoint()), &login).await;
        assert_eq!(listing.unwrap().tasks.len(), 3);
    }
    simulator.accounts().insert(account.with_security_token("st"));
    let temporary = access_key(&[("securityToken", "st")]);
    let listing = list_with(&client(options()), &target(&simulator.endpoint()), &temporary).await;
    assert_eq!(listing.unwrap().tasks.len(), 3);
}

#[tokio::test]
async fn bad_credentials_cost_one_request_and_are_told_from_a_missing_permission() {
    let simulator = simulator(tasks(900)).await;
    let id = Account::default().access_keys[0].id.clone();
    let wrong: [Login; 3] = [
        login(&[("accessKey", id.as_str()), ("secretKey", "MARKERSECRET")]),
        login(&[("accessKey", "MARKERKEY"), ("secretKey", "MARKERSECRET")]),
        login(&[("token", "MARKERTOKEN")]),
    ];
    for (number, login) in wrong.iter().enumerate() {
        let result = list_with(&client(options()), &target(&simulator.endpoint()), login).await;
        let error = result.unwrap_err();
        let failure = Failure::from(&error);
        assert_eq!(failure.kind, FailureKind::CredentialsInvalid, "{failure:?}");
        assert!(failure.needs_a_person && failure.request_id.is_some());
        let shown = format!("{error} {error:?} {failure:?}");
        assert!(!shown.contains("MARKER") && !shown.contains(&id), "{shown}");
        assert_eq!(simulator.requests().counters().requests, number as u64 + 1);
    }

    simulator.accounts().update(&Account::default().domain_id, |account| {
        account.denied.insert(Action::ListTasks);
    });
    let denied = failure(&simulator).await;
    assert_eq!(denied.kind, FailureKind::AccessDenied);
    assert!(denied.message.contains("sms:server:listTask") && denied.message.contains("SMS.9004"));
    assert!(!format!("{denied:?}").contains(ENCODED_AUTHORIZATION_MESSAGE));
    assert_eq!(simulator.requests().counters().requests, 4);
}

#[tokio::test]
async fn an_enterprise_project_is_asked_for() {
    let mut tasks = tasks(4);
    tasks[1].enterprise_project_id = "of its own".into();
    let simulator = simulator(tasks).await;
    let project = Some("of its own".to_owned());
    let target = ListTarget { enterprise_project_id: project, ..target(&simulator.endpoint()) };
    let listing = list_with(&client(options()), &target, &access_key(&[])).await.unwrap();
    assert_eq!(listing.tasks.len(), 1);
    assert_eq!(listing.tasks[0].details().enterprise_project_id.as_deref(), Some("of its own"));
}

#[tokio::test]
async fn requests_under_way_are_bounded_for_all_listings_together() {
    let simulator = simulator(tasks(2000)).await;
    simulator.faults().add(Effect::Delay(Seconds(std::time::Duration::from_millis(20))));
    let client = client(ClientOptions { max_concurrency: 3, ..options() });
    let (target, login) = (target(&simulator.endpoint()), access_key(&[]));
    let listings = join_all((0..4).map(|_| list_with(&client, &target, &login))).await;
    assert!(listings.into_iter().all(|listing| listing.unwrap().tasks.len() == 2000));
    let peak = simulator.requests().counters().peak_in_flight;
    assert!(peak <= 3, "{peak}");
}

/// A client that can't page as far as the API can.
fn short_of_sight() -> ClientOptions {
    ClientOptions { paging: Paging { page_size: 10, last_offset: 50 }, ..options() }
}

#[tokio::test]
async fn an_account_beyond_the_reach_of_paging_is_listed_by_state() {
    let states = TaskState::FILTERABLE.into_iter().cycle();
    let mut all: Vec<_> =
        tasks(300).into_iter().zip(states).map(|(task, state)| task.in_state(state)).collect();
    // The last is listed first, where no state is asked for.
    all.extend((0..7).map(|number| Task::new(format!("new-{number}")).in_state(TaskState::SYNC_FAIL)));
    let simulator = simulator(all.clone()).await;
    let (client, target) = (client(short_of_sight()), target(&simulator.endpoint()));
    let listing = list_with(&client, &target, &access_key(&[])).await.unwrap();
    let listed: BTreeMap<_, _> =
        listing.tasks.iter().map(|task| (task.id().to_string(), task.state_name().to_owned())).collect();
    assert_eq!((listing.tasks.len(), listed.len()), (307, 307));
    for task in &all {
        assert_eq!(listed[&task.id], task.at(simulator.timeline().position()).state.as_str());
    }

    // Too far back to be seen, they are missed.
    simulator.tasks().replace(all.into_iter().rev());
    let failure = Failure::from(&list_with(&client, &target, &access_key(&[])).await.unwrap_err());
    assert_eq!(failure.kind, FailureKind::ListIncomplete);
    assert!(failure.message.contains("of which 7 can't be listed"), "{}", failure.message);
}

#[tokio::test]
async fn a_state_beyond_the_reach_of_paging_is_named() {
    let all = tasks(70).into_iter().map(|task| task.in_state(TaskState::MIGRATE_SUCCESS));
    let simulator = simulator(all.collect()).await;
    let (client, target) = (client(short_of_sight()), target(&simulator.endpoint()));
    let failure = Failure::from(&list_with(&client, &target, &access_key(&[])).await.unwrap_err());
    assert_eq!(failure.kind, FailureKind::ListIncomplete);
    assert!(failure.message.contains("more than 60 tasks in state MIGRATE_SUCCESS"), "{}", failure.message);
}

#[tokio::test]
async fn a_state_that_nobody_knows_is_kept() {
    let simulator = simulator(vec![tasks(1).remove(0).in_state(TaskState::from("FUTURE_STATE"))]).await;
    let listing = list(&simulator).await.unwrap();
    assert_eq!(listing.tasks[0].state_name(), "FUTURE_STATE");
}
