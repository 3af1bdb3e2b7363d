//! Loopback ports that stay reserved from before a server starts until after it was restarted.

use std::net::{TcpListener, UdpSocket};

/// Below Linux's range of ephemeral ports, so that no client occupies a port while its server restarts.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A TCP port that is exclusive within the test bed, across processes.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    /// The UDP port of the same number is the token: the kernel grants it to one process and reclaims it when that dies.
    _token: UdpSocket,
}

impl Port {
    /// Reserves a free port.
    pub(crate) fn reserve() -> Self {
        let start = fastrand::u16(RANGE);
        (start..RANGE.end)
            .chain(RANGE.start..start)
            .find_map(Self::take)
            .expect("one of 12,000 ports is free")
    }

    fn take(number: u16) -> Option<Self> {
        let token = UdpSocket::bind(("127.0.0.1", number)).ok()?;
        TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self {
            number,
            _token: token,
        })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}
