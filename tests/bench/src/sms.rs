//! An SMS that costs next to nothing: each page is encoded once and served from memory. It runs in a process of its own,
//! so that its work is nobody else's. Signatures aren't verified; that is for the tests.

mod limiter;
mod pages;
mod query;
mod tally;

use std::{
    convert::Infallible,
    io::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, time::sleep};

use self::{
    limiter::Limiter,
    pages::{Page, Pages},
    query::{Query, parameter},
    tally::Recorder,
};
use crate::{
    error::Error,
    world::{Size, World},
};

pub(crate) use tally::Tally;

/// What a throttled caller is told, in the gateway's words.
const THROTTLED: &str = r#"{"error_msg":"The throttling threshold has been reached: policy user over ratelimit,limit:LIMIT,time:1 second","error_code":"APIGW.0308","request_id":"00000000000000000000000000000000"}"#;

/// Serves SMS on a port of its own, which it prints, until it is killed.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) size: Size,
    /// How long a page takes, in milliseconds.
    #[arg(long)]
    pub(crate) latency: u64,
    /// How many requests a second are answered; the others get 429.
    #[arg(long)]
    pub(crate) limit: Option<u32>,
    /// Answers with gzip where it is accepted.
    #[arg(long)]
    pub(crate) gzip: bool,
}

struct Server {
    args: Args,
    pages: Mutex<Pages>,
    limiter: Option<Mutex<Limiter>>,
    recorder: Recorder,
}

type Answer = Response<Full<Bytes>>;

pub(crate) async fn serve(args: Args) -> Result<(), Error> {
    let server = Server {
        args,
        pages: Mutex::new(Pages::new(World::new(args.size), args.gzip)?),
        limiter: args.limit.map(|limit| Mutex::new(Limiter::new(limit))),
        recorder: Recorder::default(),
    };
    // It lives as long as the process.
    let server: &'static Server = Box::leak(Box::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::io("listen"))?;
    let address = listener.local_addr().map_err(Error::io("listen"))?;
    writeln!(std::io::stdout(), "http://{address}").map_err(Error::io("print the address"))?;
    loop {
        let (stream, _) = listener.accept().await.map_err(Error::io("accept a connection"))?;
        let _ = stream.set_nodelay(true);
        server.recorder.connected();
        tokio::spawn(async move {
            let service =
                service_fn(move |request| async move { Ok::<_, Infallible>(server.answer(&request).await) });
            // Whether a caller hangs up is its own business.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Server {
    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        let query = request.uri().query().unwrap_or_default();
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/v3/tasks") => self.tasks(request, query).await,
            (&Method::GET, "/control/tally") => json(StatusCode::OK, self.recorder.tally()),
            (&Method::POST, "/control/change") => {
                let count = parameter(query, "count").and_then(|count| count.parse().ok());
                lock(&self.pages).change(count.unwrap_or_default());
                json(StatusCode::OK, Bytes::from_static(b"{}"))
            }
            _ => json(StatusCode::NOT_FOUND, Bytes::from_static(b"{}")),
        }
    }

    async fn tasks(&self, request: &Request<Incoming>, query: &str) -> Answer {
        if let Some(limiter) = &self.limiter
            && !lock(limiter).admits()
        {
            self.recorder.refused();
            let limit = self.args.limit.unwrap_or_default().to_string();
            return json(StatusCode::TOO_MANY_REQUESTS, THROTTLED.replace("LIMIT", &limit));
        }
        let _under_way = self.recorder.begin();
        sleep(Duration::from_millis(self.args.latency)).await;
        let Some(query) = Query::parse(query) else {
            return json(
                StatusCode::BAD_REQUEST,
                r#"{"error_code":"SMS.0001","error_msg":"Invalid parameter."}"#,
            );
        };
        let page = lock(&self.pages).get(query);
        match page {
            Ok(page) => self.page(request, page),
            Err(error) => json(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    fn page(&self, request: &Request<Incoming>, page: Page) -> Answer {
        let accepts = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let packed = page.packed.filter(|_| accepts.is_some_and(|accepts| accepts.contains("gzip")));
        let is_packed = packed.is_some();
        let body = packed.unwrap_or(page.plain);
        self.recorder.sent(body.len());
        let mut answer = json(StatusCode::OK, body);
        if is_packed {
            answer.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
        }
        answer
    }
}

fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    answer
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
