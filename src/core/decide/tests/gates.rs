//! A gate says "go" only when it is sure.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const ALL: [&str; 3] = [types::COMPLETED, types::SUCCEEDED, types::CUTOVER_READY];
const MINUTE: i64 = 60;

fn done(ids: &[&str]) -> Vec<Task> {
    ids.iter().map(|id| task(id, "MIGRATE_SUCCESS")).collect()
}

fn truths(world: &World) -> [Truth; 3] {
    ALL.map(|gate| world.condition(gate).0)
}

/// A watch whose tasks have succeeded, but for one that runs.
fn nearly_done(spec: serde_json::Value) -> World {
    let mut world = World::new(spec);
    world.list([done(&["a", "b"]), vec![at("c", 10, 1.0)]].concat());
    world.pass(MINUTE);
    world
}

#[test]
fn a_running_task_that_one_listing_leaves_out_keeps_the_gates_shut() {
    for restarts in [false, true] {
        for limit in [500, 0] {
            let mut world = nearly_done(json!({"taskLimit": limit}));
            world.take_told();
            world.list_once(done(&["a", "b"]));
            assert_eq!(ALL.map(|gate| world.condition(gate)), [(Truth::False, "TasksMissing"); 3]);
            assert!(world.reasons().is_empty(), "nothing is told yet");
            if restarts {
                world.restart();
            }
            // It is back.
            world.pass(MINUTE);
            world.list([done(&["a", "b"]), vec![at("c", 20, 1.0)]].concat());
            assert_eq!(truths(&world), [Truth::False; 3]);
            // And really gone.
            for _ in 0..2 {
                world.pass(MINUTE);
                world.list(done(&["a", "b"]));
            }
            assert_eq!(truths(&world), [Truth::True; 3]);
            assert_eq!(world.reasons(), ["TaskDisappeared"]);
        }
    }
}

#[test]
fn a_failed_task_that_is_left_out_keeps_shut_what_it_kept_shut() {
    let mut world = World::new(json!({}));
    world.list([done(&["a", "b"]), vec![task("c", "MIGRATE_FAIL")]].concat());
    assert_eq!(truths(&world), [Truth::True, Truth::False, Truth::False]);
    world.pass(MINUTE);
    world.list_once(done(&["a", "b"]));
    assert_eq!(truths(&world), [Truth::True, Truth::False, Truth::False]);
    world.pass(MINUTE);
    world.list(done(&["a", "b"]));
    assert_eq!(truths(&world), [Truth::True; 3], "it was deleted");
}

#[test]
fn a_gate_opens_by_the_second_of_two_listings_that_agree() {
    // The first one of a watch, and a later one.
    for before in [Vec::new(), vec![at("a", 10, 1.0), task("b", "READY")]] {
        let mut world = World::new(json!({}));
        if !before.is_empty() {
            world.list(before);
            world.pass(MINUTE);
        }
        world.list_once(done(&["a", "b"]));
        assert_eq!(ALL.map(|gate| world.condition(gate)), [(Truth::False, "Confirming"); 3]);
        assert_eq!(world.unconfirmed, Some(world.listings));
        // The same listing again confirms nothing, whatever else changes.
        for spec in [json!({}), json!({"expectedTasks": 1}), json!({"taskLimit": 1})] {
            world.change(spec);
            assert_eq!(truths(&world), [Truth::False; 3]);
            assert_eq!(world.unconfirmed, Some(world.listings));
        }
        world.pass(1);
        world.list_once(done(&["a", "b"]));
        assert_eq!(truths(&world), [Truth::True; 3]);
        assert_eq!(world.unconfirmed, None);
        // It stays open, though the operator starts anew.
        world.restart();
        world.list_once(done(&["a", "b"]));
        assert_eq!((truths(&world), world.unconfirmed), ([Truth::True; 3], None));
    }
}

#[test]
fn a_listing_is_confirmed_by_one_that_has_all_its_tasks() {
    let confirmed = |first: &[&str], second: Vec<Task>| {
        // Other tasks of the account count as well: the one that has hidden a third is anybody's.
        let mut world = World::new(json!({"filter": {"name": "name-a*"}}));
        world.list_once(done(first));
        assert_eq!(truths(&world), [Truth::False; 3]);
        world.pass(1);
        world.list_once(second);
        (truths(&world)[0], world.unconfirmed.is_some())
    };
    assert_eq!(confirmed(&["a1", "a2", "b1"], done(&["a1", "a2", "b1"])), (Truth::True, false));
    assert_eq!(
        confirmed(&["a1", "a2", "b1"], done(&["a1", "a2", "b1", "b2"])),
        (Truth::True, false),
        "one came"
    );
    assert_eq!(confirmed(&["a1", "a2", "b1"], done(&["a1", "a2", "b2"])), (Truth::False, true), "one went");
    assert_eq!(confirmed(&["a1", "b1"], done(&["a1", "a2", "b1"])), (Truth::True, false), "one came");
    let runs = [done(&["a1", "b1"]), vec![task("a2", "RUNNING")]].concat();
    assert_eq!(confirmed(&["a1", "b1"], runs), (Truth::False, false), "one that was hidden");
}

#[test]
fn a_restart_between_the_two_begins_anew() {
    let mut world = World::new(json!({}));
    world.list_once(done(&["a"]));
    world.restart();
    world.list_once(done(&["a"]));
    assert_eq!((truths(&world), world.unconfirmed), ([Truth::False; 3], Some(2)));
    world.list_once(done(&["a"]));
    assert_eq!(truths(&world), [Truth::True; 3]);
}

#[test]
fn another_target_begins_anew_though_it_is_shown_the_same_listing() {
    let mut world = World::new(json!({}));
    world.list(done(&["a", "b"]));
    assert_eq!(truths(&world), [Truth::True; 3]);
    let listing = world.observation.snapshot.clone();
    world.edit(json!({"filter": {"name": "name-a"}}));
    world.observation.snapshot = listing;
    world.settle();
    assert_eq!(ALL.map(|gate| world.condition(gate)), [(Truth::False, "Confirming"); 3]);
    world.list_once(done(&["a", "b"]));
    assert_eq!(truths(&world), [Truth::True; 3]);
}

#[test]
fn an_excuse_counts_for_its_own_server_alone() {
    for (spec, by_source) in [
        (json!({"filter": {"sourceServerIds": ["s1", "s2", "s3"]}}), true),
        (json!({"filter": {"ids": ["s1", "s2", "s3"]}}), false),
        (json!({"expectedTasks": 3}), true),
    ] {
        for restarts in [false, true] {
            let of = |id: &str, server: &str, state| -> Task {
                let id = if by_source { id } else { server };
                let source = Server { id: Some(server.to_owned().into()), ..Server::default() };
                Details { source, ..Details::bare(id.to_owned(), TaskState::parse(state)) }.into()
            };
            let mut world = World::new(spec.clone());
            let list = |world: &mut World, tasks: Vec<Task>| {
                world.pass(MINUTE);
                if restarts {
                    world.restart();
                }
                world.list(tasks);
                world.condition(types::SUCCEEDED).0
            };
            let succeeded = "MIGRATE_SUCCESS";
            let (two, three) = (of("t2", "s2", succeeded), of("t3", "s3", succeeded));
            let all = vec![of("t1", "s1", succeeded), two.clone(), three.clone()];
            assert_eq!(list(&mut world, all), Truth::True);
            // The task of s1 is deleted, which closes nothing, and s1 is migrated anew.
            for _ in 0..3 {
                assert_eq!(
                    list(&mut world, vec![two.clone(), three.clone()]),
                    Truth::True,
                    "{spec} {restarts}"
                );
            }
            assert_eq!(list(&mut world, vec![of("t4", "s1", "RUNNING"), two, three.clone()]), Truth::False);
            // Meanwhile that of s2 goes.
            for _ in 0..2 {
                assert_eq!(list(&mut world, vec![of("t4", "s1", "RUNNING"), three.clone()]), Truth::False);
            }
            for _ in 0..2 {
                let left = vec![of("t4", "s1", succeeded), three.clone()];
                assert_eq!(list(&mut world, left), Truth::False, "{spec} {restarts}");
                assert_eq!(world.condition(types::SUCCEEDED).1, "TasksMissing");
            }
        }
    }
}

#[test]
fn the_tasks_of_other_credentials_answer_for_none() {
    let secret = |name: &str| json!({"credentials": {"secretRef": {"name": name}}});
    let mut world = World::new(secret("a"));
    world.list(done(&["t1", "t2"]));
    let before = world.status.clone();
    world.take_told();
    world.change(secret("b"));
    assert_eq!(world.status, before, "nothing answers for the new generation");
    world.pass(1);
    world.fail(FailureKind::SecretNotFound);
    assert_eq!(world.condition(types::READY), (Truth::False, "SecretNotFound"));
    assert_eq!(ALL.map(|gate| world.condition(gate)), [(Truth::Unknown, "Pending"); 3]);
    world.take_told();
    world.list(vec![task("t3", "RUNNING")]);
    assert_eq!(ALL.map(|gate| world.condition(gate)), [(Truth::False, "InProgress"); 3]);
    assert_eq!(world.reasons(), ["WatchStarted", "Recovered"]);
    // An account without tasks has none that have ended.
    world.change(secret("c"));
    world.list(Vec::new());
    assert_eq!(ALL.map(|gate| world.condition(gate)), [(Truth::False, "NoTasks"); 3]);
}

#[test]
fn other_credentials_of_a_suspended_watch_are_not_ready() {
    let mut world = World::new(json!({}));
    world.list(done(&["t1"]));
    world.change(json!({"suspend": true}));
    assert_eq!(world.condition(types::READY), (Truth::True, "Suspended"));
    world.change(json!({"suspend": true, "credentials": {"secretRef": {"name": "b"}}}));
    assert_eq!(world.condition(types::READY), (Truth::Unknown, "Suspended"));
    assert_eq!(ALL.map(|gate| world.condition(gate)), [(Truth::Unknown, "Pending"); 3]);
}

#[test]
fn a_status_of_version_0_1_0_is_of_the_credentials_of_its_generation() {
    let spec = json!({"filter": {"name": "name"}});
    let mut world = World::new(spec.clone());
    world.list(done(&["a", "b"]));
    world.take_told();
    world.status.observed_target = Some(world.plan.as_ref().unwrap().former_target.clone());
    let former = world.clone();
    world.restart();
    world.list_once(done(&["a", "b"]));
    assert_eq!((truths(&world), world.reasons()), ([Truth::True; 3], Vec::new()));

    // The credentials have changed while no operator ran; the first attempts fail.
    let mut world = former;
    world.edit(json!({"filter": {"name": "name"}, "credentials": {"secretRef": {"name": "b"}}}));
    world.restart();
    world.settle();
    for _ in 0..2 {
        world.pass(5);
        world.fail(FailureKind::SecretNotFound);
        assert_eq!(truths(&world), [Truth::Unknown; 3]);
    }
    world.list_once(vec![task("c", "RUNNING")]);
    assert_eq!(
        (truths(&world), world.reasons()[1..].to_vec()),
        ([Truth::False; 3], vec!["WatchStarted".to_owned(), "Recovered".to_owned()])
    );
}

/// What the listing of one account shows of three tasks: whether each is there, and whether it has succeeded.
fn listings() -> impl Strategy<Value = Vec<Vec<Option<bool>>>> {
    let task = prop_oneof![1 => Just(None), 2 => Just(Some(false)), 4 => Just(Some(true))];
    prop::collection::vec(prop::collection::vec(task, 3), 1..12)
}

proptest! {
    /// Whatever is listed: a gate opens only by two listings in a row, the second of which has all tasks of the first,
    /// and all of both pass.
    #[test]
    fn no_gate_opens_by_one_listing(listings in listings(), restarts in prop::collection::vec(0u8..6, 12)) {
        let mut world = World::new(json!({}));
        let mut last: Option<Vec<Option<bool>>> = None;
        for (listing, restart) in listings.into_iter().zip(restarts) {
            if restart == 0 {
                world.restart();
                last = None;
            }
            world.pass(MINUTE);
            let was_open = truths(&world)[1] == Truth::True;
            let tasks = (0..).zip(&listing).filter_map(|(number, done)| {
                done.map(|done| task(&format!("t{number}"), if done { "MIGRATE_SUCCESS" } else { "RUNNING" }))
            });
            world.list_once(tasks.collect());
            let passes = |listing: &[Option<bool>]| listing.iter().flatten().count() > 0 && listing.iter().flatten().all(|done| *done);
            if !was_open && truths(&world)[1] == Truth::True {
                let last = last.expect("it isn't the first one of this process");
                let has_all = last.iter().zip(&listing).all(|(before, now)| before.is_none() || now.is_some());
                prop_assert!(passes(&last) && passes(&listing) && has_all);
            }
            if truths(&world)[1] == Truth::True {
                prop_assert!(listing.iter().flatten().all(|done| *done));
            }
            last = Some(listing);
        }
    }
}
