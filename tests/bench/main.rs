//! `make bench`: farshore and the real `MirrorMaker 2` side by side, on the same brokers and the same data.
//!
//! Promises: both mirror every record of every run, or the run doesn't count; the table at the end names its conditions.
//! Doesn't: pin or tune anything for either side, beyond what the table says.

mod allocations;
mod arguments;
mod case;
mod contestant;
mod creation;
mod encryption;
mod ends;
mod growth;
mod latency;
mod machine;
mod measure;
#[path = "../demo/program.rs"]
mod program;
mod report;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use case::Field;
use contestant::Contestant;
use report::Report;

fn main() -> ExitCode {
    program::run(compete(Arguments::parse()))
}

/// Runs the requested measurements and prints the report. Every failure is a panic.
async fn compete(arguments: Arguments) -> bool {
    if let Some(rate) = arguments.latency {
        println!("\n{}", latency::measure(rate, arguments.tls).await);
        return true;
    }
    if arguments.allocations {
        let measured = allocations::measure(arguments.cases(), arguments.tls).await;
        println!("\n{measured}");
        return true;
    }
    if let Some(topics) = arguments.topics {
        println!("\n{}", creation::measure(topics).await);
        return true;
    }
    if arguments.growth {
        println!("\n{}", growth::measure(&arguments).await);
        return true;
    }
    let mut report = Report::new(arguments.tls);
    let field = Field::start(arguments.tls).await;
    for case in arguments.cases() {
        println!(
            "{case}: writing {} records of {} bytes",
            case.records, case.record_bytes
        );
        field.load(&case).await;
        // The brokers compile hot code: without a warm-up, the first contestant would pay for it.
        let warm_up = contestant::run(Contestant::Farshore, &field, &case).await;
        println!("{case}, warm-up, not counted: {warm_up}");
        for pair in 0..arguments.pairs {
            for contestant in arguments.contestants(pair) {
                let run = contestant::run(contestant, &field, &case).await;
                println!("{case}, pair {}: {contestant}: {run}", pair + 1);
                report.add(&case, contestant, run);
            }
        }
        field.clear().await;
    }
    println!("\n{}", report.markdown());
    true
}
