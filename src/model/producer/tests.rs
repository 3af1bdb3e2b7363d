use proptest::prelude::*;

use super::*;

fn identity(link: &str) -> LinkIdentity {
    LinkIdentity {
        link: LinkName::new(link),
        source_cluster_id: "a".into(),
        target_cluster_id: "b".into(),
    }
}

#[test]
fn ids_are_stable_marked_and_owned_by_one_link() {
    let id = identity("paris-oslo").producer_id(3);
    assert_eq!(id, identity("paris-oslo").producer_id(3));
    assert!(id.is_farshore() && id.0 > 0);
    assert_eq!(id.incarnation(), 3);
    assert!(identity("paris-oslo").owns(id));
    assert!(!identity("oslo-paris").owns(id));
    assert!(!ProducerId(-1).is_farshore() && !ProducerId(4_000).is_farshore());
}

/// If an id changed, the link would no longer recognise its existing mirrors as its own.
#[test]
fn ids_of_mirrors_that_exist_stay_as_they_are() {
    let id = identity("paris-oslo").producer_id(3);
    assert_eq!(id, ProducerId(0x46A5_1C8A_6562_8703));
    let id = identity("paris-oslo").producer_id(255);
    assert_eq!(id, ProducerId(0x46A5_1C8A_6562_87FF));
}

proptest! {
    #[test]
    fn each_incarnation_has_an_id_of_its_own_that_tells_it(one: u16, other: u16) {
        let link = identity("paris-oslo");
        let id = link.producer_id(one);
        prop_assert!(id.0 > 1 << 60 && id.is_farshore() && link.owns(id));
        prop_assert_eq!(id.incarnation(), one);
        prop_assert_eq!(id == link.producer_id(other), one == other);
        prop_assert!(!identity("oslo-paris").owns(id));
    }

    #[test]
    fn an_id_is_owned_only_in_the_form_in_which_it_is_written(id: i64, incarnation: u16, flipped in 0..64_u32) {
        let link = identity("paris-oslo");
        prop_assert_eq!(link.owns(ProducerId(id)), link.producer_id(ProducerId(id).incarnation()).0 == id);
        let near = ProducerId(link.producer_id(incarnation).0 ^ 1_i64.rotate_left(flipped));
        prop_assert_eq!(link.owns(near), near == link.producer_id(near.incarnation()));
        prop_assert!(near.is_farshore() || !link.owns(near));
    }

    #[test]
    fn ids_that_brokers_hand_out_are_not_ours(id in 0..1_i64 << 55) {
        prop_assert!(!ProducerId(id).is_farshore() && !ProducerId(-id - 1).is_farshore());
    }
}

#[test]
fn an_early_incarnation_has_no_id_under_the_later_mark() {
    let link = identity("paris-oslo");
    let hash = link.producer_id(0).0 & ((1 << MARK_SHIFT) - 1);
    let disguised = ProducerId(0x4700 << MARK_SHIFT | hash);
    assert!(!disguised.is_farshore() && !link.owns(disguised));
}

#[test]
fn parts_cannot_be_shifted_into_each_other() {
    let mut other = identity("paris-oslo");
    other.link = LinkName::new("paris-osloa");
    other.source_cluster_id = String::new();
    assert_ne!(other.producer_id(0), identity("paris-oslo").producer_id(0));
}

#[test]
fn sequences_wrap_at_31_bits() {
    assert_eq!(sequence_of(TargetOffset(0x7fff_ffff)), i32::MAX);
    assert_eq!(sequence_of(TargetOffset(0x8000_0000)), 0);
    assert_eq!(sequence_of(TargetOffset(5)), 5);
}
