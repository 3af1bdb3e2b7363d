//! Clusters that require authentication.

mod scram;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::ports::Port;
use crate::support::wait::eventually;

const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    user_farshore=\"s3cret\";";

/// A broker on whose second listener farshore has to log in; a session there lasts three seconds (KIP-368).
fn guarded(port: &Port) -> Spec {
    Spec::new(KafkaVersion::V4_1)
        .login(&port.address(), "PLAIN", JAAS)
        .property(
            "listener.name.login.plain.connections.max.reauth.ms",
            "3000",
        )
}

fn cluster(port: &Port, password: &str) -> String {
    format!(
        "bootstrap_servers = [\"{}\"]\nsecurity_protocol = \"SASL_PLAINTEXT\"\n\
         sasl = {{ mechanism = \"PLAIN\", username = \"farshore\", password = \"{password}\" }}\n",
        port.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_and_begin_while_records_are_mirrored() {
    mirrors_through_sessions("topics = [\"orders\"]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_do_on_the_record_path() {
    mirrors_through_sessions("topics = [\"orders\"]\npath = \"record\"").await;
}

async fn mirrors_through_sessions(link: &str) {
    let ports = [Port::reserve(), Port::reserve()];
    let [paris, oslo] = ports.each_ref().map(guarded);
    let mut setting = Setting::between(paris, oslo, link).await;
    setting.topic("orders", 2, &[]).await;
    let sections = |password| ports.each_ref().map(|port| cluster(port, password));

    let [paris, oslo] = sections("wrong");
    setting
        .farshore
        .configure(&paris_oslo_as(&paris, &oslo, link));
    let told = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(text.contains("SASL_AUTHENTICATION_FAILED"), "{text}");
    assert!(text.contains("correct [clusters.paris.sasl]"), "{text}");

    let [paris, oslo] = sections("s3cret");
    setting
        .farshore
        .configure(&paris_oslo_as(&paris, &oslo, link));
    setting.farshore.start().await;
    let mut seen = BTreeSet::new();
    for round in 0..4 {
        for partition in 0..2 {
            let numbers = round * 500..(round + 1) * 500;
            setting.write("orders", partition, numbers).await;
        }
        setting.mirrored("orders", 2).await;
        let before = seen.len();
        let renewed = "farshore logs in again on both sides";
        eventually(Duration::from_secs(60), renewed, async || {
            seen.extend(ports.iter().flat_map(connections_to));
            let more = seen.len() - before;
            // For data and for control, on either side.
            if more >= 4 {
                Ok(())
            } else {
                Err(format!("{more} new connections"))
            }
        })
        .await;
    }
    assert_eq!(setting.compare("orders", 2).await, 4_000);
}

/// The established connections to a local port, by the client's port.
fn connections_to(port: &Port) -> Vec<u32> {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's connections");
    let lines = table.lines().skip(1).filter_map(|line| {
        let [_, local, remote, state, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return None;
        };
        let port_of = |address: &str| u32::from_str_radix(address.split_once(':')?.1, 16).ok();
        let ours = state == ESTABLISHED && port_of(remote)? == u32::from(port.number());
        ours.then(|| port_of(local))?
    });
    lines.collect()
}
