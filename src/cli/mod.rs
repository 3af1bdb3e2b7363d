//! The command line: its arguments, and the verbs that send requests to the running service.
//!
//! Promises: results go to standard output, everything else to standard error; each kind of outcome has its exit code.
//! Doesn't: touch brokers or the checkpoint DB. `run`, `check` and `store` are part of the service; `main` starts them.

mod apply;
mod args;
mod client;
mod exit;
mod explain;
mod follow;
mod groups;
mod intents;
mod json;
mod operations;
mod plan;
mod resolve;
mod service;
mod settings;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod translate;
mod verifications;
mod verify;

use std::io::Write;

pub use args::{
    AclForm, ApplyArgs, Args, CancelArgs, CheckArgs, Common, ExplainArgs, ExportArgs, GroupsArgs,
    ImportArgs, IntentArgs, OperationsArgs, Output, PlanArgs, PlanKind,
};
pub use args::{
    RebuildArgs, Release, ResolveArgs, ServiceVerb, StatusArgs, StoreVerb, TranslateArgs, Verb,
    VerificationsArgs, VerifyArgs,
};
pub use client::Client;
pub use exit::{ExitCode, Failure};
use follow::Interrupt;
pub(crate) use json::write_json;

/// Performs a verb that sends requests to the running service, and writes its result to `out`.
pub fn ask(verb: &ServiceVerb, common: &Common, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    ask_until(follow::ctrl_c(), verb, common, out)
}

fn ask_until(
    interrupt: Interrupt,
    verb: &ServiceVerb,
    common: &Common,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let token = std::env::var(service::TOKEN_VARIABLE).ok();
    let client = common.service(token)?;
    let output = common.output;
    match verb {
        ServiceVerb::Status(args) => status::run(&client, args, output, out),
        ServiceVerb::Explain(args) => explain::run(&client, args, output, out),
        ServiceVerb::Translate(args) => translate::run(&client, args, output, out),
        ServiceVerb::Groups(args) => groups::run(&client, args, output, out),
        ServiceVerb::Plan(args) => plan::run(&client, args, output, out),
        ServiceVerb::Apply(args) => apply::run(&client, args, output, out, interrupt),
        ServiceVerb::Operations(args) => operations::run(&client, args, output, out, interrupt),
        ServiceVerb::Cancel(args) => operations::cancel(&client, args, output, out, interrupt),
        ServiceVerb::Pause(args) => intents::run(&client, "pause", args, output, out),
        ServiceVerb::Resume(args) => intents::run(&client, "resume", args, output, out),
        ServiceVerb::Resolve(args) => resolve::run(&client, args, output, out),
        ServiceVerb::Verify(args) => verify::run(&client, args, output, out, interrupt),
        ServiceVerb::Verifications(args) => verifications::run(&client, args, output, out),
    }
}
