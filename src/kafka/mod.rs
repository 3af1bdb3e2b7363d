//! The only place that knows Kafka's protocol: batches, connections and administrative requests. It knows no links.

pub mod admin;
pub mod batch;
pub mod record;
pub mod wire;

mod path;
mod stream;

pub use path::{Sink, Source};
pub use stream::{
    Diverging, FetchOrder, FetchPartition, FetchedPartition, ProduceAnswer, ProducePart,
    start_fetch, start_produce,
};
