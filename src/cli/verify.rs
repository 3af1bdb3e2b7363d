//! `farshore verify`: orders a verification and follows it until it ends.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::client::{Client, understood};
use super::follow::{Followed, Interrupt, follow, note};
use super::json::write_json;
use super::table::{Align, Table};
use super::{ExitCode, Failure, Output, VerifyArgs};
use crate::contract::{Report, VerificationRequest};
use crate::verify::{Difference, Examined, Outcome, Stage};

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(super) fn run(
    client: &Client,
    args: &VerifyArgs,
    output: Output,
    out: &mut dyn Write,
    interrupt: Interrupt,
) -> Result<ExitCode, Failure> {
    let request = VerificationRequest {
        link: args.link.as_str().into(),
        topics: args.topics.clone(),
    };
    let ordered = client.post(&["v1", "verifications"], &request, None)?;
    let Report { verification, .. } = understood(&ordered)?;
    let id = verification.id;
    let followed = Followed {
        what: format!("verification {id}"),
        path: ["v1", "verifications", &id],
        how: format!(
            "`farshore verifications` shows how far it is, `farshore verifications --cancel {id}` cancels it"
        ),
        look_again_after: LOOK_AGAIN_AFTER,
    };
    let mut progress = Progress::new(&id);
    let ended = follow(client, &followed, interrupt, |answer| {
        let report: Report = understood(answer)?;
        let is_over = report.verification.state != Stage::Running;
        if !is_over {
            progress.show(&report);
        }
        Ok(is_over)
    });
    progress.end();
    let answer = ended?;
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

pub(super) fn show(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
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
            note(&format!("verification {id}"));
        }
        Self { bar, done: 0 }
    }

    fn show(&mut self, report: &Report) {
        let partitions = &report.partitions;
        let done = partitions.iter().filter(|it| it.outcome.is_some()).count();
        let Some(bar) = &self.bar else {
            if done > self.done {
                note(&format!("{done} of {} partitions", partitions.len()));
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
