//! The bounds of a client.

use std::time::Duration;

use super::{listing::Paging, network::NetworkOptions};
use crate::{core::pace::Rate, telemetry::Requests};

/// The bounds of a [`Client`](super::Client).
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long a connection may take, TLS included.
    pub connect_timeout: Duration,
    /// How long an answer may take from request to last byte.
    pub response_timeout: Duration,
    /// How long a listing may take with all its pages, passes and retries, signing in and waiting for its turn included.
    /// Where requests are spread over time, it goes on while pages come no longer apart than this, for 12 times as long.
    pub listing_timeout: Duration,
    /// The longest page that is read, in bytes after decompression. A page of 200 tasks has about 360 KB.
    pub max_page_bytes: usize,
    /// How many requests of all listings may be under way at a time; three quarters of them to one endpoint.
    pub max_concurrency: usize,
    /// How many requests a second each login may send to each endpoint, on average.
    pub rate: Option<Rate>,
    /// How far the API pages. Another than its own is for tests.
    pub paging: Paging,
    /// Whom the client may talk to, and how.
    pub network: NetworkOptions,
    /// Counts what is asked.
    pub requests: Requests,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            listing_timeout: Duration::from_mins(5),
            max_page_bytes: 32 * 1024 * 1024,
            max_concurrency: 32,
            rate: None,
            paging: Paging::OF_API,
            network: NetworkOptions::default(),
            requests: Requests::default(),
        }
    }
}
