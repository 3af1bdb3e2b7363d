//! Each partition of each selected topic is either mirrored or told with its obstacle.

use super::*;

fn is_whole(bench: &Bench) {
    let set = bench.set();
    let topics = bench.source.set(|inner| inner.topics.clone());
    for (name, (seen, _)) in topics {
        let mirrored = set.topics.get(&name).map_or(0, |topic| topic.partitions);
        let told = set.unmirrored.get(&name);
        let told = told.map_or(mirrored..mirrored, |it| it.partitions.clone());
        assert_eq!(
            (told.start, told.end),
            (mirrored, seen.partitions),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_cannot_be_created_is_told_with_its_reason() {
    for (code, expected) in [
        (17, Some(HaltCode::NameRefused)),
        (29, Some(HaltCode::NotPermitted)),
        (31, Some(HaltCode::NotPermitted)),
        (37, Some(HaltCode::PolicyRefused)),
        (38, Some(HaltCode::TooManyReplicas)),
        (40, Some(HaltCode::PolicyRefused)),
        (44, Some(HaltCode::PolicyRefused)),
        (7, None),
        (-1, None),
    ] {
        let mut bench = Bench::new();
        bench.source.put("orders", 3);
        bench.target.set(|inner| inner.create_refused = Some(code));
        bench.round().await;
        is_whole(&bench);
        assert_eq!(bench.refusal("orders"), expected, "{code}");
        assert!(bench.obstacle("orders").is_some(), "{code}");
        let unmirrored = &bench.set().unmirrored[&TopicName::from("orders")];
        assert_eq!(unmirrored.mirror_topic.as_str(), "paris.orders");
        bench.target.set(|inner| inner.create_refused = None);
        bench.round().await;
        is_whole(&bench);
        assert_eq!(bench.obstacle("orders"), None, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_collide_are_told_and_hold_nothing_else_up() {
    let mut bench = Bench::new();
    for name in ["orders", "orders.a", "orders_a"] {
        bench.source.put(name, 1);
    }
    bench.round().await;
    is_whole(&bench);
    assert_eq!(bench.refusal("orders_a"), Some(HaltCode::NameCollision));
    assert_eq!(bench.set().topics.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn partitions_that_a_mirror_may_not_get_are_told_and_the_others_go_on() {
    for (code, expected) in [
        (29, Some(HaltCode::PartitionsMissing)),
        (44, Some(HaltCode::PartitionsMissing)),
        (7, None),
    ] {
        let mut bench = Bench::new();
        bench.source.put("orders", 1);
        bench.round().await;
        bench.source.change("orders", |topic| topic.partitions = 3);
        bench.target.set(|inner| inner.grow_refused = Some(code));
        bench.round().await;
        is_whole(&bench);
        assert_eq!(
            (bench.refusal("orders"), bench.conflict()),
            (expected, None)
        );
        let unmirrored = &bench.set().unmirrored[&TopicName::from("orders")];
        assert_eq!(unmirrored.partitions, 1..3);
        bench.target.set(|inner| inner.grow_refused = None);
        bench.round().await;
        is_whole(&bench);
        assert_eq!(bench.obstacle("orders"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn many_topics_are_created_with_few_requests_and_told_as_soon_as_they_exist() {
    let mut bench = Bench::new();
    for number in 0..250 {
        bench.source.put(&format!("orders{number}"), 1);
    }
    let mut told = bench.discovery.watch();
    let seen = async {
        let mut sizes = Vec::new();
        while sizes.last() != Some(&250) {
            told.changed().await.unwrap();
            sizes.push(told.borrow_and_update().topics.len());
        }
        sizes
    };
    let round = async { bench.discovery.round().await.unwrap() };
    let (sizes, ()) = tokio::join!(seen, round);
    assert_eq!(
        sizes,
        [0, 100, 200, 250],
        "those of a request are told before the next one is answered"
    );
    is_whole(&bench);
    assert_eq!(
        bench.target.set(|inner| inner.requests.clone()),
        [100, 100, 50]
    );
}

/// A broker opens the logs of new topics long after the controller has created them.
#[tokio::test(start_paused = true)]
async fn creation_does_not_wait_until_the_brokers_show_what_was_created() {
    let mut bench = Bench::new();
    for number in 0..1_000 {
        bench.source.put(&format!("orders{number}"), 1);
    }
    bench.target.set(|inner| inner.shows_after = 8);
    let mut told = bench.discovery.watch();
    let target = Arc::clone(&bench.target);
    let first = async {
        while told.borrow_and_update().topics.is_empty() {
            told.changed().await.unwrap();
        }
        target.set(|inner| inner.requests.len())
    };
    let round = async { bench.discovery.round().await.unwrap() };
    let (requests, ()) = tokio::join!(first, round);
    assert_eq!(requests, 10, "all were requested before the first showed");
    assert_eq!(bench.set().topics.len(), 1_000);
    is_whole(&bench);
}

/// A worker that asks a leader too early is only refused.
#[tokio::test(start_paused = true)]
async fn a_topic_is_not_told_before_its_leader_serves_it() {
    // Asked too often for one round, it is there at the next.
    for (asked, rounds) in [(3, 1), (20, 2)] {
        let mut bench = Bench::new();
        bench.source.put("orders", 3);
        bench.target.set(|inner| inner.serves_after = asked);
        let mut told = bench.discovery.watch();
        let target = Arc::clone(&bench.target);
        let first = async {
            while told.borrow_and_update().topics.is_empty() {
                told.changed().await.unwrap();
            }
            target.set(|inner| inner.serves_after)
        };
        let first_round = async { bench.discovery.round().await.unwrap() };
        if rounds == 1 {
            assert_eq!(tokio::join!(first, first_round).0, 0);
        } else {
            first_round.await;
            assert_eq!(bench.set().topics.len(), 0);
            is_whole(&bench);
            bench.round().await;
        }
        assert_eq!(bench.set().topics.len(), 1);
        is_whole(&bench);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_quota_does_not_admit_is_told_and_created_as_it_admits_more() {
    let mut bench = Bench::new();
    for number in 0..20 {
        bench.source.put(&format!("orders{number:02}"), 1);
    }
    bench.target.set(|inner| inner.quota = Some(3));
    // A round lasts for one interval of 5 s at most, and the target asks for a pause of 1 s after each request.
    bench.round().await;
    is_whole(&bench);
    assert_eq!(bench.set().topics.len(), 15);
    let Some(Obstacle::Awaited(why)) = bench.obstacle("orders19") else {
        panic!("{:?}", bench.obstacle("orders19"));
    };
    assert!(why.contains("controller_mutation_rate"), "{why}");
    bench.round().await;
    assert_eq!(
        (bench.set().topics.len(), bench.set().unmirrored.len()),
        (20, 0)
    );
}

/// A bench whose link names two topics and has an expression for others.
fn naming() -> Bench {
    let mut bench = Bench::new();
    let names = ["orders", "untold\\.eu", "left-out", "u.*"];
    bench.discovery.config.topics = TopicFilter::new(&names, &["left-.*"]).unwrap();
    bench
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_named_and_not_seen_is_told_until_it_is() {
    let mut bench = naming();
    bench.round().await;
    let set = bench.set();
    let told: Vec<&str> = set.unmirrored.keys().map(TopicName::as_str).collect();
    assert_eq!(told, ["orders", "untold.eu"]);
    let row = &set.unmirrored[&TopicName::from("untold.eu")];
    assert_eq!((row.partitions.clone(), row.initial_partitions), (0..1, 0));
    assert_eq!(row.mirror_topic.as_str(), "paris.untold.eu");
    let Obstacle::Absent(why) = &row.obstacle else {
        panic!("{row:?}");
    };
    assert!(
        why.contains("cluster paris has no topic untold.eu"),
        "{why}"
    );

    bench.source.put("orders", 2);
    bench.source.put("untold.eu", 1);
    bench.source.hide("untold.eu", true);
    bench.round().await;
    assert_eq!(bench.obstacle("orders"), None);
    assert_eq!(bench.refusal("untold.eu"), Some(HaltCode::NotPermitted));
    let Some(Obstacle::Refused(reason)) = bench.obstacle("untold.eu") else {
        panic!("it is hidden");
    };
    let expected = "it was never seen and may exist: refused";
    assert!(reason.message.starts_with(expected), "{reason:?}");

    bench.source.hide("untold.eu", false);
    bench.round().await;
    assert!(bench.set().unmirrored.is_empty());
    assert_eq!(bench.set().topics.len(), 2);
    // From now on it is known, and what happens to it has reasons of its own.
    bench.source.hide("untold.eu", true);
    bench.round().await;
    bench.round().await;
    assert!(bench.set().unmirrored.is_empty());
    let topic = bench.set().topics[&TopicName::from("untold.eu")].clone();
    let code = topic.conflict.map(|reason| reason.code);
    assert_eq!(code, Some(HaltCode::NotPermitted));
}

#[tokio::test(start_paused = true)]
async fn what_the_link_no_longer_names_is_not_told_any_more() {
    let mut bench = naming();
    bench.round().await;
    bench.discovery.config.topics = TopicFilter::new(&["orders"], &[] as &[&str]).unwrap();
    bench.round().await;
    let set = bench.set();
    let told: Vec<&str> = set.unmirrored.keys().map(TopicName::as_str).collect();
    assert_eq!(told, ["orders"]);
}
