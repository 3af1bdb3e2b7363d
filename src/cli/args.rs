//! The command line arguments of `farshore`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::failover::plan::{LossLimit, MoveKind};
use crate::model::Policy;

/// Mirrors Kafka topics between clusters and moves consumer groups, exact to the offset.
#[derive(Debug, Parser)]
#[command(name = "farshore", version, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 refused by a precondition, 4 target diverged."
)]
pub struct Args {
    /// Options common to all verbs.
    #[command(flatten)]
    pub common: Common,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options common to all verbs; accepted before and after the verb.
#[derive(Debug, ClapArgs)]
pub struct Common {
    /// The configuration file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "farshore.toml"
    )]
    pub config: PathBuf,
    /// The format of results
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// The URL of the running service, if it differs from the address in the configuration
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// The file with the token of the service's API, if it differs from the one in the configuration; the environment
    /// variable `FARSHORE_TOKEN` can hold the token itself
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// The format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For programs: the service's answers
    Json,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the service
    Run,
    /// Check configuration, connections, permissions and limits; print each problem with its fix
    Check(CheckArgs),
    /// Manage the checkpoint DB while the service isn't running
    #[command(subcommand)]
    Store(StoreVerb),
    /// A request to the running service.
    #[command(flatten)]
    Ask(ServiceVerb),
}

/// Arguments of `check`.
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// Print the permissions that the configuration takes on its clusters, and connect to nothing
    #[arg(long)]
    pub print_acls: bool,
    /// The principal to print them for, if it differs from that of the clusters' logins: as P for all clusters, as
    /// CLUSTER=P for one of them; can be given for each. A P with "=" begins with "User:"
    #[arg(long, value_name = "[CLUSTER=]P", requires = "print_acls")]
    pub principal: Vec<String>,
    /// The form in which to print them
    #[arg(long = "as", value_enum, value_name = "FORM", default_value_t = AclForm::KafkaAcls, requires = "print_acls")]
    pub form: AclForm,
    /// Print which ACLs of mirror topics would be added and removed, and what an operator carries over by hand
    #[arg(long, conflicts_with = "print_acls")]
    pub plan: bool,
}

/// The forms of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AclForm {
    /// Commands of `kafka-acls.sh`
    KafkaAcls,
    /// Resources `KafkaUser`
    Strimzi,
}

/// The verbs that send requests to the running service.
#[derive(Debug, Subcommand)]
pub enum ServiceVerb {
    /// Show links and mirror partitions; exit code 4 if one is diverged
    Status(StatusArgs),
    /// Explain why a topic or a consumer group is mirrored or not, and show its state
    Explain(ExplainArgs),
    /// Translate an offset of a partition to the other side
    Translate(TranslateArgs),
    /// Show the consumer groups of a link and the state of their offsets
    Groups(GroupsArgs),
    /// Plan a move of consumer groups; nothing is changed
    Plan(PlanArgs),
    /// Execute a plan and follow it until it ends
    Apply(ApplyArgs),
    /// List the operations, or show and follow one
    Operations(OperationsArgs),
    /// Call an operation off; possible until it commits offsets on the target
    Cancel(CancelArgs),
    /// Pause a link or some of its topics: nothing is written to their mirrors until they are resumed
    Pause(IntentArgs),
    /// Resume a paused link or some of its paused topics
    Resume(IntentArgs),
    /// Release halted partitions by applying a policy once; `--dry-run` shows which
    Resolve(ResolveArgs),
    /// Compare mirrors with their sources, record by record; exit code 4 if any differs
    Verify(VerifyArgs),
    /// List the verifications that were ordered, how far they are and what they found, or cancel one
    Verifications(VerificationsArgs),
}

/// The verbs for a checkpoint DB.
#[derive(Debug, Subcommand)]
pub enum StoreVerb {
    /// Write its entries, one JSON object per line
    Export(ExportArgs),
    /// Import an export into an empty checkpoint DB
    Import(ImportArgs),
    /// Replace the entries of links with those in their journals on the targets
    Rebuild(RebuildArgs),
    /// Read all entries and check their consistency; exit code 1 if there is a problem
    Check,
}

/// Arguments of `store export`.
#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    /// Only this link
    #[arg(long)]
    pub link: Option<String>,
    /// Export the journals on the targets instead; works while the service is running
    #[arg(long)]
    pub from_journal: bool,
}

/// Arguments of `store import`.
#[derive(Debug, ClapArgs)]
pub struct ImportArgs {
    /// The exported file; standard input if omitted
    pub file: Option<PathBuf>,
}

/// Arguments of `store rebuild`.
#[derive(Debug, ClapArgs)]
pub struct RebuildArgs {
    /// Only this link
    #[arg(long)]
    pub link: Option<String>,
}

/// Arguments of `status`.
#[derive(Debug, ClapArgs)]
pub struct StatusArgs {
    /// Redraw every two seconds until interrupted
    #[arg(long)]
    pub watch: bool,
}

/// Arguments of `explain`.
#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// The name of a topic or a group on the source
    #[arg(value_name = "TOPIC|GROUP")]
    pub name: String,
}

/// Arguments of `translate`.
#[derive(Debug, ClapArgs)]
pub struct TranslateArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// The topic's name on the source
    #[arg(long)]
    pub topic: String,
    /// The partition
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: i32,
    /// The offset on the source, or on the target with --reverse
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
    pub offset: i64,
    /// Translate from the target back to the source
    #[arg(long)]
    pub reverse: bool,
}

/// Arguments of `groups`.
#[derive(Debug, ClapArgs)]
pub struct GroupsArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// Give the groups that were moved and whose whole name matches this regular expression back to group sync; may be
    /// repeated
    #[arg(long = "return", value_name = "RE")]
    pub give_back: Vec<String>,
}

/// Arguments of `plan`.
#[derive(Debug, ClapArgs)]
pub struct PlanArgs {
    /// The kind of move
    #[arg(value_enum)]
    pub kind: PlanKind,
    /// The link whose groups move from its source to its target
    #[arg(long)]
    pub link: String,
    /// Only groups whose whole name matches this regular expression; may be repeated. A group that was moved before is part
    /// of the plan only if its name is given
    #[arg(long, value_name = "RE")]
    pub groups: Vec<String>,
    /// No groups whose whole name matches this regular expression; may be repeated
    #[arg(long, value_name = "RE")]
    pub groups_exclude: Vec<String>,
    /// How much a failover may lose, such as `records=100,ms=5000`: a plan that may lose more is refused, as is one of which
    /// it isn't known
    #[arg(long, value_name = "LIMITS", value_parser = loss_limit)]
    pub allow_loss: Option<LossLimit>,
    /// Show every offset instead of the sums of each group
    #[arg(long)]
    pub wide: bool,
}

fn loss_limit(text: &str) -> Result<LossLimit, String> {
    let mut limit = LossLimit::default();
    for part in text.split(',') {
        let (name, number) = part.split_once('=').unwrap_or((part, ""));
        let slot = match name {
            "records" => &mut limit.records,
            "ms" => &mut limit.ms,
            _ => return Err(format!("records=N, ms=M or both, found {part:?}")),
        };
        let parsed = number.parse();
        let number = parsed.map_err(|_| format!("{name} takes a number, found {number:?}"))?;
        if slot.replace(number).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(limit)
}

/// The kinds of moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanKind {
    /// Both sites are up; nothing is lost
    Switchover,
    /// The source is presumed lost
    Failover,
}

impl From<PlanKind> for MoveKind {
    fn from(kind: PlanKind) -> Self {
        match kind {
            PlanKind::Switchover => Self::Switchover,
            PlanKind::Failover => Self::Failover,
        }
    }
}

/// Arguments of `apply`.
#[derive(Debug, ClapArgs)]
pub struct ApplyArgs {
    /// The plan's id, as shown by `farshore plan`
    pub plan: String,
    /// The plan's hash: only what was shown is executed
    #[arg(long)]
    pub hash: String,
}

/// Arguments of `operations`.
#[derive(Debug, ClapArgs)]
pub struct OperationsArgs {
    /// Follow this operation until it ends, as `apply` does
    pub operation: Option<String>,
    /// Only those of this link
    #[arg(long, conflicts_with = "operation")]
    pub link: Option<String>,
}

/// Arguments of `cancel`.
#[derive(Debug, ClapArgs)]
pub struct CancelArgs {
    /// The operation's id, as shown by `farshore apply` and `farshore operations`
    pub operation: String,
}

/// Arguments of `pause` and `resume`.
#[derive(Debug, ClapArgs)]
pub struct IntentArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// Only topics known now whose whole name matches this regular expression; may be repeated. Others follow the link
    #[arg(long, value_name = "RE")]
    pub topics: Vec<String>,
}

/// Arguments of `resolve`.
#[derive(Debug, ClapArgs)]
pub struct ResolveArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// The topic's name on the source
    #[arg(long)]
    pub topic: String,
    /// Only this partition
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: Option<i32>,
    /// The policy to apply
    #[arg(long, value_enum, value_name = "POLICY")]
    pub with: Release,
    /// Show what would be released, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The hash shown by --dry-run: only what was shown is released
    #[arg(long)]
    pub hash: Option<String>,
    /// With `reseed`, delete this many records that exist only in the mirror topic, as --dry-run counts them
    #[arg(long, value_name = "N")]
    pub discard: Option<u64>,
}

/// Arguments of `verify`.
#[derive(Debug, ClapArgs)]
pub struct VerifyArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// Only topics whose whole name matches this regular expression; may be repeated
    #[arg(long, value_name = "RE")]
    pub topics: Vec<String>,
}

/// Arguments of `verifications`.
#[derive(Debug, ClapArgs)]
pub struct VerificationsArgs {
    /// Only those of this link
    #[arg(long, conflicts_with = "cancel")]
    pub link: Option<String>,
    /// Cancel the verification with this id; what it found is kept
    #[arg(long, value_name = "ID")]
    pub cancel: Option<String>,
}

/// The policies that release a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Release {
    /// Continue with the records that exist; what is lost or surplus is recorded
    Follow,
    /// Recreate the mirror topic and fill it from the earliest record
    Reseed,
    /// Continue after the records that somebody else wrote
    Adopt,
    /// Copy the refused record to the quarantine topic and skip it
    SkipWithReceipt,
}

impl From<Release> for Policy {
    fn from(release: Release) -> Self {
        match release {
            Release::Follow => Self::Follow,
            Release::Reseed => Self::Reseed,
            Release::Adopt => Self::Adopt,
            Release::SkipWithReceipt => Self::SkipWithReceipt,
        }
    }
}

#[cfg(test)]
mod tests;
