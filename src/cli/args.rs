//! The arguments of `farshore`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::Failure;
use crate::config;
use crate::failover::plan::Kind;
use crate::model::Policy;

/// Mirrors Kafka topics between clusters and moves consumer groups, exact to the offset.
#[derive(Debug, Parser)]
#[command(name = "farshore", version, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 refused by a precondition, 4 target diverged."
)]
pub struct Args {
    /// What holds for every verb.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What holds for every verb; accepted before and after it.
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
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Where the running service is, if not at the address in the configuration
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For programs: the service's answers
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the service
    Run,
    /// Check configuration, connections, permissions and limits; print each problem with its fix
    Check,
    /// Look after the checkpoint DB of a service that doesn't run
    #[command(subcommand)]
    Store(StoreVerb),
    /// Something the running service is asked for.
    #[command(flatten)]
    Ask(ServiceVerb),
}

/// What the running service can be asked for.
#[derive(Debug, Subcommand)]
pub enum ServiceVerb {
    /// Show links and mirror partitions; exit code 4 if one is diverged
    Status(StatusArgs),
    /// Translate an offset of a partition to the other side
    Translate(TranslateArgs),
    /// Show the consumer groups of a link and how their offsets are carried over
    Groups(GroupsArgs),
    /// Plan a move of consumer groups; nothing is changed
    Plan(PlanArgs),
    /// Execute a plan and follow it to its end
    Apply(ApplyArgs),
    /// Pause a link or some of its topics: nothing of them is written to the target until they are resumed
    Pause(IntentArgs),
    /// Resume a link or some of its topics that were paused
    Resume(IntentArgs),
    /// Release partitions that stand still, by a policy for once; `--dry-run` shows which
    Resolve(ResolveArgs),
    /// Compare mirrors with their sources, record by record; exit code 4 if one differs
    Verify(VerifyArgs),
}

/// What can be done with a checkpoint DB.
#[derive(Debug, Subcommand)]
pub enum StoreVerb {
    /// Write what it holds, one JSON object a line
    Export(ExportArgs),
    /// Put an export into an empty checkpoint DB
    Import(ImportArgs),
    /// Replace what it holds of links by what their journals on the targets hold
    Rebuild(RebuildArgs),
    /// Read everything and look whether it fits together; exit code 1 if something doesn't
    Check,
}

/// Arguments of `store export`.
#[derive(Debug, ClapArgs)]
pub struct ExportArgs {
    /// Only this link
    #[arg(long)]
    pub link: Option<String>,
    /// What the journals on the targets hold instead; works while the service runs
    #[arg(long)]
    pub from_journal: bool,
}

/// Arguments of `store import`.
#[derive(Debug, ClapArgs)]
pub struct ImportArgs {
    /// The export; standard input without one
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
    /// Draw anew every two seconds until interrupted
    #[arg(long)]
    pub watch: bool,
}

/// Arguments of `translate`.
#[derive(Debug, ClapArgs)]
pub struct TranslateArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// The topic, by its name on the source
    #[arg(long)]
    pub topic: String,
    /// The partition
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: i32,
    /// The offset on the source, or on the target with --reverse
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
    pub offset: i64,
    /// From the target back to the source
    #[arg(long)]
    pub reverse: bool,
}

/// Arguments of `groups`.
#[derive(Debug, ClapArgs)]
pub struct GroupsArgs {
    /// The link
    #[arg(long)]
    pub link: String,
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
    /// Only groups that match this regular expression as a whole; may be repeated
    #[arg(long, value_name = "RE")]
    pub groups: Vec<String>,
}

/// The kinds of moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanKind {
    /// Both sites are up; nothing is lost
    Switchover,
    /// The source is presumed lost
    Failover,
}

impl From<PlanKind> for Kind {
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
    /// The plan, as `farshore plan` named it
    pub plan: String,
    /// The plan's hash: executed is exactly what was shown
    #[arg(long)]
    pub hash: String,
}

/// Arguments of `pause` and `resume`.
#[derive(Debug, ClapArgs)]
pub struct IntentArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// Only topics known now that match this regular expression as a whole; may be repeated. Others follow the link
    #[arg(long, value_name = "RE")]
    pub topics: Vec<String>,
}

/// Arguments of `resolve`.
#[derive(Debug, ClapArgs)]
pub struct ResolveArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// The topic, by its name on the source
    #[arg(long)]
    pub topic: String,
    /// Only this partition
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: Option<i32>,
    /// What to do
    #[arg(long, value_enum, value_name = "POLICY")]
    pub with: Release,
    /// Show what would be released, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The hash that --dry-run showed: released is exactly what was shown
    #[arg(long)]
    pub hash: Option<String>,
}

/// Arguments of `verify`.
#[derive(Debug, ClapArgs)]
pub struct VerifyArgs {
    /// The link
    #[arg(long)]
    pub link: String,
    /// Only topics that match this regular expression as a whole; may be repeated
    #[arg(long, value_name = "RE")]
    pub topics: Vec<String>,
}

/// The policies that release a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Release {
    /// Go on with what is there; what is lost or surplus is recorded
    Follow,
    /// Create the mirror topic anew and fill it from the earliest record on
    Reseed,
    /// Go on behind what somebody else wrote
    Adopt,
    /// Put the refused record into the quarantine topic and pass it
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

impl Common {
    /// Where the running service is: as told, or at the address in the configuration.
    pub fn service_url(&self) -> Result<String, Failure> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        let config = config::load(&self.config)?;
        Ok(format!("http://{}", reachable(config.api.listen)))
    }
}

/// An address to connect to for one to listen on: "all addresses" includes this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_consistent() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn common_options_stand_before_or_after_the_verb() {
        for line in [
            "farshore --config a.toml --output json status --watch",
            "farshore status --watch --output json --config a.toml",
        ] {
            let args = parse(line).unwrap();
            assert_eq!(args.common.config, PathBuf::from("a.toml"));
            assert_eq!(args.common.output, Output::Json);
            let Verb::Ask(ServiceVerb::Status(status)) = args.verb else {
                panic!("{line} is status");
            };
            assert!(status.watch);
        }
        let args = parse("farshore run").unwrap();
        assert_eq!(args.common.config, PathBuf::from("farshore.toml"));
        assert_eq!(args.common.output, Output::Table);
    }

    #[test]
    fn every_verb_is_known_and_wrong_usage_exits_with_2() {
        for line in [
            "farshore check",
            "farshore translate --link l --topic t --partition 0 --offset 5 --reverse",
            "farshore groups --link l --url http://h:1",
            "farshore plan switchover --link l --groups a.* --groups b",
            "farshore plan failover --link l",
            "farshore apply p-1 --hash abc",
            "farshore store export --link l --from-journal",
            "farshore store import lines.json --config a.toml",
            "farshore store rebuild",
            "farshore store check --output json",
            "farshore resolve --link l --topic t --with follow",
            "farshore pause --link l",
            "farshore resume --link l --topics a.* --topics b",
            "farshore verify --link l --topics a.* --topics b",
            "farshore resolve --link l --topic t --partition 3 --with skip_with_receipt --dry-run",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in [
            "farshore",
            "farshore fly",
            "farshore groups",
            "farshore translate --link l --topic t --partition 0 --offset -5",
            "farshore plan both --link l",
            "farshore apply p-1",
            "farshore store",
            "farshore pause",
            "farshore resolve --link l --topic t",
            "farshore resolve --link l --topic t --with halt",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn the_service_is_where_it_listens_or_where_told() {
        let at = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(at("0.0.0.0:8640"), "127.0.0.1:8640");
        assert_eq!(at("[::]:1"), "[::1]:1");
        assert_eq!(at("10.0.0.1:8640"), "10.0.0.1:8640");
        let told = parse("farshore status --url http://far:1 --config none").unwrap();
        assert_eq!(told.common.service_url().unwrap(), "http://far:1");
        let missing = parse("farshore status --config no/such.toml").unwrap();
        let failure = missing.common.service_url().unwrap_err();
        assert_eq!(failure.code, super::super::ExitCode::Usage);
    }
}
