//! The operator's actions: farshore's own commands, shown with their output.

use crate::narrator::show;
use crate::support::farshore::Farshore;

/// Runs a command, shows it and returns its output. Panics if it fails.
pub(crate) async fn run(farshore: &Farshore, arguments: &[&str]) -> String {
    show(&format!("$ farshore {}", arguments.join(" ")));
    let output = farshore.cli(arguments).await;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    show(&String::from_utf8_lossy(&output.stderr));
    show(&printed);
    assert!(
        output.status.success(),
        "farshore {arguments:?}: {}",
        output.status
    );
    printed
}

/// The command at the end of a printed plan, as its arguments.
pub(crate) fn proposed(plan: &str) -> Vec<&str> {
    let line = plan
        .lines()
        .find_map(|line| line.strip_prefix("To execute it: farshore "));
    line.expect("a plan that can be executed says how")
        .split(' ')
        .collect()
}
