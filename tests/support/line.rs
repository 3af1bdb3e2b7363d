//! A TCP line to one broker that can be long, narrow, interrupted or noisy.
//!
//! Promises: passes every byte on in order unless set otherwise; a setting applies from then on, to all connections.
//! Doesn't: know where requests begin and end; `proxy` does. Runs on its own threads, which end with it.

mod pipe;

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::ports::Port;

/// The direction of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From farshore to the broker.
    There,
    /// From the broker to farshore.
    Back,
}

/// What a line does to bytes. The default passes them on unchanged.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// The delay of each byte, in each direction.
    pub(crate) delay: Duration,
    /// The throughput in bytes per second, in each direction of each connection.
    pub(crate) bytes_per_second: Option<u32>,
    /// The maximum number of bytes passed on at once.
    pub(crate) slice: Option<usize>,
    /// Nothing gets through to the broker, without any sign of it.
    pub(crate) lost_there: bool,
    /// The same on the way back.
    pub(crate) lost_back: bool,
}

/// A one-time fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accident {
    /// One bit arrives changed.
    Noise,
    /// The connection is reset in the middle of a chunk.
    Reset,
    /// The sender's side is closed in the middle of a chunk; the other direction stays open for a while.
    HalfClose,
}

/// A running line.
#[derive(Debug)]
pub(crate) struct Line {
    port: Port,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    broker: String,
    state: Mutex<State>,
    /// The bytes that were passed on from the broker to farshore.
    brought: AtomicUsize,
    /// Notified when the weather changes.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    weather: Weather,
    /// The next fault and its direction.
    accident: Option<(Accident, Way)>,
    accidents: usize,
    next_connection: u64,
    connections: BTreeMap<u64, [TcpStream; 2]>,
}

impl Line {
    /// Opens a line to the broker at an address.
    pub(crate) fn open(broker: &str) -> Self {
        let line = Self {
            port: Port::reserve(),
            shared: Arc::new(Shared {
                broker: broker.to_owned(),
                state: Mutex::default(),
                brought: AtomicUsize::new(0),
                changed: Condvar::new(),
            }),
        };
        let listener = TcpListener::bind(line.address()).expect("the line's own port");
        let shared = Arc::clone(&line.shared);
        thread::spawn(move || shared.accept(&listener));
        line
    }

    /// The address on which clients connect.
    pub(crate) fn address(&self) -> String {
        self.port.address()
    }

    /// The port on which clients connect.
    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// Changes the weather.
    pub(crate) fn set(&self, weather: Weather) {
        self.shared.state.lock().weather = weather;
        self.shared.changed.notify_all();
    }

    /// Injects a fault into the next sufficiently large chunk that goes this way.
    pub(crate) fn happen(&self, accident: Accident, way: Way) {
        self.shared.state.lock().accident = Some((accident, way));
    }

    /// The number of bytes that the broker has sent over the line so far.
    pub(crate) fn brought(&self) -> usize {
        self.shared.brought.load(Ordering::Relaxed)
    }

    /// The number of faults injected so far.
    pub(crate) fn accidents(&self) -> usize {
        self.shared.state.lock().accidents
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.ended = true;
        for ends in std::mem::take(&mut state.connections).into_values() {
            for end in ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the listening thread.
        let _ = TcpStream::connect(self.address());
    }
}

impl Shared {
    fn note_passed(&self, way: Way, bytes: usize) {
        if way == Way::Back {
            self.brought.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if self.state.lock().ended {
                return;
            }
            // A broker that is down refuses connections. So does the line, by closing the client's connection.
            let _ = self.connect(client);
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let broker = TcpStream::connect(&self.broker)?;
        let ends = [&client, &broker];
        for end in ends {
            end.set_nodelay(true)?;
        }
        let copies = || Ok::<_, io::Error>([client.try_clone()?, broker.try_clone()?]);
        let (there, back) = (copies()?, copies()?);
        let mut state = self.state.lock();
        let number = state.next_connection;
        state.next_connection += 1;
        state.connections.insert(number, [client, broker]);
        drop(state);
        let [from, to] = there;
        self.lay(number, Way::There, from, to);
        let [to, from] = back;
        self.lay(number, Way::Back, from, to);
        Ok(())
    }

    /// Starts the pipe of one direction.
    fn lay(self: &Arc<Self>, connection: u64, way: Way, from: TcpStream, to: TcpStream) {
        pipe::lay(Arc::clone(self), way, from, to, move |shared| {
            shared.state.lock().connections.remove(&connection);
        });
    }
}
