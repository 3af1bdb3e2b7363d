use super::*;
use crate::config;

/// A section for each way to log in, with a secret wherever one can be.
const LOGINS: [&str; 5] = [
    "mechanism = \"PLAIN\", username = \"farshore\", password = \"s3cret\"",
    "mechanism = \"SCRAM-SHA-256\", username = \"farshore\", password = \"s3cret\"",
    "mechanism = \"SCRAM-SHA-512\", username = \"farshore\", password = \"s3cret\"",
    "mechanism = \"OAUTHBEARER\", token_url = \"https://login.example/s3cret?key=s3cret\", client_id = \"farshore\", client_secret = \"s3cret\"",
    "mechanism = \"OAUTHBEARER\", token_command = [\"/bin/token\", \"s3cret\"]",
];

fn configured() -> Config {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut text = "[clusters.oslo]\nbootstrap_servers = [\"o:1\"]\n".to_owned();
    for (number, login) in LOGINS.iter().enumerate() {
        text.extend([
            &*format!("[clusters.c{number}]\nbootstrap_servers = [\"c{number}:1\"]\n"),
            &*format!("security_protocol = \"SASL_PLAINTEXT\"\nsasl = {{ {login} }}\n"),
            &*format!("[links.l{number}]\nsource = \"c{number}\"\ntarget = \"oslo\"\n"),
            &*format!("topics = [\"t{number}\"]\npath = \"raw\"\n"),
        ]);
    }
    std::fs::write(file.path(), text).unwrap();
    config::load(file.path()).unwrap()
}

/// Panics and logs show values as `Debug` does.
#[test]
fn what_a_panic_would_show_has_no_secret() {
    let config = configured();
    let clusters = open(&config, None);
    assert_eq!(clusters.len(), 1 + LOGINS.len());
    let text = format!("{config:?} {config:#?} {clusters:?} {clusters:#?}");
    for shown in ["farshore", "login.example", "/bin/token", "Scram", "Bearer"] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}
