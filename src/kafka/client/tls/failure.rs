//! Explains why a TLS connection fails: what is wrong, and what to do about it. Pure.

use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// Why a TLS connection cannot be made, or was ended by the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {fix}")]
pub struct TlsFailure {
    what: String,
    fix: String,
}

impl TlsFailure {
    pub(super) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: fix.into(),
        }
    }

    /// What to do about it.
    pub fn fix(&self) -> &str {
        &self.fix
    }

    /// Whether an error of a stream carries such a failure.
    pub(crate) fn is_in(error: &io::Error) -> bool {
        Self::of(error).is_some()
    }

    fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Finds such a failure among the causes of an error.
    pub fn among<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let inner = error.downcast_ref().and_then(Self::of);
            if let Some(found) = error.downcast_ref().or(inner) {
                return Some(found);
            }
            next = error.source();
        }
        None
    }
}

/// What a connection was tried with.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// The host that the certificate has to be for.
    pub(super) host: String,
    /// The file with the trusted authorities; `None`: the system's.
    pub(super) ca_file: Option<PathBuf>,
    /// The file with this side's certificate.
    pub(super) cert_file: Option<PathBuf>,
}

/// Explains an error of a handshake, or of reading from an encrypted stream; `None` if the line failed, not TLS.
pub(super) fn explain(error: &io::Error, attempt: &Attempt) -> Option<TlsFailure> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::InvalidCertificate(error) => certificate(error, attempt),
        Error::NoCertificatesPresented => TlsFailure::new(
            "the broker shows no certificate",
            "set ssl.keystore.location or ssl.keystore.certificate.chain on the broker",
        ),
        Error::AlertReceived(alert) => alerted(*alert, attempt),
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => no_tls(),
        Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => no_version(),
        Error::PeerIncompatible(why) => TlsFailure::new(
            format!("the broker and farshore have no kind of TLS in common ({why:?})"),
            "let the broker use the default ssl.cipher.suites",
        ),
        other => TlsFailure::new(
            format!("the TLS connection failed ({other})"),
            "check the certificates and the TLS settings of the broker",
        ),
    })
}

/// The failure when the peer closes the connection during the handshake, without any word.
pub(super) fn closed() -> TlsFailure {
    TlsFailure::new(
        "the connection was closed during the TLS handshake, as by a listener without TLS",
        "set security_protocol to PLAINTEXT or SASL_PLAINTEXT, or use the port of a TLS listener",
    )
}

fn no_tls() -> TlsFailure {
    TlsFailure::new(
        "what answers there doesn't speak TLS",
        "set security_protocol to PLAINTEXT or SASL_PLAINTEXT, or use the port of a TLS listener",
    )
}

fn no_version() -> TlsFailure {
    TlsFailure::new(
        "the broker takes neither TLS 1.3 nor TLS 1.2",
        "enable one of them in ssl.enabled.protocols on the broker",
    )
}

/// Explains why the broker's certificate isn't accepted.
fn certificate(error: &CertificateError, attempt: &Attempt) -> TlsFailure {
    let host = &attempt.host;
    match error {
        CertificateError::UnknownIssuer => unknown_issuer(attempt),
        CertificateError::NotValidForNameContext { presented, .. } => wrong_name(host, presented),
        CertificateError::ExpiredContext { not_after, .. } => TlsFailure::new(
            format!(
                "the certificate of {host}, or of an authority that signed it, ended at {}",
                time(*not_after)
            ),
            "renew it on the broker, or correct the clock of this machine",
        ),
        CertificateError::NotValidYetContext { not_before, .. } => TlsFailure::new(
            format!(
                "the certificate of {host}, or of an authority that signed it, isn't valid before {}",
                time(*not_before)
            ),
            "replace it on the broker, or correct the clock of this machine",
        ),
        CertificateError::InvalidPurposeContext { .. } => TlsFailure::new(
            format!("the certificate of {host} isn't one for servers"),
            "give the broker one with the extended key usage serverAuth, or without that extension",
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            TlsFailure::new(
                format!(
                    "the certificate of {host} has a signature or key of an outdated or rare kind"
                ),
                "give the broker one with SHA-256 and an RSA key of 2048 bits or more, ECDSA or Ed25519",
            )
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            TlsFailure::new(
                format!("the certificate of {host} is that of an authority"),
                "give the broker one of its own, signed by the authority, without the basic constraint CA",
            )
        }
        other => TlsFailure::new(
            format!("the certificate of {host} can't be used ({other})"),
            "replace it on the broker",
        ),
    }
}

fn unknown_issuer(attempt: &Attempt) -> TlsFailure {
    let host = &attempt.host;
    match &attempt.ca_file {
        Some(file) => TlsFailure::new(
            format!(
                "the certificate of {host} isn't signed by an authority in {}",
                file.display()
            ),
            "put the certificate of the authority that signed it into that file (tls.ca_file), and let the broker send its whole chain",
        ),
        None => TlsFailure::new(
            format!(
                "the certificate of {host} isn't signed by an authority that this system trusts"
            ),
            "set tls.ca_file to a file with the certificate of the authority that signed it",
        ),
    }
}

fn wrong_name(host: &str, presented: &[String]) -> TlsFailure {
    let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
    let what = if names.is_empty() {
        format!(
            "the certificate of {host} has no subject alternative name; its common name doesn't count"
        )
    } else {
        format!("the certificate of {host} is for {} only", names.join(", "))
    };
    TlsFailure::new(
        what,
        "give the broker one for the host in its advertised.listeners, or set tls.server_name to a name in the certificate",
    )
}

/// The name in a description such as `DnsName("a.example")` or `IpAddress(127.0.0.1)`.
fn bare(presented: &str) -> &str {
    let inside = presented
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(presented).trim_matches('"')
}

/// Explains an alert: what the broker finds wrong with this side.
fn alerted(alert: AlertDescription, attempt: &Attempt) -> TlsFailure {
    use AlertDescription as Alert;
    let told = format!("{alert:?}");
    match (alert, &attempt.cert_file) {
        (Alert::ProtocolVersion, _) => no_version(),
        (Alert::UnrecognisedName, _) => TlsFailure::new(
            format!("there is no {} at this address ({told})", attempt.host),
            "correct the address_map or advertised.listeners, or set tls.server_name",
        ),
        // Brokers say the same about what they have in common with a client as some do about its certificate.
        (Alert::HandshakeFailure, None) => TlsFailure::new(
            format!(
                "the broker refuses a client without a certificate, or has no version and cipher suite in common with farshore ({told})"
            ),
            "set tls.cert_file and tls.key_file, or ssl.client.auth = none on the broker; if it asks for no certificate, let it use the default ssl.enabled.protocols and ssl.cipher.suites",
        ),
        (Alert::CertificateRequired | Alert::BadCertificate, None) => TlsFailure::new(
            format!("the broker refuses a client without a certificate ({told})"),
            "set tls.cert_file and tls.key_file, or ssl.client.auth = none on the broker",
        ),
        (
            Alert::BadCertificate
            | Alert::CertificateRequired
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::UnsupportedCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError,
            Some(file),
        ) => TlsFailure::new(
            format!(
                "the broker refuses the certificate in {} ({told})",
                file.display()
            ),
            "renew it if it has ended, or put the authority that signed it into the broker's ssl.truststore",
        ),
        (Alert::HandshakeFailure, Some(_)) => TlsFailure::new(
            format!("the broker and farshore have no kind of TLS in common ({told})"),
            "let the broker use the default ssl.enabled.protocols and ssl.cipher.suites",
        ),
        _ => TlsFailure::new(
            format!("the broker ended the TLS connection ({told})"),
            "look into the broker's log for the reason",
        ),
    }
}

fn time(time: UnixTime) -> String {
    crate::model::time(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
