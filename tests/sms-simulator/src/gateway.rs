//! Answers the simulated service's port: journal, faults, call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::api::{Reply, Service, iam};
use crate::auth::{Credential, Gate, Signed};
use crate::faults::Disruption;
use crate::journal::Record;
use crate::server::{Abort, Body, Handler, LastAnswer};
use crate::world::World;

/// The simulated service's port.
#[derive(Debug)]
pub(crate) struct Gateway {
    world: Arc<World>,
    gate: Gate,
    request_ids: AtomicU64,
}

impl Handler for Gateway {
    fn connected(&self) {
        self.world.journal.connected();
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Body>, Abort> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Abort::Close)?.to_bytes();
        let request = Signed {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
            body: &body,
        };
        let credential = Credential::claimed(request.headers);
        let mut entry = self.world.journal.begin(self.record(request, credential.clone()));
        let request_id = format!("{:032x}", self.request_ids.fetch_add(1, Ordering::Relaxed));
        let disruption = self.world.faults.hit(request, &credential);
        tokio::time::sleep(disruption.delay()).await;
        let reply = match disruption.replacement(request, &request_id) {
            Some(replacement) => replacement?,
            None => self.service(&request_id, disruption.rotation()).answer(request),
        };
        entry.answered(reply.status.as_u16());
        Ok(respond(reply, &disruption, request, &request_id))
    }
}

impl Gateway {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world, gate: Gate::default(), request_ids: AtomicU64::new(1) }
    }

    fn service<'a>(&'a self, request_id: &'a str, rotation: usize) -> Service<'a> {
        Service {
            accounts: &self.world.accounts,
            gate: &self.gate,
            metadata: &self.world.metadata,
            pod_identity: &self.world.pod_identity,
            tasks: &self.world.tasks,
            now: self.world.clock.now(),
            request_id,
            rotation,
        }
    }

    fn record(&self, request: Signed<'_>, credential: Credential) -> Record {
        Record {
            sequence: 0,
            received: self.world.clock.now(),
            method: request.method.into(),
            path: request.path.into(),
            query: request.query.into(),
            credential,
            status: None,
            pending: true,
        }
    }
}

fn respond(reply: Reply, disruption: &Disruption, request: Signed<'_>, request_id: &str) -> Response<Body> {
    let Reply { status, mut headers, payload } = reply;
    identify(&mut headers, request.path, request_id);
    let body = disruption.body(payload, request.headers, &mut headers);
    let mut response = Response::new(Body::new(body, disruption.delivery()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if disruption.hangs_up() {
        response.extensions_mut().insert(LastAnswer);
    }
    response
}

/// IAM has an id of its own for support to find a call by; it differs here, so that nobody confuses both unnoticed.
fn identify(headers: &mut HeaderMap, path: &str, request_id: &str) {
    let mut insert = |name, id: &str| {
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(HeaderName::from_static(name), id);
        }
    };
    insert("x-request-id", request_id);
    if iam::serves(path) {
        insert("x-iam-trace-id", &format!("token_simulator_null_{request_id}"));
    }
}
