//! TLS listeners of both clusters, for the mirrors alone: the load and the looks at the logs use the plain ones.
//!
//! Brokers show certificates of one authority, which both mirrors check together with the host.

use std::fs;
use std::path::PathBuf;

use crate::support::brokers::{Spec, TlsListener};
use crate::support::certificates::Authority;
use crate::support::leash::Leash;
use crate::support::ports::Port;

const HOST: &str = "127.0.0.1";
const DAYS: u64 = 30;
/// What is told of it under the figures.
pub(crate) const CONDITIONS: &str = "Both mirrors connect to both clusters with TLS (version and cipher as each negotiates them by default, ECDSA certificates on P-256); the load doesn't.\n";

/// The files, and a port for each cluster.
#[derive(Debug)]
pub(crate) struct Encryption {
    files: Leash,
    paris: Port,
    oslo: Port,
}

impl Encryption {
    /// Reserves the ports.
    pub(crate) fn new() -> Self {
        Self {
            files: Leash::new("bench-tls"),
            paris: Port::reserve(),
            oslo: Port::reserve(),
        }
    }

    /// Adds the listeners to the specs of both clusters.
    pub(crate) fn listeners(&self, specs: [Spec; 2]) -> [Spec; 2] {
        let authority = Authority::new("authority of the benchmark");
        fs::write(self.trusted(), &authority.pem).expect("the authority");
        let [paris, oslo] = specs;
        let listener = |spec: Spec, name: &str, port: &Port| {
            let store = self.files.dir().join(name);
            fs::write(&store, authority.issue(HOST, DAYS).store()).expect("a certificate");
            let listener = TlsListener {
                address: port.address(),
                advertised: port.address(),
                protocol: "SSL",
            };
            spec.tls(listener, &store, &self.trusted())
        };
        [
            listener(paris, "paris.pem", &self.paris),
            listener(oslo, "oslo.pem", &self.oslo),
        ]
    }

    fn trusted(&self) -> PathBuf {
        self.files.dir().join("trusted.pem")
    }

    /// The sections of both clusters in farshore's configuration.
    pub(crate) fn farshore(&self) -> [String; 2] {
        let trusted = self.trusted();
        [&self.paris, &self.oslo].map(|port| {
            format!(
                "bootstrap_servers = [\"{}\"]\nsecurity_protocol = \"SSL\"\ntls.ca_file = \"{}\"\n",
                port.address(),
                trusted.display()
            )
        })
    }

    /// The properties with which `MirrorMaker 2` connects to both clusters.
    pub(crate) fn mirror_maker(&self) -> String {
        let trusted = self.trusted();
        let clusters = [("paris", &self.paris), ("oslo", &self.oslo)].map(|(name, port)| {
            format!(
                "{name}.bootstrap.servers = {}\n\
                 {name}.security.protocol = SSL\n\
                 {name}.ssl.truststore.type = PEM\n\
                 {name}.ssl.truststore.location = {}\n",
                port.address(),
                trusted.display()
            )
        });
        clusters.concat()
    }
}
