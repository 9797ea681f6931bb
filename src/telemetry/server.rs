//! Ports that answer who looks after the operator, and that strangers may reach as well.
//!
//! Strangers can neither take up the memory or the file descriptors of the process, nor keep a probe from its answer: a
//! connection is for one request, has a deadline, and goes when enough others have come after it.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, yield_now},
    time::timeout,
};

use super::listen::{Listen, ListenError};

/// How many connections a port has at most. One more ends the oldest of them: a probe or a scrape is answered as soon as it
/// is there, so whoever was overtaken by as many others keeps the port waiting.
const CONNECTIONS: usize = 16;
/// How long a request may take to arrive.
const HEADER: Duration = Duration::from_secs(5);
/// How long a connection may last: somebody may read slowly, too.
const LIFE: Duration = Duration::from_secs(30);
/// The most bytes of a request that are kept; Prometheus sends a few hundred.
const HEADER_BYTES: usize = 16 * 1024;

/// Answers until the process ends, and says which address it got. In a runtime.
pub(super) fn serve(listen: Listen, routes: Router) -> Result<SocketAddr, ListenError> {
    let listener = listen.bind()?;
    let bound = listener.local_addr().map_err(|source| ListenError { listen, source })?;
    tokio::spawn(accept(listener, routes));
    Ok(bound)
}

async fn accept(mut listener: TcpListener, routes: Router) {
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        let (stream, _) = Listener::accept(&mut listener).await;
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(answer(stream, routes.clone())).abort_handle());
        // What has arrived is answered before more connections are taken, however many there are.
        yield_now().await;
    }
}

async fn answer(stream: TcpStream, routes: Router) {
    // One request for each connection: none is kept that waits for the next, and a probe and a scrape have one each anyway.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .keep_alive(false)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    // Whoever breaks off, is too slow or speaks no HTTP is no trouble of the operator.
    let _ = timeout(LIFE, connection).await;
}

#[cfg(test)]
mod tests;
