//! The wire client: connections to brokers, the API versions they support, and partition leaders.
//!
//! ```text
//! Cluster ── metadata, coordinators ──┐
//!    └─ pool ── Connection ── Link ── Transport (TCP or SOCKS, TLS over it)
//!                  └─ Pending (one answer)
//! ```
//!
//! Promises: every request has exactly one outcome, within its timeout; requests in flight, connections and retries are
//! bounded; a single table decides what is retried.
//! Doesn't: know about links, which topics are mirrored, or what a batch contains.

mod address;
mod address_map;
mod auth;
mod cluster;
pub(crate) mod coalesce;
mod connection;
mod dial;
mod encode;
mod endpoint;
pub(crate) mod error_codes;
mod frame;
mod handshake;
mod layout;
mod metadata;
pub(crate) mod names;
mod pool;
mod produce;
mod request;
mod response;
mod retry;
mod single_flight;
mod socks;
mod stream;
mod stream_end;
mod tls;
mod transport;
mod versions;
mod write_queue;

#[cfg(test)]
pub(crate) mod testing;

pub use address::{HostPort, NotAnAddress};
pub use address_map::{AddressMap, AddressRule, BadEntry, Lead, Misled, NameTold};
pub(crate) use auth::check_extensions;
pub use auth::{
    Bearer, ClientCredentials, CommandLine, Credentials, Exchange, Kerberos, Login, LoginError,
    LoginToken, Mechanism, Password, SaslStep, Scram, ScramHash, TokenSource, TokenUrl,
};
pub use cluster::{Cluster, ClusterSettings};
pub use connection::Connection;
pub use endpoint::Endpoint;
pub use error_codes::{Retry, code_name, retry_of};
pub use kafka_protocol::messages::ApiKey;
pub use layout::check_response;
pub use metadata::{Leader, Metadata, PartitionMetadata, TopicMetadata};
pub use pool::Slot;
pub use produce::{ProduceBatches, ProduceTopic};
pub use request::Request;
pub use response::PendingResponse;
pub use retry::Recipient;
pub(crate) use socks::SOCKS_LOGIN_MAX;
pub use socks::{Socks, SocksLogin, SocksProxy};
pub use tls::{Tls, TlsFailure, TlsFile, TlsFileError, TlsIdentity, TlsSettings};
pub use transport::{ByteStream, Plain, ReadHalf, Transport, WriteHalf};
