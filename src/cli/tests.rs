//! Verbs against a service with prepared answers.

mod move_verbs;
mod reading;
mod service;
mod verify_verb;

use clap::Parser;
use serde_json::Value;

use super::*;
use service::{Answers, Service};

/// Runs a command line against these answers; returns the result and its output.
fn farshore(
    line: &str,
    answers: Answers,
) -> (String, Result<ExitCode, Failure>, Vec<service::Request>) {
    farshore_until(Box::pin(std::future::pending()), line, answers)
}

/// The same, with an interruption.
fn farshore_until(
    interrupt: Interrupt,
    line: &str,
    answers: Answers,
) -> (String, Result<ExitCode, Failure>, Vec<service::Request>) {
    let arguments: Vec<&str> = line.split(' ').collect();
    asked(interrupt, &arguments, answers)
}

/// The same, with arguments that may contain any character.
fn farshore_of(
    arguments: &[&str],
    answers: Answers,
) -> (String, Result<ExitCode, Failure>, Vec<service::Request>) {
    asked(Box::pin(std::future::pending()), arguments, answers)
}

fn asked(
    interrupt: Interrupt,
    arguments: &[&str],
    answers: Answers,
) -> (String, Result<ExitCode, Failure>, Vec<service::Request>) {
    let line = arguments.join(" ");
    let service = Service::start(answers);
    let url = service.url();
    let words = arguments.iter().copied().chain(["--url", &url]);
    let Args { common, verb } =
        Args::try_parse_from(["farshore"].into_iter().chain(words)).unwrap();
    let Verb::Ask(verb) = verb else {
        panic!("{line} is not asked of the service");
    };
    let mut out = Vec::new();
    let ended = ask_until(interrupt, &verb, &common, &mut out);
    (String::from_utf8(out).unwrap(), ended, service.requests())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
