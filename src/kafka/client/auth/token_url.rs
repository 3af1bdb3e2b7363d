//! Tokens from a token server, by the client credentials grant (RFC 6749, section 4.4; KIP-768).
//!
//! Promises: one request per token, without redirects; what the server may take is limited, in bytes here and in time by
//! the caller; over `https` the server has to prove its name by a certificate of the CA file, or of the system's store.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::error::{Error, Kind};
use crate::files::SecretSource;
use crate::kafka::client::TlsSettings;
use crate::model::{OneLine, Secret};
use crate::task::{Owned, blocking};

use super::token::{TOKEN_MAX, Token};

/// The size limit of an answer, in bytes.
const ANSWER_MAX: usize = TOKEN_MAX * 2;
/// The length limit of a server's words in an error, in characters.
const WORDS: usize = 200;

/// Follows a refusal where name or secret have characters that are encoded.
const NOT_DECODED: &str = "; if name and secret are right, the server may not decode them in the header: set header_urlencode = false";

/// What a client needs for its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The address of the token server.
    pub url: TokenUrl,
    /// The client's name.
    pub client_id: String,
    /// The client's password.
    pub client_secret: SecretSource,
    /// Whether both are encoded in the header like the parts of a form (RFC 6749, section 2.3.1); a server that doesn't
    /// decode them wants them as they are.
    pub header_urlencode: bool,
    /// The rights that are asked for.
    pub scope: Option<String>,
    /// The service that the token is for.
    pub audience: Option<String>,
    /// The certificates that the server's has to come from; `None`: those that the system trusts.
    pub ca_file: Option<PathBuf>,
}

/// An address of a token server, of which only host and port are shown.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenUrl {
    is_encrypted: bool,
    host: String,
    port: u16,
    path: Secret,
}

impl TokenUrl {
    /// Reads an address like `https://login.example/oauth2/token`; `None` if it is none.
    pub fn read(text: &str) -> Option<Self> {
        let uri: hyper::Uri = text.parse().ok()?;
        let is_encrypted = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        if uri.authority()?.as_str().contains('@') || uri.host()?.is_empty() || text.contains('#') {
            return None;
        }
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Some(Self {
            is_encrypted,
            host: host.to_owned(),
            port: uri
                .port_u16()
                .unwrap_or(if is_encrypted { 443 } else { 80 }),
            path: Secret::new(path),
        })
    }

    /// Whether the connection to it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for TokenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for TokenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenUrl({self})")
    }
}

/// Requests a token.
pub(super) async fn fetch(credentials: ClientCredentials) -> Result<Token, String> {
    let about = format!("the token server at {}", credentials.url);
    let (source, ca_file) = (
        credentials.client_secret.clone(),
        credentials.ca_file.clone(),
    );
    let is_encrypted = credentials.url.is_encrypted;
    let read = blocking("client credentials", move || {
        let secret = source.read().map_err(|error| error.to_string())?;
        let trusted = TlsSettings {
            ca_file,
            ..TlsSettings::default()
        };
        let tls = is_encrypted.then(|| trusted.client_config()).transpose()?;
        Ok::<_, String>((secret, tls))
    });
    let (secret, tls) = read.await.map_err(|error| error.to_string())??;
    let answer = ask(&credentials, &secret, tls).await;
    let hidden = hidden(&credentials, &secret);
    let token = answer.and_then(|(status, answer)| {
        let token = read_answer(status, &answer, &hidden);
        let may_be_encoding =
            status == StatusCode::UNAUTHORIZED && is_changed(&credentials, &secret);
        token.map_err(|why| {
            let hint = if may_be_encoding { NOT_DECODED } else { "" };
            format!("{why}{hint}")
        })
    });
    token.map_err(|why| format!("{about}: {why}"))
}

/// Whether encoding changes what is in the header.
fn is_changed(credentials: &ClientCredentials, secret: &Secret) -> bool {
    let plain = ClientCredentials {
        header_urlencode: false,
        ..credentials.clone()
    };
    basic(credentials, secret) != basic(&plain, secret)
}

async fn ask(
    credentials: &ClientCredentials,
    secret: &Secret,
    tls: Option<Arc<ClientConfig>>,
) -> Result<(StatusCode, Bytes), String> {
    let TokenUrl { host, port, .. } = &credentials.url;
    let request = request(credentials, secret)?;
    let stream = TcpStream::connect((host.as_str(), *port)).await;
    let stream = stream.map_err(|cause| format!("connecting failed: {cause}"))?;
    match tls {
        None => exchange(stream, request).await,
        Some(tls) => {
            let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
            let stream = TlsConnector::from(tls).connect(name, stream).await;
            let stream = stream.map_err(|cause| format!("no encrypted connection: {cause}"))?;
            exchange(stream, request).await
        }
    }
}

fn request(
    credentials: &ClientCredentials,
    secret: &Secret,
) -> Result<Request<Full<Bytes>>, String> {
    let mut form = "grant_type=client_credentials".to_owned();
    for (name, value) in [
        ("scope", &credentials.scope),
        ("audience", &credentials.audience),
    ] {
        if let Some(value) = value {
            form.extend(["&", name, "=", &encoded(value)]);
        }
    }
    let basic = basic(credentials, secret);
    Request::post(credentials.url.path.reveal())
        .header(HOST, credentials.url.to_string())
        .header(AUTHORIZATION, format!("Basic {basic}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(Full::new(Bytes::from(form)))
        .map_err(|error| error.to_string())
}

/// The client's name and password in a header.
fn basic(credentials: &ClientCredentials, secret: &Secret) -> String {
    let (id, password) = (&*credentials.client_id, secret.reveal());
    BASE64.encode(if credentials.header_urlencode {
        format!("{}:{}", encoded(id), encoded(password))
    } else {
        format!("{id}:{password}")
    })
}

/// What the server is told and nobody else may learn from its words, in each form in which it is sent.
fn hidden(credentials: &ClientCredentials, secret: &Secret) -> Vec<Secret> {
    let sent = [
        basic(credentials, secret),
        encoded(secret.reveal()),
        secret.reveal().to_owned(),
    ];
    let address = credentials.url.path.reveal().split('?');
    let address = address.filter(|part| part.len() > 1).map(str::to_owned);
    sent.into_iter().chain(address).map(Secret::new).collect()
}

/// A value in a form.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            other => {
                let _cannot_fail = write!(encoded, "%{other:02X}");
            }
        }
    }
    encoded
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), String> {
    let failed = |error: hyper::Error| format!("the request failed: {error}");
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(failed)?;
    let _served = Owned::spawn("token connection", async move {
        let served = connection.await;
        served.map_err(|cause| Error::new(Kind::Disconnected, "it broke").caused_by(cause))
    });
    let answer = sender.send_request(request).await.map_err(failed)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    let body = body.map_err(|cause| format!("its answer can't be read: {cause}"))?;
    Ok((status, body.to_bytes()))
}

fn read_answer(status: StatusCode, answer: &[u8], hidden: &[Secret]) -> Result<Token, String> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    if status != StatusCode::OK {
        let mut text = format!("it answers {status}");
        for word in ["error", "error_description"] {
            if let Some(words) = answer[word].as_str() {
                let concealed = |words: String, it: &Secret| it.conceal_in(&words);
                let words = hidden.iter().fold(words.to_owned(), concealed);
                let words: String = words.chars().take(WORDS).collect();
                let _cannot_fail = write!(text, "; {}", OneLine(&words));
            }
        }
        return Err(text);
    }
    let token = answer["access_token"].as_str();
    let token = token.ok_or("its answer has no access_token")?;
    let seconds = match &answer["expires_in"] {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    let lifetime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Token::new(token, lifetime, BTreeMap::new())
}

#[cfg(test)]
mod tests;
