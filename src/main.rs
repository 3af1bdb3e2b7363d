//! The `farshore` command: arguments in, exit code out.

use std::io::Write;
use std::process;

use clap::Parser;
use farshore::cli::{self, Args, Common, ExitCode, Failure, Output, Verb};
use farshore::config::{Config, ConfigErrors};
use farshore::telemetry::LostLines;
use farshore::{app, config, telemetry};

#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn main() -> process::ExitCode {
    let Args { common, verb } = Args::parse();
    let ended = match verb {
        Verb::Run => service(&common, async |config, lost_lines| {
            for warning in &config.warnings {
                tracing::warn!("{}:{warning}", common.config.display());
            }
            app::run(config, lost_lines).await?;
            Ok(ExitCode::Done)
        }),
        Verb::Check(arguments) => match config::load(&common.config) {
            Err(errors) if common.output == Output::Json => {
                app::refused(&errors, &mut std::io::stdout().lock())
            }
            loaded => run(loaded, Ending::AtOnce, async |config, _| {
                app::check(
                    config,
                    &arguments,
                    common.output,
                    &mut std::io::stdout().lock(),
                )
                .await
            }),
        },
        Verb::Store(verb) => service(&common, async |config, _| {
            app::store(config, &verb, common.output, &mut std::io::stdout().lock()).await
        }),
        Verb::Ask(verb) => cli::ask(&verb, &common, &mut std::io::stdout().lock()),
    };
    let code = ended.unwrap_or_else(|failure| {
        if !failure.message.is_empty() {
            // If standard error is closed too, there is nowhere left to report it.
            let _ = writeln!(std::io::stderr(), "{failure}");
        }
        failure.code
    });
    code.into()
}

/// Loads the configuration, initializes logging and the runtime, and runs `part` of the service to completion.
fn service(
    common: &Common,
    part: impl AsyncFnOnce(Config, LostLines) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    run(config::load(&common.config), Ending::InOrder, part)
}

/// What happens to blocking calls that are still under way when a verb has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// They are waited for, as they may be writing.
    InOrder,
    /// They are left behind: a name that doesn't resolve may take the system's resolver half a minute.
    AtOnce,
}

fn run(
    loaded: Result<Config, ConfigErrors>,
    ending: Ending,
    part: impl AsyncFnOnce(Config, LostLines) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let config = loaded?;
    let filter = std::env::var(telemetry::FILTER_VARIABLE).ok();
    let log = telemetry::init(&config.log, filter.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.runtime.worker_threads)
        .enable_all()
        .build()
        .map_err(|cause| {
            Failure::new(ExitCode::Failed, format!("cannot start threads: {cause}"))
        })?;
    let ended = runtime.block_on(part(config, log.lost_lines()));
    if ending == Ending::AtOnce {
        runtime.shutdown_background();
    }
    ended
}
