//! One direction of one connection: a thread that receives bytes and one that passes them on when they are due.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::{Accident, Shared, Way, Weather};

/// The number of bytes read at once.
const CHUNK: usize = 16 * 1024;
/// The maximum number of chunks in flight: the capacity of a long fat line.
const ON_THE_WAY: usize = 1024;
/// The minimum number of bytes for a fault, which is meant for batches.
const WORTH: usize = 512;

struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
}

/// Passes bytes from one socket to another until either ends.
pub(super) fn lay(
    shared: Arc<Shared>,
    way: Way,
    from: TcpStream,
    to: TcpStream,
    at_end: impl FnOnce(&Shared) + Send + 'static,
) {
    let (sender, receiver) = sync_channel(ON_THE_WAY);
    let taking = Arc::clone(&shared);
    thread::spawn(move || take_in(&taking, from, &sender));
    thread::spawn(move || {
        let end = pass_on(&shared, way, &to, &receiver);
        let _ = match end {
            Ok(End::Reset) => reset(&to),
            Ok(End::Quiet) | Err(_) => to.shutdown(Shutdown::Write),
        };
        at_end(&shared);
    });
}

/// How a direction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Quiet,
    Reset,
}

/// Resets the connection when the last handle is closed, and unblocks all other holders.
fn reset(socket: &TcpStream) -> io::Result<()> {
    SockRef::from(socket).set_linger(Some(Duration::ZERO))?;
    socket.shutdown(Shutdown::Read)
}

fn take_in(shared: &Shared, mut from: TcpStream, sender: &SyncSender<Chunk>) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let due = Instant::now() + shared.state.lock().weather.delay;
        let bytes = buffer[..read].to_vec();
        if sender.send(Chunk { due, bytes }).is_err() {
            return;
        }
    }
}

fn pass_on(
    shared: &Shared,
    way: Way,
    mut to: &TcpStream,
    receiver: &Receiver<Chunk>,
) -> io::Result<End> {
    for mut chunk in receiver {
        wait_until(chunk.due);
        let Some(weather) = shared.open_weather(way) else {
            return Ok(End::Quiet);
        };
        let accident = shared.take_accident(way, chunk.bytes.len());
        let whole = chunk.bytes.len();
        let passed = match accident {
            None => whole,
            Some(Accident::Noise) => {
                chunk.bytes[whole / 2] ^= 0x10;
                whole
            }
            Some(Accident::Reset | Accident::HalfClose) => whole / 2,
        };
        for slice in chunk.bytes[..passed].chunks(weather.slice.unwrap_or(CHUNK)) {
            to.write_all(slice)?;
            shared.note_passed(way, slice.len());
            if let Some(rate) = weather.bytes_per_second {
                let bytes = u32::try_from(slice.len()).expect("a chunk");
                let time = Duration::from_secs(1) * bytes / rate;
                wait_until(Instant::now() + time);
            }
        }
        match accident {
            None | Some(Accident::Noise) => {}
            Some(Accident::HalfClose) => return Ok(End::Quiet),
            Some(Accident::Reset) => return Ok(End::Reset),
        }
    }
    Ok(End::Quiet)
}

fn wait_until(due: Instant) {
    while let Some(left) = due
        .checked_duration_since(Instant::now())
        .filter(|it| !it.is_zero())
    {
        thread::park_timeout(left);
    }
}

impl Weather {
    fn loses(&self, way: Way) -> bool {
        match way {
            Way::There => self.lost_there,
            Way::Back => self.lost_back,
        }
    }
}

impl Shared {
    /// The weather, once bytes get through; `None` if the line ends first.
    fn open_weather(&self, way: Way) -> Option<Weather> {
        let mut state = self.state.lock();
        while !state.ended && state.weather.loses(way) {
            self.changed.wait(&mut state);
        }
        (!state.ended).then_some(state.weather)
    }

    fn take_accident(&self, way: Way, bytes: usize) -> Option<Accident> {
        let mut state = self.state.lock();
        let meant = state
            .accident
            .filter(|(_, its)| *its == way && bytes >= WORTH);
        let (accident, _) = meant?;
        state.accident = None;
        state.accidents += 1;
        Some(accident)
    }
}
