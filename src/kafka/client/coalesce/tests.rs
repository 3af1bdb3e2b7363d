use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, join_all};
use futures_util::poll;
use tokio::sync::Notify;

use super::*;

type Log = Mutex<Vec<Vec<(TopicPartition, i64)>>>;

fn orders(partition: i32) -> TopicPartition {
    TopicPartition::new("orders", partition)
}

/// A broker that answers with the details, times ten, and logs the requests.
#[derive(Default)]
struct Broker {
    log: Log,
    /// Lets one request be answered.
    go_on: Notify,
    waits: AtomicBool,
}

impl Broker {
    async fn send(
        &self,
        asked: Vec<(TopicPartition, i64)>,
    ) -> Result<BTreeMap<TopicPartition, i64>> {
        self.log.lock().push(asked.clone());
        if self.waits.load(Ordering::Relaxed) {
            self.go_on.notified().await;
        }
        let known = asked.into_iter().filter(|(it, _)| it.partition.0 != 99);
        Ok(known.map(|(of, details)| (of, details * 10)).collect())
    }

    fn sizes(&self) -> Vec<usize> {
        self.log.lock().iter().map(Vec::len).collect()
    }
}

#[tokio::test]
async fn questions_that_wait_go_into_one_request_without_a_partition_twice() {
    let (coalescer, broker) = (Coalescer::default(), Broker::default());
    let ask = async |partition: i32, details: i64| {
        let of = orders(partition);
        coalescer
            .ask(&of, details, |it| broker.send(it))
            .await
            .unwrap()
    };
    broker.waits.store(true, Ordering::Relaxed);
    let asking = join_all([ask(0, 1), ask(1, 2), ask(2, 3), ask(1, 4), ask(99, 5)]);
    let answering = async {
        while broker.sizes().is_empty() {
            tokio::task::yield_now().await;
        }
        broker.waits.store(false, Ordering::Relaxed);
        broker.go_on.notify_one();
    };
    let (told, ()) = join(asking, answering).await;
    assert_eq!(told, [Some(10), Some(20), Some(30), Some(40), None]);
    assert_eq!(broker.sizes(), [1, 3, 1]);
    assert_eq!(
        ask(0, 7).await,
        Some(70),
        "a later question has its own request"
    );
    assert_eq!(broker.sizes(), [1, 3, 1, 1]);
}

#[tokio::test]
async fn many_questions_go_into_several_requests() {
    let (coalescer, broker) = (Coalescer::default(), Broker::default());
    let ask = async |partition: i32| {
        let of = orders(partition);
        coalescer.ask(&of, 1, |it| broker.send(it)).await.unwrap()
    };
    let told = join_all((100..1_300).map(ask)).await;
    assert!(told.iter().all(|it| *it == Some(10)));
    assert!(broker.sizes().iter().all(|it| *it <= PARTITIONS_AT_ONCE));
    assert_eq!(broker.sizes().iter().sum::<usize>(), 1_200);
}

#[tokio::test]
async fn if_the_sender_gives_up_the_others_ask_again() {
    let (coalescer, broker) = (Coalescer::default(), Broker::default());
    broker.waits.store(true, Ordering::Relaxed);
    let ask = |partition: i32| {
        let (coalescer, broker) = (&coalescer, &broker);
        Box::pin(async move {
            let of = orders(partition);
            coalescer.ask(&of, 1, |it| broker.send(it)).await.unwrap()
        })
    };
    let (mut first, mut second, mut third) = (ask(0), ask(1), ask(2));
    for waiting in [&mut first, &mut second, &mut third] {
        assert!(poll!(waiting).is_pending());
    }
    broker.go_on.notify_one();
    assert_eq!(first.await, Some(10));
    // It sends for both, and is given up.
    assert!(poll!(&mut second).is_pending());
    assert!(poll!(&mut third).is_pending());
    assert_eq!(broker.sizes(), [1, 2]);
    drop(second);
    broker.waits.store(false, Ordering::Relaxed);
    assert_eq!(third.await, Some(10));
    assert_eq!(broker.sizes(), [1, 2, 1]);
    assert!(coalescer.waiting.lock().is_empty());
}
