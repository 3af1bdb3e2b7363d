use std::fs;
use std::path::PathBuf;

use clap::Parser;

use super::super::Args;
use super::*;

const FILE: &str = "the-token-in-a-file";
const CONFIGURED: &str = "the-token-configured";
const VARIABLE: &str = "the-token-in-a-variable";

/// A directory with a configuration, its token and another token.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let minimal = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/minimal.toml");
        let text = fs::read_to_string(minimal).unwrap();
        let database = place.path("db");
        let more = format!("[checkpoint]\npath = {database:?}\n[api]\nlisten = \"127.0.0.1:7\"\n");
        fs::write(place.path("farshore.toml"), text + &more).unwrap();
        fs::create_dir(database).unwrap();
        fs::write(place.path("db/api-token"), CONFIGURED).unwrap();
        fs::write(place.path("other"), FILE).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The service that is asked, and the token.
    fn service(&self, options: &str, variable: Option<&str>) -> Result<(String, String), Failure> {
        let directory = self.0.path().display().to_string();
        let mut line = format!("farshore status {options}").replace("HERE", &directory);
        if !line.contains("--config") {
            line = format!("{line} --config {directory}/farshore.toml");
        }
        let args = Args::try_parse_from(line.split_whitespace()).unwrap();
        let client = args.common.service(variable.map(str::to_owned))?;
        let (url, authorization) = client.parts();
        let token = authorization
            .unwrap_or("none")
            .trim_start_matches("Bearer ");
        Ok((url.to_owned(), token.to_owned()))
    }
}

#[test]
fn the_service_is_where_it_listens_or_where_told() {
    let at = |listen: &str| reachable(listen.parse().unwrap()).to_string();
    assert_eq!(at("0.0.0.0:8640"), "127.0.0.1:8640");
    assert_eq!(at("[::]:1"), "[::1]:1");
    assert_eq!(at("10.0.0.1:8640"), "10.0.0.1:8640");
    let place = Place::new();
    let url = |options| place.service(options, None).map(|it| it.0);
    assert_eq!(url("").unwrap(), "http://127.0.0.1:7");
    assert_eq!(
        url("--url http://far:1 --config none").unwrap(),
        "http://far:1"
    );
    assert_eq!(url("--config none").unwrap_err().code, ExitCode::Usage);
}

#[test]
fn the_token_comes_from_the_option_the_environment_or_the_configuration() {
    let place = Place::new();
    let token = |options: &str, variable| place.service(options, variable).unwrap().1;
    assert_eq!(token("", None), CONFIGURED);
    assert_eq!(token("", Some("")), CONFIGURED);
    assert_eq!(token("", Some(VARIABLE)), VARIABLE);
    assert_eq!(token("--token-file HERE/other", Some(VARIABLE)), FILE);
    let far = "--url http://far:1 --config none";
    assert_eq!(token(far, Some(VARIABLE)), VARIABLE);
    assert_eq!(token(&format!("{far} --token-file HERE/other"), None), FILE);
    assert_eq!(token(far, None), "none");
}

#[test]
fn the_configured_token_is_shown_to_no_other_service() {
    let place = Place::new();
    let token = |options| place.service(options, None).unwrap().1;
    assert_eq!(token("--url http://127.0.0.1:7/"), CONFIGURED);
    assert_eq!(token("--url http://127.0.0.1:8"), "none");
    assert_eq!(token("--url http://evil.example:7"), "none");
}

#[test]
fn a_token_that_cannot_be_used_is_told_without_it() {
    let place = Place::new();
    let refused = |options, variable| place.service(options, variable).unwrap_err();
    for (failure, says) in [
        (
            refused("", Some("a token\nof two lines")),
            "FARSHORE_TOKEN can't",
        ),
        (refused("--token-file /nowhere", None), "/nowhere can't"),
        (refused("--token-file /dev/zero", None), "it isn't a file"),
    ] {
        assert_eq!(failure.code, ExitCode::Usage);
        assert!(failure.message.contains(says), "{failure}");
        assert!(!failure.message.contains("two lines"), "{failure}");
    }
    fs::remove_file(place.path("db/api-token")).unwrap();
    let token = place.service("", None).unwrap().1;
    assert_eq!(token, "none", "the service hasn't been started");
}
