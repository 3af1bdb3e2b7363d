//! The wire client: connections to brokers, the versions they speak, and who leads what.
//!
//! ```text
//! Cluster ── metadata, coordinators ──┐
//!    └─ pool ── Connection ── Link ── Transport (TCP; TLS in the same place)
//!                  └─ Pending (one answer)
//! ```
//!
//! Promises: every request has one outcome within its time limit; what is in flight, connections and retries are
//! limited; one table decides what is retried. Doesn't: know links, topics to mirror, or what a batch holds.

mod address;
mod cluster;
pub(crate) mod codes;
mod connection;
#[cfg(test)]
pub(crate) mod fake;
mod flight;
mod frame;
mod handshake;
mod link;
mod message;
mod metadata;
pub(crate) mod names;
mod outgoing;
mod pending;
mod pool;
mod produce;
mod request;
mod route;
mod sasl;
mod transport;
mod versions;

pub use address::{HostPort, NotAnAddress};
pub use cluster::{Cluster, ClusterSettings};
pub use codes::{Retry, code_name, retry_of};
pub use connection::Connection;
pub use kafka_protocol::messages::ApiKey;
pub use metadata::{Leader, Metadata, PartitionMetadata, TopicMetadata};
pub use pending::Pending;
pub use pool::Slot;
pub use produce::{ProduceBatches, ProduceTopic};
pub use request::Request;
pub use route::Route;
pub use sasl::{Answer, Exchange, Kerberos, Login, LoginError, Mechanism, Password};
pub use transport::{Plain, ReadHalf, Transport, WriteHalf};
