use super::*;

#[tokio::test(start_paused = true)]
async fn a_running_mirror_whose_configs_cannot_be_changed_now_stays_as_it_was() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    let before = bench.round().await;
    bench.source.set(|inner| {
        let (_, configs) = inner.topics.get_mut(&TopicName::from("orders")).unwrap();
        configs.insert("retention.ms".into(), "5".into());
    });
    bench.target.set(|inner| inner.alter_refused = Some(7));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(bench.round().await, before);
    bench.target.set(|inner| inner.alter_refused = None);
    assert_eq!(bench.round().await, before);
    let retention = bench.target.set(|inner| {
        let (_, configs) = &inner.topics[&TopicName::from("paris.orders")];
        configs["retention.ms"].clone()
    });
    assert_eq!(retention, "5");
}
