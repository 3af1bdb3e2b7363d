//! Single lines that make a file invalid, each with its exact message.

use super::*;

#[test]
fn a_line_gives_its_message() {
    for (line, message) in LINES {
        assert_eq!(refused(&format!("{LINK}{line}\n")), [*message], "{line}");
    }
}

/// Lines after [`LINK`], and the messages for them.
const LINES: &[(&str, &str)] = &[
    (
        r#"strat = "latest""#,
        r#"9:1: links.l.strat: unknown key; did you mean "start"?"#,
    ),
    (
        r"start = 5",
        "9:9: links.l.start: expected a string, found an integer",
    ),
    (
        r"start = 2026-01-31T08:00:00Z",
        "9:9: links.l.start: expected a string, found a bare date or time",
    ),
    (
        r#"start = "yesterday""#,
        r#"9:9: links.l.start: expected "earliest", "latest" or an RFC 3339 time like "2026-01-31T08:00:00Z", found "yesterday""#,
    ),
    (
        r#"groups = ".*""#,
        "9:10: links.l.groups: expected a list, found a string",
    ),
    (
        r#"groups = ["a", true]"#,
        "9:16: links.l.groups[1]: expected a string, found a boolean",
    ),
    (
        r#"groups = ["a", "b("]"#,
        r#"9:16: links.l.groups[1]: not a regular expression: "b(": unclosed group"#,
    ),
    (
        r#"topics_exclude = ["*"]"#,
        r#"9:19: links.l.topics_exclude[0]: not a regular expression: "*": repetition operator missing expression"#,
    ),
    (
        r#"config_exclude = ["segment\\..*", "retention\\.ms"]"#,
        r#"9:35: links.l.config_exclude[1]: "retention\\.ms" matches retention.ms, which can't be left alone, because a mirror isn't exact without it: the mirror must not delete what the source still has"#,
    ),
    (
        r#"config_exclude = ["max.*"]"#,
        r#"9:19: links.l.config_exclude[0]: "max.*" matches max.message.bytes, which can't be left alone, because a mirror isn't exact without it: whatever the source accepts has to be accepted by the mirror"#,
    ),
    (
        r#"config_exclude = ["retention.*"]"#,
        r#"9:19: links.l.config_exclude[0]: "retention.*" matches retention.bytes, which can't be left alone, because a mirror isn't exact without it: the mirror must not delete what the source still has; the same goes for retention.ms"#,
    ),
    (
        r#"config_exclude = ["("]"#,
        r#"9:19: links.l.config_exclude[0]: not a regular expression: "(": unclosed group"#,
    ),
    (
        r#"refresh_interval = "5""#,
        r#"9:20: links.l.refresh_interval: expected a duration like "500ms", "5s", "2m" or "1h", found "5""#,
    ),
    (
        r#"group_sync_interval = "0s""#,
        r#"9:23: links.l.group_sync_interval: has to be more than zero and at most "24h", found "0s""#,
    ),
    (
        r#"max_in_flight_bytes = "32mb""#,
        r#"9:23: links.l.max_in_flight_bytes: expected a size like "512KiB", "16MiB" or "1MB", found "32mb""#,
    ),
    (
        r#"fetch_max_bytes = "2GiB""#,
        r#"9:19: links.l.fetch_max_bytes: has to be between "1KiB" and "1GiB", found "2GiB""#,
    ),
    (
        r#"partition_max_bytes = "9MiB""#,
        "9:23: links.l.partition_max_bytes: has to be at most fetch_max_bytes, which is 8388608 bytes, found 9437184 bytes",
    ),
    (
        r#"max_bytes_per_second = "1KiB""#,
        r#"9:24: links.l.max_bytes_per_second: has to be between "64KiB" and "1024GiB", found "1KiB""#,
    ),
    (
        r#"max_bytes_per_second = "none""#,
        r#"9:24: links.l.max_bytes_per_second: expected "off" or a size like "512KiB", "16MiB" or "1MB", found "none""#,
    ),
    (
        r"fetch_connections = 0",
        "9:21: links.l.fetch_connections: has to be between 1 and 64, found 0",
    ),
    (
        r#"replication_factor = "3""#,
        "9:22: links.l.replication_factor: expected an integer, found a string",
    ),
    (
        r"replication_factor = 99999999999999999999",
        "9:22: links.l.replication_factor: has to be between 1 and 1000, found 99999999999999999999",
    ),
    (
        r#"offsets = "exact""#,
        r#"9:11: links.l.offsets: unknown value "exact"; expected one of "translate", "preserve""#,
    ),
    (
        r"offsets = true",
        "9:11: links.l.offsets: expected a string, found a boolean",
    ),
    (
        r"preserve_max_prefix = -1",
        "9:23: links.l.preserve_max_prefix: has to be between 0 and 9223372036854775807, found -1",
    ),
    (
        r#"preserve_otherwise = "halt""#,
        r#"9:22: links.l.preserve_otherwise: unknown value "halt"; expected one of "refuse", "translate""#,
    ),
    (
        r#"naming = "prefixed""#,
        r#"9:10: links.l.naming: unknown value "prefixed"; did you mean "prefix"?"#,
    ),
    (
        r#"on_gap = "reseed""#,
        r#"9:10: links.l.on_gap: unknown value "reseed"; expected one of "halt", "follow""#,
    ),
    (
        r#"on_refused = "stop""#,
        r#"9:14: links.l.on_refused: unknown value "stop"; expected one of "halt", "skip_with_receipt""#,
    ),
    (
        r#"on_corrupt = "follow""#,
        r#"9:14: links.l.on_corrupt: unknown value "follow"; expected one of "halt", "skip_with_receipt""#,
    ),
    (
        r#"groups = ["${MISSING}"]"#,
        "9:11: links.l.groups[0]: environment variable MISSING is not set",
    ),
    (
        r#"topics_exclude = ["a", ""]"#,
        "9:24: links.l.topics_exclude[1]: must not be empty: no topic's name is",
    ),
    (
        r#"start = "${SECRET}""#,
        r#"9:9: links.l.start: expected "earliest", "latest" or an RFC 3339 time like "2026-01-31T08:00:00Z", found "${SECRET}""#,
    ),
    (
        "[clusters.rome]\nbootstrap_servers = [\"x${SECRET}\"]",
        r#"10:22: clusters.rome.bootstrap_servers[0]: "x${SECRET}" is not an address: write host:port, or [address]:port for IPv6"#,
    ),
    (
        "[clusters.rome]\nbootstrap_servers = [\"r:1\"]\nclient_id = \"two\\nlines\"",
        r#"11:13: clusters.rome.client_id: has no control characters, found "two\nlines""#,
    ),
    (
        "[[links.l.overrides]]\ntopics = [\"(\"]",
        r#"10:11: links.l.overrides[0].topics[0]: not a regular expression: "(": unclosed group"#,
    ),
    (
        "[[links.l.overrides]]\non_gap = \"halt\"",
        "9:1: links.l.overrides[0].topics: missing",
    ),
    (
        "[api]\nadvertised_url = \"farshore-1:8640\"",
        r#"10:18: api.advertised_url: expected a URL like "http://farshore-1.example:8640", found "farshore-1:8640""#,
    ),
    (
        "[api]\nlisten = \"localhost:8640\"",
        r#"10:10: api.listen: expected an IP address and port like "127.0.0.1:8640", found "localhost:8640""#,
    ),
    (
        "[api]\nlisten = \"0.0.0.0:8640\"\nadvertised_url = \"http://farshore-1.example:8640\"",
        "10:10: api.listen: beyond this machine, tokens could be read on the way: listen on 127.0.0.1 behind a proxy with TLS, give the proxy's URL as advertised_url = \"https://...\", or set insecure = true",
    ),
    (
        "[api]\nopen = [\"metric\"]",
        r#"10:9: api.open[0]: unknown value "metric"; did you mean "metrics"?"#,
    ),
    (
        "[api]\nhosts = [\"http://farshore-1.example\"]",
        r#"10:10: api.hosts[0]: expected a host name without a port, like "farshore-1.example", found "http://farshore-1.example""#,
    ),
    (
        "[api]\nmax_body = \"1GiB\"",
        r#"10:12: api.max_body: has to be between "1KiB" and "16MiB", found "1GiB""#,
    ),
    (
        "[runtime]\nworker_threads = 0",
        "10:18: runtime.worker_threads: has to be between 1 and 256, found 0",
    ),
    (
        "[log]\nlevel = \"inof\"",
        r#"10:9: log.level: unknown value "inof"; did you mean "info"?"#,
    ),
    (
        "[checkpoint]\npath = \" \"",
        "10:8: checkpoint.path: must not be empty",
    ),
    (
        "[chekpoint]",
        r#"9:2: chekpoint: unknown key; did you mean "checkpoint"?"#,
    ),
    (
        "[clusters.rome]\nbootstrap_servers = [\"rome\"]",
        r#"10:22: clusters.rome.bootstrap_servers[0]: "rome" is not an address: write host:port, or [address]:port for IPv6"#,
    ),
    (
        "[clusters.rome]\nbootstrap_servers = []",
        "10:21: clusters.rome.bootstrap_servers: at least one address is needed",
    ),
    (
        "[clusters.rome]",
        "9:11: clusters.rome.bootstrap_servers: missing",
    ),
    (
        "[clusters.\"\"]\nbootstrap_servers = [\"r:1\"]",
        "9:11: clusters.\"\": a name has 1 to 100 letters, digits, dots, dashes or underscores and doesn't begin with a dot",
    ),
    (
        "[clusters.paris.address_map]\n\"a:1\" = \"b\"",
        r#"10:9: clusters.paris.address_map."a:1": "b" is not an address: write host:port, or [address]:port for IPv6"#,
    ),
];
