//! `farshore explain`: which rules include or exclude a topic or a consumer group, and its state.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use super::client::{Client, understood};
use super::json::write_json;
use super::settings::settings;
use super::status::Notes;
use super::{ExitCode, ExplainArgs, Failure, Output};
use crate::contract::{ExplanationAnswer, LinkState, Presence, RuleAnswer};
use crate::model::{GroupId, TopicName};

pub(super) fn run(
    client: &Client,
    args: &ExplainArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let answer = client.get(&["v1", "links", &args.link, "explain", &args.name])?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => write!(out, "{}", page(&understood(&answer)?))?,
    }
    Ok(ExitCode::Done)
}

fn page(it: &ExplanationAnswer) -> String {
    let mut page = format!("{}\n{}", topic(it), group(it));
    if it.state != LinkState::Running {
        let detail = it.detail.as_ref().map(|detail| format!(": {detail}"));
        let (link, state) = (&it.link, it.state.as_str());
        let _ = writeln!(
            page,
            "\nlink {link} is {state}{}",
            detail.unwrap_or_default()
        );
    }
    page
}

fn topic(of: &ExplanationAnswer) -> String {
    let (name, it) = (TopicName::new(of.name.as_str()), &of.topic);
    let mut lines = match &it.mirror_topic {
        Some(mirror) if it.included => format!("topic {name}: mirrored, its mirror is {mirror}\n"),
        Some(_) | None => format!("topic {name}: not mirrored\n"),
    };
    lines.push_str(&rules(&it.rules));
    let seen = match it.on_source {
        Presence::Present => None,
        Presence::Absent => Some("has no such topic, or farshore may not describe it"),
        Presence::Unknown => Some("doesn't answer, so it isn't known whether it has such a topic"),
    };
    if let Some(seen) = seen {
        let _ = writeln!(lines, "  {} {seen}", of.source);
    }
    if let Some(intent) = it.intent {
        let _ = writeln!(lines, "  intent: {intent}");
    }
    if it.included && it.on_source == Presence::Present && it.partitions.is_empty() {
        lines.push_str("  nothing of it is mirrored yet: its mirror topic isn't ready\n");
    }
    lines.push_str(&counted(
        "partitions",
        it.partitions.iter().map(|it| it.state.to_string()),
    ));
    let mut notes = Notes::default();
    for partition in &it.partitions {
        notes.add(&name, partition);
    }
    lines.push_str(&notes.of(&of.link));
    lines.push_str(&settings(&it.settings));
    lines
}

fn group(of: &ExplanationAnswer) -> String {
    let (name, it) = (GroupId::new(of.name.as_str()), &of.group);
    let done = if it.included {
        "carried over"
    } else {
        "not carried over"
    };
    let mut lines = format!("group {name}: {done}\n{}", rules(&it.rules));
    match &it.status {
        None if it.included => {
            let _ = writeln!(
                lines,
                "  group sync has not seen such a group on {}",
                of.source
            );
        }
        None => {}
        Some(status) if status.unsupported => {
            lines.push_str("  offsets of this kind of group can't be carried over\n");
        }
        Some(status) if status.partitions.is_empty() => {
            lines.push_str("  it has no offsets in topics of the link\n");
        }
        Some(status) => {
            let found = status.partitions.iter().map(|it| it.state.to_string());
            lines.push_str(&counted("offsets", found));
            let told = status.partitions.iter();
            for (it, detail) in told.filter_map(|it| Some((it, it.detail.as_ref()?))) {
                let _ = writeln!(lines, "  {} {}: {detail}", it.partition, it.state);
            }
        }
    }
    lines
}

/// One line per rule; the first one decides.
fn rules(rules: &[RuleAnswer]) -> String {
    let lines = rules.iter().enumerate().map(|(number, rule)| {
        let role = if number == 0 {
            "decided by"
        } else {
            "applies too"
        };
        format!("  {role}: {}\n", rule.text)
    });
    lines.collect()
}

/// A line with the number of things in each state; empty without any.
fn counted(what: &str, states: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_default() += 1;
    }
    let counts = counts
        .into_iter()
        .map(|(state, count)| format!("{count} {state}"));
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() {
        return String::new();
    }
    format!("  {what}: {}\n", counts.join(", "))
}
