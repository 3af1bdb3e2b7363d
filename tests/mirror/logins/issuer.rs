//! A token server that signs what it gives, and the key set by which brokers recognise it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use farshore::task::Owned;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The password of the only client, `farshore`.
pub(super) const CLIENT_SECRET: &str = "client-s3cret";

/// What the server does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mood {
    /// It gives tokens of this lifetime.
    Gives(Duration),
    /// It gives tokens signed by a key that brokers don't know.
    Forges,
    Refuses,
    /// It refuses clients with everything that they said.
    Echoes,
}

/// A token server.
pub(super) struct Issuer {
    state: Arc<State>,
    port: u16,
    _serving: Owned,
}

struct State {
    key: EcdsaKeyPair,
    forger: EcdsaKeyPair,
    mood: Mutex<Mood>,
    asked: AtomicUsize,
}

impl Issuer {
    /// Starts a server whose key set is in the file.
    pub(super) async fn start(keys: &Path) -> Self {
        let (key, forger) = (key(), key());
        // An uncompressed point.
        let [x, y] =
            [1..33, 33..65].map(|part| URL_SAFE_NO_PAD.encode(&key.public_key().as_ref()[part]));
        let set = format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"1","x":"{x}","y":"{y}"}}]}}"#
        );
        fs::write(keys, set).expect("a key set");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(State {
            key,
            forger,
            mood: Mutex::new(Mood::Refuses),
            asked: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&state);
        let serving = Owned::spawn("token server", async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                // A client that hangs up too early is its own problem.
                let _ = serving.serve(stream).await;
            }
        });
        Self {
            state,
            port,
            _serving: serving,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.state.mood.lock().expect("no panic") = mood;
    }

    /// How many tokens the server was asked for.
    pub(super) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::Relaxed)
    }

    /// A token of this lifetime, not asked for.
    pub(super) fn token(&self, lifetime: Duration) -> String {
        signed(&self.state.key, lifetime)
    }

    /// A token of this lifetime as a command prints it.
    pub(super) fn printed(&self, lifetime: Duration) -> String {
        let token = self.token(lifetime);
        let ends = (now() + lifetime).as_millis();
        format!("{{\"token\": \"{token}\", \"expires_at_ms\": {ends}}}")
    }
}

impl State {
    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"&scope=kafka") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let client = STANDARD.encode(format!("farshore:{CLIENT_SECRET}"));
        let request = String::from_utf8_lossy(&request);
        let is_known = request.contains(&format!("Basic {client}"));
        let mood = *self.mood.lock().expect("no panic");
        let given = |token: String, lifetime: Duration| {
            let seconds = lifetime.as_secs();
            let body = format!(
                "{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\",\"expires_in\":{seconds}}}"
            );
            ("200 OK", body)
        };
        let hour = Duration::from_secs(3_600);
        let (status, body) = match mood {
            Mood::Gives(lifetime) if is_known => given(signed(&self.key, lifetime), lifetime),
            Mood::Forges if is_known => given(signed(&self.forger, hour), hour),
            Mood::Echoes => {
                let body = serde_json::json!({"error": "refused", "error_description": request});
                ("400 Bad Request", body.to_string())
            }
            Mood::Gives(_) | Mood::Forges | Mood::Refuses => (
                "401 Unauthorized",
                r#"{"error":"invalid_client"}"#.to_owned(),
            ),
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await
    }
}

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key")
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
}

/// A JWT of this lifetime.
fn signed(key: &EcdsaKeyPair, lifetime: Duration) -> String {
    let (issued, ends) = (now().as_secs(), (now() + lifetime).as_secs());
    let claims =
        format!(r#"{{"iss":"test","sub":"farshore","aud":"kafka","iat":{issued},"exp":{ends}}}"#);
    let parts = [r#"{"alg":"ES256","kid":"1"}"#, &claims].map(|it| URL_SAFE_NO_PAD.encode(it));
    let text = parts.join(".");
    let signature = key.sign(&SystemRandom::new(), text.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(signature.expect("a signature"));
    format!("{text}.{signature}")
}
