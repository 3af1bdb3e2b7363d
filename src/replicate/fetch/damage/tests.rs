use bytes::Bytes;

use super::*;

fn damage(bytes: &'static [u8], until: Option<i64>) -> Corruption {
    let error = BatchError::UnknownCodec(6);
    let bytes = Bytes::from_static(bytes);
    let damaged = Damaged {
        error,
        bytes,
        until,
    };
    Corruption::new(SourceOffset(5), &damaged)
}

#[test]
fn damage_is_proven_by_a_second_answer_with_the_same_bytes() {
    let mut damages = Damages::default();
    assert!(damages.notice(damage(b"a", None), true));
    assert!(damages.notice(damage(b"b", None), false));
    assert_eq!(damages.proven(), None);
    assert!(damages.notice(damage(b"b", None), false));
    assert_eq!(damages.proven(), Some(&damage(b"b", None)));
    damages.settle();
    assert!(damages.proven().is_some());
}

#[test]
fn bytes_that_are_damaged_in_another_way_each_time_are_no_proof() {
    let mut damages = Damages::default();
    for (bytes, goes_on) in [(b"a", true), (b"b", true), (b"c", false)] {
        assert_eq!(damages.notice(damage(bytes, None), false), goes_on);
    }
    assert_eq!(damages.proven(), None);
    damages.settle();
    assert!(damages.notice(damage(b"c", None), false));
    assert_eq!(damages.proven(), None);
}

#[test]
fn the_reason_names_the_offsets_that_are_known() {
    let message = |until| damage(b"a", until).reason(TargetOffset(4)).message;
    let what = "the compression type 6 is unknown";
    let known = [
        (Some(8), "source offsets 5 to 7 can't be mirrored"),
        (Some(6), "source offset 5 can't be mirrored"),
        (Some(5), "the source's log can't be read from offset 5 on"),
        (None, "the source's log can't be read from offset 5 on"),
    ];
    for (until, text) in known {
        assert_eq!(message(until), format!("{text}: {what}"));
    }
    let reason = damage(b"a", None).reason(TargetOffset(4));
    let offsets = (reason.source_offset, reason.target_offset);
    assert_eq!(offsets, (Some(SourceOffset(5)), Some(TargetOffset(4))));
}
