use super::*;

fn id(link: &str, source: &str, target: &str, incarnation: u16) -> ProducerId {
    let identity = LinkIdentity {
        link: link.into(),
        source_cluster_id: source.to_owned(),
        target_cluster_id: target.to_owned(),
    };
    identity.producer_id(incarnation)
}

#[test]
fn a_link_is_known_by_its_name_and_the_direction() {
    let names = || ["a", "b", "c"].map(LinkName::from);
    let found = |producer| named(names(), ["oslo-id", "paris-id"], producer);
    for incarnation in [0, 7, 255, 256, 65_535] {
        let back = id("b", "oslo-id", "paris-id", incarnation);
        assert_eq!(found(back), Some("b".into()), "{incarnation}");
    }
    assert_eq!(found(id("b", "paris-id", "oslo-id", 0)), None);
    assert_eq!(found(id("d", "oslo-id", "paris-id", 0)), None);
    assert_eq!(found(ProducerId(7)), None);
    assert_eq!(found(ProducerId(-1)), None);
}
