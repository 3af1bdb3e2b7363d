use super::*;
use crate::error::BrokerCode;

#[test]
fn a_batch_behind_its_producers_last_one_is_proven_by_its_place() {
    let next = |offset| AppendPlace::Next(7).to_read(offset, 3);
    assert_eq!(next(7), Some(7..7));
    // Others' batches lie in between.
    assert_eq!(next(9), Some(7..9));
    assert_eq!(next(6), None);
}

#[test]
fn a_contested_place_is_read_back_wherever_it_is() {
    for offset in [0, 6, 9] {
        let read = AppendPlace::Contested.to_read(offset, 3);
        assert_eq!(read, Some(offset..offset + 3));
    }
}

#[test]
fn each_code_says_whether_to_send_the_batch_again() {
    let why = |kind| NotAppended::from(Error::new(kind, "")).why;
    let of = |codes: &[i16]| -> Vec<AppendFailure> {
        let kinds = codes.iter().map(|code| Kind::Broker(BrokerCode(*code)));
        kinds.map(why).collect()
    };
    assert_eq!(of(&[47, 90]), [AppendFailure::Fenced; 2]);
    assert_eq!(of(&[45, 59]), [AppendFailure::OutOfPlace; 2]);
    assert_eq!(of(&[3, 100]), [AppendFailure::Missing; 2]);
    // NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS_AFTER_APPEND, MESSAGE_TOO_LARGE
    assert_eq!(of(&[6, 20, 10]), [AppendFailure::Unknown; 3]);
    assert_eq!(why(Kind::Disconnected), AppendFailure::Unknown);
}
