//! Processes that cannot outlive the test, and their working directory.
//!
//! A watcher process holds one end of a pipe whose other end only this process has. When the pipe closes, on drop or
//! because this process dies, the watcher kills what was started here and removes the directory.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::wait::eventually;

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn script(dir: &Path) -> Command {
    let mut command = Command::new(root().join("tests/support/leash.sh"));
    command.env("FARSHORE_LEASH", dir);
    // A separate process group: Ctrl-C reaches only the test, and the leash notices through the pipe.
    command.process_group(0);
    command
}

/// A directory and the processes that work in it.
#[derive(Debug)]
pub(crate) struct Leash {
    dir: PathBuf,
    watcher: Child,
}

impl Leash {
    /// Creates an empty directory whose name starts with `name`.
    pub(crate) fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = root().join(format!(
            "target/test-clusters/{name}-{}-{number}",
            std::process::id()
        ));
        fs::create_dir_all(&dir).expect("the directory of a leash");
        fs::write(dir.join("open"), "").expect("the mark of a leash in use");
        let watcher = script(&dir)
            .arg("hold")
            .stdin(Stdio::piped())
            .spawn()
            .expect("tests/support/leash.sh runs");
        Self { dir, watcher }
    }

    /// The working directory of the processes; gone after the drop.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts a program. `name` names its output files.
    pub(crate) fn spawn<A: AsRef<OsStr>>(
        &self,
        name: &str,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Leashed {
        let child = script(&self.dir)
            .arg("run")
            .arg(name)
            .arg(program)
            .args(arguments)
            .spawn()
            .expect("tests/support/leash.sh runs");
        Leashed {
            name: name.to_owned(),
            dir: self.dir.clone(),
            child,
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        // A failure can't be handled here, and a panic in a drop would hide the test's own.
        let _ = self.watcher.wait();
    }
}

/// A process on a leash, killed on drop.
#[derive(Debug)]
pub(crate) struct Leashed {
    name: String,
    dir: PathBuf,
    child: Child,
}

impl Leashed {
    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process takes a signal");
    }

    /// Stops the process (SIGSTOP) and waits until all its threads stand still: one that hasn't run since may still answer.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let pid = Pid::from_child(&self.child);
        waitpid(Some(pid), WaitOptions::UNTRACED).expect("the process stops");
    }

    /// Kills the process and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("a killed process ends");
    }

    /// The exit status, if the process has ended.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of a child process")
    }

    /// Waits until the process ends.
    pub(crate) async fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        eventually(deadline, &what, async || {
            self.exited().ok_or_else(|| "it runs".to_owned())
        })
        .await
    }

    /// The standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.output("out")
    }

    /// The standard error output so far; for JVMs, the log.
    pub(crate) fn stderr(&self) -> String {
        self.output("err")
    }

    fn output(&self, stream: &str) -> String {
        let path = self.dir.join(format!("{}.{stream}", self.name));
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }

    /// Prints the end of the output, for a failing test.
    pub(crate) fn print_tail(&self) {
        const LINES: usize = 60;
        for text in [self.stdout(), self.stderr()] {
            let lines: Vec<&str> = text.lines().collect();
            for line in &lines[lines.len().saturating_sub(LINES)..] {
                eprintln!("{} | {line}", self.name);
            }
        }
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            self.print_tail();
        }
    }
}
