//! `farshore check`: whether the configuration can work, before it has to.
//!
//! Promises: answers within 15 seconds, whatever is wrong; changes nothing on any cluster, except for a scratch topic on the target, created and deleted again where
//! offsets are preserved, and a transactional id of its own on the record path; may run alongside the service; every
//! problem comes with its fix. Doesn't: read records, except for the last batch of each mirror partition, and the journal of a
//! link that the checkpoint DB doesn't have.

mod acls;
mod circles;
mod deadline;
mod facts;
mod finding;
mod findings;
mod gather;
mod history;
mod journal;
pub(crate) mod limits;
mod link;
mod permissions;
mod preserve;
mod principals;
pub(crate) mod probe;
mod quarantine;
pub(crate) mod reach;
mod record;
mod report;
mod retention;
pub(crate) mod rights;
mod selection;
mod strangers;
pub(crate) mod topics;

use std::io::Write;

use deadline::Deadline;
use principals::Principals;
use report::Report;

use crate::cli::{AclForm, CheckArgs, ExitCode, Failure, Output, write_json};
use crate::config::{Config, ConfigErrors};

/// Writes the problems of a configuration that can't be used as a report for programs.
///
/// Returns [`ExitCode::Usage`]. Errors: `out` can't be written to.
pub fn refused(errors: &ConfigErrors, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    write_json(out, &report::refused(errors))?;
    Ok(ExitCode::Usage)
}

/// Checks a configuration against its clusters and writes the findings to `out`, or the permissions that it takes.
///
/// Returns [`ExitCode::Failed`] if there is a problem. Errors: `out` can't be written to, or a principal can't be used.
/// Cancellation: safe.
pub async fn check(
    config: Config,
    arguments: &CheckArgs,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    if arguments.print_acls {
        let principals = Principals::read(&arguments.principal, &config);
        let principals = principals.map_err(|why| Failure::new(ExitCode::Usage, why))?;
        let text = match arguments.form {
            AclForm::KafkaAcls => permissions::commands(&config, &principals),
            AclForm::Strimzi => permissions::strimzi(&config, &principals),
        };
        write!(out, "{text}")?;
        return Ok(ExitCode::Done);
    }
    let facts = gather::facts(config, Deadline::from_now()).await;
    let findings = findings::findings(&facts);
    let report = Report {
        facts: &facts,
        findings: &findings,
        shows_plan: arguments.plan,
    };
    match output {
        Output::Table => write!(out, "{report}")?,
        Output::Json => write_json(out, &report.json())?,
    }
    Ok(match report.problems() {
        0 => ExitCode::Done,
        _ => ExitCode::Failed,
    })
}
