//! `farshore status`: links and mirror partitions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, understood};
use super::intents::told;
use super::json::write_json;
use super::table::{Align, Table, or_dash};
use super::verify::in_words;
use super::{ExitCode, Failure, Output, StatusArgs};
use crate::contract::{LinkAnswer, PartitionAnswer, SharedDetail, TopicAnswer};
use crate::model::{ClusterName, LinkName, OneLine, PartitionState, TopicName};
use crate::verify::Outcome;

const REDRAW_AFTER: Duration = Duration::from_secs(2);
/// How many partitions with the same note are named.
const PLACES_NAMED: usize = 4;
/// Clears the terminal and moves the cursor to the first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(super) fn run(
    client: &Client,
    args: &StatusArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    if !args.watch {
        return show(client, output, out);
    }
    let clear = std::io::stdout().is_terminal() && output == Output::Table;
    loop {
        let mut page = Vec::new();
        if let Err(failure) = show(client, output, &mut page) {
            // A service that restarts comes back, so keep watching.
            writeln!(page, "{failure}")?;
        }
        if clear {
            out.write_all(CLEAR.as_bytes())?;
        }
        out.write_all(&page)?;
        out.flush()?;
        sleep(REDRAW_AFTER);
    }
}

fn show(client: &Client, output: Output, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let answer = client.get(&["v1", "links"])?;
    let mut links: Vec<(LinkAnswer, Vec<TopicAnswer>)> = Vec::new();
    let mut answers = Vec::new();
    for link in understood::<Vec<LinkAnswer>>(&answer)? {
        let topics = client.get(&["v1", "links", link.name.as_str(), "topics"])?;
        links.push((link, understood(&topics)?));
        answers.push(topics);
    }
    match output {
        Output::Json => write_json(out, &joined(answer, answers))?,
        Output::Table => write!(out, "{}", tables(&links))?,
    }
    let mut partitions = links
        .iter()
        .flat_map(|(_, topics)| topics)
        .flat_map(|topic| &topic.partitions);
    let is_diverged = |partition: &PartitionAnswer| {
        let verified = partition.verified.as_ref();
        partition.state == PartitionState::Diverged
            || verified.is_some_and(|it| it.outcome == Outcome::Different)
    };
    Ok(if partitions.any(is_diverged) {
        ExitCode::Diverged
    } else {
        ExitCode::Done
    })
}

/// The answers about links, each with the list of its topics in place of their count.
fn joined(mut links: Value, topics: Vec<Value>) -> Value {
    if let Value::Array(links) = &mut links {
        for (link, topics) in links.iter_mut().zip(topics) {
            link["topics"] = topics;
        }
    }
    json!({ "links": links })
}

fn tables(links: &[(LinkAnswer, Vec<TopicAnswer>)]) -> String {
    let mut of_links = Table::new([
        ("LINK", Align::Left),
        ("SOURCE", Align::Left),
        ("TARGET", Align::Left),
        ("STATE", Align::Left),
        ("TOPICS", Align::Right),
        ("PARTITIONS", Align::Right),
        ("LAG", Align::Right),
        ("", Align::Left),
    ]);
    let mut of_partitions = Table::new([
        ("LINK", Align::Left),
        ("TOPIC", Align::Left),
        ("MIRROR TOPIC", Align::Left),
        ("P", Align::Right),
        ("STATE", Align::Left),
        ("OFFSETS", Align::Left),
        ("SOURCE END", Align::Right),
        ("POSITION", Align::Right),
        ("TARGET END", Align::Right),
        ("LAG", Align::Right),
        ("LAG TIME", Align::Right),
        ("VERIFIED", Align::Right),
    ]);
    let (mut intents, mut all_notes) = (String::new(), String::new());
    for (link, topics) in links {
        of_links.row(link_row(link));
        intents.push_str(&told(link));
        intents.push_str(&certificates(link));
        let (mut notes, mut different) = (Notes::default(), String::new());
        for topic in topics {
            for partition in &topic.partitions {
                of_partitions.row(partition_row(link, topic, partition));
                notes.add(&topic.name, partition);
                notes.add_held(&topic.name, partition);
                notes.add_follower(&topic.name, partition);
                different.push_str(&differences(link, topic, partition));
            }
        }
        for it in &link.shared_details {
            let SharedDetail {
                detail,
                state,
                partitions,
            } = it;
            let _ = write!(
                all_notes,
                "\n{} {partitions} partitions {state}: {detail}\n",
                link.name
            );
        }
        all_notes.push_str(&notes.of(&link.name));
        all_notes.push_str(&different);
    }
    format!("{of_links}{intents}\n{of_partitions}{all_notes}")
}

fn link_row(link: &LinkAnswer) -> [String; 8] {
    let end = |name: &ClusterName, reachable: bool| {
        let unreachable = if reachable { "" } else { " (unreachable)" };
        format!("{name}{unreachable}")
    };
    let limited = if link.rate_limited {
        " (rate limited)"
    } else {
        ""
    };
    let states = link
        .partitions_by_state
        .iter()
        .filter(|(_, count)| **count > 0);
    let states: Vec<String> = states
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let detail = link.detail.clone().unwrap_or_else(|| states.join(", "));
    [
        link.name.to_string(),
        end(&link.source, link.source_reachable),
        end(&link.target, link.target_reachable),
        format!("{}{limited}", link.state.as_str()),
        link.topics.to_string(),
        link.partitions.to_string(),
        lag(link.lag_records, link.held_records),
        detail,
    ]
}

/// A line about when the certificates on the connections of a link end; empty if there are none.
fn certificates(link: &LinkAnswer) -> String {
    let told = link.certificates.iter().map(|it| {
        let whose = match it.side.as_str() {
            "client" => "farshore's for",
            _ => "brokers of",
        };
        format!("{whose} {} until {}", it.cluster, it.ends_at)
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        return String::new();
    }
    format!("{}: certificates: {}\n", link.name, told.join(", "))
}

fn partition_row(
    link: &LinkAnswer,
    topic: &TopicAnswer,
    partition: &PartitionAnswer,
) -> [String; 12] {
    [
        link.name.to_string(),
        topic.name.to_string(),
        topic.mirror_topic.to_string(),
        partition.partition.to_string(),
        partition.state.to_string(),
        partition.offsets.as_str().to_owned(),
        partition.source_end.to_string(),
        partition.position.to_string(),
        partition.target_end.to_string(),
        lag(partition.lag_records, partition.held_records),
        lag_time(partition.lag_ms),
        or_dash(partition.verified.as_ref().map(|it| it.verified_until)),
    ]
}

/// What is missing on the target, and how much of it is behind open transactions.
fn lag(records: i64, held: i64) -> String {
    if held > 0 {
        format!("{records} ({held} held)")
    } else {
        records.to_string()
    }
}

/// For how long something has been missing on the target.
fn lag_time(millis: i64) -> String {
    let known = (millis >= 0).then(|| format!("{}.{:01}s", millis / 1000, millis % 1000 / 100));
    or_dash(known)
}

/// Why partitions of a link aren't mirrored and what to do: each text once, with the partitions it concerns.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<String, Vec<String>>);

impl Notes {
    /// Adds the note of a partition, if there is one.
    pub(super) fn add(&mut self, topic: &TopicName, partition: &PartitionAnswer) {
        let state = partition.state;
        let text = match (&partition.reason, &partition.detail) {
            (Some(reason), _) => format!(
                "{state}: {}: {}\n  {}\n",
                reason.code, reason.message, reason.remedy
            ),
            (None, Some(detail)) => format!("{state}: {detail}\n"),
            (None, None) => return,
        };
        let place = format!("{topic}-{}", partition.partition);
        self.0.entry(text).or_default().push(place);
    }

    /// Adds the follower that a partition's records come from, if they don't come from the leader.
    fn add_follower(&mut self, topic: &TopicName, partition: &PartitionAnswer) {
        if let Some(broker) = partition.read_from {
            let text = format!("fetched from source broker {broker}, a follower\n");
            let place = format!("{topic}-{}", partition.partition);
            self.0.entry(text).or_default().push(place);
        }
    }

    /// Adds the transaction behind which records of a partition are held, if there is one.
    fn add_held(&mut self, topic: &TopicName, partition: &PartitionAnswer) {
        let Some(transaction) = &partition.held_by else {
            return;
        };
        let id = transaction.transactional_id.as_ref();
        let id = id.map(|id| format!(" (transactional id {})", OneLine(id)));
        let producer = transaction.producer_id.map(|producer| {
            let id = id.unwrap_or_default();
            format!(" of producer {producer}{id}")
        });
        let (producer, since) = (producer.unwrap_or_default(), transaction.since);
        let text = format!("held by an open transaction{producer}, since {since}\n");
        let (number, records) = (partition.partition, partition.held_records);
        let first = transaction.first_offset;
        let place = format!("{topic}-{number} ({records} records from source offset {first} on)");
        self.0.entry(text).or_default().push(place);
    }

    /// The notes, one after the other.
    pub(super) fn of(&self, link: &LinkName) -> String {
        let mut notes = String::new();
        for (text, places) in &self.0 {
            let named = places.iter().take(PLACES_NAMED);
            let named: Vec<&str> = named.map(String::as_str).collect();
            let more = match places.len().saturating_sub(PLACES_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let _ = write!(notes, "\n{link} {}{more} {text}", named.join(", "));
        }
        notes
    }
}

/// Where a mirror differs from its source, as far as it has been verified.
fn differences(link: &LinkAnswer, topic: &TopicAnswer, partition: &PartitionAnswer) -> String {
    let verified = partition.verified.as_ref();
    let Some(verified) = verified.filter(|it| it.outcome == Outcome::Different) else {
        return String::new();
    };
    let first = verified.first_difference.as_ref().map(in_words);
    format!(
        "\n{} {}-{} differs from its source: {} differences by {}, the first: {}\n",
        link.name,
        topic.name,
        partition.partition,
        verified.differences,
        verified.verified_at,
        first.unwrap_or_default()
    )
}
