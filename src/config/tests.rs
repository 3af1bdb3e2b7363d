//! Whole files in, configurations or exact messages out.

mod encryption;
mod good;
mod lines;
mod many;
mod networks;
mod refused;
mod security;
mod tokens;

use super::*;

const CLUSTERS: &str = r#"[clusters.paris]
bootstrap_servers = ["127.0.0.1:19092"]
[clusters.oslo]
bootstrap_servers = ["127.0.0.1:29092"]
"#;

/// Parses a file that begins with [`CLUSTERS`], which takes four lines.
pub(super) fn parse_with_clusters(rest: &str) -> Result<Config, Vec<Problem>> {
    parse(&format!("{CLUSTERS}{rest}"), &|name| match name {
        "SET" => Some("orders".to_owned()),
        "SECRET" => Some("hunter2".to_owned()),
        _ => None,
    })
}

/// A valid link, on lines 5 to 8; each case adds to it from line 9 on.
pub(super) const LINK: &str =
    "[links.l]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\"orders\"]\n";

fn messages(result: Result<Config, Vec<Problem>>) -> Vec<String> {
    let problems = result.expect_err("the file should be refused");
    problems.iter().map(ToString::to_string).collect()
}

/// The messages for a file of two clusters followed by `rest`.
fn refused(rest: &str) -> Vec<String> {
    messages(parse_with_clusters(rest))
}
