//! The values of the file as written: every key it may contain, with its TOML type and place.

use super::field::{At, Field};
use super::problem::Place;
use super::section::Section;

pub(super) struct Raw {
    pub(super) clusters: Vec<(At<String>, RawCluster)>,
    pub(super) links: Vec<(At<String>, RawLink)>,
    pub(super) checkpoint: RawCheckpoint,
    pub(super) api: RawApi,
    pub(super) runtime: RawRuntime,
    pub(super) log: RawLog,
}

impl Raw {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            clusters: section.named("clusters", RawCluster::read),
            links: section.named("links", RawLink::read),
            checkpoint: section
                .section("checkpoint", RawCheckpoint::read)
                .unwrap_or_default(),
            api: section.section("api", RawApi::read).unwrap_or_default(),
            runtime: section
                .section("runtime", RawRuntime::read)
                .unwrap_or_default(),
            log: section.section("log", RawLog::read).unwrap_or_default(),
        }
    }
}

pub(super) struct RawCluster {
    pub(super) bootstrap_servers: Field<Vec<At<String>>>,
    pub(super) security_protocol: Field<String>,
    pub(super) tls: Option<Place>,
    pub(super) sasl: Option<RawSasl>,
    pub(super) address_map: Vec<(At<String>, At<String>)>,
    pub(super) client_id: Field<String>,
    pub(super) connect_timeout: Field<String>,
    pub(super) metadata_max_age: Field<String>,
}

impl RawCluster {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            bootstrap_servers: section.texts("bootstrap_servers"),
            security_protocol: section.text("security_protocol"),
            tls: section.section("tls", |tls| {
                place_of_texts(tls, &["ca_file", "cert_file", "key_file"])
            }),
            sasl: section.section("sasl", RawSasl::read),
            address_map: section.pairs("address_map"),
            client_id: section.text("client_id"),
            connect_timeout: section.text("connect_timeout"),
            metadata_max_age: section.text("metadata_max_age"),
        }
    }
}

/// The login at a cluster's brokers.
pub(super) struct RawSasl {
    pub(super) place: Place,
    pub(super) mechanism: Field<String>,
    pub(super) username: Field<String>,
    pub(super) password: Field<String>,
    pub(super) password_file: Field<String>,
    pub(super) service_name: Field<String>,
    pub(super) principal: Field<String>,
}

impl RawSasl {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            place: section.place().clone(),
            mechanism: section.text("mechanism"),
            username: section.text("username"),
            password: section.text("password"),
            password_file: section.text("password_file"),
            service_name: section.text("service_name"),
            principal: section.text("principal"),
        }
    }
}

/// Reads the keys of a section whose values aren't used yet.
fn place_of_texts(section: &mut Section<'_>, keys: &[&'static str]) -> Place {
    for key in keys {
        section.text(key);
    }
    section.place().clone()
}

pub(super) struct RawLink {
    pub(super) source: Field<String>,
    pub(super) target: Field<String>,
    pub(super) topics: Field<Vec<At<String>>>,
    pub(super) topics_exclude: Field<Vec<At<String>>>,
    pub(super) groups: Field<Vec<At<String>>>,
    pub(super) groups_exclude: Field<Vec<At<String>>>,
    pub(super) start: Field<String>,
    pub(super) offsets: Field<String>,
    pub(super) path: Field<String>,
    pub(super) preserve_max_prefix: Field<i64>,
    pub(super) preserve_max_markers: Field<i64>,
    pub(super) preserve_otherwise: Field<String>,
    pub(super) naming: Field<String>,
    pub(super) replication_factor: Field<i64>,
    pub(super) journal: Field<bool>,
    pub(super) refresh_interval: Field<String>,
    pub(super) group_sync_interval: Field<String>,
    pub(super) fetch_connections: Field<i64>,
    pub(super) produce_connections: Field<i64>,
    pub(super) max_in_flight_bytes: Field<String>,
    pub(super) fetch_max_bytes: Field<String>,
    pub(super) partition_max_bytes: Field<String>,
    pub(super) max_bytes_per_second: Field<String>,
    pub(super) request_timeout: Field<String>,
    pub(super) verify: RawVerify,
    pub(super) policies: RawPolicies,
    pub(super) quarantine_topic: Field<String>,
    pub(super) overrides: Vec<RawOverride>,
}

impl RawLink {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            source: section.text("source"),
            target: section.text("target"),
            topics: section.texts("topics"),
            topics_exclude: section.texts("topics_exclude"),
            groups: section.texts("groups"),
            groups_exclude: section.texts("groups_exclude"),
            start: section.text("start"),
            offsets: section.text("offsets"),
            path: section.text("path"),
            preserve_max_prefix: section.integer("preserve_max_prefix"),
            preserve_max_markers: section.integer("preserve_max_markers"),
            preserve_otherwise: section.text("preserve_otherwise"),
            naming: section.text("naming"),
            replication_factor: section.integer("replication_factor"),
            journal: section.boolean("journal"),
            refresh_interval: section.text("refresh_interval"),
            group_sync_interval: section.text("group_sync_interval"),
            fetch_connections: section.integer("fetch_connections"),
            produce_connections: section.integer("produce_connections"),
            max_in_flight_bytes: section.text("max_in_flight_bytes"),
            fetch_max_bytes: section.text("fetch_max_bytes"),
            partition_max_bytes: section.text("partition_max_bytes"),
            max_bytes_per_second: section.text("max_bytes_per_second"),
            request_timeout: section.text("request_timeout"),
            verify: RawVerify::read(section),
            policies: RawPolicies::read(section),
            quarantine_topic: section.text("quarantine_topic"),
            overrides: section.sections("overrides", RawOverride::read),
        }
    }
}

/// The verification of mirrors.
pub(super) struct RawVerify {
    pub(super) interval: Field<String>,
    pub(super) max_bytes_per_second: Field<String>,
}

impl RawVerify {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            interval: section.text("verify_interval"),
            max_bytes_per_second: section.text("verify_max_bytes_per_second"),
        }
    }
}

/// The policy for each event.
pub(super) struct RawPolicies {
    pub(super) gap: Field<String>,
    pub(super) recreate: Field<String>,
    pub(super) truncate: Field<String>,
    pub(super) foreign_write: Field<String>,
    pub(super) refused: Field<String>,
    pub(super) target_truncate: Field<String>,
}

impl RawPolicies {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            gap: section.text("on_gap"),
            recreate: section.text("on_recreate"),
            truncate: section.text("on_truncate"),
            foreign_write: section.text("on_foreign_write"),
            refused: section.text("on_refused"),
            target_truncate: section.text("on_target_truncate"),
        }
    }
}

pub(super) struct RawOverride {
    pub(super) place: Place,
    pub(super) topics: Field<Vec<At<String>>>,
    pub(super) policies: RawPolicies,
}

impl RawOverride {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            place: section.place().clone(),
            topics: section.texts("topics"),
            policies: RawPolicies::read(section),
        }
    }
}

#[derive(Default)]
pub(super) struct RawCheckpoint {
    pub(super) path: Field<String>,
}

impl RawCheckpoint {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            path: section.text("path"),
        }
    }
}

#[derive(Default)]
pub(super) struct RawApi {
    pub(super) listen: Field<String>,
    pub(super) advertised_url: Field<String>,
    pub(super) max_body: Field<String>,
    pub(super) requests_per_second: Field<i64>,
    pub(super) timeout: Field<String>,
}

impl RawApi {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            listen: section.text("listen"),
            advertised_url: section.text("advertised_url"),
            max_body: section.text("max_body"),
            requests_per_second: section.integer("requests_per_second"),
            timeout: section.text("timeout"),
        }
    }
}

#[derive(Default)]
pub(super) struct RawRuntime {
    pub(super) worker_threads: Field<i64>,
}

impl RawRuntime {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            worker_threads: section.integer("worker_threads"),
        }
    }
}

#[derive(Default)]
pub(super) struct RawLog {
    pub(super) format: Field<String>,
    pub(super) level: Field<String>,
}

impl RawLog {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            format: section.text("format"),
            level: section.text("level"),
        }
    }
}
