//! `farshore apply`: executes a plan and follows the operation until it ends.

use std::io::{IsTerminal, Write};
use std::thread::sleep;
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::Value;

use super::client::{Client, understood};
use super::json::write_json;
use super::{ApplyArgs, ExitCode, Failure, Output};
use crate::contract::{OperationAnswer, OperationRequest};
use crate::failover::states::PhaseName;

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// The number of consecutive unanswered requests after which following ends; an operation continues after a restart.
const MISSES_AT_MOST: u32 = 120;

pub(super) fn run(
    client: &Client,
    args: &ApplyArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let request = OperationRequest {
        plan_id: args.plan.clone(),
        plan_hash: args.hash.clone(),
    };
    let key = format!("apply-{}-{}", args.plan, args.hash);
    let started = client.post(&["v1", "operations"], &request, Some(&key))?;
    let OperationAnswer { id, .. } = understood(&started)?;
    let answer = follow(client, &id)?;
    let operation: OperationAnswer = understood(&answer)?;
    match output {
        Output::Json => write_json(out, &answer)?,
        Output::Table => show(&operation, out)?,
    }
    Ok(exit_code(&operation))
}

/// Polls the operation until its final phase, and returns that answer.
fn follow(client: &Client, id: &str) -> Result<Value, Failure> {
    let mut progress = Progress::new();
    let mut misses = 0;
    loop {
        match client.get(&["v1", "operations", id]) {
            Ok(answer) => {
                let operation: OperationAnswer = understood(&answer)?;
                if is_over(&operation) {
                    progress.end();
                    return Ok(answer);
                }
                progress.show(&operation);
                misses = 0;
            }
            Err(failure) if failure.code == ExitCode::Failed && misses < MISSES_AT_MOST => {
                misses += 1;
            }
            Err(failure) => {
                let message =
                    format!("operation {id} continues, but can no longer be followed: {failure}");
                return Err(Failure::new(failure.code, message));
            }
        }
        sleep(LOOK_AGAIN_AFTER);
    }
}

fn is_over(operation: &OperationAnswer) -> bool {
    matches!(operation.phase, PhaseName::Done | PhaseName::Stopped)
}

/// A move that stopped before anything was committed counts as refused, later as failed.
fn exit_code(operation: &OperationAnswer) -> ExitCode {
    if operation.phase == PhaseName::Done {
        return ExitCode::Done;
    }
    match operation.at {
        Some(PhaseName::Committing | PhaseName::Verifying) => ExitCode::Failed,
        Some(_) | None => ExitCode::Refused,
    }
}

fn show(operation: &OperationAnswer, out: &mut dyn Write) -> Result<(), Failure> {
    let at = operation.at.map(|at| format!(" at {at}"));
    writeln!(
        out,
        "operation {}: {}{}",
        operation.id,
        operation.phase,
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
        let mut text = operation.phase.to_string();
        for what in &operation.waits_for {
            text.push_str("; waits for ");
            text.push_str(what);
        }
        if let Some(line) = &self.line {
            line.set_message(text);
            line.tick();
        } else if text != self.last {
            eprintln!("{text}");
            self.last = text;
        }
    }

    fn end(self) {
        if let Some(line) = self.line {
            line.finish_and_clear();
        }
    }
}
