//! One connection to the proxy: the request, and the bytes that go through the tunnel.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{HeaderValue, PROXY_AUTHENTICATE};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Admission, Door, ProxyRequest, Refusal};
use crate::server::Abort;

/// What is done with a connection when HTTP is over.
enum Rest {
    /// All that comes goes to this stream, and back.
    Tunnel(TcpStream),
    /// These bytes are sent, and the connection ends.
    Bytes(Vec<u8>),
}

/// Serves a connection, and its tunnel in the same task, so that both end with the proxy.
pub(super) async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, door: Arc<Door>) {
    match tls {
        None => converse(stream, &door).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => converse(stream, &door).await,
            Err(error) => tracing::debug!(%error, "no TLS session with the proxy"),
        },
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: S, door: &Door) {
    let slot = Mutex::new(None);
    let service = service_fn(|request| answer(door, request, &slot));
    let mut connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = Pin::new(&mut connection).await {
        tracing::debug!(%error, "a connection to the proxy ended");
    }
    // With a tunnel or with an error, hyper leaves the stream open, and what it has read too much beside it.
    let http1::Parts { io, read_buf, .. } = connection.into_parts();
    let rest = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(rest) = rest
        && let Err(error) = rest.finish(io.into_inner(), &read_buf).await
    {
        tracing::debug!(%error, "a tunnel ended");
    }
}

async fn answer(
    door: &Door,
    request: Request<Incoming>,
    slot: &Mutex<Option<Rest>>,
) -> Result<Response<Full<Bytes>>, Abort> {
    let (status, rest) = decide(door, &request).await;
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = rest;
    door.journal.add(ProxyRequest {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: request.headers().clone(),
        status: status.map(|status| status.as_u16()),
    });
    status.map(respond).ok_or(Abort::Close)
}

/// The status to answer with, if any, and what comes after that.
async fn decide(door: &Door, request: &Request<Incoming>) -> (Option<StatusCode>, Option<Rest>) {
    match door.admit(request.method(), request.uri(), request.headers()) {
        Ok(Admission::Tunnel(target)) => match TcpStream::connect(target).await {
            Ok(stream) => (Some(StatusCode::OK), Some(Rest::Tunnel(stream))),
            Err(error) => {
                tracing::debug!(%error, "the target of a tunnel can't be reached");
                (Some(StatusCode::BAD_GATEWAY), None)
            }
        },
        Ok(Admission::Bytes(bytes)) => (None, Some(Rest::Bytes(bytes))),
        Err(refusal) => (Some(refusal.status()), None),
    }
}

impl Rest {
    /// `early` came from the client together with its request.
    async fn finish(self, mut client: impl AsyncRead + AsyncWrite + Unpin, early: &[u8]) -> io::Result<()> {
        match self {
            Self::Tunnel(mut target) => {
                target.write_all(early).await?;
                copy_bidirectional(&mut client, &mut target).await?;
            }
            Self::Bytes(bytes) => {
                client.write_all(&bytes).await?;
                client.shutdown().await?;
            }
        }
        Ok(())
    }
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NotConnect => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            Self::BadAuthority => StatusCode::BAD_REQUEST,
        }
    }
}

fn respond(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        let challenge = HeaderValue::from_static("Basic realm=\"proxy\"");
        response.headers_mut().insert(PROXY_AUTHENTICATE, challenge);
    }
    response
}
