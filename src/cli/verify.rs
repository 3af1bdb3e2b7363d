//! `farshore verify`: orders a verification and follows it until it ends.

use std::io::{IsTerminal, Write};
use std::thread::sleep;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::client::{Client, understood};
use super::json::write_json;
use super::table::{Align, Table};
use super::{ExitCode, Failure, Output, VerifyArgs};
use crate::contract::{Report, VerificationRequest};
use crate::verify::{Difference, Examined, Outcome, Stage};

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// The number of consecutive unanswered requests after which following ends; a verification continues after a restart.
const MISSES_AT_MOST: u32 = 120;

pub(super) fn run(
    client: &Client,
    args: &VerifyArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let request = VerificationRequest {
        link: args.link.as_str().into(),
        topics: args.topics.clone(),
    };
    let ordered = client.post(&["v1", "verifications"], &request, None)?;
    let answer = follow(client, &ordered)?;
    let report: Report = understood(&answer)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => show(&report, out)?,
    }
    Ok(exit_code(&report))
}

fn exit_code(report: &Report) -> ExitCode {
    match report.outcome {
        Some(Outcome::Equal) => ExitCode::Done,
        Some(Outcome::Different) => ExitCode::Diverged,
        Some(Outcome::Unproven | Outcome::Failed) | None => ExitCode::Failed,
    }
}

/// Polls the verification until it has ended, and returns that answer.
fn follow(client: &Client, ordered: &Value) -> Result<Value, Failure> {
    let Report { verification, .. } = understood(ordered)?;
    let id = verification.id;
    let mut progress = Progress::new(&id);
    let mut misses = 0;
    loop {
        match client.get(&["v1", "verifications", &id]) {
            Ok(answer) => {
                let report: Report = understood(&answer)?;
                if report.verification.state != Stage::Running {
                    progress.end();
                    return Ok(answer);
                }
                progress.show(&report);
                misses = 0;
            }
            Err(failure) if failure.code == ExitCode::Failed && misses < MISSES_AT_MOST => {
                misses += 1;
            }
            Err(failure) => {
                let message = format!(
                    "verification {id} continues, but can no longer be followed: {failure}"
                );
                return Err(Failure::new(ExitCode::Failed, message));
            }
        }
        sleep(LOOK_AGAIN_AFTER);
    }
}

fn show(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    let mut table = Table::new([
        ("TOPIC", Align::Left),
        ("P", Align::Right),
        ("FROM", Align::Right),
        ("UNTIL", Align::Right),
        ("RECORDS", Align::Right),
        ("HASH", Align::Left),
        ("OUTCOME", Align::Left),
        ("", Align::Left),
    ]);
    for examined in &report.partitions {
        table.row([
            examined.topic.to_string(),
            examined.partition.to_string(),
            super::table::or_dash(examined.from),
            examined.until.to_string(),
            examined.tally.records.to_string(),
            examined.tally.source_hash.to_string(),
            super::table::or_dash(examined.outcome.map(Outcome::as_str)),
            remark(examined),
        ]);
    }
    let state = match report.outcome {
        Some(outcome) => outcome.as_str(),
        None => "cancelled",
    };
    let id = &report.verification.id;
    write!(out, "{table}\nverification {id}: {state}\n")?;
    Ok(())
}

fn remark(examined: &Examined) -> String {
    let tally = &examined.tally;
    match (&tally.first_difference, &examined.detail) {
        (Some(first), _) => format!(
            "{} differences, the first: {}",
            tally.differences,
            in_words(first)
        ),
        (None, Some(detail)) => detail.clone(),
        (None, None) if tally.unproven > 0 => {
            format!("{} absences could not be explained", tally.unproven)
        }
        (None, None) => String::new(),
    }
}

/// The kind of a difference and its offsets.
pub(super) fn in_words(first: &Difference) -> String {
    let target = first
        .target_offset
        .map(|at| format!(", target offset {at}"));
    format!(
        "{} at source offset {}{}",
        first.kind,
        first.source_offset,
        target.unwrap_or_default()
    )
}

/// Progress on standard error: a bar on a terminal, a line per partition otherwise.
struct Progress {
    bar: Option<ProgressBar>,
    done: usize,
}

impl Progress {
    fn new(id: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} partitions {msg}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        if bar.is_none() {
            eprintln!("verification {id}");
        }
        Self { bar, done: 0 }
    }

    fn show(&mut self, report: &Report) {
        let partitions = &report.partitions;
        let done = partitions.iter().filter(|it| it.outcome.is_some()).count();
        let Some(bar) = &self.bar else {
            if done > self.done {
                eprintln!("{done} of {} partitions", partitions.len());
                self.done = done;
            }
            return;
        };
        bar.set_length(u64::try_from(partitions.len()).unwrap_or(u64::MAX));
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        if let Some(current) = partitions.iter().find(|it| it.outcome.is_none()) {
            let detail = current.detail.as_ref().map(|detail| format!(": {detail}"));
            bar.set_message(format!(
                "{} {} of {}{}",
                current.topic_partition(),
                current.reached.source,
                current.until,
                detail.unwrap_or_default()
            ));
        }
    }

    fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
