//! The sockets: accepts connections, and lets an answer be cut or dropped where faults want that.

mod body;
mod certificate;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub(crate) use body::{Body, Delivery, Then};
pub use certificate::BadCertificate;
pub(crate) use certificate::LOCAL_NAMES;
pub use tls::{Authority, Offer, TlsError};

/// The most that the headers of a request may have, in HTTP/2.
const HEADERS: u32 = 64 * 1024;

/// Ends a connection without (the rest of) an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Abort {
    /// As a server that closes orderly.
    #[error("the connection is closed on purpose")]
    Close,
    /// As a server that dies: the peer sees a reset.
    #[error("the connection is reset on purpose")]
    Reset,
    /// In HTTP/2, the connection stays.
    #[error("the exchange is reset on purpose")]
    Exchange,
}

/// Marks an answer after which the connection ends orderly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastAnswer;

/// What becomes of a connection.
enum End {
    Abort(Abort),
    Orderly,
}

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// A connection was accepted.
    fn connected(&self) {}

    /// The answer, or how the connection ends without one.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, Abort>> + Send;
}

/// A server that stops, with all its connections, when this is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Binds an address and serves there in the background, each connection by this function.
pub(crate) async fn listen<F, C>(address: SocketAddr, connect: F) -> io::Result<Listening>
where
    F: Fn(TcpStream) -> C + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(accept(listener, connect)).abort_handle();
    Ok(Listening { address, task })
}

/// The connections live in this task's own set, so they end with it.
async fn accept<F, C>(listener: TcpListener, connect: F)
where
    F: Fn(TcpStream) -> C,
    C: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(connect(stream)); }
                // Out of descriptors, or a peer that left at once: the next accept decides.
                Err(error) => tracing::warn!(%error, "no connection accepted"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves HTTP on a connection, over TLS if there is an acceptor.
pub(crate) async fn serve_http<H: Handler>(stream: TcpStream, tls: Option<TlsAcceptor>, handler: Arc<H>) {
    handler.connected();
    let (stream, handle) = match with_handle(stream) {
        Ok(both) => both,
        Err(error) => return tracing::warn!(%error, "a connection can't be served"),
    };
    let aborted = match tls {
        None => serve(stream, handler).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => serve(stream, handler).await,
            Err(error) => return tracing::debug!(%error, "no TLS session"),
        },
    };
    // With no time to linger, closing sends a reset in place of an orderly end.
    if aborted == Some(Abort::Reset)
        && let Err(error) = SockRef::from(&handle).set_linger(Some(Duration::ZERO))
    {
        tracing::warn!(%error, "a connection can't be reset");
    }
}

/// A connection, and another handle on it: it is open until both are dropped.
fn with_handle(stream: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let stream = stream.into_std()?;
    let handle = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, handle))
}

/// Gateways give the Host header to those behind them, which is `:authority` in HTTP/2.
fn name_host(request: &mut Request<Incoming>) {
    let authority = request.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(Ok(authority)) = authority.filter(|_| request.version() == Version::HTTP_2) {
        request.headers_mut().entry(header::HOST).or_insert(authority);
    }
}

/// Serves a connection, in the version of HTTP that the client speaks, to its end; says how it was aborted.
async fn serve<S, H>(stream: S, handler: Arc<H>) -> Option<Abort>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    H: Handler,
{
    // In HTTP/2 an error ends but one of the exchanges that a connection carries.
    let (end, mut ends) = mpsc::channel(1);
    let service = service_fn(move |mut request| {
        name_host(&mut request);
        let (handler, end) = (Arc::clone(&handler), end.clone());
        let ends = end.clone();
        let abort = move |how: Abort| {
            if how != Abort::Exchange {
                // The first one counts.
                let _ = ends.try_send(End::Abort(how));
            }
            how
        };
        async move {
            let response = handler.handle(request).await.map_err(&abort)?;
            if response.extensions().get::<LastAnswer>().is_some() {
                let _ = end.try_send(End::Orderly);
            }
            Ok::<_, Abort>(response.map(|body| body.map_err(abort)))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    // Room for the longest tokens, as the vendor's gateways must have.
    builder.http2().timer(TokioTimer::new()).max_header_list_size(HEADERS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, "a connection ended");
                }
                return match ends.try_recv() {
                    Ok(End::Abort(how)) => Some(how),
                    _ => None,
                };
            }
            Some(end) = ends.recv() => match end {
                End::Abort(how) => return Some(how),
                End::Orderly => connection.as_mut().graceful_shutdown(),
            },
        }
    }
}
