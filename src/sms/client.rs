//! The HTTP client.

mod body;
mod request;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use http::StatusCode;
use k8s_openapi::jiff::Timestamp;
use tokio::{sync::Semaphore, time::timeout};

use super::{
    credentials::Credentials,
    error::{AnswerHead, Error},
    listing::{self, PageRequest},
    network::{ClientError, Network, NetworkOptions},
    retry::with_retries,
    wire::Page,
};
use crate::core::{
    endpoint::Endpoint,
    plan::Plan,
    task::{Snapshot, Task},
};

/// How much of an answer that isn't a success is read: enough for any message.
const ERROR_BODY: usize = 64 * 1024;
/// How long is waited for that.
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(5);

/// The bounds of a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long a connection may take, TLS included.
    pub connect_timeout: Duration,
    /// How long an answer may take from request to last byte.
    pub response_timeout: Duration,
    /// How long a listing may take with all its pages, passes and retries, waiting for its turn included.
    pub listing_timeout: Duration,
    /// The longest page that is read, in bytes after decompression. A page of 200 tasks has about 360 KB.
    pub max_page_bytes: usize,
    /// How many requests of all listings may be under way at a time.
    pub max_concurrency: usize,
    /// How many of them may belong to one listing.
    pub pages_in_flight: usize,
    /// Whom the client may talk to, and how.
    pub network: NetworkOptions,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            listing_timeout: Duration::from_mins(5),
            max_page_bytes: 32 * 1024 * 1024,
            max_concurrency: 16,
            pages_in_flight: 4,
            network: NetworkOptions::default(),
        }
    }
}

/// Which tasks are listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListTarget {
    /// Where SMS is. Whether it may be called is the caller's business.
    pub endpoint: Endpoint,
    /// Only the tasks of this enterprise project; `0` is the default one.
    pub enterprise_project_id: Option<String>,
}

impl From<&Plan> for ListTarget {
    fn from(plan: &Plan) -> Self {
        Self { endpoint: plan.endpoint.clone(), enterprise_project_id: plan.enterprise_project.clone() }
    }
}

/// A complete listing.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Every task that could be read, once, in no particular order.
    pub tasks: Vec<Task>,
    /// How many entries could not be read, having no id. They are tasks, too: with any of them, nothing can be said of
    /// "all" tasks.
    pub skipped: usize,
    /// How many requests it took.
    pub requests: u32,
}

impl Listing {
    /// The listing as the core takes it.
    #[must_use]
    pub fn into_snapshot(self, sequence: u64, completed: Timestamp) -> Snapshot {
        Snapshot { sequence, completed, tasks: self.tasks, unreadable: self.skipped }
    }
}

/// A client of SMS for any number of accounts. Keeps connections, and bounds what it does at a time.
///
/// The process needs a default crypto provider of rustls.
#[derive(Debug)]
pub struct Client {
    network: Network,
    turns: Semaphore,
    options: ClientOptions,
}

impl Client {
    /// Sets up a client.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let network = Network::new(options.network.clone(), options.connect_timeout)?;
        let turns = Semaphore::new(options.max_concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Self { network, turns, options })
    }

    /// Lists all tasks of an account. The result is complete, or an error.
    pub async fn list_tasks(&self, target: &ListTarget, credentials: &Credentials) -> Result<Listing, Error> {
        let requests = AtomicU32::new(0);
        let (requests, limit) = (&requests, self.options.listing_timeout);
        let fetch = |page| {
            with_retries(move || {
                requests.fetch_add(1, Ordering::Relaxed);
                self.fetch_page(target, credentials, page)
            })
        };
        let collected = timeout(limit, listing::collect(fetch, self.options.pages_in_flight.max(1)))
            .await
            .map_err(|_| Error::ListingTimeout(limit))??;
        Ok(Listing {
            tasks: collected.tasks,
            skipped: collected.skipped,
            requests: requests.load(Ordering::Relaxed),
        })
    }

    /// One try of one page: waits for its turn, then has the time of one response.
    async fn fetch_page(
        &self,
        target: &ListTarget,
        credentials: &Credentials,
        page: PageRequest,
    ) -> Result<Page, Error> {
        // This semaphore is never closed; without a permit there would just be no bound.
        let _turn = self.turns.acquire().await.ok();
        let limit = self.options.response_timeout;
        let response = timeout(limit, self.ask(target, credentials, page)).await;
        response.map_err(|_| Error::Timeout { endpoint: target.endpoint.clone(), limit })?
    }

    async fn ask(
        &self,
        target: &ListTarget,
        credentials: &Credentials,
        page: PageRequest,
    ) -> Result<Page, Error> {
        let endpoint = &target.endpoint;
        let from_transport = |error| Error::from_transport(endpoint, self.options.connect_timeout, error);
        let http = self.network.client(endpoint).await;
        // Built for each try, since a signature holds the time.
        let request = request::list_tasks(&http, target, credentials, page, Timestamp::now());
        let response = http.execute(request.map_err(from_transport)?).await.map_err(from_transport)?;
        let head = AnswerHead::new(&response, credentials);
        if response.status().is_redirection() {
            return Err(head.redirect(endpoint));
        }
        if response.status() != StatusCode::OK {
            let body = body::read_start(response, ERROR_BODY, ERROR_BODY_PATIENCE).await;
            return Err(Error::from_answer(head.with_body(&body)));
        }
        let limit = self.options.max_page_bytes;
        let body = body::read_whole(response, limit).await.map_err(from_transport)?;
        let body = body.ok_or(Error::TooLarge { limit })?;
        if head.is_html(&body) {
            return Err(Error::from_answer(head.with_body(&body)));
        }
        Page::decode(&body)
            .map_err(|problem| Error::InvalidResponse { problem, request_id: head.request_id() })
    }
}
