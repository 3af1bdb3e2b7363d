//! The doors of the service: its API's token from the first start on, what is open without it, bad configurations.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::setting::paris_oslo;
use crate::support::farshore::Farshore;
use crate::support::wait::blocking;

/// A service whose token is where it is by default.
fn farshore() -> Farshore {
    let config = paris_oslo("127.0.0.1:1", "127.0.0.1:2", "topics = [\"t\"]");
    let farshore = Farshore::new(env!("CARGO_BIN_EXE_farshore"), &config);
    let text = fs::read_to_string(farshore.config_path()).expect("a configuration");
    let lines = text.lines().filter(|line| !line.starts_with("token_file"));
    let text = lines.collect::<Vec<_>>().join("\n");
    fs::write(farshore.config_path(), text).expect("a configuration");
    farshore
}

/// The status of a request without the token.
async fn status_of_a_stranger(farshore: &Farshore, path: &str) -> u16 {
    let url = format!("{}{path}", farshore.url());
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let answer = blocking(move || agent.get(url).call()).await;
    answer.expect("an answer").status().as_u16()
}

async fn told(farshore: &Farshore, arguments: &[&str]) -> (Option<i32>, String) {
    let output = farshore.cli(arguments).await;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.code(), text)
}

#[tokio::test]
async fn the_token_is_there_from_the_first_start_and_outlives_the_db() {
    let mut farshore = farshore();
    farshore.start().await;
    let file = farshore.checkpoint_path().join("api-token");
    let read = |file: &Path| fs::read_to_string(file).expect("a token");
    let token = read(&file);
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/readyz?scope=link", 401),
        ("/metrics", 401),
        ("/v1/links", 401),
    ] {
        assert_eq!(
            status_of_a_stranger(&farshore, path).await,
            status,
            "{path}"
        );
    }
    let (code, text) = told(&farshore, &["status"]).await;
    assert_eq!(code, Some(0), "{text}");
    let config = farshore.config_path().display().to_string();
    let (code, text) = told(&farshore, &["status", "--token-file", &config]).await;
    assert!(code == Some(2) && text.contains("visible ASCII"), "{text}");
    let wrong = farshore.config_path().with_file_name("wrong");
    fs::write(&wrong, "0123456789abcdef").expect("a token");
    let wrong = wrong.display().to_string();
    let (code, text) = told(&farshore, &["status", "--token-file", &wrong]).await;
    assert!(code == Some(1) && text.contains("--token-file"), "{text}");
    assert!(!farshore.process().stderr().contains(token.trim()));

    farshore.kill9();
    fs::write(farshore.checkpoint_path().join("conf"), [0x5a; 5000]).expect("a file");
    farshore.start().await;
    let log = farshore.process().stderr();
    assert!(log.contains("the checkpoint DB is damaged"), "{log}");
    assert_eq!(read(&file), token);
    assert_eq!(told(&farshore, &["status"]).await.0, Some(0));
    assert_eq!(farshore.sigterm().await.code(), Some(0));
}

#[tokio::test]
async fn a_bad_configuration_is_reported_for_programs_too() {
    let farshore = farshore();
    farshore.configure("[links.l]\nsource = \"rome\"\n");
    let output = farshore.cli(&["check", "-o", "json"]).await;
    assert_eq!(output.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let keys: Vec<_> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .collect();
    assert!(
        keys.iter().any(|it| it["key"] == "links.l.target"),
        "{report}"
    );
}
