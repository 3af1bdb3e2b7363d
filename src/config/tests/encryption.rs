//! Encrypted connections.

use super::security::rome;
use super::*;
use crate::kafka::client::{TlsIdentity, TlsSettings};
use crate::model::ClusterName;

fn tls(lines: &str) -> Result<Option<TlsSettings>, Vec<String>> {
    let config = rome(&format!("security_protocol = \"SSL\"\n{lines}"));
    match config {
        Ok(config) => Ok(config.clusters[&ClusterName::new("rome")].tls.clone()),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

/// A directory with an authority, a certificate of it and the key.
pub(super) fn pem_files() -> tempfile::TempDir {
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
fn the_record_path_encrypts_in_a_build_for_it_and_by_the_brokers_names() {
    let files = pem_files();
    let found = |line: &str| {
        let lines = format!(
            "security_protocol = \"SASL_SSL\"\ntls.ca_file = \"{}/ca.pem\"\n\
             sasl = {{ mechanism = \"SCRAM-SHA-512\", username = \"a\", password = \"b\" }}\n{line}\n\
             [links.rome]\nsource = \"paris\"\ntarget = \"rome\"\ntopics = [\"a\"]\npath = \"record\"",
            files.path().display()
        );
        rome(&lines)
            .map(drop)
            .map_or_else(|found| messages(Err::<Config, _>(found)), |()| Vec::new())
    };
    let unbuilt = "15:8: links.rome: the record path of this farshore can't encrypt connections to rome: build it with cargo build --release --features record-tls, or use path = \"raw\"";
    let unbuilt = [unbuilt]
        .into_iter()
        .filter(|_| cfg!(not(feature = "record-tls")));
    let unbuilt: Vec<&str> = unbuilt.collect();
    assert_eq!(found(""), unbuilt);
    for (line, key) in [
        ("tls.server_name = \"kafka.example\"", "tls.server_name"),
        ("address_map = { \"a:1\" = \"b:1\" }", "address_map"),
    ] {
        let told = found(line);
        let refused = format!(
            "15:8: links.rome: the record path can't use the {key} of rome: use path = \"raw\""
        );
        assert_eq!(told[0], refused);
        assert_eq!(told[1..], unbuilt);
    }
}
