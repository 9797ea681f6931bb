//! An SMS that costs next to nothing but TLS: each page is encoded once and served from memory. It runs in a process of its own,
//! so that its work is nobody else's. Signatures aren't verified; that is for the tests.

mod limiter;
mod pages;
mod query;
mod tally;

use std::{
    convert::Infallible,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use sms_simulator::{Authority, Offer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use self::{
    limiter::Limiter,
    pages::{Page, Pages},
    query::{Query, parameter},
    tally::Recorder,
};
use crate::world::{Size, World};

pub use tally::Tally;

/// What a throttled caller is told, in the gateway's words.
const THROTTLED: &str = r#"{"error_msg":"The throttling threshold has been reached: policy user over ratelimit,limit:LIMIT,time:1 second","error_code":"APIGW.0308","request_id":"00000000000000000000000000000000"}"#;

/// What it has, and how it answers.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Args {
    /// Which tasks there are.
    #[command(flatten)]
    pub size: Size,
    /// How long a page takes, in milliseconds.
    #[arg(long)]
    pub latency: u64,
    /// How many requests a second are answered; the others get 429.
    #[arg(long)]
    pub limit: Option<u32>,
    /// Answers with gzip where it is accepted.
    #[arg(long)]
    pub gzip: bool,
    /// Offers HTTP/2, where it speaks TLS.
    #[arg(long)]
    pub http2: bool,
}

impl Args {
    fn offer(self) -> Offer {
        if self.http2 { Offer::Http2 } else { Offer::Http1 }
    }
}

struct Server {
    args: Args,
    pages: Mutex<Pages>,
    limiter: Option<Mutex<Limiter>>,
    recorder: Recorder,
    tls: Option<TlsAcceptor>,
}

type Answer = Response<Full<Bytes>>;

/// An SMS with a port of its own.
pub struct Sms {
    server: &'static Server,
    listener: TcpListener,
    /// Its base URL.
    pub endpoint: String,
}

impl Sms {
    /// Encodes all pages and takes a port; speaks TLS where somebody vouches for it.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn bind(args: Args, authority: Option<&Authority>) -> io::Result<Self> {
        let server = Server {
            args,
            pages: Mutex::new(Pages::new(World::new(args.size), args.gzip)?),
            limiter: args.limit.map(|limit| Mutex::new(Limiter::new(limit))),
            recorder: Recorder::default(),
            tls: authority.map(|authority| authority.acceptor(args.offer())),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let scheme = if server.tls.is_some() { "https" } else { "http" };
        let endpoint = format!("{scheme}://{}", listener.local_addr()?);
        // It lives as long as the process.
        Ok(Self { server: Box::leak(Box::new(server)), listener, endpoint })
    }

    /// Answers for as long as it is polled.
    ///
    /// # Errors
    /// When no connection can be accepted any more.
    pub async fn serve(self) -> io::Result<()> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // Without it, the last bytes of a page may wait for an acknowledgement.
            stream.set_nodelay(true)?;
            self.server.recorder.connected();
            tokio::spawn(self.server.attend(stream));
        }
    }
}

impl Server {
    async fn attend(&'static self, stream: TcpStream) {
        match &self.tls {
            None => self.converse(stream).await,
            Some(acceptor) => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.converse(stream).await;
                }
            }
        }
    }

    async fn converse(&'static self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let service = service_fn(async |request| Ok::<_, Infallible>(self.answer(&request).await));
        // Whether a caller hangs up is its own business.
        let connection = TokioIo::new(stream);
        let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(connection, service).await;
    }

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
