//! A line to the API server that can be cut.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
};

/// Connections to the API server by a port of its own. While it is cut nothing goes through: what is sent is swallowed, and
/// nothing is closed, as when a network is down.
pub(crate) struct Line {
    kubeconfig: PathBuf,
    is_cut: Arc<watch::Sender<bool>>,
    listener: AbortHandle,
}

impl Line {
    /// A line to the API server of a kubeconfig, beside which a second one is written that takes the line.
    pub(crate) async fn new(kubeconfig: &Path) -> Self {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        let server = config["clusters"][0]["cluster"]["server"].take();
        let server: SocketAddr = server.as_str().unwrap().trim_start_matches("https://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        config["clusters"][0]["cluster"]["server"] = format!("https://127.0.0.1:{port}").into();
        let kubeconfig = kubeconfig.with_extension(format!("{port}.kubeconfig"));
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        let is_cut = Arc::new(watch::channel(false).0);
        let listener = tokio::spawn(accept(listener, server, is_cut.clone())).abort_handle();
        Self { kubeconfig, is_cut, listener }
    }

    /// A file that leads to the API server by this line.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Cuts it: connections stay open, and are silent.
    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Mends it: what was open is closed, and new connections go through.
    pub(crate) fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, is_cut: Arc<watch::Sender<bool>>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, server, is_cut.subscribe()));
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, mut is_cut: watch::Receiver<bool>) {
    if !*is_cut.borrow() {
        let Ok(mut server) = TcpStream::connect(server).await else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = is_cut.wait_for(|is_cut| *is_cut) => {}
        }
    }
    let _ = is_cut.wait_for(|is_cut| !*is_cut).await;
}
