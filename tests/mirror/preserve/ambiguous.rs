//! Marker requests whose outcome is unknown and that land late (H22).

use super::{ends_meet, is_the_same};
use crate::histories::write_transactions;
use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::farshore::{Farshore, paris_oslo};
use crate::support::proxy::Proxy;
use crate::support::write::{Outcome, Record, Writer};

/// Starts both clusters, with farshore reaching the target only through a proxy.
async fn behind_proxy() -> (Setting, Proxy) {
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"t\"]").await;
    let proxy = Proxy::start(&setting.oslo.bootstrap());
    setting.farshore = Farshore::new(
        env!("CARGO_BIN_EXE_farshore"),
        &through(&setting, &proxy.address()),
    );
    (setting, proxy)
}

/// Makes farshore, which isn't running, reach the target through another proxy from now on.
fn reached_through(setting: &mut Setting) -> Proxy {
    let proxy = Proxy::start(&setting.oslo.bootstrap());
    let config = through(setting, &proxy.address());
    setting.farshore.configure(&config);
    proxy
}

fn through(setting: &Setting, address: &str) -> String {
    let map = format!(
        "topics = [\"t\"]\noffsets = \"preserve\"\n\n[clusters.oslo.address_map]\n{:?} = {:?}",
        setting.oslo.bootstrap(),
        address
    );
    paris_oslo(&setting.paris.bootstrap(), address, &map)
}

/// Writes an aborted transaction: a gap of `count` offsets and a marker.
async fn abort(setting: &Setting, count: usize) {
    let settings = [("transactional.id", "aborting")];
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &settings);
    writer.init_transactions().await;
    let records = (0..count).map(|n| Record::new(0, format!("a{n}"), "aborted"));
    writer.transaction(records, Outcome::Abort).await;
}

/// Two processes in a row are killed with markers in flight, the second one's meant to fence the first one's.
#[tokio::test]
async fn what_shuts_out_late_markers_is_shut_out_itself_if_it_comes_late() {
    let (mut setting, first) = behind_proxy().await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    first.keep_markers(1);
    abort(&setting, 50).await;
    setting.write("t", 0, 200..300).await;
    first.wait_kept(1).await;
    setting.farshore.kill9();
    let second = reached_through(&mut setting);
    second.keep_markers(1);
    setting.farshore.launch();
    second.wait_kept(1).await;
    setting.farshore.kill9();
    let _third = reached_through(&mut setting);
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    first.deliver_kept();
    second.deliver_kept();
    write_transactions(&setting, "t", 3).await;
    is_the_same(&setting, "t", 1).await;
    ends_meet(&setting, "t", 0).await;
}

/// The markers for a gap are held back; farshore is cut off and perhaps killed; they land when it is back.
async fn late_markers_shift_nothing(gap: usize, kills: bool, lands: bool) {
    let (mut setting, proxy) = behind_proxy().await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    proxy.keep_markers(1);
    abort(&setting, gap).await;
    setting.write("t", 0, 200..300).await;
    proxy.wait_kept(1).await;
    if kills {
        setting.farshore.kill9();
    }
    if lands {
        proxy.deliver_kept();
    }
    proxy.open();
    if kills {
        setting.farshore.start().await;
    }
    is_the_same(&setting, "t", 1).await;
    if !lands {
        // By now their epoch is an old one.
        proxy.deliver_kept();
    }
    write_transactions(&setting, "t", 3).await;
    is_the_same(&setting, "t", 1).await;
    ends_meet(&setting, "t", 0).await;
}

#[tokio::test]
async fn markers_that_landed_unseen_are_counted() {
    late_markers_shift_nothing(50, false, true).await;
}

#[tokio::test]
async fn markers_that_landed_unseen_by_a_killed_process_are_counted() {
    late_markers_shift_nothing(50, true, true).await;
}

#[tokio::test]
async fn markers_that_land_later_are_shut_out() {
    late_markers_shift_nothing(50, false, false).await;
}

#[tokio::test]
async fn markers_of_a_killed_process_that_land_later_are_shut_out() {
    late_markers_shift_nothing(50, true, false).await;
}
