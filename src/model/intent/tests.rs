use proptest::prelude::*;

use super::*;

fn setting(intent: Intent, set_at_ms: i64) -> IntentSetting {
    IntentSetting {
        set_at_ms,
        intent,
        set_by: "here".to_owned(),
        relative: false,
    }
}

fn intents(link: Option<(Intent, i64)>, topics: &[(&str, Intent, i64)]) -> LinkIntents {
    let topics = topics.iter();
    LinkIntents {
        link: link.map(|(intent, at)| setting(intent, at)),
        topics: topics
            .map(|(topic, intent, at)| (TopicName::from(*topic), setting(*intent, *at)))
            .collect(),
    }
}

#[test]
fn the_strictest_intent_counts_for_a_topic() {
    for of_link in Intent::ALL {
        for own in Intent::ALL {
            let set = intents(Some((of_link, 1)), &[("a", own, 2)]);
            assert_eq!(set.of(&"a".into()), of_link.max(own));
            assert_eq!(set.of(&"later".into()), of_link);
        }
    }
    assert!(Intent::Open > Intent::Sealed && Intent::Sealed > Intent::Paused);
    assert!(Intent::Paused > Intent::Mirror);
    assert_eq!(LinkIntents::default().of(&"a".into()), Intent::Mirror);
}

#[test]
fn pause_and_resume_move_between_mirror_and_paused_alone() {
    for from in Intent::ALL {
        let link = intents(Some((from, 5)), &[]);
        let topic = intents(None, &[("a", from, 5)]);
        let names = BTreeSet::from(["a".into()]);
        for change in [IntentChange::Pause, IntentChange::Resume] {
            let allowed = matches!(from, Intent::Mirror | Intent::Paused);
            assert_eq!(link.change(None, change, "x", 9).is_ok(), allowed);
            assert_eq!(topic.change(Some(&names), change, "x", 9).is_ok(), allowed);
            // A topic can't be paused or resumed while the link is sealed or open.
            assert_eq!(link.change(Some(&names), change, "x", 9).is_ok(), allowed);
        }
    }
}

#[test]
fn what_was_opened_is_not_mirrored_again_by_any_way() {
    let open = intents(Some((Intent::Open, 5)), &[]);
    for wanted in Intent::ALL {
        let changed = open.change(None, IntentChange::Set(wanted), "x", 9);
        assert_eq!(changed.is_ok(), wanted == Intent::Open, "{wanted}");
    }
    for from in [Intent::Mirror, Intent::Paused, Intent::Sealed] {
        for wanted in Intent::ALL {
            let set = intents(Some((from, 5)), &[]);
            assert!(set.change(None, IntentChange::Set(wanted), "x", 9).is_ok());
        }
    }
}

#[test]
fn a_change_of_several_topics_is_made_for_all_or_none() {
    let set = intents(None, &[("a", Intent::Sealed, 5)]);
    let names = BTreeSet::from(["a".into(), "b".into()]);
    let refused = set.change(Some(&names), IntentChange::Pause, "x", 9);
    let refused = refused.unwrap_err();
    assert_eq!(refused.topic, Some("a".into()));
    assert!(
        refused
            .to_string()
            .starts_with("the intent of topic a is sealed: ")
    );
}

#[test]
fn a_change_counts_after_what_a_clock_ahead_has_set() {
    let set = intents(Some((Intent::Paused, 1_000)), &[]);
    let made = set.change(None, IntentChange::Resume, "x", 9).unwrap();
    let mut merged = set.clone();
    merged.merge(&made);
    assert_eq!(merged.of_link(), Intent::Mirror);
    assert_eq!(made.link.unwrap().set_at_ms, 1_001);
}

#[test]
fn what_is_open_stays_open_whatever_was_set_later_elsewhere() {
    let [open, later] = [(Intent::Open, 1), (Intent::Mirror, 2)].map(|it| intents(Some(it), &[]));
    for [first, second] in [[&open, &later], [&later, &open]] {
        let mut merged = first.clone();
        merged.merge(second);
        assert_eq!(merged, open);
    }
}

#[test]
fn what_was_sealed_elsewhere_is_not_moved_by_a_pause_or_resume() {
    for change in [IntentChange::Pause, IntentChange::Resume] {
        for held in [Intent::Sealed, Intent::Open] {
            let made = LinkIntents::default().change(None, change, "here", 9);
            let mut merged = intents(Some((held, 5)), &[]);
            merged.merge(&made.unwrap());
            assert_eq!(merged, intents(Some((held, 5)), &[]));
        }
    }
    let made = intents(Some((Intent::Sealed, 5)), &[]);
    let made = made.change(None, IntentChange::Set(Intent::Mirror), "here", 9);
    let mut merged = intents(Some((Intent::Sealed, 5)), &[]);
    merged.merge(&made.unwrap());
    assert_eq!(merged.of_link(), Intent::Mirror);
}

#[test]
fn the_later_setting_counts_for_link_and_topics_apart() {
    let mut one = intents(
        Some((Intent::Paused, 10)),
        &[("a", Intent::Paused, 10), ("b", Intent::Sealed, 20)],
    );
    let other = intents(
        Some((Intent::Mirror, 5)),
        &[("a", Intent::Mirror, 11), ("c", Intent::Open, 1)],
    );
    one.merge(&other);
    let expected = intents(
        Some((Intent::Paused, 10)),
        &[
            ("a", Intent::Mirror, 11),
            ("b", Intent::Sealed, 20),
            ("c", Intent::Open, 1),
        ],
    );
    assert_eq!(one, expected);
}

fn any_intents() -> impl Strategy<Value = LinkIntents> {
    let setting =
        || (0..4_usize, 0..3_i64).prop_map(|(intent, at)| setting(Intent::ALL[intent], at));
    let topics = prop::collection::btree_map(
        prop::sample::select(vec!["a", "b", "c"]).prop_map(TopicName::from),
        setting(),
        0..3,
    );
    (prop::option::of(setting()), topics).prop_map(|(link, topics)| LinkIntents { link, topics })
}

proptest! {
    #[test]
    fn merging_gives_the_same_in_any_order_and_once_more(
        one in any_intents(), two in any_intents(), three in any_intents(),
    ) {
        let merged = |all: &[&LinkIntents]| {
            let mut sum = LinkIntents::default();
            for it in all {
                sum.merge(it);
            }
            sum
        };
        let sum = merged(&[&one, &two, &three]);
        prop_assert_eq!(&merged(&[&three, &one, &two]), &sum);
        prop_assert_eq!(&merged(&[&sum, &one]), &sum);
        prop_assert!(sum.without(&sum).is_empty());
        let mut again = one.clone();
        again.merge(&sum.without(&one));
        prop_assert_eq!(&again, &sum);
    }
}
