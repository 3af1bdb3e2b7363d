use super::*;

const DAY: i64 = 24 * 60 * 60;
/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

fn told(ends: &CertificateEnds) -> Vec<String> {
    let advice = ends.advice(&"paris".into(), NOW).into_iter();
    advice.map(|(what, fix)| format!("{what}: {fix}")).collect()
}

#[test]
fn certificates_are_to_be_renewed_a_month_before_they_end() {
    let ends = |days: i64| CertificateEnds {
        client: Some(NOW + days * DAY),
        server: Some(("b:1".to_owned(), NOW + days * DAY)),
        trouble: None,
    };
    assert_eq!(told(&CertificateEnds::default()), [""; 0]);
    assert_eq!(told(&ends(30)), [""; 0]);
    assert_eq!(
        told(&ends(29)),
        [
            "farshore's certificate for cluster paris ends at 2026-01-30T00:00:00Z: renew cert_file and key_file of [clusters.paris.tls]",
            "the certificate of b:1 in cluster paris ends at 2026-01-30T00:00:00Z: renew it on the broker",
        ]
    );
    assert!(
        told(&ends(-1))
            .iter()
            .all(|it| it.contains("ended at 2025-12-31"))
    );
}

#[test]
fn files_that_are_not_in_force_are_told() {
    let ends = CertificateEnds {
        trouble: Some("why".to_owned()),
        ..CertificateEnds::default()
    };
    let expected = "changed TLS files of cluster paris can't be used, the former ones stay in force (why): correct the files of [clusters.paris.tls]";
    assert_eq!(told(&ends), [expected]);
}
