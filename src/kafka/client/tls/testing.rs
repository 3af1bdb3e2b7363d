//! Authorities, certificates and brokers with TLS for tests.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::kafka::client::testing::{Call, FakeNet, Reply, serve, versions};

use super::{TlsIdentity, TlsSettings};

/// An authority that signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate with its key, both in PEM.
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// The days for which a certificate is valid unless a test says otherwise, from today on.
pub(crate) const VALID: Range<i64> = -1..365;

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Signs a certificate for these hosts, valid on these days from today on.
    pub(crate) fn issue(&self, hosts: &[&str], days: Range<i64>) -> Issued {
        self.sign(hosts, days, |_| {})
    }

    pub(crate) fn sign(
        &self,
        hosts: &[&str],
        days: Range<i64>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name = named("farshore").distinguished_name;
        params.not_before = day(days.start).into();
        params.not_after = day(days.end).into();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Issued {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.pem)).unwrap();
        roots
    }
}

/// Makes a certificate one for clients only.
pub(crate) fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

/// Makes a certificate that of an authority.
pub(crate) fn for_authorities(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// The time `days` from now.
pub(crate) fn day(days: i64) -> SystemTime {
    let time = Duration::from_hours(24 * days.unsigned_abs());
    if days < 0 {
        SystemTime::now() - time
    } else {
        SystemTime::now() + time
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// The broker's side of TLS.
pub(crate) struct Server<'a> {
    pub(crate) issued: &'a Issued,
    /// Whose certificates clients have to show; `None`: they need none.
    pub(crate) clients: Option<&'a Authority>,
    pub(crate) version: &'static SupportedProtocolVersion,
}

impl<'a> Server<'a> {
    pub(crate) fn new(issued: &'a Issued) -> Self {
        Self {
            issued,
            clients: None,
            version: &TLS13,
        }
    }

    pub(crate) fn before_1_3(mut self) -> Self {
        self.version = &TLS12;
        self
    }

    pub(crate) fn demanding(mut self, clients: &'a Authority) -> Self {
        self.clients = Some(clients);
        self
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[self.version])
            .unwrap();
        let config = match self.clients {
            Some(clients) => {
                let roots = Arc::new(clients.roots());
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
            None => config.with_no_client_auth(),
        };
        let chain = CertificateDer::pem_slice_iter(self.issued.chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.issued.key.as_bytes()).unwrap();
        Arc::new(config.with_single_cert(chain, key).unwrap()).into()
    }

    /// Runs a broker with this TLS at `address`.
    pub(crate) fn broker<F>(&self, net: &FakeNet, address: &str, answer: F)
    where
        F: Fn(&Call) -> Reply + Send + Sync + 'static,
    {
        let acceptor = self.acceptor();
        let shared = Arc::new((versions(), answer));
        net.script(address, move |stream| {
            let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, None, shared).await;
                }
            }
        });
    }
}

/// A directory with the files of a client.
pub(crate) struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    /// Writes the certificate of the authority to trust.
    pub(crate) fn trusting(authority: &Authority) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = Self { directory };
        files.write("ca.pem", &authority.pem);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// Writes the client's own certificate and key.
    pub(crate) fn identify(&self, issued: &Issued) {
        self.write("cert.pem", &issued.chain);
        self.write("key.pem", &issued.key);
    }

    /// Settings that trust the authority.
    pub(crate) fn settings(&self) -> TlsSettings {
        TlsSettings {
            ca_file: Some(self.path("ca.pem")),
            ..TlsSettings::default()
        }
    }

    /// Settings with the client's certificate, too.
    pub(crate) fn with_identity(&self) -> TlsSettings {
        TlsSettings {
            identity: Some(TlsIdentity {
                cert_file: self.path("cert.pem"),
                key_file: self.path("key.pem"),
                key_password_file: None,
            }),
            ..self.settings()
        }
    }

    /// The directory's path as it begins in messages.
    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }
}
