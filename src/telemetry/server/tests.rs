use axum::{body::Bytes, routing::get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// More than all buffers of a connection hold.
const LARGE: usize = 64 << 20;
/// No measure of speed.
const PATIENCE: Duration = Duration::from_mins(1);

fn served() -> SocketAddr {
    let large = Bytes::from(vec![b'x'; LARGE]);
    let routes =
        Router::new().route("/livez", get(|| async { "ok" })).route("/large", get(|| async move { large }));
    serve("127.0.0.1:0".parse().unwrap(), routes).unwrap()
}

/// A connection on which this was sent.
async fn sent(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// How many bytes come until the connection ends, however it does.
async fn to_the_end(stream: &mut TcpStream) -> usize {
    let (mut bytes, mut buffer) = (0, vec![0; 1 << 16]);
    loop {
        let Ok(read) = timeout(PATIENCE, stream.read(&mut buffer)).await else {
            panic!("the connection is kept after {bytes} bytes");
        };
        match read {
            Ok(more @ 1..) => bytes += more,
            _ => return bytes,
        }
    }
}

async fn livez(address: SocketAddr) -> String {
    let mut text = String::new();
    let mut stream = sent(address, "GET /livez HTTP/1.1\r\nHost: here\r\n\r\n").await;
    let read = timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    assert!(read.is_ok(), "the connection is kept after {text:?}");
    read.unwrap().unwrap();
    text
}

#[tokio::test]
async fn strangers_who_wait_are_few_and_a_probe_is_answered_beside_them() {
    let address = served();
    let mut strangers = Vec::new();
    for half in ["GET /large HTTP/1.1\r\nHost: h", "", "GET /large HTTP/1.1\r\nHost: here\r\n\r\n"] {
        for _ in 0..100 {
            strangers.push(sent(address, half).await);
        }
    }
    let answer = livez(address).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
    // Those that came last may be there still; the others were ended, without waiting for any time to pass.
    let gone = strangers.len() - CONNECTIONS;
    for stranger in strangers.iter_mut().take(gone) {
        assert!(to_the_end(stranger).await < LARGE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_arrives_is_given_up() {
    let address = served();
    for half in ["", "GET /livez HTTP/1.1\r\nHost: h"] {
        let start = tokio::time::Instant::now();
        let mut stream = sent(address, half).await;
        to_the_end(&mut stream).await;
        assert!(start.elapsed() <= HEADER + Duration::from_secs(1), "{half:?}: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_given_up() {
    let address = served();
    let mut stream = sent(address, "GET /large HTTP/1.1\r\nHost: here\r\n\r\n").await;
    tokio::time::sleep(LIFE + Duration::from_secs(1)).await;
    let bytes = to_the_end(&mut stream).await;
    assert!(bytes < LARGE, "{bytes}");
}

#[tokio::test]
async fn a_connection_is_for_one_request_and_a_long_one_is_refused() {
    let address = served();
    let answer = livez(address).await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    let long = format!("GET /livez HTTP/1.1\r\nHost: here\r\nX: {}", "x".repeat(2 * HEADER_BYTES));
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be gone before all is sent.
    let _ = stream.write_all(long.as_bytes()).await;
    to_the_end(&mut stream).await;
}
