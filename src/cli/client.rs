//! The HTTP client of the running service.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, RequestBuilder};

use super::{ExitCode, Failure};
use crate::api::ApiToken;
use crate::contract::ProblemAnswer;

/// Longer than the service's default timeout for a read.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than the service's default timeout for a change, among them the plans of large links.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(180);
/// A service that can be reached accepts a connection at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The size limit of an answer in bytes: enough for every partition of a large link.
const LARGEST_ANSWER: u64 = 256 << 20;

/// What to do if the service doesn't know the token, or there is none.
const UNKNOWN: &str = "it is in the service's [api] token_file, by default the file api-token in the directory of the checkpoint DB: give that file with --token-file, or the token in FARSHORE_TOKEN";

/// A client of one running service.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    /// The value of the `Authorization` header.
    authorization: Option<String>,
}

impl Client {
    /// Returns a client for the service at `url`, such as `http://127.0.0.1:8640`, that sends the token if there is one.
    pub fn new(url: &str, token: Option<&ApiToken>) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(READ_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Self {
            agent: config.into(),
            base: url.trim_end_matches('/').to_owned(),
            authorization: token.map(ApiToken::authorization),
        }
    }

    /// The URL of the service, and the value of the `Authorization` header.
    #[cfg(test)]
    pub(super) fn parts(&self) -> (&str, Option<&str>) {
        (&self.base, self.authorization.as_deref())
    }

    /// Gets a resource; `path` contains its path segments.
    ///
    /// Errors: a refusal gets the exit code for its status.
    pub fn get(&self, path: &[&str]) -> Result<Value, Failure> {
        self.answer(self.known(self.agent.get(self.address(path))).call())
    }

    /// Posts a request to a resource. With a `key` it can be repeated safely: it takes effect once.
    pub fn post(
        &self,
        path: &[&str],
        body: &impl Serialize,
        key: Option<&str>,
    ) -> Result<Value, Failure> {
        let request = self.known(self.agent.post(self.address(path)));
        let mut request = request
            .config()
            .timeout_global(Some(CHANGE_TIMEOUT))
            .build();
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.answer(request.send_json(body))
    }

    /// Adds the token to a request.
    fn known<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header("Authorization", authorization),
            None => request,
        }
    }

    fn address(&self, path: &[&str]) -> String {
        path.iter().fold(self.base.clone(), |address, segment| {
            format!("{address}/{}", encoded(segment))
        })
    }

    fn answer(&self, answer: Result<Response<ureq::Body>, ureq::Error>) -> Result<Value, Failure> {
        let unreachable = |error: ureq::Error| {
            let message = format!(
                "no answer from the service at {}: {error}; is `farshore run` running there?",
                self.base
            );
            Failure::new(ExitCode::Failed, message)
        };
        let mut answer = answer.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(LARGEST_ANSWER)
            .read_to_vec();
        let body = body.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(refusal(status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| {
            let message = format!(
                "{} doesn't answer like a farshore service: {error}",
                self.base
            );
            Failure::new(ExitCode::Failed, message)
        })
    }
}

/// Deserializes an answer.
pub(super) fn understood<T: DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|error| {
        let message = format!(
            "the service's answer can't be parsed ({error}); are both of the same version?"
        );
        Failure::new(ExitCode::Failed, message)
    })
}

fn refusal(status: u16, body: &[u8]) -> Failure {
    let code = match status {
        400 | 404 | 422 => ExitCode::Usage,
        409 | 412 | 423 => ExitCode::Refused,
        _ => ExitCode::Failed,
    };
    let problem: ProblemAnswer = serde_json::from_slice(body).unwrap_or_default();
    let mut message = match (problem.title.as_str(), problem.detail.as_str()) {
        ("", "") => format!("the service answered with status {status}"),
        (text, "") | ("", text) => text.to_owned(),
        (title, detail) => format!("{title}: {detail}"),
    };
    if status == 401 {
        message = format!("{}: {UNKNOWN}", problem.title);
    }
    for blocker in problem.blockers.unwrap_or_default() {
        message.push_str("\n  ");
        message.push_str(&blocker.to_string());
    }
    Failure::new(code, message)
}

/// Percent-encodes a path segment, except for unreserved characters.
fn encoded(segment: &str) -> String {
    let character = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    segment.bytes().map(character).collect::<Vec<_>>().concat()
}
