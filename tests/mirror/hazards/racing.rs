//! Two processes of one link without a lease, each with its own checkpoint DB: sequence numbers of one are refused once the
//! other has appended there, so together they write what one would.

use super::sight::caught_up;
use super::{between, numbered, spec};
use crate::setting::CATCH_UP;
use crate::support::seed;
use crate::support::write::Writer;

#[tokio::test]
async fn two_processes_of_a_link_write_what_one_would() {
    const COUNT: usize = 100_000;
    const PARTITIONS: i32 = 4;
    const KILLS: usize = 6;
    // Without a journal the record path stops before the other's records: `record::racing`.
    let link = "path = \"raw\"\ntopics = [\"t\"]\njournal = false\nfetch_max_bytes = \"256KiB\"\npartition_max_bytes = \"64KiB\"";
    let mut setting = between(spec(), spec(), link).await;
    let mut other = crate::setting::farshore(&setting.paris, &setting.oslo, link);
    setting.topic("t", PARTITIONS, &[]).await;
    let each = COUNT / PARTITIONS as usize;
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &[("linger.ms", "10")]);
    let records =
        (0..each).flat_map(|n| (0..PARTITIONS).flat_map(move |p| numbered(p, n..n + 1, 100)));
    writer.write(records).await;

    let mut rng = seed::rng();
    let mut kills: Vec<(i64, bool)> = (0..KILLS)
        .map(|_| (rng.i64(0..COUNT as i64 * 9 / 10), rng.bool()))
        .collect();
    kills.sort_unstable();
    setting.farshore.launch();
    other.launch();
    let target = setting.on_target("t", PARTITIONS).await;
    for (at, first) in kills {
        target.reaches(at, CATCH_UP).await;
        let victim = if first {
            &mut setting.farshore
        } else {
            &mut other
        };
        victim.kill9();
        victim.launch();
    }
    for partition in 0..PARTITIONS {
        for one in [&setting.farshore, &other] {
            caught_up(one, ("t", partition), each as i64).await;
        }
    }
    assert_eq!(setting.compare("t", PARTITIONS).await, COUNT as u64);
}
