//! Where the tokens of a login come from.

use std::collections::BTreeMap;

use super::encryption::pem_files;
use super::security::{login, rome};
use super::*;
use crate::files::SecretSource;
use crate::kafka::client::{ClientCredentials, CommandLine, TokenSource, TokenUrl};

const BY_TOKEN: &str =
    "security_protocol = \"SASL_PLAINTEXT\"\nsasl = { mechanism = \"OAUTHBEARER\", ";

#[test]
fn tokens_come_from_one_source() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cret\n").unwrap();
    let path = file.path().display();
    let none = BTreeMap::new();
    let source =
        |keys: &str| match login(&format!("sasl = {{ mechanism = \"OAUTHBEARER\", {keys} }}")) {
            Some(LoginConfig::Token { source, extensions }) => (source, extensions),
            other => panic!("{other:?}"),
        };
    let url = format!(
        "token_url = \"https://login.example/token/\", client_id = \"farshore\", client_secret_file = \"{path}\""
    );
    let authorities = pem_files();
    let ca_file = authorities.path().join("ca.pem");
    let all = format!(
        "{url}, header_urlencode = false, scope = \"a b\", audience = \"kafka\", ca_file = \"{}\", extensions = {{ logicalCluster = \"lkc-1\" }}",
        ca_file.display()
    );
    let mut expected = ClientCredentials {
        url: TokenUrl::read("https://login.example/token/").unwrap(),
        client_id: "farshore".to_owned(),
        client_secret: SecretSource::File(file.path().to_owned()),
        header_urlencode: true,
        scope: None,
        audience: None,
        ca_file: None,
    };
    assert_eq!(
        source(&url),
        (TokenSource::Url(Box::new(expected.clone())), none.clone())
    );
    expected.header_urlencode = false;
    expected.scope = Some("a b".to_owned());
    expected.audience = Some("kafka".to_owned());
    expected.ca_file = Some(ca_file);
    let extensions = BTreeMap::from([("logicalCluster".to_owned(), "lkc-1".to_owned())]);
    assert_eq!(
        source(&all),
        (TokenSource::Url(Box::new(expected)), extensions)
    );
    let of_file = TokenSource::File(file.path().to_owned());
    assert_eq!(
        source(&format!("token_file = \"{path}\"")),
        (of_file, none.clone())
    );
    let command = CommandLine {
        program: "/bin/token".to_owned(),
        arguments: vec!["orders".to_owned(), String::new()],
    };
    let written = "token_command = [\"/bin/token\", \"${SET}\", \"\"]";
    assert_eq!(source(written), (TokenSource::Command(command), none));
}

#[test]
fn tokens_that_cannot_be() {
    let key = "clusters.rome.sasl";
    for (keys, expected) in [
        (
            "",
            vec![format!(
                "12:8: {key}.token_url: missing, as are token_file and token_command: one of them is needed"
            )],
        ),
        (
            "username = \"a\", token_url = \"http://localhost/\"",
            vec![
                format!("12:8: {key}.client_id: missing"),
                format!(
                    "12:8: {key}.client_secret: missing, as is client_secret_file: one of them is needed"
                ),
                format!("12:48: {key}.username: OAUTHBEARER has no username"),
            ],
        ),
        (
            "token_command = [\"a\"], scope = \"b\", token_url = \"http://localhost/\", client_id = \"a\", client_secret = \"b\"",
            vec![format!(
                "12:53: {key}.token_command: token_url is given, too: one source is enough"
            )],
        ),
        (
            "token_command = [\"\"], audience = \"b\"",
            vec![
                format!(
                    "12:53: {key}.token_command: has to be a program and its arguments, like [\"/usr/local/bin/token\", \"--kafka\"]"
                ),
                format!("12:70: {key}.audience: audience is only for token_url"),
            ],
        ),
        (
            "token_file = \"/nowhere/at/all\", extensions = { auth = \"b\" }",
            vec![
                format!(
                    "12:50: {key}.token_file: /nowhere/at/all can't be read: No such file or directory (os error 2)"
                ),
                format!(
                    "12:82: {key}.extensions: an extension has a name of letters that isn't \"auth\", found \"auth\""
                ),
            ],
        ),
        (
            "token_url = \"https://localhost/\", client_id = \"a\", client_secret = \"b\", ca_file = \"/nowhere/at/all\"",
            vec![format!(
                "12:119: {key}.ca_file: /nowhere/at/all can't be read: No such file or directory (os error 2)"
            )],
        ),
        (
            "token_url = \"https://user:${SECRET}@login.example/\"",
            vec![format!(
                "12:49: {key}.token_url: expected a URL like \"https://login.example/oauth2/token\", without user and fragment"
            )],
        ),
    ] {
        let found = messages(rome(&format!("{BY_TOKEN}{keys} }}")));
        assert_eq!(found, expected, "{keys}");
    }
}

#[test]
fn a_clients_name_and_secret_can_be_sent_as_they_are() {
    let key = "clusters.rome.sasl";
    for (keys, expected) in [
        (
            "token_command = [\"a\"], header_urlencode = true",
            format!("12:79: {key}.header_urlencode: header_urlencode is only for token_url"),
        ),
        (
            "token_url = \"https://localhost/\", client_id = \"a:b\", client_secret = \"c\", header_urlencode = false",
            format!(
                "12:83: {key}.client_id: a name with a colon can't be sent with header_urlencode = false"
            ),
        ),
    ] {
        let found = messages(rome(&format!("{BY_TOKEN}{keys} }}")));
        assert_eq!(found, [expected], "{keys}");
    }
}

#[test]
fn a_token_server_in_clear_text_is_warned_of() {
    let warned = |url: &str| {
        let keys =
            format!("token_url = \"{url}\", client_id = \"a\", client_secret = \"${{SECRET}}\"");
        let config = rome(&format!("{BY_TOKEN}{keys} }}")).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        config
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(warned("https://login.example/"), [""; 0]);
    assert_eq!(warned("http://127.0.0.1:8080/"), [""; 0]);
    assert_eq!(
        warned("http://login.example/"),
        [
            "12:49: clusters.rome.sasl.token_url: not encrypted: anyone on the way can read the client's secret and the tokens"
        ]
    );
}
