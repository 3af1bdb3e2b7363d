//! A SOCKS5 proxy with names of its own, which may demand a login and refuse connections.
//!
//! Promises: passes bytes on unchanged; knows the names it was given, and no others. Runs on its own threads, which end
//! with it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::ports::Port;
use super::relay::relay;

/// The reply with which a connection is refused (RFC 1928).
pub(crate) const NOT_ALLOWED: u8 = 2;
const UNKNOWN_HOST: u8 = 4;
const REFUSED: u8 = 5;

/// A running proxy.
#[derive(Debug)]
pub(crate) struct Socks {
    port: Port,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The addresses of names, each with a port: `kafka-1.paris.svc:9092`.
    names: BTreeMap<String, String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    login: Option<(String, String)>,
    refuses: Option<u8>,
    /// What clients asked for, each once.
    asked: Vec<String>,
}

impl Socks {
    /// Starts a proxy that knows these names with their ports, and where they lead.
    pub(crate) fn start(names: BTreeMap<String, String>) -> Self {
        let proxy = Self {
            port: Port::reserve(),
            shared: Arc::new(Shared {
                names,
                state: Mutex::default(),
            }),
        };
        let listener = TcpListener::bind(proxy.address()).expect("the proxy's own port");
        let shared = Arc::clone(&proxy.shared);
        thread::spawn(move || shared.accept(&listener));
        proxy
    }

    /// The address on which clients connect.
    pub(crate) fn address(&self) -> String {
        self.port.address()
    }

    /// Demands this user name and password from now on.
    pub(crate) fn demand(&self, user: &str, password: &str) {
        self.shared.state.lock().login = Some((user.to_owned(), password.to_owned()));
    }

    /// Answers all requests with this code from now on, or as they deserve.
    pub(crate) fn refuse(&self, code: Option<u8>) {
        self.shared.state.lock().refuses = code;
    }

    /// What clients asked for, each once.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.state.lock().asked.clone()
    }
}

impl Drop for Socks {
    fn drop(&mut self) {
        self.shared.state.lock().ended = true;
        // Wakes the listening thread.
        let _ = TcpStream::connect(self.address());
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if self.state.lock().ended {
                return;
            }
            let this = Arc::clone(self);
            thread::spawn(move || {
                let _ = this.serve(client);
            });
        }
    }

    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        if !self.admits(&mut client)? {
            return client.shutdown(Shutdown::Both);
        }
        let [_, command, _, kind] = exactly(&mut client)?;
        assert_eq!(command, 1, "only connections are asked for");
        let host = match kind {
            1 => exactly::<4>(&mut client)?
                .map(|it| it.to_string())
                .join("."),
            4 => format!("[{}]", Ipv6Addr::from(exactly::<16>(&mut client)?)),
            _ => counted(&mut client)?,
        };
        let port = u16::from_be_bytes(exactly(&mut client)?);
        let target = format!("{host}:{port}");
        let refuses = {
            let mut state = self.state.lock();
            if !state.asked.contains(&target) {
                state.asked.push(target.clone());
            }
            state.refuses
        };
        let found = match (refuses, self.names.get(&target)) {
            (Some(code), _) => Err(code),
            (None, None) => Err(UNKNOWN_HOST),
            (None, Some(address)) => TcpStream::connect(address).map_err(|_| REFUSED),
        };
        let code = found.as_ref().err().copied().unwrap_or_default();
        client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0])?;
        match found {
            Ok(broker) => relay(&client, broker),
            Err(_) => client.shutdown(Shutdown::Both),
        }
    }

    /// Agrees on a method, and checks the login.
    fn admits(&self, client: &mut TcpStream) -> io::Result<bool> {
        let [_version, count] = exactly(client)?;
        let mut methods = vec![0; usize::from(count)];
        client.read_exact(&mut methods)?;
        let Some(wanted) = self.state.lock().login.clone() else {
            client.write_all(&[5, 0])?;
            return Ok(true);
        };
        if !methods.contains(&2) {
            client.write_all(&[5, 0xff])?;
            return Ok(false);
        }
        client.write_all(&[5, 2])?;
        let [_version] = exactly(client)?;
        let given = (counted(client)?, counted(client)?);
        let is_wanted = given == wanted;
        client.write_all(&[1, u8::from(!is_wanted)])?;
        Ok(is_wanted)
    }
}

fn exactly<const N: usize>(from: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A text with its length in front.
fn counted(from: &mut TcpStream) -> io::Result<String> {
    let [length] = exactly(from)?;
    let mut text = vec![0; usize::from(length)];
    from.read_exact(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
