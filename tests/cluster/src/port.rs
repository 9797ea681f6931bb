use std::{io, net::Ipv4Addr};

use tokio::net::TcpSocket;

use crate::Error;

/// A loopback port that nobody else gets for as long as this lives.
///
/// The socket is bound and never listens. With `SO_REUSEPORT` on both sides a server of the same user can bind the port
/// too, over and over, while the system gives it to no one who asks for a free port.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _reservation: TcpSocket,
}

impl Port {
    pub(crate) fn reserve() -> Result<Self, Error> {
        Self::bind().map_err(Error::io("reserve a port"))
    }

    fn bind() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self { number: socket.local_addr()?.port(), _reservation: socket })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
