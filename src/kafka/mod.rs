//! The only place that knows Kafka's protocol: batches, connections and administrative requests. It knows no links.

pub mod admin;
pub mod batch;
pub mod wire;
