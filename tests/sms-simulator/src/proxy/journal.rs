//! What a proxy was asked for.

use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::journal::PATIENCE;

/// One request to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyRequest {
    /// Its method: CONNECT for a tunnel.
    pub method: String,
    /// What was asked for: of a CONNECT the authority, else the URL.
    pub target: String,
    /// Its headers, with the credentials that were shown.
    pub headers: HeaderMap,
    /// The answer's status: 200 for a tunnel, 407 for missing credentials, 502 for a target that can't be reached; none when
    /// the proxy was told to answer by [bytes](super::ProxyAnswer::Bytes) or not at all.
    pub status: Option<u16>,
}

#[derive(Debug)]
pub(super) struct Journal {
    requests: Mutex<Vec<ProxyRequest>>,
    changes: watch::Sender<u64>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { requests: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Journal {
    pub(super) fn add(&self, request: ProxyRequest) {
        self.lock().push(request);
        self.changes.send_modify(|changes| *changes += 1);
    }

    pub(super) fn requests(&self) -> Vec<ProxyRequest> {
        self.lock().clone()
    }

    pub(super) async fn wait_for(&self, count: usize, wanted: impl Fn(&ProxyRequest) -> bool) {
        let mut changes = self.changes.subscribe();
        let come = async {
            while self.lock().iter().filter(|request| wanted(request)).count() < count {
                // The sender lives as long as this journal, so waiting can't fail.
                let _ = changes.changed().await;
            }
        };
        let in_time = timeout(PATIENCE, come).await.is_ok();
        assert!(in_time, "{count} such requests didn't come; all are {:#?}", self.requests());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ProxyRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
