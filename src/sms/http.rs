//! One request and its answer, within bounds of time, size and number.

mod body;
#[cfg(test)]
mod carrier;
mod request;
mod told;
pub(super) mod turns;

use std::time::Duration;

use http::HeaderMap;
use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, Span};

pub(super) use body::{Body, read_whole};
#[cfg(test)]
pub(crate) use carrier::Carrier;
pub(super) use request::{Authorization, Call};
pub(super) use turns::Turn;

use super::{
    error::{AnswerHead, Error},
    network::{Network, NetworkError, Timeouts},
    options::ClientOptions,
};
use crate::core::endpoint::Endpoint;
use turns::Turns;

/// How much of an answer that isn't a success is read: enough for any message.
const ERROR_BODY: usize = 64 * 1024;
/// How long is waited for that.
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(5);

/// A successful answer.
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) request_id: Option<String>,
    /// How long it took, without the time before its turn.
    pub(super) took: Duration,
}

/// Sends requests to APIs. Keeps connections, and bounds what is under way at a time.
#[derive(Debug)]
pub(super) struct Http {
    network: Network,
    turns: Turns,
    options: ClientOptions,
    /// Stands for all endpoints in the simulation.
    #[cfg(test)]
    carrier: Option<Carrier>,
}

impl Http {
    pub(super) fn new(options: ClientOptions) -> Result<Self, NetworkError> {
        let timeouts = Timeouts { connect: options.connect_timeout, response: options.response_timeout };
        let network = Network::new(options.network.clone(), timeouts)?;
        let turns = Turns::new(options.max_concurrency);
        Ok(Self {
            network,
            turns,
            options,
            #[cfg(test)]
            carrier: None,
        })
    }

    /// One whose requests go another way.
    #[cfg(test)]
    pub(super) fn carried(options: ClientOptions, network: Network, carrier: Carrier) -> Self {
        let turns = Turns::new(options.max_concurrency);
        Self { network, turns, options, carrier: Some(carrier) }
    }

    pub(super) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Waits until a request may be under way.
    pub(super) async fn turn(&self, endpoint: &Endpoint) -> Turn {
        self.turns.take(endpoint).await
    }

    /// One try: waits for its turn, then has the time of one response.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Received, Error> {
        let turn = self.turn(call.endpoint).await;
        self.send_in(turn, call).await
    }

    /// One try in a turn, which ends with it.
    pub(super) async fn send_in(&self, _turn: Turn, call: &Call<'_>) -> Result<Received, Error> {
        let limit = self.options.response_timeout;
        let began = Instant::now();
        let span = told::span(call);
        let received = timeout(limit, self.ask(call, &span)).instrument(span.clone()).await;
        let received =
            received.unwrap_or_else(|_| Err(Error::Timeout { endpoint: call.endpoint.clone(), limit }));
        let took = began.elapsed();
        span.in_scope(|| told::ended(&span, call, &received, took));
        received.map(|received| Received { took, ..received })
    }

    async fn ask(&self, call: &Call<'_>, span: &Span) -> Result<Received, Error> {
        let from_transport =
            |error| Error::from_transport(call.endpoint, self.options.connect_timeout, error);
        let client = self.network.client(call.endpoint).await;
        let mut under_way = self.options.requests.begin(call.api.name());
        // Built for each try, since a signature holds the time.
        let request = call.build(&client, Timestamp::now()).map_err(from_transport)?;
        let response = self.execute(&client, request).await.map_err(from_transport)?;
        under_way.answered(response.status().as_u16());
        let head = AnswerHead::new(call.api, &response, call.redactor());
        told::answered(span, response.status(), head.request_id().as_deref());
        if response.status().is_redirection() {
            return Err(head.redirect(call.endpoint));
        }
        if response.status() != call.success() {
            let body = body::read_start(response, ERROR_BODY, ERROR_BODY_PATIENCE).await;
            return Err(Error::from_answer(head.with_body(&body)));
        }
        let limit = self.options.max_page_bytes;
        let headers = response.headers().clone();
        let body = body::read_whole(response, limit).await.map_err(from_transport)?;
        let body = body.ok_or(Error::TooLarge { api: call.api, limit })?;
        under_way.received(body.len());
        if head.is_html(body.start()) {
            return Err(Error::from_answer(head.with_body(body.start())));
        }
        Ok(Received { headers, body, request_id: head.request_id(), took: Duration::ZERO })
    }

    async fn execute(
        &self,
        client: &reqwest::Client,
        request: reqwest::Request,
    ) -> reqwest::Result<reqwest::Response> {
        #[cfg(test)]
        if let Some(carrier) = &self.carrier {
            return Ok(carrier.carry(request).await);
        }
        client.execute(request).await
    }
}
