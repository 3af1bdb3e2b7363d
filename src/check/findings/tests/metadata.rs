use super::*;

const NAME: &str = "offset.metadata.max.bytes";

#[test]
fn a_target_that_takes_less_metadata_than_the_source_is_told() {
    let mut facts = healthy();
    set(&mut facts, "paris", NAME, "16384");
    assert_eq!(findings(&facts), [], "the target's is unknown");
    set(&mut facts, "oslo", NAME, "16384");
    assert_eq!(findings(&facts), []);
    set(&mut facts, "oslo", NAME, "4096");
    assert_only(
        &facts,
        Severity::Advice,
        "offset.metadata.max.bytes is 4096 on oslo and 16384 on paris",
        "Set offset.metadata.max.bytes=16384",
    );
}
