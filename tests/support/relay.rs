//! Forwarders to brokers: on any address, also by the name that a client asks for when it begins to encrypt (SNI).
//!
//! Promises: pass bytes on unchanged. Run on their own threads, which end with them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use tokio_rustls::rustls::server::Acceptor;

/// A running forwarder.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    door: Door,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    is_silent: bool,
    /// The names that clients asked for, each once.
    asked: Vec<String>,
    /// Held open without a word.
    held: Vec<TcpStream>,
}

/// Where connections go.
#[derive(Debug)]
enum Door {
    /// To the broker at this address.
    To(String),
    /// To the broker with the name that the client asks for, by the addresses of the names.
    ByName(BTreeMap<String, String>),
}

impl Relay {
    /// Starts a forwarder to a broker on a free port of an IP address.
    pub(crate) fn start(ip: &str, broker: &str) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a free port");
        Self::on(listener, Door::To(broker.to_owned()))
    }

    /// Starts forwarders to brokers on ports of an IP address that follow each other. Returns the port before the first.
    pub(crate) fn in_a_row(ip: &str, brokers: &[String]) -> (u16, Vec<Self>) {
        loop {
            let base = fastrand::u16(20_000..31_000);
            let ports = (base + 1..).take(brokers.len());
            let listeners: io::Result<Vec<_>> =
                ports.map(|port| TcpListener::bind((ip, port))).collect();
            if let Ok(listeners) = listeners {
                let doors = brokers.iter().map(|it| Door::To(it.clone()));
                let relays = listeners.into_iter().zip(doors);
                return (base, relays.map(|(it, door)| Self::on(it, door)).collect());
            }
        }
    }

    /// Starts a forwarder that goes by the names that clients ask for when they begin to encrypt; others are disconnected.
    pub(crate) fn by_name(ip: &str, names: BTreeMap<String, String>) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a free port");
        Self::on(listener, Door::ByName(names))
    }

    fn on(listener: TcpListener, door: Door) -> Self {
        let relay = Self {
            address: listener.local_addr().expect("its address"),
            shared: Arc::new(Shared {
                door,
                state: Mutex::default(),
            }),
        };
        let shared = Arc::clone(&relay.shared);
        thread::spawn(move || shared.accept(&listener));
        relay
    }

    /// The address on which clients connect.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on accepts connections and says nothing, like an address that has been given to something else.
    pub(crate) fn fall_silent(&self) {
        self.shared.state.lock().is_silent = true;
    }

    /// The names that clients asked for, each once, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.shared.state.lock().asked.clone();
        asked.sort();
        asked
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.state.lock().ended = true;
        // Wakes the listening thread.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            let mut state = self.state.lock();
            if state.ended {
                return;
            }
            if state.is_silent {
                state.held.push(client);
                continue;
            }
            drop(state);
            let this = Arc::clone(self);
            thread::spawn(move || {
                let _ = this.forward(client);
            });
        }
    }

    fn forward(&self, mut client: TcpStream) -> io::Result<()> {
        let (to, begun) = match &self.door {
            Door::To(broker) => (broker, Vec::new()),
            Door::ByName(names) => {
                let (name, begun) = asked_for(&mut client)?;
                let mut state = self.state.lock();
                if !state.asked.contains(&name) {
                    state.asked.push(name.clone());
                }
                let broker = names.get(&name);
                (broker.ok_or(io::ErrorKind::NotFound)?, begun)
            }
        };
        let mut broker = TcpStream::connect(to)?;
        broker.write_all(&begun)?;
        relay(&client, broker)
    }
}

/// Reads the beginning of the encryption. Returns the name in it, empty without one, and what was read.
fn asked_for(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut acceptor = Acceptor::default();
    let mut begun = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let read = client.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        begun.extend_from_slice(&chunk[..read]);
        let mut rest = &chunk[..read];
        while !rest.is_empty() {
            acceptor.read_tls(&mut rest)?;
        }
        let accepted = acceptor
            .accept()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        if let Some(accepted) = accepted {
            let hello = accepted.client_hello();
            let name = hello.server_name().unwrap_or_default().to_owned();
            return Ok((name, begun));
        }
    }
}

/// Passes bytes on in both directions until both have ended.
pub(crate) fn relay(client: &TcpStream, broker: TcpStream) -> io::Result<()> {
    for stream in [client, &broker] {
        stream.set_nodelay(true)?;
    }
    let there = (client.try_clone()?, broker.try_clone()?);
    let on_the_way = thread::spawn(move || pass(there.0, &there.1));
    pass(broker, client);
    let _ = on_the_way.join();
    Ok(())
}

fn pass(mut from: TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}
