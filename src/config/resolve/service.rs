//! Resolves the sections about the service itself.

use std::path::PathBuf;
use std::thread::available_parallelism;

use super::super::defaults;
use super::super::problem::Problems;
use super::super::raw::{RawApi, RawCheckpoint, RawLog, RawRuntime};
use super::super::settings::{
    ApiConfig, CheckpointConfig, LogConfig, LogFormat, LogLevel, RuntimeConfig,
};
use super::super::values::{self, number_within, one_of, size_within};

pub(super) fn checkpoint(raw: RawCheckpoint, problems: &Problems) -> CheckpointConfig {
    let path = raw.path.parse(problems, values::not_empty);
    CheckpointConfig {
        path: PathBuf::from(path.or(defaults::CHECKPOINT_PATH.to_owned())),
    }
}

pub(super) fn api(raw: RawApi, problems: &Problems) -> ApiConfig {
    let listen = raw.listen.parse(problems, values::listen_address);
    let listen = listen.or(defaults::API_LISTEN);
    ApiConfig {
        listen,
        advertised_url: raw
            .advertised_url
            .parse(problems, values::http_url)
            .or(format!("http://{listen}")),
        max_body: raw
            .max_body
            .parse(problems, size_within(["1KiB", "16MiB"]))
            .or(defaults::API_MAX_BODY),
        requests_per_second: raw
            .requests_per_second
            .convert(problems, number_within(1..=100_000))
            .or(defaults::API_REQUESTS_PER_SECOND),
        timeout: raw
            .timeout
            .parse(problems, values::duration)
            .or(defaults::API_TIMEOUT),
    }
}

pub(super) fn runtime(raw: RawRuntime, problems: &Problems) -> RuntimeConfig {
    let cores = available_parallelism().map_or(1, usize::from);
    RuntimeConfig {
        worker_threads: raw
            .worker_threads
            .convert(problems, number_within(1..=256))
            .or(cores.min(defaults::WORKER_THREADS_AT_MOST)),
    }
}

pub(super) fn log(raw: RawLog, problems: &Problems) -> LogConfig {
    LogConfig {
        format: raw
            .format
            .parse(problems, one_of(FORMATS))
            .or(LogFormat::Text),
        level: raw.level.parse(problems, one_of(LEVELS)).or(LogLevel::Info),
    }
}

const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

const LEVELS: &[(&str, LogLevel)] = &[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];
