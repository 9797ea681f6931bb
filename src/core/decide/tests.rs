//! The invariants of the decision, on a model of the world around it.

mod conditions;
mod exactly_once;
mod gates;
mod quiet;
mod schema;
mod sharing;
mod size;

use std::sync::Arc;

use model::{START, World, plan};

use super::*;
use crate::core::{
    budget::Urgency,
    failure::FailureKind,
    task::{Details, Percent, Server, SubTask, Task, TaskError, TaskState},
};

impl World {
    /// A listing, and others as long as one must be confirmed: the second may let another gate pass, since it tells what
    /// is gone.
    fn list(&mut self, tasks: Vec<Task>) {
        self.list_once(tasks.clone());
        for _ in 0..2 {
            if self.unconfirmed.is_some() {
                self.list_once(tasks.clone());
            }
        }
        assert_eq!(self.unconfirmed, None, "two agree");
    }

    fn list_once(&mut self, tasks: Vec<Task>) {
        self.see(tasks, 0);
        self.settle();
    }

    fn fail(&mut self, kind: FailureKind) {
        self.miss(kind, "It went wrong.");
        self.settle();
    }

    fn change(&mut self, spec: serde_json::Value) {
        self.edit(spec);
        self.settle();
    }

    /// What was told since this was asked: reasons and notes.
    fn notes(&mut self) -> Vec<(String, String)> {
        self.take_told().into_iter().map(|event| (event.reason, event.note)).collect()
    }

    fn reasons(&mut self) -> Vec<String> {
        self.take_told().into_iter().map(|event| event.reason).collect()
    }

    fn condition(&self, kind: &str) -> (Truth, &str) {
        let condition = find(&self.status.conditions, kind);
        (truth(&self.status.conditions, kind), condition.map_or("", |condition| condition.reason.as_str()))
    }
}

fn details(id: &str, state: &str) -> Details<'static> {
    Details {
        name: format!("name-{id}").into(),
        kind: Some("MIGRATE_FILE".into()),
        os_type: Some("LINUX".into()),
        source: Server { id: Some(format!("source-{id}").into()), ..Server::default() },
        ..Details::bare(id.to_owned(), TaskState::parse(state))
    }
}

fn task(id: &str, state: &str) -> Task {
    details(id, state).into()
}

fn at(id: &str, progress: i64, speed: f64) -> Task {
    let progress = Percent::clamped(progress);
    let details = Details {
        sub_task: Some(SubTask { name: "MIGRATE_LINUX_FILE".into(), progress }),
        copied: Some(progress),
        migrate_speed: Some(speed),
        ..details(id, "RUNNING")
    };
    details.into()
}

fn failed(id: &str, message: &str) -> Task {
    let error = TaskError { code: Some("SMS.0203".into()), message: Some(message.into()) };
    Details { error: Some(error), ..details(id, "MIGRATE_FAIL") }.into()
}
