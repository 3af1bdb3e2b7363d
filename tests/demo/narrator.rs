//! The output for the audience: one line per step, with the time since the beginning.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Tells the story on standard output.
#[derive(Debug)]
pub(crate) struct Narrator {
    began: Instant,
    terminal: bool,
}

impl Narrator {
    /// Starts the clock.
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            terminal: std::io::stdout().is_terminal(),
        }
    }

    /// The time since the story began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Prints a step.
    pub(crate) fn say(&self, step: &str) {
        let seconds = self.elapsed().as_secs_f64();
        if self.terminal {
            println!("\x1b[2m{seconds:6.1} s\x1b[0m  \x1b[1m{step}\x1b[0m");
        } else {
            println!("{seconds:6.1} s  {step}");
        }
    }
}

/// Prints the details of a step: the output of a command, a table.
pub(crate) fn show(text: &str) {
    for line in text.trim_end().lines() {
        println!("{}", format!("          {line}").trim_end());
    }
}

/// A number with thousands separators.
pub(crate) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
