//! Tasks as they are kept in memory.

use std::borrow::Cow;

use k8s_openapi::jiff::Timestamp;

use super::bytes::Bytes;
use crate::core::task::{Details, Earlier, Percent, Server, SubTask, Task, TaskError, TaskState, Tasks};

/// Tasks of any texts, packed and read back.
pub fn tasks(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut all: Vec<Task> = Vec::new();
    while !bytes.is_empty() && all.len() < 64 {
        let details = details(&mut bytes);
        let task = Task::new(&details);
        assert_eq!(task.details(), details);
        let Details { id, name, state, source, .. } = &details;
        assert_eq!((&*task.id(), task.name()), (&**id, &**name));
        assert_eq!(
            (task.state(), task.state_name(), task.phase()),
            (state.clone(), state.name(), state.phase())
        );
        assert_eq!(task.source_id().as_deref(), source.id.as_deref());
        assert_eq!(task.source_name().as_deref(), source.name.as_deref());
        assert_eq!(task.estimated_completion(), details.estimated_completion);
        assert_eq!(task.is_moving(), details.is_moving());
        let step = task.step_name().map(|name| name.to_string());
        assert_eq!(step.as_deref(), details.sub_task.as_ref().map(|step| &*step.name));
        for other in &all {
            let is_same = task.order_by_id(other).is_eq();
            assert_eq!(is_same, task.id() == other.id());
            assert_eq!(task == *other, task.details() == other.details());
        }
        all.push(task);
    }
    all.sort_by(|one, two| one.order_by_id(two));
    all.dedup_by(|one, two| one.order_by_id(two).is_eq());
    let earlier = Earlier::from(Tasks::from(all.clone()));
    for task in &all {
        assert!(
            earlier.share(&task.details()).is_shared_with(task) || earlier.share(&task.details()) == *task
        );
    }
}

/// A task of which each part is as the bytes say.
fn details<'a>(bytes: &mut Bytes<'a>) -> Details<'a> {
    let name = bytes.text();
    let source = server(bytes, &name);
    let target = server(bytes, &name);
    Details {
        id: some_text(bytes, &name),
        state: TaskState::parse(&some_text(bytes, &name)),
        kind: maybe(bytes, &name),
        os_type: maybe(bytes, &name),
        enterprise_project_id: maybe(bytes, &name),
        migrate_speed: bytes.flag().then(|| f64::from_bits(bytes.number())).filter(|speed| speed.is_finite()),
        created: time(bytes),
        estimated_completion: time(bytes),
        sub_task: maybe(bytes, &name).map(|name| SubTask { name, progress: percent(bytes) }),
        copied: bytes.flag().then(|| percent(bytes)),
        source,
        target,
        error: bytes.flag().then(|| TaskError { code: maybe(bytes, &name), message: maybe(bytes, &name) }),
        name,
    }
}

fn server<'a>(bytes: &mut Bytes<'a>, name: &Cow<'a, str>) -> Server<'a> {
    if !bytes.flag() {
        return Server::default();
    }
    Server {
        id: maybe(bytes, name),
        name: maybe(bytes, name),
        ip: maybe(bytes, name),
        state: maybe(bytes, name),
        vm_id: maybe(bytes, name),
    }
}

fn maybe<'a>(bytes: &mut Bytes<'a>, name: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    bytes.flag().then(|| some_text(bytes, name))
}

fn some_text<'a>(bytes: &mut Bytes<'a>, name: &Cow<'a, str>) -> Cow<'a, str> {
    match bytes.byte() % 8 {
        0 => name.clone(),
        1 => format!("{name}{}", bytes.text()).into(),
        2 => bytes.take(16).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        3 => bytes.one_of(&["RUNNING", "MIGRATE_LINUX_FILE", "LINUX", "10.0.0.1", "0", "SMS.0203"]).into(),
        4 => "ab".repeat(bytes.below(32_000)).into(),
        _ => bytes.text(),
    }
}

fn percent(bytes: &mut Bytes<'_>) -> Percent {
    Percent::clamped(bytes.byte().into())
}

fn time(bytes: &mut Bytes<'_>) -> Option<Timestamp> {
    bytes
        .flag()
        .then(|| Timestamp::from_millisecond(bytes.number().cast_signed() >> bytes.below(64)).ok())
        .flatten()
}
