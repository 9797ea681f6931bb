//! Between an operator and the rest of the world: its requests on their way. The real clients end here. Bugs are planted
//! here as well, by changing what a correct operator says and hears.

use std::{sync::OnceLock, time::Duration};

use axum::{
    Router,
    body::{Body as AxumBody, Bytes, to_bytes},
    extract::State,
    response::Response,
};
use futures::{FutureExt, future, stream};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::{
    Moment, planted,
    world::{Answer, Body, KubeRequest, Request, Shared, SmsRequest},
};
use crate::{
    controller::READ_PATIENCE,
    sms::{Carrier, Client, ClientOptions, Paging},
};

/// The way of one process to the rest of the world.
#[derive(Clone)]
pub(super) struct Net {
    pub(super) shared: Shared,
    pub(super) process: u32,
    pub(super) origin: Instant,
    pub(super) started: Moment,
}

impl Net {
    fn now(&self) -> Moment {
        self.started + u64::try_from((Instant::now() - self.origin).as_millis()).unwrap()
    }

    async fn until(&self, moment: Moment) {
        sleep_until(self.origin + Duration::from_millis(moment.saturating_sub(self.started))).await;
    }

    /// Sends a request, and waits for the answer: forever, if there is none.
    pub(super) async fn ask(&self, request: Request) -> Answer {
        let (reply, answered) = oneshot::channel();
        self.shared.lock().send(self.process, self.now(), request, reply);
        self.shared.interrupt.notify_one();
        let Ok((moment, answer)) = answered.await else { return future::pending().await };
        self.until(moment).await;
        answer
    }

    /// The operator has ended by itself.
    pub(super) fn ended(&self) {
        self.shared.lock().dead.push(self.process);
        self.shared.interrupt.notify_one();
    }
}

/// The operator's client of the API server.
pub(super) fn kube_client(net: &Net) -> kube::Client {
    kube::Client::new(Router::new().fallback(answer).with_state(net.clone()), "default")
}

async fn answer(State(net): State<Net>, request: axum::extract::Request) -> Response<AxumBody> {
    let (parts, body) = request.into_parts();
    let request = KubeRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: to_bytes(body, usize::MAX).await.unwrap(),
    };
    let answer = tokio::time::timeout(READ_PATIENCE, planted::ask_kube(&net, request)).await;
    let answer = answer.unwrap_or_else(|_| Answer::refusal(504));
    let body = match answer.body {
        Body::Whole(bytes) => AxumBody::from(bytes),
        Body::Stream(lines) => {
            AxumBody::from_stream(stream::unfold((net, lines), |(net, mut lines)| async {
                let (moment, line): (Moment, Bytes) = lines.recv().await?;
                net.until(moment).await;
                Some((Ok::<_, std::io::Error>(line), (net, lines)))
            }))
        }
    };
    Response::builder().status(answer.status).header("content-type", "application/json").body(body).unwrap()
}

/// The operator's client of SMS.
pub(super) fn sms_client(net: &Net) -> Client {
    static HTTP: OnceLock<reqwest::Client> = OnceLock::new();
    let http = HTTP.get_or_init(|| {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::new()
    });
    let net = net.clone();
    let page_size = net.shared.lock().page_size();
    let options = ClientOptions {
        paging: Paging { page_size, ..Paging::OF_API },
        max_concurrency: 4,
        ..ClientOptions::default()
    };
    let carrier = Carrier::new(move |request| carry(net.clone(), request).boxed());
    Client::carried(options, http.clone(), carrier)
}

async fn carry(net: Net, request: reqwest::Request) -> reqwest::Response {
    let parameter = |name: &str| {
        let found = request.url().query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let authorization = request.headers().get("authorization").unwrap().to_str().unwrap();
    let (_, access) = authorization.split_once("Access=").unwrap();
    let request = SmsRequest {
        key: access.split_once(',').unwrap().0.to_owned(),
        host: request.url().host_str().unwrap_or_default().to_owned(),
        limit: parameter("limit").unwrap().parse().unwrap(),
        offset: parameter("offset").unwrap().parse().unwrap(),
    };
    let answer = planted::ask_sms(&net, request).await;
    let Body::Whole(body) = answer.body else { panic!("SMS streams nothing") };
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap().into()
}
