//! Plans at every moment.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{OsType, Snapshot, TransferMethod};

fn plan(spec: &PlanSpec) -> Plan {
    Plan::new(spec, OsType::Linux, TransferMethod::File, Duration::ZERO)
}

fn at(spec: &PlanSpec, seconds: f64) -> Snapshot {
    plan(spec).at(Duration::from_secs_f64(seconds))
}

fn copied(snapshot: &Snapshot) -> u8 {
    let copy = snapshot.sub_tasks.iter().find(|step| step.name.starts_with("MIGRATE_"));
    copy.map_or(0, |copy| copy.progress)
}

/// Starts at 10, copies from 32 to 132, is done at 143.
fn spec(ends: Ending) -> PlanSpec {
    PlanSpec { starts: Seconds::new(10), copies: Seconds::new(100), ends, ..PlanSpec::default() }
}

#[test]
fn a_success_goes_through_all_steps() {
    let spec = spec(Ending::Succeeds);
    assert_eq!(at(&spec, 9.9), Snapshot::of(TaskState::READY));
    let first = at(&spec, 10.0);
    assert_eq!(
        (first.state.as_str(), first.current().unwrap().name.as_str()),
        ("RUNNING", "CREATE_CLOUD_SERVER")
    );
    assert_eq!(first.speed, Some(0.0));
    let half = at(&spec, 82.0);
    assert_eq!((half.current().unwrap().name.as_str(), copied(&half)), ("MIGRATE_LINUX_FILE", 50));
    assert!(half.speed.unwrap() >= 36.0 && half.speed.unwrap() <= 44.0);
    assert_eq!(half.estimate, Some(Duration::from_secs(143)));
    let end = at(&spec, 143.0);
    assert_eq!((end.state, end.ended), (TaskState::MIGRATE_SUCCESS, Some(Duration::from_secs(143))));
    let names: Vec<_> = end.sub_tasks.iter().map(|step| (step.name.as_str(), step.progress)).collect();
    let expected = [
        "CREATE_CLOUD_SERVER",
        "SSL_CONFIG",
        "ATTACH_AGENT_IMAGE",
        "FORMAT_DISK_LINUX_FILE",
        "MIGRATE_LINUX_FILE",
        "CLONE_VM",
        "CONFIGURE_LINUX_FILE",
    ];
    assert_eq!(names, expected.map(|name| (name, 100)));
}

#[test]
fn a_stall_stands_still_at_speed_zero_and_then_goes_on() {
    let spec =
        PlanSpec { stalls: Some(Stall { at: 50, lasts: Some(Seconds::new(60)) }), ..spec(Ending::Succeeds) };
    let during = at(&spec, 83.0);
    assert_eq!((copied(&during), during.speed, during.estimate), (50, Some(0.0), None));
    assert_eq!(copied(&at(&spec, 141.0)), 50);
    let after = at(&spec, 152.0);
    assert_eq!(copied(&after), 60);
    assert!(after.speed > Some(0.0));
    assert_eq!(at(&spec, 203.0).state, TaskState::MIGRATE_SUCCESS);
}

#[test]
fn a_stall_without_end_keeps_the_task_running() {
    let spec =
        PlanSpec { stalls: Some(Stall { at: 30, lasts: None }), ..spec(Ending::Syncs { lasts: None }) };
    let later = at(&spec, 1e9);
    assert_eq!((later.state.clone(), copied(&later), later.speed), (TaskState::RUNNING, 30, Some(0.0)));
}

#[test]
fn a_failure_stops_where_it_happened_and_says_why() {
    let error = TaskError::coded("SMS.0203", "gateway timeout");
    let spec = spec(Ending::Fails { at: 37, error: error.clone() });
    assert_eq!(at(&spec, 68.9).error, None);
    let failed = at(&spec, 100.0);
    assert_eq!((failed.state.clone(), copied(&failed)), (TaskState::MIGRATE_FAIL, 37));
    assert_eq!((failed.error.clone(), failed.speed), (Some(error), Some(0.0)));
    assert_eq!(failed.current().unwrap().ended, None);
}

#[test]
fn a_sync_lasts_until_the_cutover() {
    let spec = spec(Ending::Syncs { lasts: Some(Seconds::new(30)) });
    let syncing = at(&spec, 150.0);
    assert_eq!(
        (syncing.state.clone(), syncing.current().unwrap().name.as_str()),
        (TaskState::SYNCING, "SYNC_LINUX_FILE")
    );
    assert_eq!(at(&spec, 173.0).state, TaskState::MIGRATE_SUCCESS);
}

#[test]
fn an_abort_takes_its_time_and_an_unknown_state_stays() {
    let aborts = spec(Ending::Aborts { at: 50, takes: Seconds::new(5) });
    let states = [81.0, 82.0, 86.9, 87.0].map(|seconds| at(&aborts, seconds).state.to_string());
    assert_eq!(states, ["RUNNING", "ABORTING", "ABORTING", "ABORT"]);
    let becomes = spec(Ending::Becomes { at: 0, state: TaskState::new("LICENSING") });
    assert_eq!(at(&becomes, 1e6).state.as_str(), "LICENSING");
}

fn endings() -> impl Strategy<Value = Ending> {
    let percent = 0_u8..=100;
    let seconds = prop::option::of((0_u64..50).prop_map(Seconds::new));
    prop_oneof![
        Just(Ending::Succeeds),
        seconds.prop_map(|lasts| Ending::Syncs { lasts }),
        percent.clone().prop_map(|at| Ending::Fails { at, error: TaskError::Text("cut".into()) }),
        (percent.clone(), 0_u64..20)
            .prop_map(|(at, takes)| Ending::Aborts { at, takes: Seconds::new(takes) }),
        percent.prop_map(|at| Ending::Becomes { at, state: TaskState::new("NEW") }),
    ]
}

fn specs() -> impl Strategy<Value = PlanSpec> {
    let stall = (0_u8..=100, prop::option::of(0_u64..50))
        .prop_map(|(at, lasts)| Stall { at, lasts: lasts.map(Seconds::new) });
    (0_u64..50, 0_u64..200, prop::option::of(stall), endings()).prop_map(|(starts, copies, stalls, ends)| {
        PlanSpec {
            starts: Seconds::new(starts),
            copies: Seconds::new(copies),
            stalls,
            ends,
            ..PlanSpec::default()
        }
    })
}

proptest! {
    #[test]
    fn time_only_goes_forward(spec in specs(), mut moments in prop::collection::vec(0_u64..500_000, 2..30)) {
        moments.sort_unstable();
        let plan = plan(&spec);
        let snapshots: Vec<_> = moments.iter().map(|moment| plan.at(Duration::from_millis(*moment))).collect();
        for (snapshot, moment) in snapshots.iter().zip(&moments) {
            let now = Duration::from_millis(*moment);
            prop_assert_eq!(&snapshot.state, plan.state_at(now));
            prop_assert_eq!(snapshot.ended.is_some(), snapshot.state.has_ended());
            prop_assert!(snapshot.ended.is_none_or(|ended| ended <= now));
            for step in &snapshot.sub_tasks {
                prop_assert!(step.began <= now && step.ended.is_none_or(|ended| step.began <= ended && ended <= now));
                prop_assert_eq!(step.ended.is_some(), step.progress == 100);
            }
            let unfinished = snapshot.sub_tasks.iter().filter(|step| step.ended.is_none()).count();
            prop_assert!(unfinished <= 1, "one step at a time");
            prop_assert!(snapshot.speed.is_none_or(|speed| (0.0..=44.0).contains(&speed)));
        }
        for pair in snapshots.windows(2) {
            prop_assert!(copied(&pair[0]) <= copied(&pair[1]));
            prop_assert!(pair[0].sub_tasks.len() <= pair[1].sub_tasks.len());
            if pair[0].state.has_ended() {
                prop_assert_eq!(&pair[0], &pair[1], "an end is an end");
            }
        }
    }
}
