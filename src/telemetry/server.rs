//! Ports that answer who looks after the operator.

use std::net::SocketAddr;

use axum::Router;

use super::listen::{Listen, ListenError};

/// Answers until the process ends, and says which address it got.
pub(super) async fn serve(listen: Listen, routes: Router) -> Result<SocketAddr, ListenError> {
    let listener = listen.bind()?;
    let bound = listener.local_addr().map_err(|source| ListenError { listen, source })?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(bound)
}
