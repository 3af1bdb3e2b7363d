//! A minimal client that also sends what no real client would.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The token of the service that answers.
pub(super) const TOKEN: &str = "the-token-of-the-tests";

/// A request to send.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    head: String,
    body: Vec<u8>,
}

/// An answer as received.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    /// Null if it isn't JSON.
    pub(super) json: Value,
    pub(super) text: String,
}

impl Ask {
    pub(super) fn new(method: &str, path: &str) -> Self {
        Self {
            head: format!("{method} {path} HTTP/1.1\r\nHost: farshore\r\nConnection: close\r\n"),
            body: Vec::new(),
        }
        .header("Authorization", &format!("Bearer {TOKEN}"))
    }

    /// The same without the token.
    pub(super) fn unknown(self) -> Self {
        let line = format!("Authorization: Bearer {TOKEN}\r\n");
        Self {
            head: self.head.replace(&line, ""),
            ..self
        }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("Content-Length", &length)
    }

    pub(super) fn json(self, body: &str) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    pub(super) async fn of(&self, address: SocketAddr) -> Answer {
        let head = format!("{}\r\n", self.head);
        raw(address, &[head.as_bytes(), &self.body].concat()).await
    }
}

/// Sends bytes and reads until the server closes.
pub(super) async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    answer(&mut stream).await
}

/// Reads an answer up to the end of the connection.
pub(super) async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_default(),
        head: head.to_ascii_lowercase(),
        json: serde_json::from_str(body).unwrap_or_default(),
        text: body.to_owned(),
    }
}

/// A topic without what grows as time passes, to compare two answers.
pub(super) fn timeless(mut topic: Value) -> Value {
    for partition in topic["partitions"].as_array_mut().into_iter().flatten() {
        partition["lag_ms"].take();
    }
    topic
}
