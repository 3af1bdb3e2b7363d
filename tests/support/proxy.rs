//! A TCP proxy in front of one broker that understands request boundaries, and can hold requests back.
//!
//! Promises: passes everything on unchanged unless set otherwise; held-back Produce requests reach the broker later, whole,
//! on the connection they were sent on, like bytes that were in flight all the time.
//! Doesn't: parse requests beyond their api key. Runs on its own threads, which end with it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::ports::Port;
use super::wait::eventually;

const LIMIT: Duration = Duration::from_secs(60);
/// The api key of Produce requests, as encoded.
const PRODUCE: [u8; 2] = [0, 0];
/// The api key of `WriteTxnMarkers` requests.
const MARKERS: [u8; 2] = [0, 27];

/// A running proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: Port,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    broker: String,
    state: Mutex<State>,
    /// Notified when the broker answers requests that were held back.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    shut: bool,
    /// The number of upcoming requests to hold back.
    to_keep: usize,
    /// The api key of the requests to hold back.
    keeps: [u8; 2],
    kept: Option<Kept>,
    /// The held-back requests go to the broker after this many more Produce requests.
    overtakes_after: Option<usize>,
    /// The connection on which late requests were sent, and how many are still unanswered.
    late: Option<(u64, usize)>,
    next_connection: u64,
    /// The client's and the broker's side of each open connection.
    connections: BTreeMap<u64, (TcpStream, TcpStream)>,
}

/// Requests of one connection that are held back, and their destination.
#[derive(Debug)]
struct Kept {
    requests: Vec<Vec<u8>>,
    connection: u64,
    broker: TcpStream,
}

impl Proxy {
    /// Starts a proxy in front of the broker at an address.
    pub(crate) fn start(broker: &str) -> Self {
        let proxy = Self {
            port: Port::reserve(),
            shared: Arc::new(Shared {
                broker: broker.to_owned(),
                state: Mutex::default(),
                answered: Condvar::new(),
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

    /// Holds back the next `count` Produce requests, which must come on one connection. After the last of them the proxy
    /// shuts: clients are disconnected and can't reconnect.
    pub(crate) fn keep_produce(&self, count: usize) {
        self.shared.state.lock().keep_next(PRODUCE, count);
    }

    /// Holds back the next `count` requests for control markers, in the same way.
    pub(crate) fn keep_markers(&self, count: usize) {
        self.shared.state.lock().keep_next(MARKERS, count);
    }

    /// Waits until this many requests are held back.
    pub(crate) async fn wait_kept(&self, wanted: usize) {
        let what = format!("{wanted} requests are kept back");
        eventually(LIMIT, &what, async || {
            let state = self.shared.state.lock();
            match state.kept.as_ref().map_or(0, |kept| kept.requests.len()) {
                count if count == wanted => Ok(()),
                count => Err(format!("{count} are")),
            }
        })
        .await;
    }

    /// Delivers the held-back requests to the broker and waits for the answers, which are discarded.
    pub(crate) fn deliver_kept(&self) {
        self.shared.deliver(self.shared.state.lock());
    }

    /// Accepts clients again.
    pub(crate) fn open(&self) {
        self.shared.state.lock().shut = false;
    }

    /// Accepts clients again. The broker receives the held-back requests after `after` new Produce requests, just before
    /// the next one.
    pub(crate) fn open_and_overtake(&self, after: usize) {
        let mut state = self.shared.state.lock();
        state.overtakes_after = Some(after);
        state.shut = false;
    }

    /// Whether everything that was held back has been delivered.
    pub(crate) fn is_delivered(&self) -> bool {
        let state = self.shared.state.lock();
        state.kept.is_none() && state.to_keep == 0 && state.late.is_none()
    }

    /// Cuts every connection, whatever is in flight on it.
    pub(crate) fn cut(&self) {
        self.shared.state.lock().cut();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.ended = true;
        state.kept = None;
        state.cut();
        drop(state);
        // Wakes the listening thread.
        let _ = TcpStream::connect(self.address());
    }
}

impl State {
    fn keep_next(&mut self, key: [u8; 2], count: usize) {
        (self.keeps, self.to_keep) = (key, count);
    }

    fn cut(&mut self) {
        for (client, broker) in std::mem::take(&mut self.connections).into_values() {
            let _ = client.shutdown(Shutdown::Both);
            let _ = broker.shutdown(Shutdown::Both);
        }
    }

    /// Holds a request back. The last one shuts the proxy; the connection to the broker stays open.
    fn keep(&mut self, connection: u64, broker: TcpStream, request: Vec<u8>) {
        self.to_keep -= 1;
        let kept = self.kept.get_or_insert(Kept {
            requests: Vec::new(),
            connection,
            broker,
        });
        kept.requests.push(request);
        if self.to_keep == 0 {
            self.shut = true;
            if let Some((client, _)) = self.connections.remove(&connection) {
                let _ = client.shutdown(Shutdown::Both);
            }
            self.cut();
        }
    }

    /// Whether the late requests go to the broker before the current Produce request.
    fn overtakes_now(&mut self) -> bool {
        match self.overtakes_after {
            None => false,
            Some(0) => true,
            Some(left) => {
                self.overtakes_after = Some(left - 1);
                false
            }
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            let state = self.state.lock();
            if state.ended {
                return;
            }
            if !state.shut {
                drop(state);
                // A broker that is down refuses connections. So does the proxy, by closing the client's connection.
                let _ = self.connect(client);
            }
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let broker = TcpStream::connect(&self.broker)?;
        for stream in [&client, &broker] {
            stream.set_nodelay(true)?;
        }
        let (for_requests, for_answers) = (client.try_clone()?, client.try_clone()?);
        let (to_broker, from_broker) = (broker.try_clone()?, broker.try_clone()?);
        let mut state = self.state.lock();
        let connection = state.next_connection;
        state.next_connection += 1;
        state.connections.insert(connection, (client, broker));
        drop(state);
        let this = Arc::clone(self);
        thread::spawn(move || {
            let _ = this.pass_requests(connection, for_requests, to_broker);
        });
        let this = Arc::clone(self);
        thread::spawn(move || {
            let _ = this.pass_answers(connection, from_broker, for_answers);
        });
        Ok(())
    }

    fn pass_requests(
        &self,
        connection: u64,
        mut client: TcpStream,
        mut broker: TcpStream,
    ) -> io::Result<()> {
        loop {
            let request = match read_frame(&mut client) {
                Ok(request) => request,
                Err(_) if self.is_kept_of(connection) => return Ok(()),
                Err(error) => {
                    broker.shutdown(Shutdown::Both)?;
                    return Err(error);
                }
            };
            if request[4..6] == PRODUCE || request[4..6] == MARKERS {
                let mut state = self.state.lock();
                if state.to_keep > 0 && request[4..6] == state.keeps {
                    state.keep(connection, broker.try_clone()?, request);
                    continue;
                }
                if request[4..6] == PRODUCE && state.overtakes_now() {
                    self.deliver(state);
                }
            }
            broker.write_all(&request)?;
        }
    }

    fn pass_answers(
        &self,
        connection: u64,
        mut broker: TcpStream,
        mut client: TcpStream,
    ) -> io::Result<()> {
        loop {
            let answer = match read_frame(&mut broker) {
                Ok(answer) => answer,
                Err(error) => {
                    client.shutdown(Shutdown::Both)?;
                    return Err(error);
                }
            };
            let mut state = self.state.lock();
            match &mut state.late {
                Some((late, left)) if *late == connection => {
                    *left -= 1;
                    if *left == 0 {
                        state.late = None;
                        self.answered.notify_all();
                    }
                }
                _ => {
                    drop(state);
                    client.write_all(&answer)?;
                }
            }
        }
    }

    fn is_kept_of(&self, connection: u64) -> bool {
        let state = self.state.lock();
        state
            .kept
            .as_ref()
            .is_some_and(|kept| kept.connection == connection)
    }

    fn deliver(&self, mut state: MutexGuard<'_, State>) {
        state.overtakes_after = None;
        let mut kept = state.kept.take().expect("requests were kept back");
        state.late = Some((kept.connection, kept.requests.len()));
        kept.broker
            .write_all(&kept.requests.concat())
            .expect("the broker takes the late requests");
        let until = std::time::Instant::now() + LIMIT;
        while state.late.is_some() {
            let waited = self.answered.wait_until(&mut state, until);
            assert!(!waited.timed_out(), "the broker answers late requests");
        }
    }
}

/// A request or response frame, including its length prefix.
fn read_frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut frame = length.to_vec();
    frame.resize(4 + u32::from_be_bytes(length) as usize, 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}
