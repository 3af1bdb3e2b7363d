//! Logins, and unsupported settings, which are refused rather than ignored.

use super::*;
use crate::kafka::client::{TlsIdentity, TlsSettings};
use crate::model::{ClusterName, Secret};

/// Parses a file in which the third cluster has these lines, from line 11 on.
fn rome(lines: &str) -> Result<Config, Vec<Problem>> {
    let cluster = "[clusters.rome]\nbootstrap_servers = [\"r:1\"]";
    parse_with_clusters(&format!("{LINK}{cluster}\n{lines}\n"))
}

fn login(lines: &str) -> Option<LoginConfig> {
    let config = rome(&format!("security_protocol = \"SASL_PLAINTEXT\"\n{lines}"));
    let config = config.unwrap_or_else(|problems| panic!("{problems:?}"));
    config.clusters[&ClusterName::new("rome")].login.clone()
}

fn tls(lines: &str) -> Result<Option<TlsSettings>, Vec<String>> {
    let config = rome(&format!("security_protocol = \"SSL\"\n{lines}"));
    match config {
        Ok(config) => Ok(config.clusters[&ClusterName::new("rome")].tls.clone()),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

/// A directory with an authority, a certificate of it and the key.
fn pem_files() -> tempfile::TempDir {
    let key = rcgen::generate_simple_self_signed(["farshore".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(directory.path().join(name), text);
    write("ca.pem", key.cert.pem()).unwrap();
    write("cert.pem", key.cert.pem()).unwrap();
    write("key.pem", key.signing_key.serialize_pem()).unwrap();
    directory
}

#[test]
fn connections_are_encrypted_where_the_protocol_says_so() {
    assert_eq!(
        rome("").unwrap().clusters[&ClusterName::new("rome")].tls,
        None
    );
    let files = pem_files();
    let path = |name: &str| files.path().join(name);
    let shown = files.path().display();
    let ca = format!("tls.ca_file = \"{shown}/ca.pem\"\n");
    let only_trust = TlsSettings {
        ca_file: Some(path("ca.pem")),
        ..TlsSettings::default()
    };
    assert_eq!(tls(&ca), Ok(Some(only_trust.clone())));
    let all = format!(
        "{ca}tls.cert_file = \"{shown}/cert.pem\"\ntls.key_file = \"{shown}/key.pem\"\ntls.server_name = \"Kafka.example\""
    );
    let identity = TlsIdentity {
        cert_file: path("cert.pem"),
        key_file: path("key.pem"),
        key_password_file: None,
    };
    let expected = TlsSettings {
        identity: Some(identity),
        server_name: Some("kafka.example".to_owned()),
        ..only_trust
    };
    assert_eq!(tls(&all), Ok(Some(expected)));
}

#[test]
fn encryption_that_cannot_be() {
    let files = pem_files();
    let shown = files.path().display();
    let cases = [
        (
            "tls.cert_file = \"a\"",
            "12:17: clusters.rome.tls.cert_file: requires key_file as well",
        ),
        (
            "tls.key_file = \"a\"",
            "12:16: clusters.rome.tls.key_file: requires cert_file as well",
        ),
        (
            "tls.key_password_file = \"a\"",
            "12:25: clusters.rome.tls.key_password_file: requires cert_file and key_file as well",
        ),
        (
            "tls.ca_file = \"\"",
            "12:15: clusters.rome.tls.ca_file: must not be empty",
        ),
        (
            "tls.ca_file = \"/nowhere/at/all\"",
            "12:15: clusters.rome.tls.ca_file: /nowhere/at/all can't be read: No such file or directory (os error 2)",
        ),
        (
            "tls.server_name = \"a:1\"",
            "12:19: clusters.rome.tls.server_name: expected a host name without a port, like \"farshore-1.example\", found \"a:1\"",
        ),
        (
            "tls.cafile = \"a\"",
            "12:5: clusters.rome.tls.cafile: unknown key; did you mean \"ca_file\"?",
        ),
    ];
    for (line, message) in cases {
        assert_eq!(tls(line).unwrap_err(), [message]);
    }
    // Several at once, each at its key.
    let lines = format!(
        "tls.ca_file = \"{shown}/key.pem\"\ntls.cert_file = \"{shown}/cert.pem\"\ntls.key_file = \"{shown}/missing\""
    );
    assert_eq!(
        tls(&lines).unwrap_err(),
        [format!(
            "14:16: clusters.rome.tls.key_file: {shown}/missing can't be read: No such file or directory (os error 2)"
        ),]
    );
    let lines = lines.replace("missing", "ca.pem");
    assert_eq!(
        tls(&lines).unwrap_err(),
        [
            format!(
                "12:15: clusters.rome.tls.ca_file: {shown}/key.pem has no certificate, only: PRIVATE KEY"
            ),
            format!(
                "14:16: clusters.rome.tls.key_file: {shown}/ca.pem has no private key, only: CERTIFICATE"
            ),
        ]
    );
}

#[test]
fn the_record_path_cannot_encrypt() {
    let files = pem_files();
    let lines = format!(
        "security_protocol = \"SSL\"\ntls.ca_file = \"{}/ca.pem\"\n[links.rome]\nsource = \"paris\"\ntarget = \"rome\"\ntopics = [\"a\"]\npath = \"record\"",
        files.path().display()
    );
    assert_eq!(
        messages(rome(&lines)),
        ["13:8: links.rome: the record path can't encrypt connections to rome: use path = \"raw\""]
    );
}

fn by_password(password: &str) -> LoginConfig {
    LoginConfig::Password {
        username: "farshore".to_owned(),
        password: Secret::new(password),
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
            "sasl = { mechanism = \"SCRAM-SHA-256\" }",
            "12:22: clusters.rome.sasl.mechanism: SCRAM-SHA-256 is not available in this version; PLAIN and GSSAPI are",
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
    let plain = "sasl = { mechanism = \"PLAIN\", username = \"farshore\", ";
    let written = login(&format!("{plain}password = \"${{SET}}\" }}"));
    assert_eq!(written, Some(by_password("orders")));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "of its own\n").unwrap();
    let path = file.path().display();
    let read = login(&format!("{plain}password_file = \"{path}\" }}"));
    assert_eq!(read, Some(by_password("of its own")));
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
