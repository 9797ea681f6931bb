//! One connection to the proxy: the request, and the bytes that go through the tunnel.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{HeaderValue, PROXY_AUTHENTICATE};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::{Door, ProxyRequest, Refusal, Target};

/// What is left of a connection when HTTP is over: the client's end, and the target's.
type Tunnel = (OnUpgrade, TcpStream);

/// Serves a connection, and its tunnel in the same task, so that both end with the proxy.
pub(super) async fn serve(stream: TcpStream, door: Arc<Door>) {
    let slot = Arc::new(Mutex::new(None));
    let service = service_fn(|request| {
        let (door, slot) = (Arc::clone(&door), Arc::clone(&slot));
        async move { Ok::<_, Infallible>(answer(&door, request, &slot).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the proxy ended");
    }
    let tunnel = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(tunnel) = tunnel
        && let Err(error) = carry(tunnel).await
    {
        tracing::debug!(%error, "a tunnel ended");
    }
}

async fn answer(
    door: &Door,
    mut request: Request<Incoming>,
    slot: &Mutex<Option<Tunnel>>,
) -> Response<Full<Bytes>> {
    let status = match door.admit(request.method(), request.uri(), request.headers()) {
        Ok(target) => match connect(target).await {
            Ok(stream) => {
                let tunnel = (hyper::upgrade::on(&mut request), stream);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
                StatusCode::OK
            }
            Err(error) => {
                tracing::debug!(%error, "the target of a tunnel can't be reached");
                StatusCode::BAD_GATEWAY
            }
        },
        Err(refusal) => refusal.status(),
    };
    door.journal.add(ProxyRequest {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        status: status.as_u16(),
    });
    respond(status)
}

async fn connect(target: Target) -> io::Result<TcpStream> {
    match target {
        Target::Address(address) => TcpStream::connect(address).await,
        Target::Authority(authority) => TcpStream::connect(authority).await,
    }
}

async fn carry((client, mut target): Tunnel) -> io::Result<()> {
    let mut client = TokioIo::new(client.await.map_err(io::Error::other)?);
    copy_bidirectional(&mut client, &mut target).await?;
    Ok(())
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
