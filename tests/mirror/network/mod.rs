//! Long, narrow, interrupted and noisy lines to either side, and brokers that throttle their clients (F6 to F10, F24).

mod accidents;
mod advertised;
mod near;
pub(crate) mod quota;
mod sessions;
mod silence;
mod slow;
mod stalled;

use crate::setting::Setting;
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::line::Line;

/// Two clusters that farshore reaches only over lines. On the raw path: librdkafka bypasses the lines for the addresses
/// that brokers advertise.
pub(crate) struct Distant {
    pub(crate) setting: Setting,
    /// One line to each broker, in their order.
    to_paris: Vec<Line>,
    pub(crate) to_oslo: Vec<Line>,
}

impl Distant {
    /// Starts a source of one broker and a target of several, with these lines of a link between them.
    pub(crate) async fn start(oslo_brokers: i32, link: &str) -> Self {
        Self::from(Spec::new(KafkaVersion::V4_1), oslo_brokers, link).await
    }

    /// Like [`Self::start`], with the given source.
    async fn from(paris: Spec, oslo_brokers: i32, link: &str) -> Self {
        Self::from_rack(paris, "", oslo_brokers, link).await
    }

    /// Like [`Self::from`], with further lines of the source's section.
    async fn from_rack(paris: Spec, section: &str, oslo_brokers: i32, link: &str) -> Self {
        let oslo = Spec::new(KafkaVersion::V4_1).brokers(oslo_brokers);
        let link = &format!("path = \"raw\"\n{link}");
        let setting = crate::hazards::between(paris, oslo, link).await;
        let (to_paris, paris) = lines(&setting.paris);
        let (to_oslo, oslo) = lines(&setting.oslo);
        let config = paris_oslo_as(&format!("{section}{paris}"), &oslo, link);
        setting.farshore.configure(&config);
        Self {
            setting,
            to_paris,
            to_oslo,
        }
    }
}

/// A line to each broker, and the lines of the cluster's section that use them.
fn lines(cluster: &Cluster) -> (Vec<Line>, String) {
    let bootstrap = cluster.bootstrap();
    let brokers: Vec<&str> = bootstrap.split(',').collect();
    let lines: Vec<Line> = brokers.iter().map(|broker| Line::open(broker)).collect();
    let servers: Vec<String> = lines
        .iter()
        .map(|it| format!("{:?}", it.address()))
        .collect();
    let mapped: Vec<String> = std::iter::zip(&brokers, &servers)
        .map(|(broker, line)| format!("{broker:?} = {line}"))
        .collect();
    let section = format!(
        "bootstrap_servers = [{}]\naddress_map = {{ {} }}\n",
        servers.join(", "),
        mapped.join(", ")
    );
    (lines, section)
}
