//! Ports that answer who looks after the operator.

use std::{io, net::SocketAddr};

use axum::Router;
use tokio::net::TcpListener;

/// Answers on an address until the process ends, and says which port it got.
pub(super) async fn serve(address: SocketAddr, routes: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(bound)
}
