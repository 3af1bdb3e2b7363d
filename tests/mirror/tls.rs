//! Clusters that take encrypted connections only, known to themselves by names that lead nowhere from here.

mod principals;
mod tokens;
mod untimely;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec, TlsListener};
use crate::support::certificates::{Authority, Issued};
use crate::support::farshore::paris_oslo_as;
use crate::support::leash::Leash;
use crate::support::ports::Port;
use crate::support::wait::eventually;

const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    user_farshore=\"s3cret\";";
const PARIS: &str = "kafka-0.paris.svc";
const OSLO: &str = "kafka-0.oslo.svc";
const PARTITIONS: i32 = 2;
const LINK: &str = "topics = [\"orders\"]\nrefresh_interval = \"500ms\"";
const LIMIT: Duration = Duration::from_secs(60);

/// A directory with everybody's files, and the ports of the encrypted listeners.
struct Bed {
    files: Leash,
    ports: [Port; 2],
    authority: Authority,
}

impl Bed {
    fn new() -> Self {
        Self {
            files: Leash::new("tls"),
            ports: [Port::reserve(), Port::reserve()],
            authority: Authority::new("authority of the brokers"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.dir().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        // In one step, as secrets are replaced.
        let beside = self.path("beside");
        fs::write(&beside, text).expect("a file");
        fs::rename(&beside, &path).expect("the file in place");
        path
    }

    /// A broker that advertises `host`, with a certificate for it, and trusts certificates of `trusted`.
    fn broker(
        &self,
        number: usize,
        host: &str,
        protocol: &'static str,
        trusted: &Authority,
    ) -> Spec {
        let port = &self.ports[number];
        let store = self.authority.issue(host, 90).store();
        let listener = TlsListener {
            address: port.address(),
            advertised: format!("{host}:9093"),
            protocol,
        };
        Spec::new(KafkaVersion::V4_1).tls(
            listener,
            &self.write(&format!("{host}.pem"), &store),
            &self.write(&format!("{host}-trusted.pem"), &trusted.pem),
        )
    }

    /// Paris demands a certificate, Oslo a password.
    fn specs(&self, clients: &Authority) -> [Spec; 2] {
        let paris = self.broker(0, PARIS, "SSL", clients);
        let oslo = self.broker(1, OSLO, "SASL_SSL", clients);
        [
            paris.property("listener.name.tls.ssl.client.auth", "required"),
            oslo.property("listener.name.tls.sasl.enabled.mechanisms", "PLAIN")
                .property("listener.name.tls.plain.sasl.jaas.config", JAAS),
        ]
    }

    /// Replaces farshore's own certificate.
    fn identify(&self, issued: &Issued) {
        self.write("cert.pem", &issued.certificate);
        self.write("key.pem", &issued.key);
    }

    /// The section of a cluster with these lines about security, and with the authority to trust.
    fn cluster(&self, number: usize, host: &str, security: &str) -> String {
        self.cluster_at(&self.ports[number].address(), host, security)
    }

    fn cluster_at(&self, address: &str, host: &str, security: &str) -> String {
        let authority = self.write("ca.pem", &self.authority.pem);
        let authority = authority.display();
        format!(
            "bootstrap_servers = [\"{address}\"]\n{security}\n\
             tls.ca_file = \"{authority}\"\naddress_map = {{ \"{host}:9093\" = \"{address}\" }}\n"
        )
    }

    fn paris(&self) -> String {
        self.cluster(0, PARIS, &self.with_certificate())
    }

    /// The lines about security where farshore shows its own certificate.
    fn with_certificate(&self) -> String {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        format!(
            "security_protocol = \"SSL\"\ntls.cert_file = \"{}\"\ntls.key_file = \"{}\"",
            certificate.display(),
            key.display()
        )
    }

    fn oslo(&self) -> String {
        let login = "security_protocol = \"SASL_SSL\"\n\
                     sasl = { mechanism = \"PLAIN\", username = \"farshore\", password = \"s3cret\" }";
        self.cluster(1, OSLO, login)
    }

    async fn between(&self, clients: &Authority) -> Setting {
        let [paris, oslo] = self.specs(clients);
        let setting = Setting::between(paris, oslo, LINK).await;
        setting.topic("orders", PARTITIONS, &[]).await;
        configure(&setting, &self.paris(), &self.oslo());
        setting
    }
}

fn configure(setting: &Setting, paris: &str, oslo: &str) {
    let text = paris_oslo_as(paris, oslo, LINK);
    setting.farshore.configure(&text);
}

async fn write(setting: &Setting, numbers: std::ops::Range<i64>) {
    for partition in 0..PARTITIONS {
        setting.write("orders", partition, numbers.clone()).await;
    }
}

/// What the service says about the link.
async fn told(setting: &Setting) -> Result<String, String> {
    let link: Value = setting.farshore.get_json("/v1/links/paris-oslo").await?;
    Ok(link.to_string())
}

async fn client_certificate_ends(setting: &Setting, wanted: u64) {
    let line = format!(
        "farshore_tls_certificate_expiry_timestamp_seconds{{cluster=\"paris\",side=\"client\"}} {wanted}"
    );
    eventually(LIMIT, &line, async || {
        let page = setting.farshore.metrics().await?;
        if page.lines().any(|found| found == line) {
            return Ok(());
        }
        let found = page.lines().filter(|found| found.contains("certificate"));
        Err(found.collect::<Vec<_>>().join("\n"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_mirrored_exactly_while_certificates_are_replaced() {
    let bed = Bed::new();
    let clients = Authority::new("authority of clients");
    bed.identify(&clients.issue("farshore", 90));
    let mut setting = bed.between(&clients).await;
    setting.farshore.start().await;
    write(&setting, 0..2_000).await;
    setting.arrives("orders", PARTITIONS, 500).await;
    setting.farshore.kill9();
    write(&setting, 2_000..3_000).await;
    setting.farshore.start().await;
    setting.mirrored("orders", PARTITIONS).await;
    assert_eq!(setting.compare("orders", PARTITIONS).await, 6_000);

    // Files that can't be used leave the former ones in force.
    bed.write("key.pem", "no key");
    eventually(LIMIT, "the file is told", async || {
        let told = told(&setting).await?;
        let is_told = told.contains("the former ones stay in force")
            && told.contains("key.pem has no private key");
        is_told.then_some(()).ok_or(told)
    })
    .await;
    write(&setting, 3_000..3_500).await;
    setting.mirrored("orders", PARTITIONS).await;

    // From now on the source trusts another authority; farshore goes on without a restart.
    let successors = Authority::new("next authority of clients");
    let next = successors.issue("farshore", 20);
    bed.identify(&next);
    client_certificate_ends(&setting, next.ends_at).await;
    bed.write(&format!("{PARIS}-trusted.pem"), &successors.pem);
    setting.paris.stop(1).await;
    setting.paris.restart(1).await;
    write(&setting, 3_500..5_000).await;
    setting.mirrored("orders", PARTITIONS).await;
    assert_eq!(setting.compare("orders", PARTITIONS).await, 10_000);
    let told = told(&setting).await.expect("an answer");
    assert!(!told.contains("stay in force"), "{told}");
    assert!(
        told.contains("farshore's certificate for cluster paris ends at"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_be_reached_securely_says_why() {
    let bed = Bed::new();
    let (clients, strangers) = (Authority::new("clients"), Authority::new("strangers"));
    bed.identify(&clients.issue("farshore", 10));
    let setting = bed.between(&clients).await;
    let check = async |paris: &str| {
        configure(&setting, paris, &bed.oslo());
        let output = setting.farshore.cli(&["check"]).await;
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let good = check(&bed.paris()).await;
    assert!(good.contains("no problems found"), "{good}");
    assert!(
        good.contains("certificates until") && good.contains("farshore's until"),
        "{good}"
    );
    assert!(
        good.contains("advice: cluster paris: farshore's certificate for cluster paris ends at"),
        "{good}"
    );

    let anonymous = bed.cluster(0, PARIS, "security_protocol = \"SSL\"");
    let plain = bed.cluster(0, PARIS, "").replace("tls.", "#");
    let wrong_name = format!("{}\ntls.server_name = \"another.svc\"", bed.paris());
    let open = setting.paris.bootstrap();
    let without_tls = format!("bootstrap_servers = [\"{open}\"]\nsecurity_protocol = \"SSL\"");
    for (paris, expected) in [
        (
            anonymous,
            "Set tls.cert_file and tls.key_file, or ssl.client.auth = none on the broker.",
        ),
        (
            plain,
            "the answer is a TLS alert: the listener expects TLS (see security_protocol)",
        ),
        (
            wrong_name,
            "the certificate of another.svc is for kafka-0.paris.svc only",
        ),
        (
            without_tls,
            "as by a listener without TLS: set security_protocol to PLAINTEXT",
        ),
    ] {
        let told = check(&paris).await;
        assert!(told.contains(expected), "{expected}\n{told}");
    }
    bed.identify(&strangers.issue("farshore", 90));
    let told = check(&bed.paris()).await;
    let expected = "renew it if it has ended, or put the authority that signed it into the broker's ssl.truststore";
    assert!(told.contains(expected), "{told}");
    let (paris, oslo) = (bed.paris(), bed.oslo());
    bed.write("ca.pem", &strangers.pem);
    configure(&setting, &paris, &oslo);
    let output = setting.farshore.cli(&["check"]).await;
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("isn't signed by an authority in"), "{told}");
}
