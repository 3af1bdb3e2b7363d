//! One broker with a listener for each thing that can be wrong with it: versions that nobody has in common, certificates
//! that have ended or aren't valid yet, on either side.

use std::ops::Range;

use super::{Bed, LIMIT, LINK, PARIS, configure};
use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec, TlsListener};
use crate::support::certificates::Authority;
use crate::support::ports::Port;
use crate::support::wait::eventually;

/// A listener, what its broker does there, and what farshore says about it.
struct Fault {
    listener: &'static str,
    /// The days on which the broker's certificate is valid.
    days: Range<i32>,
    /// A property of the listener.
    property: (&'static str, &'static str),
    what: &'static str,
    fix: &'static str,
}

const NO_PROPERTY: (&str, &str) = ("ssl.client.auth", "none");
const NO_VERSION: &str = "the broker takes neither TLS 1.3 nor TLS 1.2";
static FAULTS: [Fault; 5] = [
    Fault {
        listener: "OLD",
        days: -1..90,
        property: ("ssl.enabled.protocols", "TLSv1.1"),
        what: NO_VERSION,
        fix: "Enable one of them in ssl.enabled.protocols on the broker.",
    },
    Fault {
        listener: "RARE",
        days: -1..90,
        property: ("ssl.cipher.suites", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
        what: "or has no version and cipher suite in common with farshore (HandshakeFailure)",
        fix: "if it asks for no certificate, let it use the default ssl.enabled.protocols and ssl.cipher.suites.",
    },
    Fault {
        listener: "ENDED",
        days: -9..-1,
        property: NO_PROPERTY,
        what: "the certificate of kafka-0.paris.svc, or of an authority that signed it, ended at ",
        fix: "Renew it on the broker, or correct the clock of this machine.",
    },
    Fault {
        listener: "EARLY",
        days: 1..90,
        property: NO_PROPERTY,
        what: "the certificate of kafka-0.paris.svc, or of an authority that signed it, isn't valid before ",
        fix: "Replace it on the broker, or correct the clock of this machine.",
    },
    // farshore's own certificate has ended.
    Fault {
        listener: "STRICT",
        days: -1..90,
        property: ("ssl.client.auth", "required"),
        what: "the broker refuses the certificate in ",
        fix: "Renew it if it has ended, or put the authority that signed it into the broker's ssl.truststore.",
    },
];

/// The broker with all these listeners.
fn broker(bed: &Bed, clients: &Authority, ports: &[Port]) -> Spec {
    // The old versions are disabled in Java's own settings, not only in Kafka's.
    let enabled = bed.write("java.security", "jdk.tls.disabledAlgorithms=SSLv3\n");
    let mut spec = Spec::new(KafkaVersion::V4_1);
    let option = format!("-Djava.security.properties={}", enabled.display());
    spec.jvm_options.push(option);
    let trusted = bed.write("clients.pem", &clients.pem);
    FAULTS.iter().zip(ports).fold(spec, |spec, (fault, port)| {
        let listener = fault.listener;
        let issued = bed.authority.issue_within(PARIS, fault.days.clone());
        let store = bed.write(&format!("{listener}.pem"), &issued.store());
        let at = TlsListener {
            address: port.address(),
            advertised: format!("{PARIS}:9093"),
            protocol: "SSL",
        };
        let (name, value) = fault.property;
        let property = format!("listener.name.{}.{name}", listener.to_lowercase());
        spec.tls_as(listener, at, &store, &trusted)
            .property(&property, value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_real_brokers_refuse_or_show_at_the_wrong_time_is_told_in_one_line_each() {
    let bed = Bed::new();
    let clients = Authority::new("authority of clients");
    bed.identify(&clients.issue_within("farshore", -9..-1));
    let ports = FAULTS.each_ref().map(|_| Port::reserve());
    let mut setting = Setting::between(
        broker(&bed, &clients, &ports),
        Spec::new(KafkaVersion::V4_1),
        LINK,
    )
    .await;
    let oslo = format!("bootstrap_servers = [\"{}\"]\n", setting.oslo.bootstrap());
    for (fault, port) in FAULTS.iter().zip(&ports) {
        let security = match fault.listener {
            "STRICT" => bed.with_certificate(),
            _ => "security_protocol = \"SSL\"".to_owned(),
        };
        let paris = bed.cluster_at(&port.address(), PARIS, &security);
        configure(&setting, &paris, &oslo);
        is_told(&mut setting, fault).await;
    }
}

/// `check` finds this and nothing else; the service logs it once.
async fn is_told(setting: &mut Setting, fault: &Fault) {
    let (what, fix) = (fault.what, fault.fix);
    let output = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for expected in [what, fix, "\n1 problem found"] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    setting.farshore.start().await;
    eventually(LIMIT, what, async || {
        let told = super::told(setting).await?;
        told.contains(what).then_some(()).ok_or(told)
    })
    .await;
    let log = setting.farshore.process().stderr();
    let lines = log.lines().filter(|line| line.contains(what));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("cluster cannot be reached"), "{log}");
    setting.farshore.kill9();
}
