//! Shows that the streams of what happens in the cluster go on.
//!
//! A stream asks the API server anew every five minutes even when nothing happens, and at least every half minute while
//! the API server is down. So it is seen by its requests.

use std::{sync::Arc, time::Duration};

use http::Request;
use kube::{Client, client::Body};
use tower::service_fn;

use crate::telemetry::Vitals;

/// Within which time a stream asks again. It reads for 295 seconds at most, an answer has 300 ([`READ_PATIENCE`]), and
/// some refusals are tried 15 times by the client itself.
pub(super) const WITHIN: Duration = Duration::from_mins(30);

/// How long the API server may be silent in the middle of an answer. Longer than it keeps a quiet watch stream open, and
/// not forever: kube's own default waits for a list or the start of a stream as long as a connection seems to be there,
/// which after a partition it does.
pub const READ_PATIENCE: Duration = Duration::from_secs(300);

/// A client for one stream, whose requests are seen.
pub(super) fn client(client: &Client, vitals: &Vitals, what: &'static str) -> Client {
    let expected = Arc::new(vitals.expect(what, WITHIN));
    let default_namespace = client.default_namespace().to_owned();
    let client = client.clone();
    let service = service_fn(move |request: Request<Body>| {
        let (client, expected) = (client.clone(), expected.clone());
        expected.renew(WITHIN);
        async move {
            let answer = client.send(request).await;
            expected.renew(WITHIN);
            answer
        }
    });
    Client::new(service, default_namespace)
}
