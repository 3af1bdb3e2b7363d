//! The command line: its arguments, and the verbs that send requests to the running service.
//!
//! Promises: results go to standard output, everything else to standard error; each kind of outcome has its exit code.
//! Doesn't: touch brokers or the checkpoint DB. `run`, `check` and `store` are part of the service; `main` starts them.

mod apply;
mod args;
mod client;
mod exit;
mod explain;
mod groups;
mod intents;
mod json;
mod plan;
mod resolve;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod translate;
mod verify;

use std::io::Write;

pub use args::{
    ApplyArgs, Args, Common, ExplainArgs, ExportArgs, GroupsArgs, ImportArgs, IntentArgs, Output,
    PlanArgs, PlanKind,
};
pub use args::{
    RebuildArgs, Release, ResolveArgs, ServiceVerb, StatusArgs, StoreVerb, TranslateArgs, Verb,
    VerifyArgs,
};
pub use client::Client;
pub use exit::{ExitCode, Failure};

/// Performs a verb that sends requests to the running service, and writes its result to `out`.
pub fn ask(verb: &ServiceVerb, common: &Common, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let client = Client::new(&common.service_url()?);
    let output = common.output;
    match verb {
        ServiceVerb::Status(args) => status::run(&client, args, output, out),
        ServiceVerb::Explain(args) => explain::run(&client, args, output, out),
        ServiceVerb::Translate(args) => translate::run(&client, args, output, out),
        ServiceVerb::Groups(args) => groups::run(&client, args, output, out),
        ServiceVerb::Plan(args) => plan::run(&client, args, output, out),
        ServiceVerb::Apply(args) => apply::run(&client, args, output, out),
        ServiceVerb::Pause(args) => intents::run(&client, "pause", args, output, out),
        ServiceVerb::Resume(args) => intents::run(&client, "resume", args, output, out),
        ServiceVerb::Resolve(args) => resolve::run(&client, args, output, out),
        ServiceVerb::Verify(args) => verify::run(&client, args, output, out),
    }
}
