use super::*;

const LEASE: Duration = Duration::from_secs(8);

#[tokio::test(start_paused = true)]
async fn it_ends_by_itself_and_lives_on_when_renewed() {
    let ownership = Ownership::none();
    ownership.extend(Instant::now() + LEASE);
    assert!(!ownership.is_held(), "no term has begun");
    ownership.begin(3);
    assert!(ownership.clone().is_held() && !ownership.has_run_out());
    tokio::time::advance(LEASE).await;
    assert!(!ownership.is_held() && ownership.has_run_out());
    assert_eq!(ownership.check().unwrap_err().kind(), Kind::Refused);
    ownership.extend(Instant::now() + LEASE);
    assert!(ownership.is_held() && !ownership.has_run_out());
    // An answer that arrives late doesn't shorten it.
    ownership.extend(Instant::now());
    assert!(ownership.is_held());
    ownership.note_unanswered();
    assert!(!ownership.may_be_released());
    ownership.end();
    assert!(!ownership.is_held());
    assert_eq!(*ownership.term().borrow(), None);
    ownership.begin(4);
    assert!(!ownership.may_be_released(), "the former term's may come");
    tokio::time::advance(LATE).await;
    assert!(ownership.may_be_released());
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_in_one_term_has_no_right_in_another() {
    let ownership = Ownership::none();
    assert!(!ownership.in_this_term().is_held());
    ownership.begin(1);
    ownership.extend(Instant::now() + LEASE);
    let first = ownership.in_this_term();
    let again = ownership.in_this_term();
    assert!(first.is_held() && first.is_same(&again) && !first.is_same(&ownership));
    ownership.begin(2);
    assert!(ownership.is_held() && !first.is_held());
    assert_eq!(first.check().unwrap_err().kind(), Kind::Refused);
    let second = ownership.in_this_term();
    assert!(second.is_held());
    ownership.end();
    let none = ownership.in_this_term();
    ownership.begin_without_lease();
    assert_eq!(*ownership.term().borrow(), Some(3));
    assert!(ownership.is_held() && !second.is_held() && !none.is_held());
}

#[tokio::test(start_paused = true)]
async fn a_permanent_one_has_no_end() {
    let ownership = Ownership::permanent();
    tokio::time::advance(Duration::from_secs(1 << 30)).await;
    assert!(ownership.is_held());
    assert_eq!(ownership.number(), Ownership::permanent().number());
    let leases = [Ownership::none(), Ownership::none()].map(|it| it.number());
    assert!(leases[0] != leases[1] && !leases.contains(&ownership.number()));
}
