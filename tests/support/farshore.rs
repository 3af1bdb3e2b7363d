//! The real farshore binary as a child process, driven as an operator or a script would: config file, signals, HTTP, CLI.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::leash::{Leash, Leashed};
use super::ports::Port;
use super::wait::{blocking, eventually};

const LIMIT: Duration = Duration::from_secs(60);
/// The header with the token.
pub(crate) const AUTHORIZATION: &str = "Authorization";
/// The largest answer that is read, in bytes: enough for a plan of very many offsets.
const LARGEST_ANSWER: u64 = 256 << 20;

/// One installation: a configuration, a checkpoint DB and, between a start and an end, a process.
#[derive(Debug)]
pub(crate) struct Farshore {
    binary: PathBuf,
    api: Port,
    process: Option<Leashed>,
    leash: Leash,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The body; null if it isn't JSON.
    pub(crate) body: Value,
}

/// The configuration of two clusters `paris` and `oslo` and a link `paris-oslo` with the given lines.
pub(crate) fn paris_oslo(paris: &str, oslo: &str, link: &str) -> String {
    let servers = |addresses: &str| {
        let quoted: Vec<String> = addresses.split(',').map(|one| format!("{one:?}")).collect();
        quoted.join(", ")
    };
    let plain = |addresses| format!("bootstrap_servers = [{}]\n", servers(addresses));
    paris_oslo_as(&plain(paris), &plain(oslo), link)
}

/// Like [`paris_oslo`], with the lines of the clusters' sections.
pub(crate) fn paris_oslo_as(paris: &str, oslo: &str, link: &str) -> String {
    format!(
        "[clusters.paris]\n{paris}\n[clusters.oslo]\n{oslo}\n\
         [links.paris-oslo]\nsource = \"paris\"\ntarget = \"oslo\"\n{link}\n",
    )
}

impl Farshore {
    /// Writes a configuration with the given clusters and links, a fresh checkpoint DB and a free API port.
    pub(crate) fn new(binary: impl Into<PathBuf>, clusters_and_links: &str) -> Self {
        let farshore = Self {
            binary: binary.into(),
            api: Port::reserve(),
            process: None,
            leash: Leash::new("farshore"),
        };
        farshore.configure(clusters_and_links);
        farshore
    }

    /// Replaces the clusters and links in the configuration. Takes effect at the next start.
    pub(crate) fn configure(&self, clusters_and_links: &str) {
        let text = format!(
            "{clusters_and_links}\n[checkpoint]\npath = \"{}\"\n\n[api]\nlisten = \"{}\"\ntoken_file = \"{}\"\nrequests_per_second = 100000\n",
            self.checkpoint_path().display(),
            self.api.address(),
            self.token_path().display(),
        );
        fs::write(self.config_path(), text).expect("the configuration");
    }

    /// Replaces the program to run. Takes effect at the next start.
    pub(crate) fn set_binary(&mut self, binary: impl Into<PathBuf>) {
        self.binary = binary.into();
    }

    /// The path of the configuration file.
    pub(crate) fn config_path(&self) -> PathBuf {
        self.leash.dir().join("farshore.toml")
    }

    /// The path of the checkpoint DB.
    pub(crate) fn checkpoint_path(&self) -> PathBuf {
        self.leash.dir().join("checkpoint")
    }

    /// The URL of the API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.api.address())
    }

    /// The value of the `Authorization` header of requests to the API; empty before the first start.
    pub(crate) fn authorization(&self) -> String {
        let token = fs::read_to_string(self.token_path()).unwrap_or_default();
        format!("Bearer {}", token.trim_end())
    }

    /// The path of the API's token: not in the checkpoint DB's directory, which tests lose, move and mount over.
    fn token_path(&self) -> PathBuf {
        self.leash.dir().join("api-token")
    }

    /// Starts `farshore run` and waits until its API answers.
    pub(crate) async fn start(&mut self) {
        self.launch();
        self.wait_api_ready().await;
    }

    /// Starts `farshore run` without waiting.
    pub(crate) fn launch(&mut self) {
        let config = self.config_path();
        let arguments = [
            OsStr::new("run"),
            OsStr::new("--config"),
            config.as_os_str(),
        ];
        let process = self.leash.spawn("farshore", &self.binary, arguments);
        let former = self.process.replace(process);
        assert!(former.is_none(), "farshore runs already");
    }

    /// Waits until the API answers. Panics if the process has ended.
    pub(crate) async fn wait_api_ready(&mut self) {
        let url = format!("{}/healthz", self.url());
        let process = self.process.as_mut().expect("farshore runs");
        eventually(LIMIT, "the API answers", async || {
            if let Some(status) = process.exited() {
                panic!("farshore ended by itself: {status}");
            }
            let url = url.clone();
            let answer = blocking(move || http(|agent| agent.get(url).call())).await?;
            match answer.status {
                200 => Ok(()),
                status => Err(format!("status {status}")),
            }
        })
        .await;
    }

    /// Kills the process without warning (SIGKILL).
    pub(crate) fn kill9(&mut self) {
        self.take_process().kill();
    }

    /// Terminates the process (SIGTERM) and waits until it has ended.
    pub(crate) async fn sigterm(&mut self) -> ExitStatus {
        let mut process = self.take_process();
        process.signal(Signal::TERM);
        process.wait(LIMIT).await
    }

    /// Waits until the process ends without being signalled.
    pub(crate) async fn wait_end(&mut self) -> ExitStatus {
        self.take_process().wait(LIMIT).await
    }

    /// The running process.
    pub(crate) fn process(&self) -> &Leashed {
        self.process.as_ref().expect("farshore runs")
    }

    /// The peak resident memory of the process, in MiB.
    pub(crate) fn most_memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.process().pid());
        let status = fs::read_to_string(path).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kib: usize = kib.expect("a size").trim().parse().expect("a number");
        kib / 1024
    }

    /// The body of a successful GET. The error describes the last state, for `eventually`.
    pub(crate) async fn get_json(&self, path: &str) -> Result<Value, String> {
        let answer = self.get(path).await?;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(format!("{path}: status {}: {}", answer.status, answer.body))
        }
    }

    /// The answer to a GET. The error is for a connection that failed.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, String> {
        let (url, known) = (format!("{}{path}", self.url()), self.authorization());
        blocking(move || http(|agent| agent.get(url).header(AUTHORIZATION, known).call())).await
    }

    /// The Prometheus metrics of the process. The error describes the last state, for `eventually`.
    pub(crate) async fn metrics(&self) -> Result<String, String> {
        let (url, known) = (format!("{}/metrics", self.url()), self.authorization());
        let get = ureq::get(url).header(AUTHORIZATION, known);
        let page = blocking(move || get.call()?.into_body().read_to_string()).await;
        page.map_err(|error| error.to_string())
    }

    /// The answer to a POST with a fresh idempotency key.
    pub(crate) async fn post_json(&self, path: &str, body: Value) -> Result<Answer, String> {
        let (url, known) = (format!("{}{path}", self.url()), self.authorization());
        let key = uuid::Uuid::from_u128(fastrand::u128(..)).to_string();
        blocking(move || {
            http(|agent| {
                agent
                    .post(url)
                    .header(AUTHORIZATION, known)
                    .header("Idempotency-Key", key)
                    .send_json(body)
            })
        })
        .await
    }

    /// The answer to a PUT with a fresh idempotency key.
    pub(crate) async fn put_json(&self, path: &str, body: Value) -> Result<Answer, String> {
        let (url, known) = (format!("{}{path}", self.url()), self.authorization());
        let key = uuid::Uuid::from_u128(fastrand::u128(..)).to_string();
        blocking(move || {
            http(|agent| {
                agent
                    .put(url)
                    .header(AUTHORIZATION, known)
                    .header("Idempotency-Key", key)
                    .send_json(body)
            })
        })
        .await
    }

    /// Runs a command of the CLI against this configuration.
    pub(crate) async fn cli(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.binary);
        command
            .arg("--config")
            .arg(self.config_path())
            .args(arguments);
        let output = blocking(move || command.output()).await;
        output.expect("farshore can be run")
    }

    fn take_process(&mut self) -> Leashed {
        self.process.take().expect("farshore runs")
    }
}

fn http(
    request: impl FnOnce(ureq::Agent) -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Answer, String> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(LIMIT))
        .build();
    let mut response = request(config.into()).map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config();
    Ok(Answer {
        status,
        body: body
            .limit(LARGEST_ANSWER)
            .read_json()
            .unwrap_or(Value::Null),
    })
}
