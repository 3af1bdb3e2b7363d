//! `farshore apply`: executes a plan and follows the operation until it ends.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::ProgressBar;

use super::client::{Client, understood};
use super::follow::{Followed, Interrupt, follow, note};
use super::json::write_json;
use super::{ApplyArgs, ExitCode, Failure, Output};
use crate::contract::{OperationAnswer, OperationRequest};
use crate::failover::states::PhaseName;

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

pub(super) fn run(
    client: &Client,
    args: &ApplyArgs,
    output: Output,
    out: &mut dyn Write,
    interrupt: Interrupt,
) -> Result<ExitCode, Failure> {
    let request = OperationRequest {
        plan_id: args.plan.clone(),
        plan_hash: args.hash.clone(),
    };
    let key = format!("apply-{}-{}", args.plan, args.hash);
    let started = client.post(&["v1", "operations"], &request, Some(&key))?;
    let started: OperationAnswer = understood(&started)?;
    let operation = to_the_end(client, &started.summary.id, output, out, interrupt)?;
    Ok(exit_code(&operation))
}

/// Follows an operation until it ends, and shows how it ended.
pub(super) fn to_the_end(
    client: &Client,
    id: &str,
    output: Output,
    out: &mut dyn Write,
    interrupt: Interrupt,
) -> Result<OperationAnswer, Failure> {
    let followed = Followed {
        what: format!("operation {id}"),
        path: ["v1", "operations", id],
        how: format!(
            "`farshore operations {id}` follows it again, `farshore cancel {id}` calls it off unless it has begun to commit"
        ),
        look_again_after: LOOK_AGAIN_AFTER,
    };
    let mut progress = Progress::new();
    let ended = follow(client, &followed, interrupt, |answer| {
        let operation: OperationAnswer = understood(answer)?;
        let is_over = is_over(&operation);
        if !is_over {
            progress.show(&operation);
        }
        Ok(is_over)
    });
    progress.end();
    let answer = ended?;
    let operation: OperationAnswer = understood(&answer)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => show(&operation, out)?,
    }
    Ok(operation)
}

fn is_over(operation: &OperationAnswer) -> bool {
    matches!(
        operation.summary.phase,
        PhaseName::Done | PhaseName::Stopped
    )
}

/// A move that stopped before anything was committed counts as refused, later as failed.
pub(super) fn exit_code(operation: &OperationAnswer) -> ExitCode {
    if operation.summary.phase == PhaseName::Done {
        return ExitCode::Done;
    }
    match operation.summary.at {
        Some(PhaseName::Committing | PhaseName::Verifying) => ExitCode::Failed,
        Some(_) | None => ExitCode::Refused,
    }
}

fn show(operation: &OperationAnswer, out: &mut dyn Write) -> Result<(), Failure> {
    let at = operation.summary.at.map(|at| format!(" at {at}"));
    writeln!(
        out,
        "operation {}: {}{}",
        operation.summary.id,
        operation.summary.phase,
        at.unwrap_or_default()
    )?;
    for blocker in &operation.blockers {
        writeln!(out, "  {blocker}")?;
    }
    Ok(())
}

/// Progress of an operation on standard error: a spinner on a terminal, one line per change otherwise.
struct Progress {
    line: Option<ProgressBar>,
    last: String,
}

impl Progress {
    fn new() -> Self {
        Self {
            line: std::io::stderr()
                .is_terminal()
                .then(ProgressBar::new_spinner),
            last: String::new(),
        }
    }

    fn show(&mut self, operation: &OperationAnswer) {
        let mut text = operation.summary.phase.to_string();
        for what in &operation.summary.waits_for {
            text.push_str("; waits for ");
            text.push_str(what);
        }
        if let Some(line) = &self.line {
            line.set_message(text);
            line.tick();
        } else if text != self.last {
            note(&text);
            self.last = text;
        }
    }

    fn end(self) {
        if let Some(line) = self.line {
            line.finish_and_clear();
        }
    }
}
