//! The only module that knows Kafka's protocol: batches, connections and administrative requests. It knows nothing of
//! links.

pub mod acl;
pub mod admin;
pub mod batch;
pub mod client;
pub(crate) mod data;
pub mod record;
#[cfg(test)]
pub(crate) mod testing;

pub use data::fetcher::Fetcher;
pub use data::path::{Reading, Sink, Source};
pub use data::requests::{
    Diverging, FetchChange, FetchLimits, FetchOrder, FetchPartition, FetchTicket, FetchedPartition,
    ProduceAnswer, ProducePart, start_fetch, start_produce,
};
