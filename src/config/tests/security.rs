//! Logins, and unsupported settings, which are refused rather than ignored.

use super::*;
use crate::files::SecretSource;
use crate::kafka::client::ScramHash;
use crate::model::{ClusterName, Secret};

/// Parses a file in which the third cluster has these lines, from line 11 on.
pub(super) fn rome(lines: &str) -> Result<Config, Vec<Problem>> {
    let cluster = "[clusters.rome]\nbootstrap_servers = [\"r:1\"]";
    parse_with_clusters(&format!("{LINK}{cluster}\n{lines}\n"))
}

pub(super) fn login(lines: &str) -> Option<LoginConfig> {
    let config = rome(&format!("security_protocol = \"SASL_PLAINTEXT\"\n{lines}"));
    let config = config.unwrap_or_else(|problems| panic!("{problems:?}"));
    config.clusters[&ClusterName::new("rome")].login.clone()
}

fn by_password(scram: Option<ScramHash>, password: SecretSource) -> LoginConfig {
    LoginConfig::Password {
        scram,
        username: "farshore".to_owned(),
        password,
    }
}

#[test]
fn security_is_refused_rather_than_dropped() {
    let cases = [
        (
            r#"security_protocol = "SASL_SSL""#,
            "9:11: clusters.rome.sasl: missing: SASL_SSL requires a login",
        ),
        (
            r#"security_protocol = "TLS""#,
            r#"11:21: clusters.rome.security_protocol: unknown value "TLS"; expected one of "PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL""#,
        ),
        (
            r#"tls.ca_file = "ca.pem""#,
            "11:1: clusters.rome.tls: encryption requires security_protocol = \"SSL\"",
        ),
        (
            r#"sasl.mechanism = "PLAIN""#,
            r#"11:1: clusters.rome.sasl: a login requires security_protocol = "SASL_PLAINTEXT""#,
        ),
        (
            r#"sasl.pasword_file = "secret""#,
            r#"11:6: clusters.rome.sasl.pasword_file: unknown key; did you mean "password_file"?"#,
        ),
    ];
    for (line, message) in cases {
        let messages = messages(rome(line));
        assert_eq!(messages.last().map(String::as_str), Some(message));
    }
}

#[test]
fn logins_that_cannot_be() {
    let cases = [
        (
            "",
            "9:11: clusters.rome.sasl: missing: SASL_PLAINTEXT requires a login",
        ),
        (
            "sasl = { username = \"a\" }",
            "12:8: clusters.rome.sasl.mechanism: missing",
        ),
        (
            "sasl = { mechanism = \"SCRAM-SHA-1\" }",
            "12:22: clusters.rome.sasl.mechanism: unknown value \"SCRAM-SHA-1\"; did you mean \"SCRAM-SHA-512\"?",
        ),
        (
            "sasl = { mechanism = \"SCRAM-SHA-512\", username = \"a\" }",
            "12:8: clusters.rome.sasl.password: missing, as is password_file: one of them is needed",
        ),
        (
            "sasl = { mechanism = \"SCRAM-SHA-512\", username = \"a\", password = \"b\", service_name = \"c\" }",
            "12:86: clusters.rome.sasl.service_name: SCRAM-SHA-512 has no service_name",
        ),
        (
            "sasl = { mechanism = \"PLAIN\", password = \"b\" }",
            "12:8: clusters.rome.sasl.username: missing",
        ),
        (
            "sasl = { mechanism = \"PLAIN\", username = \"a\" }",
            "12:8: clusters.rome.sasl.password: missing, as is password_file: one of them is needed",
        ),
        (
            "sasl = { mechanism = \"PLAIN\", username = \"a\", password = \"b\", password_file = \"c\" }",
            "12:79: clusters.rome.sasl.password_file: password is given, too: one of them is enough",
        ),
        (
            "sasl = { mechanism = \"PLAIN\", username = \"a\", password = \"b\", principal = \"c\" }",
            "12:75: clusters.rome.sasl.principal: PLAIN has no principal",
        ),
        (
            "sasl = { mechanism = \"PLAIN\", username = \"a\", password_file = \"/nowhere/at/all\" }",
            "12:63: clusters.rome.sasl.password_file: /nowhere/at/all can't be read: No such file or directory (os error 2)",
        ),
    ];
    for (line, message) in cases {
        let lines = format!("security_protocol = \"SASL_PLAINTEXT\"\n{line}");
        assert_eq!(messages(rome(&lines)), [message]);
    }
}

#[test]
fn a_password_comes_from_the_file_or_from_one_of_its_own() {
    for (mechanism, scram) in [
        ("PLAIN", None),
        ("SCRAM-SHA-256", Some(ScramHash::Sha256)),
        ("SCRAM-SHA-512", Some(ScramHash::Sha512)),
    ] {
        let start = format!("sasl = {{ mechanism = \"{mechanism}\", username = \"farshore\", ");
        let written = login(&format!("{start}password = \"${{SET}}\" }}"));
        let value = SecretSource::Value(Secret::new("orders"));
        assert_eq!(written, Some(by_password(scram, value)));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "of its own\n").unwrap();
        let path = file.path().display();
        let read = login(&format!("{start}password_file = \"{path}\" }}"));
        let file = SecretSource::File(file.path().to_owned());
        assert_eq!(read, Some(by_password(scram, file)));
    }
}

/// librdkafka needs OpenSSL for all but PLAIN and Kerberos.
#[test]
fn the_record_path_has_fewer_mechanisms_without_openssl() {
    let link =
        "[links.r]\nsource = \"rome\"\ntarget = \"oslo\"\ntopics = [\"other\"]\npath = \"record\"";
    for (keys, mechanism) in [
        (
            "mechanism = \"SCRAM-SHA-256\", username = \"a\", password = \"b\"",
            Some("SCRAM-SHA-256"),
        ),
        (
            "mechanism = \"SCRAM-SHA-512\", username = \"a\", password = \"b\"",
            Some("SCRAM-SHA-512"),
        ),
        (
            "mechanism = \"OAUTHBEARER\", token_command = [\"a\"]",
            Some("OAUTHBEARER"),
        ),
        (
            "mechanism = \"PLAIN\", username = \"a\", password = \"b\"",
            None,
        ),
    ] {
        let found = rome(&format!(
            "security_protocol = \"SASL_PLAINTEXT\"\nsasl = {{ {keys} }}\n{link}"
        ));
        match mechanism.filter(|_| cfg!(not(feature = "record-tls"))) {
            None => drop(found.unwrap()),
            Some(mechanism) => assert_eq!(
                messages(found),
                [format!(
                    "13:8: links.r: the record path of this farshore can't log in at rome with {mechanism}: build it with cargo build --release --features record-tls, or use path = \"raw\""
                )]
            ),
        }
    }
}

/// The binding to librdkafka has no words for them.
#[test]
fn the_record_path_sends_no_extensions() {
    let link =
        "[links.r]\nsource = \"rome\"\ntarget = \"oslo\"\ntopics = [\"other\"]\npath = \"record\"";
    let keys = "mechanism = \"OAUTHBEARER\", token_command = [\"a\"], extensions = { a = \"b\" }";
    let found = messages(rome(&format!(
        "security_protocol = \"SASL_PLAINTEXT\"\nsasl = {{ {keys} }}\n{link}"
    )));
    let expected =
        "13:8: links.r: the record path can't use the sasl.extensions of rome: use path = \"raw\"";
    assert!(found.iter().any(|it| it == expected), "{found:?}");
}

#[test]
fn kerberos_needs_a_build_with_it() {
    let lines = "security_protocol = \"SASL_PLAINTEXT\"\nsasl = { mechanism = \"GSSAPI\", principal = \"farshore@TEST\" }";
    if cfg!(feature = "gssapi") {
        let config = rome(lines).unwrap();
        let expected = LoginConfig::Kerberos {
            service: defaults::KERBEROS_SERVICE.to_owned(),
            principal: Some("farshore@TEST".to_owned()),
        };
        let rome = &config.clusters[&ClusterName::new("rome")];
        assert_eq!(rome.login, Some(expected));
    } else {
        let message = "12:22: clusters.rome.sasl.mechanism: this farshore was built without Kerberos: build it with --features gssapi";
        assert_eq!(messages(rome(lines)), [message]);
    }
}

#[test]
fn passwords_that_cannot_be_are_refused_without_being_shown() {
    let refused = |lines: &str| {
        let plain = "sasl = { mechanism = \"PLAIN\", username = \"farshore\", ";
        let lines = format!("security_protocol = \"SASL_PLAINTEXT\"\n{plain}{lines} }}");
        messages(rome(&lines))
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    for (text, why) in [
        ("", "it is empty"),
        ("\n", "it is empty"),
        ("pass\0word", "it has a NUL in it"),
        (&"x".repeat(65_537), "it has more than 65536 bytes"),
    ] {
        std::fs::write(file.path(), text).unwrap();
        let place = "12:70: clusters.rome.sasl.password_file";
        let expected = format!("{place}: {path} can't be read: {why}");
        assert_eq!(refused(&format!("password_file = \"{path}\"")), [expected]);
    }
    for device in ["/dev/zero", "/dev/null", "/dev"] {
        let found = refused(&format!("password_file = \"{device}\"")).concat();
        assert!(found.ends_with("it isn't a file"), "{found}");
    }
    for (password, why) in [
        ("password = \"\"", "password: it is empty"),
        (
            "password = 47114711",
            "password: expected a string, found an integer",
        ),
        (
            "password = \"pass\\u0000word\"",
            "password: it has a NUL in it",
        ),
    ] {
        let found = refused(password).concat();
        assert!(found.ends_with(why), "{found}");
    }
    let name = "username = \"a\\u0000b\", password = \"c\"";
    let lines = format!(
        "security_protocol = \"SASL_PLAINTEXT\"\nsasl = {{ mechanism = \"PLAIN\", {name} }}"
    );
    let found = messages(rome(&lines)).concat();
    assert!(
        found.contains("username: has no control characters"),
        "{found}"
    );
}
