//! Brokers with several listeners, which advertise addresses that lead nowhere from here.

mod listeners;
mod names;

use std::collections::BTreeMap;

use crate::setting::Setting;
use crate::support::brokers::Listener;
use crate::support::farshore::paris_oslo_as;
use crate::support::ports::Port;

const LINK: &str = "path = \"raw\"\ntopics = [\"orders\"]\nrefresh_interval = \"500ms\"\n\
                    request_timeout = \"3s\"";
const PARTITIONS: i32 = 4;

/// A listener of all brokers on these ports, counted from 1, and what each of them advertises.
fn listener(
    name: &'static str,
    protocol: &'static str,
    ports: &[Port],
    advertised: impl Fn(i32) -> String,
) -> Listener {
    let brokers: BTreeMap<i32, (String, String)> = (1..)
        .zip(ports)
        .map(|(id, port)| (id, (port.address(), advertised(id))))
        .collect();
    Listener {
        name,
        protocol,
        brokers,
    }
}

/// What `farshore check` says about clusters with these sections.
async fn check(setting: &Setting, paris: &str, oslo: &str) -> String {
    configure(setting, paris, oslo);
    let output = setting.farshore.cli(&["check"]).await;
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn configure(setting: &Setting, paris: &str, oslo: &str) {
    let text = paris_oslo_as(paris, oslo, LINK);
    setting.farshore.configure(&text);
}

/// Writes to all partitions, and checks that all records arrive as they are.
async fn mirrors(setting: &Setting, numbers: std::ops::Range<i64>) {
    for partition in 0..PARTITIONS {
        setting.write("orders", partition, numbers.clone()).await;
    }
    setting.mirrored("orders", PARTITIONS).await;
    let records = setting.compare("orders", PARTITIONS).await;
    let wanted = i64::from(PARTITIONS) * numbers.end;
    assert_eq!(records, wanted.unsigned_abs());
}
