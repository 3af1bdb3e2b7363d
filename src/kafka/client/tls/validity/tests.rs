use std::time::UNIX_EPOCH;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::kafka::client::tls::testing::{Authority, day};

use super::*;

fn end_of(chain: &str) -> Option<i64> {
    ends_at(&CertificateDer::from_pem_slice(chain.as_bytes()).unwrap())
}

#[test]
fn certificates_say_when_they_end() {
    let authority = Authority::new("authority");
    // In the form for years before 2050, and in the other one.
    for days in [-3, 90, 20_000] {
        let issued = authority.issue(&["a"], -10..days);
        let expected = day(days).duration_since(UNIX_EPOCH).unwrap().as_secs();
        let found = end_of(&issued.chain).unwrap();
        assert!(
            found.abs_diff(i64::try_from(expected).unwrap()) < 60,
            "{days}"
        );
    }
}

#[test]
fn what_is_no_certificate_has_no_end() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&["a"], 0..1);
    let whole = CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap();
    for length in 0..whole.len() {
        assert_eq!(ends_at(&whole[..length]), None, "{length}");
    }
    assert_eq!(ends_at(&[0x30; 64]), None);
}
