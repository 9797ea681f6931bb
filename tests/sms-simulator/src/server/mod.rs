//! The sockets: accepts connections, and lets an answer be cut or dropped where faults want that.

mod body;
mod certificate;
mod tls;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) use body::{Body, Delivery, Then};
pub use certificate::BadCertificate;
pub(crate) use certificate::LOCAL_NAMES;
pub use tls::{Authority, TlsError};

/// Ends a connection without (the rest of) an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Abort {
    /// As a server that closes orderly.
    #[error("the connection is closed on purpose")]
    Close,
    /// As a server that dies: the peer sees a reset.
    #[error("the connection is reset on purpose")]
    Reset,
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
    match tls {
        None => serve(stream, handler).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => serve(stream, handler).await,
            Err(error) => tracing::debug!(%error, "no TLS session"),
        },
    }
}

async fn serve<S: Socket, H: Handler>(stream: S, handler: Arc<H>) {
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.handle(request).await }
    });
    let mut connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let Err(error) = Pin::new(&mut connection).await else {
        return;
    };
    if cause(&error) == Some(Abort::Reset) {
        // With no time to linger, closing sends a reset in place of an orderly end.
        let stream = connection.into_parts().io.into_inner();
        if let Err(error) = stream.tcp().set_zero_linger() {
            tracing::warn!(%error, "a connection can't be reset");
        }
    }
}

fn cause(error: &hyper::Error) -> Option<Abort> {
    error.source().and_then(|source| source.downcast_ref()).copied()
}

/// A stream that knows the TCP connection under it.
trait Socket: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}
