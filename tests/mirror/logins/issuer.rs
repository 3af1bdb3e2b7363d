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

/// The password of the client `farshore`.
pub(crate) const CLIENT_SECRET: &str = "client-s3cret";

/// A client whose secret the server takes as it is: it doesn't decode the header.
pub(crate) const LITERAL_CLIENT: (&str, &str) = ("literal", "l+teral/s3cret=");

/// What the server does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    /// It gives tokens of this lifetime.
    Gives(Duration),
    /// It gives tokens signed by a key that brokers don't know.
    Forges,
    Refuses,
    /// It refuses clients with everything that they said.
    Echoes,
}

/// A token server.
pub(crate) struct Issuer {
    state: Arc<State>,
    port: u16,
    _serving: Owned,
}

struct State {
    key: Mutex<EcdsaKeyPair>,
    forger: EcdsaKeyPair,
    mood: Mutex<Mood>,
    asked: AtomicUsize,
}

impl Issuer {
    /// Starts a server whose key set is in the file.
    pub(crate) async fn start(keys: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(State {
            key: Mutex::new(published(keys)),
            forger: key(),
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

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.state.mood.lock().expect("no panic") = mood;
    }

    /// Signs with another key from now on, which replaces the former one in the file.
    pub(crate) fn change_key(&self, keys: &Path) {
        *self.state.key.lock().expect("no panic") = published(keys);
    }

    /// How many tokens the server was asked for.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::Relaxed)
    }

    /// A token of this lifetime, not asked for.
    pub(crate) fn token(&self, lifetime: Duration) -> String {
        self.state.signed(lifetime)
    }

    /// A token of this lifetime as a command prints it.
    pub(crate) fn printed(&self, lifetime: Duration) -> String {
        let token = self.token(lifetime);
        let ends = (now() + lifetime).as_millis();
        format!("{{\"token\": \"{token}\", \"expires_at_ms\": {ends}}}")
    }
}

impl State {
    fn signed(&self, lifetime: Duration) -> String {
        signed(&self.key.lock().expect("no panic"), lifetime)
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"&scope=kafka") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let request = String::from_utf8_lossy(&request);
        let is_known = [("farshore", CLIENT_SECRET), LITERAL_CLIENT]
            .map(|(name, secret)| STANDARD.encode(format!("{name}:{secret}")))
            .iter()
            .any(|client| request.contains(&format!("Basic {client}\r\n")));
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
            Mood::Gives(lifetime) if is_known => given(self.signed(lifetime), lifetime),
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

/// A key, whose set is in the file.
fn published(keys: &Path) -> EcdsaKeyPair {
    let key = key();
    // An uncompressed point.
    let [x, y] =
        [1..33, 33..65].map(|part| URL_SAFE_NO_PAD.encode(&key.public_key().as_ref()[part]));
    let set = format!(
        r#"{{"keys":[{{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"1","x":"{x}","y":"{y}"}}]}}"#
    );
    fs::write(keys, set).expect("a key set");
    key
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
