//! An address that leads elsewhere at will.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::AbortHandle,
};

/// Where an address leads.
#[derive(Clone)]
pub(crate) enum Way {
    /// To a server.
    To(SocketAddr),
    /// Nowhere: connections are refused.
    Refused,
    /// To an answer of these headers whose body is these bytes, so many times.
    Answer { headers: String, body: Arc<Vec<u8>>, times: usize },
}

/// A port of its own that leads elsewhere at will. When it is set, all connections end.
pub(crate) struct Switch {
    address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
    /// Keeps the port while nobody listens on it.
    _port: TcpSocket,
    listening: AbortHandle,
}

impl Switch {
    /// A port that leads this way.
    pub(crate) fn new(way: Way) -> Self {
        let port = bind(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = port.local_addr().unwrap();
        let way = Arc::new(watch::Sender::new(way));
        let listening = tokio::spawn(serve(address, way.clone())).abort_handle();
        Self { address, way, _port: port, listening }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads another way from now on.
    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn serve(address: SocketAddr, way: Arc<watch::Sender<Way>>) {
    let mut changes = way.subscribe();
    loop {
        let now = changes.borrow_and_update().clone();
        let listener = match now {
            Way::Refused => None,
            _ => Some(bind(address).listen(64).unwrap()),
        };
        tokio::select! {
            _ = changes.changed() => {}
            never = accept(listener, &way) => never,
        }
    }
}

async fn accept(listener: Option<TcpListener>, way: &Arc<watch::Sender<Way>>) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        if let Ok((client, _)) = listener.accept().await {
            tokio::spawn(lead(client, way.subscribe()));
        }
    }
}

async fn lead(mut client: TcpStream, mut way: watch::Receiver<Way>) {
    let now = way.borrow_and_update().clone();
    tokio::select! {
        _ = way.changed() => {}
        _ = async {
            match now {
                Way::To(server) => {
                    let mut server = TcpStream::connect(server).await?;
                    copy_bidirectional(&mut client, &mut server).await.map(drop)
                }
                Way::Refused => Ok(()),
                Way::Answer { headers, body, times } => answer(&mut client, &headers, &body, times).await,
            }
        } => {}
    }
}

async fn answer(client: &mut TcpStream, headers: &str, body: &[u8], times: usize) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _ = client.read(&mut request).await?;
    let length = body.len() * times;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    client.write_all(head.as_bytes()).await?;
    for _ in 0..times {
        client.write_all(body).await?;
    }
    client.flush().await
}
