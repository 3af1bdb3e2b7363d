//! `make bench`: farshore and the real MirrorMaker 2 side by side, on the same brokers and the same data.
//!
//! Promises: both mirror every record of every run, or the run counts for nothing; the table at the end names its conditions.
//! Doesn't: pin or tune anything for either side, beyond what the table says.

mod arguments;
mod case;
mod contestant;
mod ends;
mod machine;
mod measure;
mod report;
#[path = "../support/mod.rs"]
mod support;

use clap::Parser;

use arguments::Arguments;
use case::Field;
use contestant::Contestant;
use report::Report;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let done = tokio::select! {
        () = Box::pin(compete(&arguments)) => true,
        _ = tokio::signal::ctrl_c() => {
            // Clients on threads of their own still run, and will complain when their clusters are gone.
            std::panic::set_hook(Box::new(|_| {}));
            false
        }
    };
    std::process::exit(if done { 0 } else { INTERRUPTED });
}

async fn compete(arguments: &Arguments) {
    let mut report = Report::new();
    let field = Field::start().await;
    for case in arguments.cases() {
        println!(
            "{case}: writing {} records of {} bytes",
            case.records, case.record_bytes
        );
        field.load(&case).await;
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
}
