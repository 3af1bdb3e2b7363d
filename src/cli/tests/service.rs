//! A service that answers each request with the next answer prepared for its method and path.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Answers by method and path, each a status and a body; the last one is repeated.
pub(super) type Answers = Vec<(&'static str, Vec<(u16, String)>)>;

/// A request as received.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) key: Option<String>,
    pub(super) body: String,
}

pub(super) struct Service {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Service {
    pub(super) fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // Ends with the test process: nothing connects once the client is gone.
        thread::spawn(move || {
            let mut answers: HashMap<_, _> = answers.into_iter().collect();
            for stream in listener.incoming() {
                answer(stream.unwrap(), &mut answers, &seen);
            }
        });
        Self { port, requests }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    answers: &mut HashMap<&'static str, Vec<(u16, String)>>,
    seen: &Mutex<Vec<Request>>,
) {
    let request = read(&stream);
    let (status, body) = match answers.get_mut(request.line.as_str()) {
        Some(queue) if queue.len() > 1 => queue.remove(0),
        Some(queue) => queue[0].clone(),
        None => (
            404,
            format!(r#"{{"title":"nothing prepared for {}"}}"#, request.line),
        ),
    };
    seen.lock().unwrap().push(request);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        lines.iter().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Request {
        line: lines[0].trim_end_matches(" HTTP/1.1").to_owned(),
        key: header("idempotency-key"),
        body: String::from_utf8(body).unwrap(),
    }
}
