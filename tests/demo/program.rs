//! What the demo and the benchmark share as programs: how they end, where farshore is, how much memory it held.
//!
//! They end early on Ctrl-C or a failed expectation, and leave nothing behind that they started.

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use tokio::signal::ctrl_c;

/// The exit code that a shell reports for a program ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Runs `work` to its end and returns the exit code, which is success if it returns true. Everything it owned has been
/// dropped on return.
pub(crate) fn run(work: impl Future<Output = bool>) -> ExitCode {
    let runtime = Runtime::new().expect("threads");
    let ended = panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            tokio::select! {
                success = Box::pin(work) => Some(success),
                _ = ctrl_c() => {
                    // Clients on their own threads still run, and will complain when their clusters are gone.
                    panic::set_hook(Box::new(|_| {}));
                    None
                }
            }
        })
    }));
    // Those threads needn't be awaited.
    runtime.shutdown_background();
    match ended {
        Ok(Some(success)) => ExitCode::from(u8::from(!success)),
        Ok(None) => {
            eprintln!("\nInterrupted. Everything that was started is gone.");
            ExitCode::from(INTERRUPTED)
        }
        Err(panic) => {
            eprintln!("\nFailed: {}", message(&*panic));
            ExitCode::FAILURE
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("see above")
}

/// The farshore built together with this program: one directory above target/release/examples/demo.
pub(crate) fn farshore() -> PathBuf {
    let this = std::env::current_exe().expect("the path of this program");
    let above = this.ancestors().nth(2).expect("a target directory");
    let binary = above.join("farshore");
    assert!(
        binary.exists(),
        "{} is missing: build it with `cargo build --release`",
        binary.display()
    );
    binary
}

/// The peak memory of a running process, in MiB.
pub(crate) fn peak_memory_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.expect("the peak memory") / 1024.0
}
