//! Where a port is served.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections may wait until they are accepted.
const BACKLOG: i32 = 1024;

/// Where a port is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On all addresses of the machine, of IPv4 and of IPv6: `:8080`.
    Everywhere(u16),
    /// On this address: `127.0.0.1:8080` or `[::1]:8080`. `[::]:8080` serves IPv4 as well.
    At(SocketAddr),
}

/// A text that says no place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no address and port: :8080 is port 8080 on all addresses, 127.0.0.1:8080 or [::1]:8080 on one"
)]
pub struct ListenParseError;

/// A port can't be served.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {listen}")]
pub struct ListenError {
    pub(super) listen: Listen,
    pub(super) source: io::Error,
}

impl FromStr for Listen {
    type Err = ListenParseError;

    fn from_str(text: &str) -> Result<Self, ListenParseError> {
        let listen = match text.strip_prefix(':') {
            // A number alone may have a sign.
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().map(Self::Everywhere)
            }
            _ => text.parse().ok().map(Self::At),
        };
        listen.ok_or(ListenParseError)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere(port) => write!(f, ":{port}"),
            Self::At(address) => address.fmt(f),
        }
    }
}

impl Listen {
    /// Takes the port.
    pub(super) fn bind(self) -> Result<TcpListener, ListenError> {
        let bound = match self {
            Self::Everywhere(port) => everywhere(port, bind),
            Self::At(address) => bind(address),
        };
        bound.map_err(|source| ListenError { listen: self, source })
    }
}

/// By one socket for both families, or for IPv4 alone where the kernel has no IPv6.
fn everywhere<T>(port: u16, bind: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match bind((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if lacks_ipv6(&error) => bind((Ipv4Addr::UNSPECIFIED, port).into()),
        bound => bound,
    }
}

/// The kernel is built or booted without IPv6, or has it switched off.
fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Whatever the system's default is.
        socket.set_only_v6(false)?;
    }
    // A new process need not wait until the connections of the last one are forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::net::TcpStream;

    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for (text, listen) in [
            (":8081", Listen::Everywhere(8081)),
            (":0", Listen::Everywhere(0)),
            ("0.0.0.0:8081", Listen::At((Ipv4Addr::UNSPECIFIED, 8081).into())),
            ("127.0.0.1:0", Listen::At((Ipv4Addr::LOCALHOST, 0).into())),
            ("[::]:8081", Listen::At((Ipv6Addr::UNSPECIFIED, 8081).into())),
            ("[::1]:65535", Listen::At((Ipv6Addr::LOCALHOST, 65535).into())),
        ] {
            assert_eq!(text.parse(), Ok(listen));
            assert_eq!(listen.to_string(), text);
        }
        for text in
            ["", ":", "8081", ":+8081", ":65536", ": 8081", "::8081", "::1:8081", "0.0.0.0", "here:8081"]
        {
            assert_eq!(text.parse::<Listen>(), Err(ListenParseError), "{text}");
        }
    }

    /// The port of everywhere, and whether it is served at the loopback address of each family.
    async fn reached(listener: &TcpListener) -> (bool, bool) {
        let port = listener.local_addr().unwrap().port();
        let v4 = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok();
        (v4, TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.is_ok())
    }

    #[tokio::test]
    async fn everywhere_is_both_families_and_an_address_is_its_own() {
        let ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok();
        for (text, families) in
            [(":0", (true, ipv6)), ("0.0.0.0:0", (true, false)), ("127.0.0.1:0", (true, false))]
        {
            let listener = text.parse::<Listen>().unwrap().bind().unwrap();
            assert_eq!(reached(&listener).await, families, "{text}");
        }
        if ipv6 {
            for (text, families) in [("[::]:0", (true, true)), ("[::1]:0", (false, true))] {
                let listener = text.parse::<Listen>().unwrap().bind().unwrap();
                assert_eq!(reached(&listener).await, families, "{text}");
            }
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let taken = Listen::Everywhere(0).bind().unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Listen::Everywhere(port).bind().unwrap_err();
        assert_eq!(error.to_string(), format!("can't listen on :{port}"));
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn without_ipv6_it_is_ipv4_and_other_failures_are_told() {
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8081));
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8081));
        for (errno, then) in [
            (Errno::AFNOSUPPORT, Ok(v4)),
            (Errno::ADDRNOTAVAIL, Ok(v4)),
            (Errno::ADDRINUSE, Err(io::ErrorKind::AddrInUse)),
            (Errno::ACCESS, Err(io::ErrorKind::PermissionDenied)),
        ] {
            let tried = RefCell::new(Vec::new());
            let kernel = |address: SocketAddr| {
                tried.borrow_mut().push(address);
                if address.is_ipv6() { Err(errno.into()) } else { Ok(address) }
            };
            assert_eq!(everywhere(8081, kernel).map_err(|error| error.kind()), then, "{errno:?}");
            let addresses = if then.is_ok() { vec![v6, v4] } else { vec![v6] };
            assert_eq!(*tried.borrow(), addresses);
        }
        assert_eq!(everywhere(8081, Ok::<_, io::Error>).unwrap(), v6);
    }
}
