use std::{borrow::Cow, net::Ipv4Addr};

use k8s_openapi::jiff::Timestamp;
use proptest::prelude::*;

use super::{format::WORDS, *};

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    let word = proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned);
    prop_oneof![
        uuid,
        uuid.prop_map(|text| text.to_uppercase()),
        "[0-9a-f]{32}",
        "[0-9a-fA-F-]{31,37}",
        any::<[u8; 4]>().prop_map(|bytes| Ipv4Addr::from(bytes).to_string()),
        "0[0-9]{1,2}\\.[0-9]\\.[0-9]\\.[0-9]",
        word,
        ".{0,20}",
        "a{180,300}",
        "(é中){1,60}",
        Just("the name".to_owned()),
        Just(String::new()),
    ]
    .prop_map(Cow::Owned)
}

fn maybe() -> impl Strategy<Value = Option<Cow<'static, str>>> {
    proptest::option::of(text())
}

fn server() -> impl Strategy<Value = Server<'static>> {
    (maybe(), maybe(), maybe(), maybe(), maybe()).prop_map(|(id, name, ip, state, vm_id)| Server {
        id,
        name,
        ip,
        state,
        vm_id,
    })
}

fn percent() -> impl Strategy<Value = Percent> {
    (0..=100i64).prop_map(Percent::clamped)
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    let millis = prop_oneof![
        Just(0),
        -300_000_000_000_000i64..253_402_207_200_000,
        1_500_000_000_000i64..1_900_000_000_000
    ];
    proptest::option::of(millis.prop_map(|millis| Timestamp::from_millisecond(millis).unwrap()))
}

fn state() -> impl Strategy<Value = TaskState> {
    prop_oneof![proptest::sample::select(STATES.to_vec()), text().prop_map(|name| TaskState::parse(&name))]
}

pub(crate) fn any_details() -> impl Strategy<Value = Details<'static>> {
    let names = (text(), prop_oneof![Just(Cow::Borrowed("the name")), text()]);
    let words = (maybe(), maybe(), maybe());
    let times = (time(), time());
    let steps = (proptest::option::of((text(), percent())), proptest::option::of(percent()));
    let speed = proptest::option::of(any::<f64>().prop_filter("finite", |speed| speed.is_finite()));
    let error = proptest::option::of((maybe(), maybe()));
    let servers =
        (server(), server(), any::<bool>(), ".{0,9}").prop_map(|(source, mut target, is_named, rest)| {
            if is_named && let Some(name) = &source.name {
                target.name = Some(format!("{name}{rest}").into());
            }
            (source, target)
        });
    (names, state(), words, times, steps, speed, servers, error).prop_map(
        |(names, state, words, times, steps, migrate_speed, servers, error)| Details {
            id: names.0,
            name: names.1,
            state,
            kind: words.0,
            os_type: words.1,
            enterprise_project_id: words.2,
            migrate_speed,
            created: times.0,
            estimated_completion: times.1,
            sub_task: steps.0.map(|(name, progress)| SubTask { name, progress }),
            copied: steps.1,
            source: servers.0,
            target: servers.1,
            error: error.map(|(code, message)| TaskError { code, message }),
        },
    )
}

proptest! {
    #[test]
    fn a_packed_task_is_what_it_was(details in any_details()) {
        let task = Task::new(&details);
        prop_assert_eq!(&task.details(), &details);
        prop_assert_eq!((&*task.id(), task.name()), (&*details.id, &*details.name));
        prop_assert_eq!(task.state_name(), details.state.name());
        prop_assert_eq!((task.state(), task.phase()), (details.state.clone(), details.state.phase()));
        prop_assert_eq!(task.is_moving(), details.is_moving());
        prop_assert_eq!(task.source_id().map(Text::into_cow), details.source.id.clone());
        prop_assert_eq!(task.source_name().map(Text::into_cow), details.source.name.clone());
        prop_assert_eq!(task.estimated_completion(), details.estimated_completion);
        let step = details.sub_task.as_ref().map(|step| step.name.clone());
        prop_assert_eq!(task.step_name().map(Text::into_cow), step);
    }

    #[test]
    fn packed_tasks_are_equal_when_they_are(one in any_details(), other in any_details(), same_id: bool) {
        let other = if same_id { Details { id: one.id.clone(), ..other } } else { other };
        let (a, b) = (Task::new(&one), Task::new(&other));
        prop_assert_eq!(a == b, one == other);
        prop_assert_eq!(a.order_by_id(&b).is_eq(), one.id == other.id);
        prop_assert_eq!(a.order_by_id(&b), b.order_by_id(&a).reverse());
        prop_assert_eq!(a, Task::new(&one));
    }
}

#[test]
fn a_usual_task_is_small() {
    let uuid = || Some(Cow::Borrowed("6b0d549b-6f03-675a-1600-a35a099950d8"));
    let server = || Server {
        id: uuid(),
        name: Some("app-00017".into()),
        ip: Some("192.168.12.117".into()),
        state: Some("AVAILABLE".into()),
        vm_id: uuid(),
    };
    let details = Details {
        name: "app-00017".into(),
        kind: Some("MIGRATE_FILE".into()),
        os_type: Some("LINUX".into()),
        enterprise_project_id: Some("0".into()),
        created: Timestamp::from_millisecond(1_790_698_935_572).ok(),
        migrate_speed: Some(0.0),
        source: server(),
        target: server(),
        ..Details::bare("6b0d549b-6f03-675a-1600-a35a099950d8", TaskState::MigrateSuccess)
    };
    let size = Task::new(&details).packed().len();
    assert!(size <= 128, "{size}");
}
