//! Even if it is killed while it decides about histories, farshore decides about each once.

use super::told::{content, decisions, is_mapped};
use crate::hazards::sight::caught_up;
use crate::hazards::truncated::cut;
use crate::hazards::{between, broker, noise, numbered, spec, write_batches};
use crate::setting::{CATCH_UP, Setting};
use crate::support::seed;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

/// The environment variable that sets the number of rounds of decisions, each with some kills.
const ROUNDS: &str = "FARSHORE_DECISION_ROUNDS";
const USUAL: usize = 2;
const KILLS: usize = 3;

const LINK: &str = "topics = [\".*\"]\nrefresh_interval = \"500ms\"\non_gap = \"follow\"\non_recreate = \"follow\"\n\
    on_truncate = \"follow\"\non_foreign_write = \"adopt\"\non_refused = \"skip_with_receipt\"\n\
    [[links.paris-oslo.overrides]]\ntopics = [\"anew\"]\non_recreate = \"reseed\"";
const TOPICS: [&str; 6] = ["gap", "again", "anew", "short", "foreign", "refused"];
const QUARANTINE: &str = "farshore-quarantine-paris-oslo";
const SMALL: [(&str, &str); 2] = [("retention.ms", "-1"), ("max.message.bytes", "20000")];

/// The number of records of each topic on the source and on the target, and the source offsets of `refused` that aren't
/// mirrored.
#[derive(Default)]
struct Ledger {
    source: [i64; 6],
    target: [i64; 6],
    refused: Vec<i64>,
}

impl Ledger {
    fn add(&mut self, topic: usize, count: i64) {
        self.source[topic] += count;
        self.target[topic] += count;
    }
}

async fn write(setting: &Setting, topic: &str, count: i64) {
    let first = fastrand::usize(0..1_000_000);
    let count = usize::try_from(count).expect("a count");
    write_batches(setting, topic, 0, std::iter::once(first..first + count), 20).await;
}

/// Causes one event in each topic while farshore is down. Each topic has ten records before it, and ten are added.
async fn happen(setting: &mut Setting, ledger: &mut Ledger) {
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    setting.paris.kill(1);
    cut(&setting.paris.data_dir(1), "short", ledger.source[3] - 10);
    setting.paris.restart(1).await;
    for topic in TOPICS {
        topics::wait_led(&paris, topic, 1).await;
    }
    for topic in ["again", "anew"] {
        topics::delete(&paris, topic).await;
        setting.topic(topic, 1, &[]).await;
    }
    let stranger = Writer::new(&oslo, "foreign", &[]);
    stranger.write(numbered(0, 0..3, 20)).await;
    write(setting, "gap", 10).await;
    let lost = ledger.source[0] + 10;
    topics::delete_records(&paris, "gap", 0, lost).await;
    broker::configure(&paris, "refused", &[("retention.ms", "-1")]).await;
    let writer = Writer::new(&paris, "refused", &[]);
    writer.write([Record::new(0, "huge", noise(30_000))]).await;
    broker::configure(&paris, "refused", &SMALL).await;
    for topic in TOPICS {
        write(setting, topic, 10).await;
    }
    ledger.source[0] += 10;
    ledger.refused.push(ledger.source[5]);
    ledger.source[5] += 1;
    (ledger.source[1], ledger.source[2], ledger.target[2]) = (0, 0, 0);
    ledger.source[3] -= 10;
    ledger.target[4] += 3;
    for topic in 0..TOPICS.len() {
        ledger.add(topic, 10);
    }
}

/// Waits until a random part of the pending records is on the target.
async fn some_progress(setting: &Setting, ledger: &Ledger, rng: &mut fastrand::Rng) {
    let topic = rng.usize(0..TOPICS.len());
    let oslo = setting.oslo.bootstrap();
    let end = async || topics::try_watermarks(&oslo, TOPICS[topic], 0).await;
    let now = end().await.map_or(0, |(_, end)| end);
    let wanted = now + rng.i64(0..=(ledger.target[topic] - now).max(0));
    eventually(
        CATCH_UP,
        &format!("{} reaches {wanted}", TOPICS[topic]),
        async || match end().await {
            Ok((_, end)) if end >= wanted || end < now => Ok(()),
            other => Err(format!("{other:?}")),
        },
    )
    .await;
}

#[tokio::test]
async fn each_decision_is_made_once_and_as_a_whole() {
    let rounds = std::env::var(ROUNDS).ok().and_then(|it| it.parse().ok());
    let rounds = rounds.unwrap_or(USUAL);
    let mut setting = between(spec(), spec(), LINK).await;
    let mut ledger = Ledger::default();
    for (place, topic) in TOPICS.into_iter().enumerate() {
        setting.topic(topic, 1, &[]).await;
        write(&setting, topic, 10).await;
        // Two batches, so that there is a boundary to cut at.
        write(&setting, topic, 10).await;
        ledger.add(place, 20);
    }
    topics::create(&setting.oslo.bootstrap(), "refused", 1, 1, &SMALL).await;
    broker::configure(&setting.paris.bootstrap(), "refused", &SMALL).await;
    setting.farshore.start().await;
    let mut rng = seed::rng();
    for round in 1..=rounds {
        for (topic, end) in TOPICS.into_iter().zip(ledger.source) {
            caught_up(&setting.farshore, (topic, 0), end).await;
        }
        // A clean stop: what was mirrored is known, so that its loss can be detected.
        setting.farshore.sigterm().await;
        happen(&mut setting, &mut ledger).await;
        for _ in 0..KILLS {
            setting.farshore.launch();
            some_progress(&setting, &ledger, &mut rng).await;
            setting.farshore.kill9();
        }
        setting.farshore.start().await;
        is_as_decided(&setting, &ledger, round).await;
    }
}

async fn is_as_decided(setting: &Setting, ledger: &Ledger, round: usize) {
    for (place, topic) in TOPICS.into_iter().enumerate() {
        eventually(
            CATCH_UP,
            &format!("{topic} is as long as it is to be"),
            async || {
                topics::try_watermarks(&setting.oslo.bootstrap(), topic, 0).await?;
                let shown = setting.shown(topic, 1).await?;
                (shown == ledger.target[place])
                    .then_some(())
                    .ok_or_else(|| format!("{shown}, not {}", ledger.target[place]))
            },
        )
        .await;
        caught_up(&setting.farshore, (topic, 0), ledger.source[place]).await;
        let skipped = if topic == "refused" {
            &ledger.refused[..]
        } else {
            &[]
        };
        is_mapped(setting, topic, 0, skipped).await;
        let decided = decisions(&setting.farshore, topic).await;
        assert_eq!(decided.len(), round, "{topic}: {decided:?}");
    }
    let receipts = content(&setting.oslo.bootstrap(), QUARANTINE, 0).await;
    assert_eq!(receipts.len(), round, "{receipts:?}");
}
