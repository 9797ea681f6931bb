//! Answers the simulated service's port: journal, faults, call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::accounts::Accounts;
use crate::api::{Reply, Service};
use crate::auth::{Credential, Gate, Signed};
use crate::clock::Clock;
use crate::faults::{Disruption, Faults};
use crate::journal::{Journal, Record};
use crate::server::{Abort, Body, Handler};
use crate::store::Tasks;

/// All that the server knows; the handles of [`crate::Simulator`] point into it.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) clock: Arc<Clock>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) journal: Journal,
    pub(crate) gate: Gate,
    pub(crate) request_ids: AtomicU64,
}

impl Handler for Gateway {
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
        let mut entry = self.journal.begin(self.record(request, credential.clone()));
        let request_id = format!("{:032x}", self.request_ids.fetch_add(1, Ordering::Relaxed));
        let disruption = self.faults.hit(request, &credential);
        tokio::time::sleep(disruption.delay()).await;
        let reply = match disruption.replacement(&request_id) {
            Some(replacement) => replacement?,
            None => self
                .service(&request_id, disruption.rotation())
                .answer(request),
        };
        entry.answered(reply.status.as_u16());
        Ok(respond(reply, &disruption, request.headers, &request_id))
    }
}

impl Gateway {
    fn service<'a>(&'a self, request_id: &'a str, rotation: usize) -> Service<'a> {
        Service {
            accounts: &self.accounts,
            gate: &self.gate,
            tasks: &self.tasks,
            now: self.clock.now(),
            request_id,
            rotation,
        }
    }

    fn record(&self, request: Signed<'_>, credential: Credential) -> Record {
        Record {
            sequence: 0,
            received: self.clock.now(),
            method: request.method.into(),
            path: request.path.into(),
            query: request.query.into(),
            credential,
            status: None,
        }
    }
}

fn respond(
    reply: Reply,
    disruption: &Disruption,
    accepted: &HeaderMap,
    request_id: &str,
) -> Response<Body> {
    let Reply {
        status,
        mut headers,
        payload,
    } = reply;
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let body = disruption.body(payload, accepted, &mut headers);
    let mut response = Response::new(Body::new(body, disruption.delivery()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
