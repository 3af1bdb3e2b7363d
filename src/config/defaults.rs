//! The defaults of the configuration, each with its reason.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The client id, which brokers use in logs, metrics and quotas.
pub const CLIENT_ID: &str = "farshore";
/// Enough for a connection over any distance; then the next broker is tried.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The default of Kafka's clients. A changed leader is noticed immediately by its error; this detects only what causes no
/// error.
pub const METADATA_MAX_AGE: Duration = Duration::from_secs(300);

/// Name and secret of a token server's client are encoded in the header, as RFC 6749 demands. Kafka's own clients don't by
/// default (`sasl.oauthbearer.header.urlencode`), for compatibility with their former releases.
pub const HEADER_URLENCODE: bool = true;

/// The usual first component of brokers' principals, as in Kafka's documentation.
pub const KERBEROS_SERVICE: &str = "kafka";

/// Every group, as in `MirrorMaker` 2.
pub const GROUPS: &str = ".*";
/// Filling takes ten minutes and temporarily a few gigabytes on the target, for one partition.
pub const PRESERVE_MAX_PREFIX: i64 = 10_000_000_000;
/// Filling takes half an hour and eight gigabytes on the target, until it compacts or deletes the markers.
pub const PRESERVE_MAX_MARKERS: i64 = 100_000_000;
/// New topics and partitions should be mirrored soon, and a metadata request at this rate costs nothing.
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// The age that group offsets on the target may have when the source is lost.
pub const GROUP_SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// A removed right should soon be removed on the target as well, and reading thousands of ACLs takes milliseconds.
pub const ACL_INTERVAL: Duration = Duration::from_secs(30);
/// A broker processes one produce request of a connection at a time, and one connection saturates a line.
pub const PRODUCE_CONNECTIONS: u16 = 1;
/// The bytes that a link may hold between source and target: three full fetches, and 1,000 partitions within 64 MiB of
/// memory.
pub const MAX_IN_FLIGHT_BYTES: u64 = 24 << 20;
/// The size of a fetch response: large enough to saturate a line of 100 ms at 60 MB/s.
pub const FETCH_MAX_BYTES: i32 = 8 << 20;
/// One partition's share of a fetch response: Kafka's own default, and the default limit of a batch.
pub const PARTITION_MAX_BYTES: i32 = 1 << 20;
/// The default of Kafka's clients.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A tenth of a line of 100 MB/s, and little CPU.
pub const VERIFY_MAX_BYTES_PER_SECOND: u64 = 8 << 20;

/// The prefix of quarantine topics, followed by the link's name; such topics are never mirrored, regardless of a link's
/// expressions.
pub const QUARANTINE_PREFIX: &str = "farshore-quarantine-";

/// A directory below the one in which the service was started.
pub const CHECKPOINT_PATH: &str = "farshore-data";

/// The file with the API's token, in the directory of the checkpoint DB: what survives restarts survives there.
pub const API_TOKEN_FILE: &str = "api-token";
/// Only this machine: what isn't encrypted can be read and repeated by others on the way.
pub const API_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8640);
/// The largest requests of the API are a thousand offsets to translate, and a plan with its lists of groups.
pub const API_MAX_BODY: usize = 256 << 10;
/// Far above the rate of any console or scraper, and far below one that affects mirroring.
pub const API_REQUESTS_PER_SECOND: u32 = 50;
/// Longer than any answer takes that doesn't depend on a broker.
pub const API_TIMEOUT: Duration = Duration::from_secs(10);

/// At the rates a link reaches, more threads than this wait for each other more than they work.
pub const WORKER_THREADS_AT_MOST: usize = 4;
