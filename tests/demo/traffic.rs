//! The activity on the source: three topics and their producers.

use indicatif::ProgressBar;

use crate::records::{Forge, Keys};
use crate::support::groups::TopicPartition;
use crate::support::topics;
use crate::support::write::{Outcome, Writer};

/// Plain, in every codec and several batch sizes.
pub(crate) const ORDERS: Topic = Topic {
    name: "orders",
    partitions: 6,
};
/// Keyed and compacted.
pub(crate) const CUSTOMERS: Topic = Topic {
    name: "customers",
    partitions: 3,
};
/// Written in transactions, some of which abort.
pub(crate) const PAYMENTS: Topic = Topic {
    name: "payments",
    partitions: 3,
};
/// Everything the link mirrors.
pub(crate) const TOPICS: [Topic; 3] = [ORDERS, CUSTOMERS, PAYMENTS];

const ORDERS_PER_HALF: usize = 350_000;
const CUSTOMERS_WRITTEN: usize = 100_000;
const DIFFERENT_CUSTOMERS: u32 = 20_000;
const TRANSACTIONS_PER_HALF: usize = 200;
const PAYMENTS_PER_TRANSACTION: usize = 500;
const ONE_ABORTS_OF: usize = 10;

/// Codecs and batch sizes, used in turn within every partition.
const FORMS: [(&str, &str); 5] = [
    ("none", "16384"),
    ("lz4", "65536"),
    ("zstd", "262144"),
    ("snappy", "16384"),
    ("gzip", "65536"),
];
const RECORDS_PER_TURN: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic {
    /// The name, the same on both sides.
    pub(crate) name: &'static str,
    pub(crate) partitions: i32,
}

impl Topic {
    /// The partitions of the topic.
    pub(crate) fn all(self) -> impl Iterator<Item = TopicPartition> {
        (0..self.partitions).map(move |partition| (self.name.to_owned(), partition))
    }
}

/// Every partition of every topic.
pub(crate) fn partitions() -> impl Iterator<Item = TopicPartition> {
    TOPICS.into_iter().flat_map(Topic::all)
}

/// The producers of the source.
pub(crate) struct Traffic {
    orders: Forge,
    order_writers: Vec<Writer>,
    payments: Forge,
    payment_writer: Writer,
}

impl Traffic {
    /// Creates the topics and connects the producers.
    pub(crate) async fn new(bootstrap: &str) -> Self {
        // Quick to compact; whatever is in the youngest segment of 1 MiB isn't compacted.
        let compacted = [
            ("cleanup.policy", "compact"),
            ("segment.bytes", "1048576"),
            ("min.cleanable.dirty.ratio", "0.001"),
        ];
        topics::create(bootstrap, ORDERS.name, ORDERS.partitions, 1, &[]).await;
        topics::create(
            bootstrap,
            CUSTOMERS.name,
            CUSTOMERS.partitions,
            1,
            &compacted,
        )
        .await;
        topics::create(bootstrap, PAYMENTS.name, PAYMENTS.partitions, 1, &[]).await;
        let order_writer = |(codec, bytes)| {
            let settings = [
                ("compression.type", codec),
                ("batch.size", bytes),
                ("linger.ms", "5"),
            ];
            Writer::new(bootstrap, ORDERS.name, &settings)
        };
        let settings = [
            ("transactional.id", "payments"),
            ("compression.type", "lz4"),
            ("linger.ms", "5"),
        ];
        let payment_writer = Writer::new(bootstrap, PAYMENTS.name, &settings);
        payment_writer.init_transactions().await;
        Self {
            orders: Forge::new(1, ORDERS.partitions, Keys::Fresh),
            order_writers: FORMS.into_iter().map(order_writer).collect(),
            payments: Forge::new(2, PAYMENTS.partitions, Keys::Fresh),
            payment_writer,
        }
    }

    /// Writes half of the orders and payments, concurrently.
    pub(crate) async fn write_half(&mut self, written: &ProgressBar) {
        let Self {
            orders,
            order_writers,
            payments,
            payment_writer,
            ..
        } = self;
        tokio::join!(
            write_orders(orders, order_writers, written),
            write_payments(payments, payment_writer, written)
        );
    }
}

/// Writes all customers, before anything is mirrored, so that compaction comes first.
pub(crate) async fn write_customers(bootstrap: &str, written: &ProgressBar) {
    let settings = [("compression.type", "lz4"), ("linger.ms", "5")];
    let writer = Writer::new(bootstrap, CUSTOMERS.name, &settings);
    let keys = Keys::Recurring(DIFFERENT_CUSTOMERS);
    let mut forge = Forge::new(3, CUSTOMERS.partitions, keys);
    for _ in 0..CUSTOMERS_WRITTEN / RECORDS_PER_TURN {
        write_turn(&mut forge, &writer, written).await;
    }
}

async fn write_orders(forge: &mut Forge, writers: &[Writer], written: &ProgressBar) {
    let turns = ORDERS_PER_HALF / RECORDS_PER_TURN;
    for writer in writers.iter().cycle().take(turns) {
        write_turn(forge, writer, written).await;
    }
}

async fn write_turn(forge: &mut Forge, writer: &Writer, written: &ProgressBar) {
    let records: Vec<_> = forge.take(RECORDS_PER_TURN).collect();
    writer.write(records).await;
    written.inc(RECORDS_PER_TURN as u64);
}

async fn write_payments(forge: &mut Forge, writer: &Writer, written: &ProgressBar) {
    for number in 0..TRANSACTIONS_PER_HALF {
        let outcome = match number % ONE_ABORTS_OF {
            0 => Outcome::Abort,
            _ => Outcome::Commit,
        };
        let records: Vec<_> = forge.take(PAYMENTS_PER_TRANSACTION).collect();
        writer.transaction(records, outcome).await;
        written.inc(PAYMENTS_PER_TRANSACTION as u64);
    }
}

/// The number of records written before anything is mirrored, including aborted ones.
pub(crate) fn written_at_first() -> usize {
    ORDERS_PER_HALF + CUSTOMERS_WRITTEN + TRANSACTIONS_PER_HALF * PAYMENTS_PER_TRANSACTION
}

/// The number of records written in total, and how many more are aborted.
pub(crate) fn written() -> (usize, usize) {
    let payments = 2 * TRANSACTIONS_PER_HALF * PAYMENTS_PER_TRANSACTION;
    let aborted = payments / ONE_ABORTS_OF;
    (
        2 * ORDERS_PER_HALF + CUSTOMERS_WRITTEN + payments - aborted,
        aborted,
    )
}
