//! Authorities and certificates in PEM.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority that signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

/// A certificate with its key.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// When it ends, in seconds since 1970.
    pub(crate) ends_at: u64,
}

impl Authority {
    /// Creates an authority.
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Signs a certificate for a host that ends after `days`.
    pub(crate) fn issue(&self, host: &str, days: u64) -> Issued {
        let days = i32::try_from(days).expect("few days");
        self.issue_within(host, -1..days)
    }

    /// Signs a certificate for a host that is valid on these days, counted from now.
    pub(crate) fn issue_within(&self, host: &str, days: Range<i32>) -> Issued {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host");
        params.distinguished_name.push(DnType::CommonName, host);
        let ends = day(days.end);
        params.not_before = day(days.start).into();
        params.not_after = ends.into();
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer);
        let ends_at = ends.duration_since(SystemTime::UNIX_EPOCH);
        Issued {
            certificate: certificate.expect("a certificate").pem(),
            key: key.serialize_pem(),
            ends_at: ends_at.expect("after 1970").as_secs(),
        }
    }
}

/// The time this many days from now.
fn day(number: i32) -> SystemTime {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let distance = DAY * number.unsigned_abs();
    if number < 0 {
        SystemTime::now() - distance
    } else {
        SystemTime::now() + distance
    }
}

impl Issued {
    /// Key and certificate in one file, as brokers want them.
    pub(crate) fn store(&self) -> String {
        format!("{}{}", self.key, self.certificate)
    }
}
