//! The control port: what the typed handles do, as a small JSON API.
//!
//! | request | does |
//! |---|---|
//! | `GET /faults` | lists the faults that are on, with their hits |
//! | `POST /faults` | turns a [`Fault`] on and answers its id |
//! | `DELETE /faults`, `DELETE /faults/{id}` | turns all off, or one |
//! | `POST /tasks` | adds the tasks of a [`Wave`], created so long from now, and answers their ids |
//! | `PATCH /tasks/{id}` | takes a task off its plan and changes its state, progress, speed, error |
//! | `DELETE /tasks/{id}` | removes a task |
//! | `GET /requests` | the sums and the requests so far |
//! | `DELETE /requests` | forgets them |
//! | `GET /clock`, `POST /clock` | reads or sets the wall clock's offset, the scenario's position, and whether it is paused |

use std::sync::Arc;

use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faults::{Fault, FaultId};
use crate::model::{Snapshot, SubTask, TaskError, TaskState};
use crate::scenario::Wave;
use crate::seconds::Seconds;
use crate::server::{Abort, Body, Delivery, Handler};
use crate::world::World;

/// The control port.
#[derive(Debug)]
pub(crate) struct Control {
    world: Arc<World>,
}

/// What a control request can't have.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no such control: {0} {1}")]
    NoSuchControl(Method, String),
    #[error("there is no {0} with this id")]
    NotFound(&'static str),
    #[error("the body can't be read: {0}")]
    Body(#[from] serde_json::Error),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchControl(..) | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Body(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// A change to a task; what is left out stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskChange {
    state: Option<TaskState>,
    /// Of its current step.
    progress: Option<u8>,
    speed: Option<f64>,
    error: Option<TaskError>,
}

/// A change to the server's times; what is left out stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    offset: Option<f64>,
    position: Option<Seconds>,
    paused: Option<bool>,
}

#[derive(Debug, Serialize)]
struct ClockStatus {
    offset: f64,
    position: Seconds,
    paused: bool,
}

impl Handler for Control {
    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Body>, Abort> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Abort::Close)?.to_bytes();
        let (status, answer) = match self.answer(&parts.method, parts.uri.path(), &body) {
            Ok(answer) => (StatusCode::OK, answer),
            Err(refusal) => (refusal.status(), json!({"error": refusal.to_string()})),
        };
        let mut response = Response::new(Body::new(answer.to_string().into_bytes(), Delivery::default()));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

impl Control {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world }
    }

    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Result<Value, Refusal> {
        let (kind, id) =
            path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        match (method.as_str(), kind, id) {
            ("GET", "faults", "") => json(&self.world.faults.list()),
            ("POST", "faults", "") => json(&json!({"id": self.world.faults.add(read::<Fault>(body)?)})),
            ("DELETE", "faults", "") => {
                self.world.faults.clear();
                json(&json!({}))
            }
            ("DELETE", "faults", id) => self.remove_fault(id),
            ("POST", "tasks", "") => self.add_tasks(&read(body)?),
            ("PATCH", "tasks", id) => self.change_task(id, read(body)?),
            ("DELETE", "tasks", id) => found(self.world.tasks.remove(id).is_some(), "task"),
            ("GET", "requests", "") => self.requests(),
            ("DELETE", "requests", "") => {
                self.world.journal.clear();
                json(&json!({}))
            }
            ("GET", "clock", "") => json(&self.clock()),
            ("POST", "clock", "") => self.change_clock(&read(body)?),
            _ => Err(Refusal::NoSuchControl(method.clone(), path.into())),
        }
    }

    fn remove_fault(&self, id: &str) -> Result<Value, Refusal> {
        let removed = id.parse().is_ok_and(|id| self.world.faults.remove(FaultId(id)));
        found(removed, "fault")
    }

    fn add_tasks(&self, wave: &Wave) -> Result<Value, Refusal> {
        let tasks = wave.tasks(self.world.timeline.position());
        let ids: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
        for task in tasks {
            self.world.tasks.insert(task);
        }
        json(&json!({"ids": ids}))
    }

    fn change_task(&self, id: &str, change: TaskChange) -> Result<Value, Refusal> {
        let position = self.world.timeline.position();
        let Some(copying) = self.world.tasks.get(id).map(|task| task.copying_step()) else {
            return Err(Refusal::NotFound("task"));
        };
        let step = SubTask { name: copying.into(), progress: 0, began: position, ended: None };
        found(self.world.tasks.change(id, |task| change.apply(task, step)), "task")
    }

    fn requests(&self) -> Result<Value, Refusal> {
        let journal = &self.world.journal;
        json(&json!({"counters": journal.counters(), "requests": journal.records()}))
    }

    fn clock(&self) -> ClockStatus {
        ClockStatus {
            offset: self.world.clock.offset().as_secs_f64(),
            position: self.world.timeline.position().into(),
            paused: self.world.timeline.is_paused(),
        }
    }

    fn change_clock(&self, change: &ClockChange) -> Result<Value, Refusal> {
        if let Some(offset) = change.offset {
            let offset = SignedDuration::try_from_secs_f64(offset).map_err(serde::de::Error::custom);
            self.world.clock.set_offset(offset.map_err(Refusal::Body)?);
        }
        if let Some(position) = change.position {
            self.world.timeline.seek(position.0);
        }
        match change.paused {
            Some(true) => self.world.timeline.pause(),
            Some(false) => self.world.timeline.resume(),
            None => {}
        }
        json(&self.clock())
    }
}

impl TaskChange {
    /// Progress needs a step; a task that has none yet gets this one.
    fn apply(self, task: &mut Snapshot, step: SubTask) {
        if let Some(progress) = self.progress {
            if task.sub_tasks.is_empty() {
                task.sub_tasks.push(step);
            }
            if let Some(current) = task.sub_tasks.last_mut() {
                current.progress = progress;
            }
        }
        task.state = self.state.unwrap_or_else(|| task.state.clone());
        task.speed = self.speed.or(task.speed);
        task.error = self.error.or_else(|| task.error.take());
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    Ok(serde_json::from_slice(body)?)
}

fn json(value: &impl Serialize) -> Result<Value, Refusal> {
    Ok(serde_json::to_value(value)?)
}

fn found(found: bool, what: &'static str) -> Result<Value, Refusal> {
    if found { json(&json!({})) } else { Err(Refusal::NotFound(what)) }
}
