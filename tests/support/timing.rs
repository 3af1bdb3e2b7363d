//! How long tests take, for `make test` to list the slowest.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;
use std::time::Instant;

/// The file that a line is added to for each test, of its seconds and name.
const FILE: &str = "FARSHORE_TEST_TIMES";

thread_local! {
    static RUNNING: Running = Running(Instant::now());
}

/// The test of this thread; libtest gives each one of its own, which ends with it.
#[derive(Debug)]
struct Running(Instant);

/// Begins to measure the test of this thread.
pub(crate) fn begin() {
    RUNNING.with(|_| {});
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(file), thread) = (std::env::var_os(FILE), thread::current()) else {
            return;
        };
        let line = format!(
            "{:.1}\t{}\n",
            self.0.elapsed().as_secs_f64(),
            thread.name().unwrap_or("unnamed")
        );
        let file = OpenOptions::new().create(true).append(true).open(file);
        // A missing line is no reason to fail.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
