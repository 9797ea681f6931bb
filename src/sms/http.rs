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
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tracing::{Instrument as _, Span};

pub(super) use body::{Reader, Whole, read_whole};
#[cfg(test)]
pub(crate) use carrier::Carrier;
pub(super) use request::{Authorization, Call};
pub(super) use turns::Turn;

use super::{
    error::{AnswerHead, Error},
    network::{Network, NetworkError, Timeouts},
    options::ClientOptions,
    wire::PageError,
};
use crate::core::endpoint::Endpoint;
use turns::Turns;

/// What each answer may keep of its body: more than a page of tasks has in all, of which little is kept. Beyond that, one
/// answer does at a time, up to the longest that is read: so it is for all together.
const USUAL: usize = 512 * 1024;
/// How much of an answer that isn't a success is read: enough for any message.
const ERROR_BODY: usize = 64 * 1024;
/// How long is waited for that.
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(5);

/// A successful answer.
pub(super) struct Received<T> {
    pub(super) headers: HeaderMap,
    /// What was read of its body.
    pub(super) value: T,
    /// How many bytes that had.
    pub(super) length: usize,
    pub(super) request_id: Option<String>,
    /// How long it took, without the time before its turn.
    pub(super) took: Duration,
}

/// Sends requests to APIs. Keeps connections, and bounds what is under way at a time.
#[derive(Debug)]
pub(super) struct Http {
    network: Network,
    turns: Turns,
    /// Taken by an answer that keeps more than usual.
    great: Semaphore,
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
            great: Semaphore::new(1),
            options,
            #[cfg(test)]
            carrier: None,
        })
    }

    /// One whose requests go another way.
    #[cfg(test)]
    pub(super) fn carried(options: ClientOptions, network: Network, carrier: Carrier) -> Self {
        let turns = Turns::new(options.max_concurrency);
        Self { network, turns, great: Semaphore::new(1), options, carrier: Some(carrier) }
    }

    pub(super) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Waits until a request may be under way.
    pub(super) async fn turn(&self, endpoint: &Endpoint) -> Turn {
        self.turns.take(endpoint).await
    }

    /// One try: waits for its turn, then has the time of one response.
    pub(super) async fn send<R: Reader>(
        &self,
        call: &Call<'_>,
        reader: R,
    ) -> Result<Received<R::Value>, Error> {
        let turn = self.turn(call.endpoint).await;
        self.send_in(turn, call, reader).await
    }

    /// One try in a turn, which ends with it.
    pub(super) async fn send_in<R: Reader>(
        &self,
        _turn: Turn,
        call: &Call<'_>,
        reader: R,
    ) -> Result<Received<R::Value>, Error> {
        let limit = self.options.response_timeout;
        let began = Instant::now();
        let span = told::span(call);
        let received = timeout(limit, self.ask(call, reader, &span)).instrument(span.clone()).await;
        let received =
            received.unwrap_or_else(|_| Err(Error::Timeout { endpoint: call.endpoint.clone(), limit }));
        let took = began.elapsed();
        span.in_scope(|| told::ended(&span, call, &received, took));
        received.map(|received| Received { took, ..received })
    }

    async fn ask<R: Reader>(
        &self,
        call: &Call<'_>,
        reader: R,
        span: &Span,
    ) -> Result<Received<R::Value>, Error> {
        let from_transport = |error| self.transport(call, error);
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
        let headers = response.headers().clone();
        let (value, length) = self.read(call, &head, response, reader).await?;
        under_way.received(length);
        Ok(Received { headers, value, length, request_id: head.request_id(), took: Duration::ZERO })
    }

    /// Reads the body of a success as it comes, and says how long it was.
    async fn read<R: Reader>(
        &self,
        call: &Call<'_>,
        head: &AnswerHead<'_>,
        mut response: reqwest::Response,
        mut reader: R,
    ) -> Result<(R::Value, usize), Error> {
        let limit = self.options.max_page_bytes;
        let unusable = |problem| match problem {
            PageError::Error(body) => Error::from_answer(head.with_body(body.as_bytes())),
            problem => Error::InvalidResponse { api: call.api, problem, request_id: head.request_id() },
        };
        let (mut length, mut has_begun, mut great) = (0, false, None);
        while let Some(part) = response.chunk().await.map_err(|error| self.transport(call, error))? {
            if part.len() > limit.saturating_sub(length) {
                return Err(Error::TooLarge { api: call.api, limit });
            }
            length += part.len();
            let start = part.trim_ascii_start();
            if !has_begun && !start.is_empty() {
                has_begun = true;
                head.refuse_html(start)?;
            }
            reader.take(&part).map_err(unusable)?;
            if great.is_none() && reader.kept() > USUAL {
                great = self.great.acquire().await.ok();
            }
        }
        if !has_begun {
            head.refuse_html(b"")?;
        }
        body::settle().await;
        Ok((reader.finish().map_err(unusable)?, length))
    }

    fn transport(&self, call: &Call<'_>, error: reqwest::Error) -> Error {
        Error::from_transport(call.endpoint, self.options.connect_timeout, error)
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
