use super::Notice;
use crate::error::{Error, Kind};

fn news(notice: &mut Notice, error: &Error) -> bool {
    notice.is_news(error, &error.chain())
}

#[test]
fn each_failure_is_news_once_until_it_works_again() {
    let mut notice = Notice::of("look");
    let (full, old) = (
        Error::new(Kind::Store, "the disk is full"),
        Error::new(Kind::Protocol, "too old"),
    );
    let told: Vec<bool> = [&full, &old, &full, &old, &full]
        .map(|it| news(&mut notice, it))
        .into();
    assert_eq!(told, [true, true, false, false, false]);
    notice.worked();
    assert!(news(&mut notice, &full));
}

#[test]
fn a_connection_that_broke_once_is_no_news_and_a_lost_cluster_is_told_elsewhere() {
    let mut notice = Notice::of("look");
    let broke = Error::new(Kind::Disconnected, "the broker closed the connection");
    assert!(!news(&mut notice, &broke));
    let lost = Error::new(Kind::Disconnected, "no broker answers").of_whole_cluster();
    let lost = Error::new(lost.kind(), "no metadata").caused_by(std::sync::Arc::new(lost));
    assert!(!news(&mut notice, &lost));
    assert!(!news(&mut notice, &lost));
    notice.worked();
    assert!(!news(&mut notice, &broke));
    assert!(news(&mut notice, &broke));
    assert!(!news(&mut notice, &broke));
}

#[test]
fn failures_that_differ_each_time_are_told_a_limited_number_of_times() {
    let mut notice = Notice::of("look");
    let told = (0..1_000).filter(|number| {
        let error = Error::new(Kind::Protocol, format!("failure {number}"));
        news(&mut notice, &error)
    });
    assert_eq!(told.count(), super::TOLD_LIMIT);
}
