//! `start = "latest"` means the end at the link's first start (H10): what is written while farshore is down isn't skipped.

use super::sight::caught_up;
use super::{between, spec, write_batches};
use crate::support::compare;
use crate::support::read::Partition;
use crate::support::topics;

#[tokio::test]
async fn latest_is_worked_out_once_and_for_what_was_there() {
    let link = "topics = [\"old\", \"new\"]\nstart = \"latest\"\nrefresh_interval = \"500ms\"";
    let mut setting = between(spec(), spec(), link).await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    setting.topic("old", 1, &[]).await;
    write_batches(&setting, "old", 0, [0..100], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("old", 0), 100).await;
    setting.farshore.kill9();

    write_batches(&setting, "old", 0, [100..150], 20).await;
    setting.topic("new", 1, &[]).await;
    write_batches(&setting, "new", 0, [0..30], 20).await;
    topics::grow(&paris, "old", 2).await;
    write_batches(&setting, "old", 1, [0..20], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("old", 0), 150).await;
    caught_up(&setting.farshore, ("new", 0), 30).await;
    caught_up(&setting.farshore, ("old", 1), 20).await;
    setting.holds("old", 0, 0..50).await;
    let isolation = setting.path.isolation();
    let source = Partition::new(&paris, "old", 0).from(100);
    let target = Partition::new(&oslo, "old", 0).seen(isolation);
    let compared = compare::partitions(&source, &target, |_, _| {}).await;
    assert_eq!(compared.map(|it| it.records), Ok(50));
    assert_eq!(setting.compare("new", 1).await, 30);
    let (source, target) = (
        Partition::new(&paris, "old", 1),
        Partition::new(&oslo, "old", 1).seen(isolation),
    );
    let compared = compare::partitions(&source, &target, |_, _| {}).await;
    assert_eq!(compared.map(|it| it.records), Ok(20));
}
