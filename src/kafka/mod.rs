//! The only place that knows Kafka's protocol: batches, connections and administrative requests. It knows no links.

pub mod admin;
pub mod batch;
pub mod record;
pub mod wire;

mod fetcher;
mod path;
mod session;
mod stream;

pub use fetcher::Fetcher;
pub use path::{Reading, Sink, Source};
pub use stream::{
    Diverging, FetchChange, FetchLimits, FetchOrder, FetchPartition, FetchTicket, FetchedPartition,
    ProduceAnswer, ProducePart, start_fetch, start_produce,
};
