use std::path::PathBuf;
use std::sync::Arc;

use crate::files::SecretSource;
use crate::kafka::client::testing::cluster_settings;
use crate::kafka::client::{
    Bearer, CommandLine, Kerberos, Mechanism, Password, Scram, ScramHash, TlsIdentity, TokenSource,
};

use super::*;

fn secret() -> SecretSource {
    SecretSource::Value(Secret::new("s3cret"))
}

type Properties = &'static [(&'static str, &'static str)];

/// Each mechanism with what librdkafka is told about it.
fn mechanisms() -> Vec<(Arc<dyn Mechanism>, Properties)> {
    let by_command = TokenSource::Command(CommandLine {
        program: "token".to_owned(),
        arguments: Vec::new(),
    });
    vec![
        (
            Arc::new(Password::new("farshore", secret())),
            &[
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", "farshore"),
                ("sasl.password", "s3cret"),
            ],
        ),
        (
            Arc::new(Scram::new(ScramHash::Sha256, "farshore", secret())),
            &[
                ("sasl.mechanism", "SCRAM-SHA-256"),
                ("sasl.username", "farshore"),
                ("sasl.password", "s3cret"),
            ],
        ),
        (
            Arc::new(Scram::new(ScramHash::Sha512, "farshore", secret())),
            &[
                ("sasl.mechanism", "SCRAM-SHA-512"),
                ("sasl.username", "farshore"),
                ("sasl.password", "s3cret"),
            ],
        ),
        (
            Arc::new(Kerberos::new("kafka", Some("farshore@TEST".to_owned()))),
            &[
                ("sasl.mechanism", "GSSAPI"),
                ("sasl.kerberos.service.name", "kafka"),
                ("sasl.kerberos.min.time.before.relogin", "0"),
            ],
        ),
        (
            Arc::new(Bearer::new("cluster rome", by_command, [].into())),
            &[("sasl.mechanism", "OAUTHBEARER")],
        ),
    ]
}

fn identity(key_password_file: Option<PathBuf>) -> TlsIdentity {
    TlsIdentity {
        cert_file: "/tls/cert.pem".into(),
        key_file: "/tls/key.pem".into(),
        key_password_file,
    }
}

/// What is always checked.
const CHECKED: [(&str, &str); 2] = [
    ("enable.ssl.certificate.verification", "true"),
    ("ssl.endpoint.identification.algorithm", "https"),
];
const IDENTITY: [(&str, &str); 2] = [
    ("ssl.certificate.location", "/tls/cert.pem"),
    ("ssl.key.location", "/tls/key.pem"),
];

/// Each way to encrypt, with what librdkafka is told about it.
fn encryptions(password: PathBuf) -> Vec<(TlsSettings, Vec<(&'static str, &'static str)>)> {
    let authority = || Some(PathBuf::from("/tls/ca.pem"));
    let settings = |ca_file, identity| TlsSettings {
        ca_file,
        identity,
        server_name: None,
    };
    let ca = [("ssl.ca.location", "/tls/ca.pem")];
    let key = [("ssl.key.password", "k3y")];
    vec![
        (settings(None, None), CHECKED.to_vec()),
        (settings(authority(), None), [&CHECKED[..], &ca].concat()),
        (
            settings(None, Some(identity(None))),
            [&CHECKED[..], &IDENTITY].concat(),
        ),
        (
            settings(authority(), Some(identity(Some(password)))),
            [&CHECKED[..], &ca, &IDENTITY, &key].concat(),
        ),
    ]
}

fn told(cluster: &ClusterSettings) -> Vec<(&'static str, String)> {
    Security::read(cluster).unwrap().properties()
}

#[test]
fn each_protocol_with_each_mechanism_is_told_to_librdkafka() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "k3y\r\n").unwrap();
    let mut encryptions: Vec<_> = encryptions(password.path().to_owned())
        .into_iter()
        .map(|(tls, told)| (Some(tls), told))
        .collect();
    encryptions.push((None, Vec::new()));
    let mut mechanisms: Vec<_> = mechanisms()
        .into_iter()
        .map(|(mechanism, told)| (Some(Login::new(mechanism)), told))
        .collect();
    mechanisms.push((None, &[]));
    for (tls, of_tls) in &encryptions {
        for (login, of_login) in &mechanisms {
            let mut cluster = cluster_settings(&["a:1"]);
            (cluster.tls, cluster.login) = (tls.clone(), login.clone());
            let protocol = match (tls, login) {
                (None, None) => "PLAINTEXT",
                (Some(_), None) => "SSL",
                (None, Some(_)) => "SASL_PLAINTEXT",
                (Some(_), Some(_)) => "SASL_SSL",
            };
            let expected = [&[("security.protocol", protocol)], &of_tls[..], of_login].concat();
            let told = told(&cluster);
            let told: Vec<_> = told.iter().map(|(name, value)| (*name, &**value)).collect();
            assert_eq!(told, expected);
        }
    }
}

#[test]
fn only_a_login_by_tokens_takes_tokens() {
    for (mechanism, told) in mechanisms() {
        let mut cluster = cluster_settings(&["a:1"]);
        cluster.login = Some(Login::new(mechanism));
        let security = Security::read(&cluster).unwrap();
        let expected = told[0].1 == "OAUTHBEARER";
        assert_eq!(security.takes_tokens(), expected, "{}", told[0].1);
    }
}

#[test]
fn a_password_that_cannot_be_read_is_told_by_its_file() {
    let mut cluster = cluster_settings(&["a:1"]);
    cluster.tls = Some(TlsSettings {
        identity: Some(identity(Some("/nowhere/password".into()))),
        ..TlsSettings::default()
    });
    let error = Security::read(&cluster).map(|_| ()).unwrap_err();
    let expected = "the key's password in /nowhere/password can't be read: No such file";
    assert!(error.chain().contains(expected), "{}", error.chain());
}

/// With a librdkafka that has OpenSSL.
#[cfg(feature = "record-tls")]
mod with_openssl {
    use pkcs8::der::EncodePem;
    use pkcs8::der::asn1::OctetString;
    use pkcs8::der::pem::LineEnding;
    use pkcs8::pkcs5::{EncryptionScheme, pbes2};
    use pkcs8::{EncryptedPrivateKeyInfoOwned, der};
    use rdkafka::consumer::BaseConsumer;

    use crate::kafka::record::client::{ReadContext, config};

    use super::*;

    /// Whether a client can be made with these settings.
    fn taken(cluster: &ClusterSettings) -> Result<(), String> {
        let (mut config, tokens) = config(cluster).map_err(|error| error.chain())?;
        let client: Result<BaseConsumer<ReadContext>, _> = config
            .set("group.id", "a")
            .create_with_context(ReadContext(tokens));
        client.map(drop).map_err(|error| error.to_string())
    }

    fn encrypted(key: &[u8], password: &str) -> Result<String, der::Error> {
        let scheme =
            pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(1_000, b"salt and pepper", [7; 16]);
        let scheme = scheme.unwrap();
        let info = EncryptedPrivateKeyInfoOwned {
            encrypted_data: OctetString::new(scheme.encrypt(password, key).unwrap())?,
            encryption_algorithm: EncryptionScheme::from(scheme),
        };
        info.to_pem(LineEnding::LF)
    }

    /// A certificate whose key is encrypted, as settings that trust it, and show it with this password.
    fn settings(files: &tempfile::TempDir, password: &str) -> TlsSettings {
        let own = rcgen::generate_simple_self_signed(["farshore".to_owned()]).unwrap();
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = encrypted(&own.signing_key.serialize_der(), "k3y").unwrap();
        TlsSettings {
            ca_file: Some(write("ca.pem", &own.cert.pem())),
            identity: Some(TlsIdentity {
                cert_file: write("cert.pem", &own.cert.pem()),
                key_file: write("key.pem", &key),
                key_password_file: Some(write("password", password)),
            }),
            server_name: None,
        }
    }

    #[test]
    fn librdkafka_takes_each_combination() {
        let files = tempfile::tempdir().unwrap();
        let right = settings(&files, "k3y\n");
        for tls in [None, Some(TlsSettings::default()), Some(right)] {
            for (mechanism, told) in mechanisms() {
                // It needs another library.
                if told[0].1 == "GSSAPI" {
                    continue;
                }
                let mut cluster = cluster_settings(&["127.0.0.1:1"]);
                (cluster.tls, cluster.login) = (tls.clone(), Some(Login::new(mechanism)));
                assert_eq!(taken(&cluster), Ok(()), "{}", told[0].1);
            }
        }
    }

    #[test]
    fn a_wrong_password_of_a_key_is_refused_and_not_shown() {
        let files = tempfile::tempdir().unwrap();
        let mut cluster = cluster_settings(&["127.0.0.1:1"]);
        cluster.tls = Some(settings(&files, "wr0ng"));
        let refused = taken(&cluster).unwrap_err();
        assert!(refused.contains("ssl.key.location"), "{refused}");
        assert!(!refused.contains("wr0ng"), "{refused}");
    }
}
