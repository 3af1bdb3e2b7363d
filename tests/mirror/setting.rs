//! Two clusters and farshore between them.

use std::time::Duration;

use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::compare;
use crate::support::farshore::{Farshore, paris_oslo};
use crate::support::topics::{self, Counter};

/// How long a mirror may take to catch up in a test.
pub(crate) const CATCH_UP: Duration = Duration::from_secs(120);

/// Source, target and farshore.
pub(crate) struct Setting {
    pub(crate) paris: Cluster,
    pub(crate) oslo: Cluster,
    pub(crate) farshore: Farshore,
}

impl Setting {
    /// Starts both clusters; farshore is configured with these lines of its link and not started.
    pub(crate) async fn start(version: KafkaVersion, link: &str) -> Self {
        let paris = Cluster::start(Spec::new(version)).await;
        let oslo = Cluster::start(Spec::new(version)).await;
        let farshore = farshore(&paris, &oslo, link);
        Self {
            paris,
            oslo,
            farshore,
        }
    }

    /// Creates a topic on the source that keeps records of any age.
    pub(crate) async fn topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let mut all = vec![
            ("retention.ms", "-1"),
            ("message.timestamp.after.max.ms", "9223372036854775807"),
        ];
        all.extend_from_slice(configs);
        topics::create(&self.paris.bootstrap(), name, partitions, 1, &all).await;
    }

    /// Counts what the target holds of a topic, once it is there.
    pub(crate) async fn on_target(&self, topic: &str, partitions: i32) -> Counter {
        let bootstrap = self.oslo.bootstrap();
        topics::wait_led(&bootstrap, topic, partitions).await;
        Counter::new(&bootstrap, topic, partitions)
    }

    /// Compares a topic with its mirror; gives the number of records.
    pub(crate) async fn compare(&self, topic: &str, partitions: i32) -> u64 {
        let (source, target) = (self.paris.bootstrap(), self.oslo.bootstrap());
        compare::topics((&source, topic), (&target, topic), partitions)
            .await
            .records
    }
}

/// A farshore of its own for a link between two clusters.
pub(crate) fn farshore(paris: &Cluster, oslo: &Cluster, link: &str) -> Farshore {
    let binary = env!("CARGO_BIN_EXE_farshore");
    Farshore::new(
        binary,
        &paris_oslo(&paris.bootstrap(), &oslo.bootstrap(), link),
    )
}
