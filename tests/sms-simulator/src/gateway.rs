//! Answers the simulated service's port: journal and call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::accounts::Accounts;
use crate::api::{Reply, Service};
use crate::auth::{Credential, Gate, Signed};
use crate::clock::Clock;
use crate::journal::{Journal, Record};
use crate::server::{Abort, Body, Delivery, Handler};
use crate::store::Tasks;

/// All that the server knows; the handles of [`crate::Simulator`] point into it.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) clock: Arc<Clock>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) tasks: Arc<Tasks>,
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
        let mut entry = self.journal.begin(self.record(request));
        let request_id = format!("{:032x}", self.request_ids.fetch_add(1, Ordering::Relaxed));
        let service = Service {
            accounts: &self.accounts,
            gate: &self.gate,
            tasks: &self.tasks,
            now: self.clock.now(),
            request_id: &request_id,
            rotation: 0,
        };
        let response = respond(service.answer(request), &request_id, Delivery::default());
        entry.answered(response.status().as_u16());
        Ok(response)
    }
}

impl Gateway {
    fn record(&self, request: Signed<'_>) -> Record {
        Record {
            sequence: 0,
            received: self.clock.now(),
            method: request.method.into(),
            path: request.path.into(),
            query: request.query.into(),
            credential: Credential::claimed(request.headers),
            status: None,
        }
    }
}

fn respond(reply: Reply, request_id: &str, delivery: Delivery) -> Response<Body> {
    let Reply {
        status,
        headers,
        payload,
    } = reply;
    let mut response = Response::new(Body::new(payload.encode(), delivery));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}
