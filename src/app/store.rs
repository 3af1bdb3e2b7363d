//! `farshore store`: an operator's work on a checkpoint DB while the service isn't running.
//!
//! Promises: a DB in use is left alone and its user named; nothing is written to a cluster.
//! Doesn't: repair damage; `rebuild` and the service's start do, from the journals.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;

use serde_json::json;

use crate::checkpoint::inspect::{Inspection, inspect};
use crate::checkpoint::layout::Mark;
use crate::checkpoint::{self, DiskStore, Space, Store, dump};
use crate::cli::{ExitCode, ExportArgs, Failure, ImportArgs, Output, RebuildArgs, StoreVerb};
use crate::config::{Config, LinkConfig};
use crate::error::Kind;
use crate::model::LinkName;
use crate::{clusters, journal};

/// Performs `verb` and writes the result to `out`.
///
/// Errors: `Refused` if the DB is in use, missing where it is read or non-empty where it is written; `Usage` for a link that
/// isn't configured. Cancellation: an import is atomic; after an interrupted rebuild the next start completes it.
pub async fn store(
    config: Config,
    verb: &StoreVerb,
    output: Output,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    match verb {
        StoreVerb::Export(args) => export(&config, args, out).await,
        StoreVerb::Import(args) => import(&config, args, out).await,
        StoreVerb::Rebuild(args) => rebuild(&config, args, out).await,
        StoreVerb::Check => check(&config, output, out),
    }
}

async fn export(
    config: &Config,
    args: &ExportArgs,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    if args.from_journal {
        for link in chosen(config, args.link.as_deref())? {
            let held = journal::contents(&target(config, link)?, &link.name).await?;
            dump::write(&held.to_entries(&link.name), out)?;
        }
        return Ok(ExitCode::Done);
    }
    let link = args.link.as_deref().map(LinkName::from);
    let entries = dump::entries(&*existing(config)?, link.as_ref())?;
    dump::write(&entries, out)?;
    Ok(ExitCode::Done)
}

async fn import(
    config: &Config,
    args: &ImportArgs,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let update = match &args.file {
        Some(path) => {
            let file = File::open(path).map_err(|error| {
                let message = format!("{} can't be read: {error}", path.display());
                Failure::new(ExitCode::Usage, message)
            })?;
            read(&mut BufReader::new(file))?
        }
        None => read(&mut std::io::stdin().lock())?,
    };
    let store = checkpoint::open(&config.checkpoint.path)?;
    if !is_empty(&*store)? {
        let message = format!(
            "the checkpoint DB in {} isn't empty; import into another directory",
            config.checkpoint.path.display()
        );
        return Err(Failure::new(ExitCode::Refused, message));
    }
    store.commit(update).await?;
    writeln!(
        out,
        "imported {} entries",
        dump::entries(&*store, None)?.len()
    )?;
    Ok(ExitCode::Done)
}

fn read(input: &mut dyn BufRead) -> Result<checkpoint::Update, Failure> {
    dump::read(input).map_err(|error| match error.kind() {
        Kind::Refused => Failure::from(error),
        _ => Failure::new(ExitCode::Usage, error.chain()),
    })
}

async fn rebuild(
    config: &Config,
    args: &RebuildArgs,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let links = chosen(config, args.link.as_deref())?;
    let store = checkpoint::open_or_create(&config.checkpoint.path)?;
    for link in links {
        let held = journal::contents(&target(config, link)?, &link.name).await?;
        let count = journal::rebuild(&*store, &link.name, held).await?;
        writeln!(out, "link {}: {count} entries from its journal", link.name)?;
    }
    Ok(ExitCode::Done)
}

fn check(config: &Config, output: Output, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let store = existing(config)?;
    let Mark {
        layout,
        oldest_reader,
    } = store.mark()?;
    let Inspection {
        links,
        partitions,
        runs,
        problems,
    } = inspect(&*store)?;
    match output {
        Output::Json => {
            let found = json!({
                "layout": layout, "oldest_reader": oldest_reader,
                "links": links, "partitions": partitions, "runs": runs, "problems": problems,
            });
            writeln!(out, "{found:#}")?;
        }
        Output::Table => {
            for problem in &problems {
                writeln!(out, "{problem}")?;
            }
            writeln!(
                out,
                "layout {layout}, for readers of layout {oldest_reader} or later"
            )?;
            writeln!(
                out,
                "{links} links, {partitions} partitions, {runs} runs: {} problems",
                problems.len()
            )?;
        }
    }
    Ok(if problems.is_empty() {
        ExitCode::Done
    } else {
        ExitCode::Failed
    })
}

/// Opens a DB that must exist.
fn existing(config: &Config) -> Result<Arc<DiskStore>, Failure> {
    let path = &config.checkpoint.path;
    if !path.exists() {
        let message = format!("there is no checkpoint DB in {}", path.display());
        return Err(Failure::new(ExitCode::Refused, message));
    }
    Ok(checkpoint::open(path)?)
}

fn is_empty(store: &dyn Store) -> Result<bool, Failure> {
    for space in Space::ALL.into_iter().filter(|space| *space != Space::Meta) {
        if !store.scan(space, &[], 1)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The links with a journal selected by `name`, or all of them.
fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a LinkConfig>, Failure> {
    let links = config.links.iter().filter(|link| link.journal);
    let chosen: Vec<_> = links
        .filter(|link| name.is_none_or(|name| link.name.as_str() == name))
        .collect();
    if chosen.is_empty() {
        let which = name.map_or("no link".to_owned(), |name| format!("no link {name}"));
        let message = format!("{which} with a journal is configured");
        return Err(Failure::new(ExitCode::Usage, message));
    }
    Ok(chosen)
}

fn target(config: &Config, link: &LinkConfig) -> Result<crate::kafka::client::Cluster, Failure> {
    let mut clusters = clusters::open(config, None);
    let target = clusters.remove(&link.target);
    let unknown = || Failure::new(ExitCode::Usage, format!("no cluster {}", link.target));
    target.map(|watched| watched.cluster).ok_or_else(unknown)
}
