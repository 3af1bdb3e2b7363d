use super::*;

#[test]
fn reasons_decide_and_are_shown() {
    assert!(Liveness::unless(vec![]).alive);
    assert!(Readiness::unless(vec![]).ready);
    let starting = Readiness::unless(vec!["link a: source unreachable".to_owned()]);
    assert_eq!(
        serde_json::to_value(&starting).unwrap(),
        serde_json::json!({"ready": false, "reasons": ["link a: source unreachable"]})
    );
}
