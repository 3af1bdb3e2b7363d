//! What holds where the configuration says nothing, each with its reason.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How farshore names itself to brokers, for their logs, metrics and quotas.
pub const CLIENT_ID: &str = "farshore";
/// Enough for a connection over any distance; a dead broker is given up for the next one after it.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Kafka clients' own value; a changed leader is noticed at once by its error, this only finds what gives no error.
pub const METADATA_MAX_AGE: Duration = Duration::from_secs(300);

/// What brokers' principals begin with nearly everywhere, as Kafka's own documentation does it.
pub const KERBEROS_SERVICE: &str = "kafka";

/// Every group, as in `MirrorMaker` 2.
pub const GROUPS: &str = ".*";
/// Ten minutes and a few gigabytes on the target for one partition, both for a while only.
pub const PRESERVE_MAX_PREFIX: i64 = 10_000_000_000;
/// Half an hour and eight gigabytes on the target, until it compacts or deletes them.
pub const PRESERVE_MAX_MARKERS: i64 = 100_000_000;
/// New topics and partitions should be mirrored soon, and one metadata request in this time costs nothing.
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// How old the offsets of a group on the target may be when the source is lost.
pub const GROUP_SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// One broker works on one produce request of a connection at a time, and one connection fills a line.
pub const PRODUCE_CONNECTIONS: u16 = 1;
/// What a link may hold between source and target: three full fetches, and 1,000 partitions within 64 MiB of memory.
pub const MAX_IN_FLIGHT_BYTES: u64 = 24 << 20;
/// One fetch answer: large enough to fill a line of 100 ms at 60 MB/s.
pub const FETCH_MAX_BYTES: i32 = 8 << 20;
/// One partition's share of a fetch answer: Kafka's own default, and the size of the largest batch by default.
pub const PARTITION_MAX_BYTES: i32 = 1 << 20;
/// Kafka clients' own value.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A tenth of a line of 100 MB/s, and little of a processor.
pub const VERIFY_MAX_BYTES_PER_SECOND: u64 = 8 << 20;

/// Never mirrored back, whatever a link's expressions say; followed by the link's name.
pub const QUARANTINE_PREFIX: &str = "farshore-quarantine-";

/// Beside the place where the service was started.
pub const CHECKPOINT_PATH: &str = "farshore-data";

/// Only this machine: whoever reaches the API can move sites.
pub const API_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8640);
/// The largest request the API knows is a plan with its lists of groups.
pub const API_MAX_BODY: usize = 64 << 10;
/// Far above any console or scraper, far below what costs the mirror anything.
pub const API_REQUESTS_PER_SECOND: u32 = 50;
/// Longer than any answer takes that doesn't wait for a broker.
pub const API_TIMEOUT: Duration = Duration::from_secs(10);

/// More threads than this wait for each other more than they work at the rates a link reaches.
pub const WORKER_THREADS_AT_MOST: usize = 4;
