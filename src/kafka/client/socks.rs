//! Connections through a SOCKS5 proxy (RFC 1928, with user name and password by RFC 1929).
//!
//! Promises: names of brokers are resolved by the proxy; the file with the password is read again for each connection;
//! an error names the proxy and the target, and what the proxy's answer means. The password is in no message.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_socks::tcp::Socks5Stream;

use crate::error::{Error, Kind, Result};
use crate::files::SecretSource;
use crate::model::Secret;
use crate::task::blocking;

use super::dial::connect_tcp;
use super::transport::ByteStream;
use super::{Endpoint, HostPort, Transport};

/// A SOCKS5 proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocksProxy {
    pub address: HostPort,
    /// The user name and the password, if the proxy wants them.
    pub login: Option<SocksLogin>,
}

/// A login at a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocksLogin {
    pub username: String,
    pub password: SecretSource,
}

/// The length limit of a user name and of a password, in bytes; their lengths are sent in one.
pub(crate) const SOCKS_LOGIN_MAX: usize = 255;

/// TCP through a SOCKS5 proxy.
#[derive(Debug)]
pub struct Socks {
    proxy: SocksProxy,
    limit: Duration,
}

impl Socks {
    /// Connects through `proxy`, which has part of the time that a connection may take.
    pub fn new(proxy: SocksProxy, connect_timeout: Duration) -> Self {
        Self {
            proxy,
            // The rest is for the answer of the broker; the caller's limit would end both without a word about the proxy.
            limit: connect_timeout / 4 * 3,
        }
    }

    async fn open(&self, to: &HostPort) -> Result<TcpStream> {
        let SocksProxy { address, login } = &self.proxy;
        let until = Instant::now() + self.limit;
        let login = match login {
            Some(login) => Some((login.username.as_str(), self.password(login).await?)),
            None => None,
        };
        let connected = timeout_at(until, connect_tcp(address)).await;
        let line = match connected {
            Ok(Ok(line)) => line,
            Ok(Err(cause)) => return Err(self.unreachable(to, cause)),
            Err(_) => {
                return Err(
                    self.too_slow(to, ("accepted no connection", "between here and the proxy"))
                );
            }
        };
        let target = (to.host.as_str(), to.port);
        let asked = async {
            match &login {
                Some((user, password)) => {
                    let password = password.reveal();
                    Socks5Stream::connect_with_password_and_socket(line, target, user, password)
                        .await
                }
                None => Socks5Stream::connect_with_socket(line, target).await,
            }
        };
        match timeout_at(until, asked).await {
            Ok(Ok(stream)) => Ok(stream.into_inner()),
            Ok(Err(cause)) => Err(refused(&self.proxy, to, &cause)),
            Err(_) => Err(self.too_slow(
                to,
                ("opened no connection", "between the proxy and the broker"),
            )),
        }
    }

    async fn password(&self, login: &SocksLogin) -> Result<Secret> {
        let source = login.password.clone();
        let read = blocking("reading a proxy's password", move || source.read()).await?;
        read.map_err(|cause| {
            let proxy = &self.proxy.address;
            let text = format!(
                "there is no password for the SOCKS proxy {proxy}, correct proxy_password_file"
            );
            Error::new(Kind::Disconnected, text).caused_by(cause)
        })
    }

    fn unreachable(&self, to: &HostPort, cause: std::io::Error) -> Error {
        let proxy = &self.proxy.address;
        let text = format!(
            "the SOCKS proxy {proxy}, through which {to} is reached, can't be reached itself; start it, or correct proxy"
        );
        Error::new(Kind::Disconnected, text).caused_by(cause)
    }

    fn too_slow(&self, to: &HostPort, (what, where_from): (&str, &str)) -> Error {
        let (proxy, limit) = (&self.proxy.address, self.limit);
        let text = format!(
            "the SOCKS proxy {proxy}, through which {to} is reached, {what} within {limit:?}: look for a firewall {where_from}, or raise connect_timeout"
        );
        Error::new(Kind::TimedOut, text)
    }
}

impl Transport for Socks {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, Result<ByteStream>> {
        Box::pin(async move {
            let (read, write) = self.open(&to.dial).await?.into_split();
            Ok(ByteStream::plain(read, write))
        })
    }
}

/// The error for a target to which the proxy opens no connection.
fn refused(proxy: &SocksProxy, to: &HostPort, cause: &tokio_socks::Error) -> Error {
    let address = &proxy.address;
    if let tokio_socks::Error::Io(cause) = cause {
        let text = format!(
            "the SOCKS proxy {address} closed the connection instead of opening one to {to}; see whether what listens there is a SOCKS5 proxy, or correct proxy"
        );
        let cause = std::io::Error::new(cause.kind(), cause.to_string());
        return Error::new(Kind::Disconnected, text).caused_by(cause);
    }
    let (what, fix) = meaning(cause, proxy.login.is_some());
    let text = format!("the SOCKS proxy {address} doesn't connect to {to}: {what}; {fix}");
    Error::new(Kind::Disconnected, text)
}

/// Returns what an answer of the proxy means, and what to do about it.
fn meaning(cause: &tokio_socks::Error, has_login: bool) -> (&'static str, &'static str) {
    use tokio_socks::Error as Answer;

    let by_name =
        "the proxy resolves names: correct the address that the broker advertises, or address_map";
    match cause {
        Answer::ConnectionNotAllowedByRuleset => (
            "its rules don't allow it",
            "let the proxy's rules allow this host and port",
        ),
        Answer::NetworkUnreachable => ("the network is unreachable from there", by_name),
        Answer::HostUnreachable => (
            "the host is unreachable from there, or its name is unknown there",
            by_name,
        ),
        Answer::ConnectionRefused => (
            "the connection was refused there",
            "start the broker, or correct the address that it advertises, or address_map",
        ),
        Answer::TtlExpired => ("it took too long there", by_name),
        Answer::GeneralSocksServerFailure => (
            "it has failed, for a reason that it doesn't tell",
            "look into the proxy's log; many proxies answer like this when a name is unknown or nothing listens",
        ),
        Answer::AddressTypeNotSupported => (
            "it takes no addresses of this kind",
            "let the broker advertise a name or an IPv4 address, or use another proxy",
        ),
        Answer::CommandNotSupported => (
            "it doesn't open connections",
            "use a proxy that supports CONNECT",
        ),
        Answer::PasswordAuthFailure(_) => (
            "it refuses the user name or the password",
            "correct proxy_username or proxy_password_file",
        ),
        Answer::NoAcceptableAuthMethods | Answer::UnknownAuthMethod if has_login => (
            "it takes no logins with a user name and a password, or answers as no proxy does",
            "use a proxy that takes them (RFC 1929) or, if it admits everybody, remove proxy_username",
        ),
        Answer::NoAcceptableAuthMethods | Answer::UnknownAuthMethod => (
            "it demands a login",
            "set proxy_username and proxy_password_file",
        ),
        Answer::InvalidResponseVersion
        | Answer::InvalidReservedByte
        | Answer::UnknownAddressType
        | Answer::UnknownError => (
            "what listens there doesn't speak SOCKS5",
            "correct proxy, or use a proxy for SOCKS5",
        ),
        Answer::InvalidTargetAddress(_) => (
            "a name may have 255 bytes",
            "correct the address that the broker advertises, or address_map",
        ),
        _ => (
            "it answers in a way that farshore doesn't know",
            "look into the proxy's log",
        ),
    }
}

#[cfg(test)]
mod tests;
