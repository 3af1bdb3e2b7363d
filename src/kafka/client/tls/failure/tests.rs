use tokio_rustls::rustls::OtherError;

use super::*;

fn attempt() -> Attempt {
    Attempt {
        host: "a".to_owned(),
        ca_file: None,
        cert_file: Some("cert.pem".into()),
    }
}

fn told(error: Error) -> String {
    let error = io::Error::new(io::ErrorKind::InvalidData, error);
    explain(&error, &attempt()).unwrap().to_string()
}

#[test]
fn without_a_file_the_system_decides_whom_to_trust() {
    let told = told(CertificateError::UnknownIssuer.into());
    assert_eq!(
        told,
        "the certificate of a isn't signed by an authority that this system trusts: set tls.ca_file to a file with the certificate of the authority that signed it"
    );
}

/// Whatever the library adds to its lists has a line, too.
#[test]
fn every_failure_has_a_fix() {
    for error in [
        Error::NoCertificatesPresented,
        Error::DecryptError,
        CertificateError::BadSignature.into(),
        Error::AlertReceived(AlertDescription::InternalError),
        Error::AlertReceived(AlertDescription::HandshakeFailure),
        Error::AlertReceived(AlertDescription::UnrecognisedName),
        Error::AlertReceived(AlertDescription::UnknownCA),
        PeerIncompatible::ServerDoesNotSupportTls12Or13.into(),
        PeerIncompatible::NoCipherSuitesInCommon.into(),
        Error::Other(OtherError(std::sync::Arc::new(io::Error::other("odd")))),
    ] {
        let told = told(error);
        assert!(told.contains(": ") && !told.contains('\n'), "{told}");
    }
}

#[test]
fn an_error_of_the_line_is_none_of_tls() {
    let error = io::Error::from(io::ErrorKind::ConnectionReset);
    assert_eq!(explain(&error, &attempt()), None);
}

#[test]
fn a_failure_is_found_among_causes() {
    let failure = closed();
    let line = io::Error::other(failure.clone());
    assert!(TlsFailure::is_in(&line));
    let error = crate::error::Error::new(crate::error::Kind::Disconnected, "outer").caused_by(line);
    assert_eq!(TlsFailure::among(&error), Some(&failure));
    assert_eq!(TlsFailure::among(&io::Error::other("another")), None);
}
