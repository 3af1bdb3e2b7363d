//! The record path through encrypted connections, and with the logins for which librdkafka needs OpenSSL.
//!
//! What arrives is compared on listeners without either, so that the readers share nothing with what they judge.

#[expect(dead_code, reason = "the tests of the raw path use all of it")]
#[path = "../mirror/logins/issuer.rs"]
mod issuer;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pkcs8::EncryptedPrivateKeyInfoOwned;
use pkcs8::der::EncodePem;
use pkcs8::der::asn1::OctetString;
use pkcs8::der::pem::LineEnding;
use pkcs8::pkcs5::{EncryptionScheme, pbes2};

use issuer::{CLIENT_SECRET, Issuer, Mood};
use support::brokers::{Cluster, KafkaVersion, Spec, TlsListener};
use support::certificates::{Authority, Issued};
use support::compare;
use support::farshore::{Farshore, paris_oslo_as};
use support::ports::Port;
use support::read::Isolation;
use support::topics;
use support::wait::eventually;
use support::write::{Writer, numbered};

const PARTITIONS: i32 = 2;
const LIMIT: Duration = Duration::from_secs(60);
const LINK: &str = "topics = [\"orders\"]\npath = \"record\"\nrefresh_interval = \"500ms\"";
const PASSWORD: &str = "password-s3cret";
const KEY_PASSWORD: &str = "key-s3cret";

/// Everybody's files, an authority, and the ports of the encrypted listeners.
struct Bed {
    files: tempfile::TempDir,
    authority: Authority,
    ports: [Port; 2],
}

impl Bed {
    fn new() -> Self {
        Self {
            files: tempfile::tempdir().expect("a directory"),
            authority: Authority::new("authority"),
            ports: [Port::reserve(), Port::reserve()],
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// A broker whose encrypted listener takes logins by this mechanism; sessions there last three seconds.
    fn broker(&self, number: usize, host: &str, mechanism: &str, jaas: &str) -> Spec {
        let own = format!("listener.name.tls.{}", mechanism.to_lowercase());
        self.listener(number, host)
            .property("listener.name.tls.sasl.enabled.mechanisms", mechanism)
            .property(&format!("{own}.sasl.jaas.config"), jaas)
            .property(&format!("{own}.connections.max.reauth.ms"), "3000")
    }

    /// A broker with an encrypted listener, whose logins are to be added.
    fn listener(&self, number: usize, host: &str) -> Spec {
        let port = self.ports[number].number();
        let listener = TlsListener {
            address: self.ports[number].address(),
            advertised: format!("{host}:{port}"),
            protocol: "SASL_SSL",
        };
        let store = self.authority.issue(host, 90).store();
        let store = self.write(&format!("broker-{number}.pem"), &store);
        let trusted = self.write("ca.pem", &self.authority.pem);
        Spec::new(KafkaVersion::V4_1).tls(listener, &store, &trusted)
    }

    /// The section of a cluster with these lines about its login and certificates.
    fn section(&self, number: usize, host: &str, lines: &str) -> String {
        let port = self.ports[number].number();
        let trusted = self.files.path().join("ca.pem").display().to_string();
        format!(
            "bootstrap_servers = [\"{host}:{port}\"]\nsecurity_protocol = \"SASL_SSL\"\n\
             tls.ca_file = \"{trusted}\"\n{lines}\n"
        )
    }

    /// A program that becomes farshore, with a log of everything.
    fn at_trace(&self) -> PathBuf {
        let binary = env!("CARGO_BIN_EXE_farshore");
        let text = format!("#!/bin/sh\nexport FARSHORE_LOG=trace\nexec '{binary}' \"$@\"\n");
        let path = self.write("farshore", &text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
        path
    }
}

/// Two clusters and farshore between them, not started yet.
struct Between {
    paris: Cluster,
    oslo: Cluster,
    farshore: Farshore,
    written: i64,
}

impl Between {
    async fn new(bed: &Bed, specs: [Spec; 2], configuration: &str) -> Self {
        let [paris, oslo] = specs;
        let (paris, oslo) = (Cluster::start(paris).await, Cluster::start(oslo).await);
        topics::create(&paris.bootstrap(), "orders", PARTITIONS, 1, &[]).await;
        Self {
            farshore: Farshore::new(bed.at_trace(), configuration),
            paris,
            oslo,
            written: 0,
        }
    }

    async fn write(&mut self, records: i64) {
        let numbers = self.written..self.written + records;
        self.written = numbers.end;
        for partition in 0..PARTITIONS {
            let writer = Writer::new(&self.paris.bootstrap(), "orders", &[]);
            writer.write(numbered(partition, numbers.clone())).await;
        }
    }

    async fn mirrored(&self) {
        let ends = [self.written; PARTITIONS as usize];
        self.farshore.mirrors("orders", &ends).await;
    }

    /// Compares every record.
    async fn compare(&self) {
        let (source, target) = (self.paris.bootstrap(), self.oslo.bootstrap());
        let (source, target) = ((&*source, "orders"), (&*target, "orders"));
        let compared = compare::all(source, target, PARTITIONS, Isolation::Committed).await;
        let written = self.written * i64::from(PARTITIONS);
        assert_eq!(compared.records, written.unsigned_abs());
    }

    /// Every partition travels on the record path, and nothing shows these secrets.
    async fn shows(&self, secrets: &[&str]) {
        let topic = "/v1/links/paris-oslo/topics/orders";
        let told = self.farshore.get_json(topic).await.expect("an answer");
        let told = told.to_string();
        assert!(told.contains("\"path\":\"record\""), "{told}");
        assert!(!told.contains("\"path\":\"raw\""), "{told}");
        let log = self.farshore.process().stderr();
        assert!(log.contains("TRACE"), "a log of everything");
        for secret in secrets {
            let shown = log.contains(secret) || told.contains(secret);
            assert!(!shown, "{secret} is shown");
        }
    }
}

/// A key that is encrypted with [`KEY_PASSWORD`], as PKCS#8.
fn encrypted(issued: &Issued) -> String {
    let key = rcgen::KeyPair::from_pem(&issued.key)
        .expect("a key")
        .serialize_der();
    let scheme =
        pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(2_048, b"salt and pepper", [7; 16]);
    let scheme = scheme.expect("parameters");
    let encrypted = scheme
        .encrypt(KEY_PASSWORD, &key)
        .expect("an encrypted key");
    let info = EncryptedPrivateKeyInfoOwned {
        encryption_algorithm: EncryptionScheme::from(scheme),
        encrypted_data: OctetString::new(encrypted).expect("a string"),
    };
    info.to_pem(LineEnding::LF).expect("a key in PEM")
}

fn scram(spec: Spec, mechanism: &str) -> Spec {
    let mut spec = spec;
    let user = format!("{mechanism}=[name=farshore,password={PASSWORD}]");
    spec.scram_users.push(user);
    spec
}

fn by_password(mechanism: &str, file: &Path) -> String {
    let file = file.display();
    format!(
        "sasl = {{ mechanism = \"{mechanism}\", username = \"farshore\", password_file = \"{file}\" }}"
    )
}

/// The source is known by name and wants a certificate as well, whose key is encrypted; the target by its address.
#[tokio::test(flavor = "multi_thread")]
async fn every_record_arrives_through_tls_and_scram() {
    let bed = Bed::new();
    let jaas = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let paris = bed
        .broker(0, "localhost", "SCRAM-SHA-256", jaas)
        .property("listener.name.tls.ssl.client.auth", "required");
    let oslo = bed.broker(1, "127.0.0.1", "SCRAM-SHA-512", jaas);
    let specs = [scram(paris, "SCRAM-SHA-256"), scram(oslo, "SCRAM-SHA-512")];
    let issued = bed.authority.issue("farshore", 90);
    let password = bed.write("password", &format!("{PASSWORD}\n"));
    let paris = format!(
        "{}\ntls.cert_file = {:?}\ntls.key_file = {:?}\ntls.key_password_file = {:?}",
        by_password("SCRAM-SHA-256", &password),
        bed.write("cert.pem", &issued.certificate),
        bed.write("key.pem", &encrypted(&issued)),
        bed.write("key-password", &format!("{KEY_PASSWORD}\n")),
    );
    let paris = bed.section(0, "localhost", &paris);
    let oslo = bed.section(1, "127.0.0.1", &by_password("SCRAM-SHA-512", &password));
    let configuration = paris_oslo_as(&paris, &oslo, LINK);
    let mut between = Between::new(&bed, specs, &configuration).await;
    let told = between.farshore.cli(&["check"]).await;
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    between.write(3_000).await;
    between.farshore.start().await;
    between.mirrored().await;
    between.farshore.kill9();
    between.write(2_000).await;
    between.farshore.start().await;
    between.mirrored().await;
    between.write(1_000).await;
    between.mirrored().await;
    between.shows(&[PASSWORD, KEY_PASSWORD]).await;
    between.compare().await;
}

/// Both sides take tokens of the issuer, whose keys are in the file. Nothing has been started yet.
async fn by_tokens(bed: &Bed, issuer: &Issuer, keys: &Path) -> Between {
    let specs = [(0, "localhost"), (1, "127.0.0.1")]
        .map(|(number, host)| bed.listener(number, host).tokens("tls", keys));
    let login = format!(
        "sasl = {{ mechanism = \"OAUTHBEARER\", token_url = \"{}\", client_id = \"farshore\", \
         client_secret_file = \"{}\", scope = \"kafka\" }}",
        issuer.url("token"),
        bed.write("client-secret", CLIENT_SECRET).display(),
    );
    let paris = bed.section(0, "localhost", &login);
    let oslo = bed.section(1, "127.0.0.1", &login);
    let configuration = paris_oslo_as(&paris, &oslo, LINK);
    Between::new(bed, specs, &configuration).await
}

/// Each cluster knows other keys from now on, so that tokens that would last for long are refused.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_brokers_refuse_are_replaced_on_the_record_path() {
    let bed = Bed::new();
    let keys = bed.files.path().join("keys.json");
    let issuer = Issuer::start(&keys).await;
    issuer.set(Mood::Gives(Duration::from_secs(3_600)));
    let mut between = by_tokens(&bed, &issuer, &keys).await;
    between.farshore.start().await;
    between.write(500).await;
    between.mirrored().await;
    issuer.change_key(&keys);
    for side in 0..2 {
        let cluster = match side {
            0 => &mut between.paris,
            _ => &mut between.oslo,
        };
        cluster.stop(1).await;
        cluster.restart(1).await;
        between.write(500).await;
        between.mirrored().await;
    }
    between.shows(&[CLIENT_SECRET, "eyJ"]).await;
    between.compare().await;
}

/// The same tokens as on the raw path: renewed while records flow, and after a time in which none did.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_and_are_renewed_on_the_record_path() {
    let bed = Bed::new();
    let keys = bed.files.path().join("keys.json");
    let issuer = Issuer::start(&keys).await;
    issuer.set(Mood::Gives(Duration::from_secs(15)));
    let mut between = by_tokens(&bed, &issuer, &keys).await;
    between.farshore.start().await;
    for _ in 0..2 {
        between.write(500).await;
        between.mirrored().await;
        let asked = issuer.asked();
        // One for each cluster, and again for each.
        eventually(LIMIT, "tokens are asked for", async || {
            let more = issuer.asked() - asked;
            (more >= 4).then_some(()).ok_or(format!("{more} more"))
        })
        .await;
    }
    between.write(500).await;
    between.mirrored().await;
    between.shows(&[CLIENT_SECRET, "eyJ"]).await;
    between.compare().await;
}
