use super::*;

/// 2026-01-01T00:00:00Z.
pub(super) const NOW: i64 = 1_767_225_600;

#[test]
fn certificates_that_end_soon_are_advice() {
    let mut facts = healthy();
    let oslo = facts.clusters.get_mut(&"oslo".into()).unwrap();
    oslo.certificates.server = Some(("b:1".to_owned(), NOW + 86_400));
    assert_only(
        &facts,
        Severity::Advice,
        "the certificate of b:1 in cluster oslo ends at 2026-01-02T00:00:00Z",
        "Renew it on the broker.",
    );
}
