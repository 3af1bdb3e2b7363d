use futures_util::FutureExt;

use super::*;

#[tokio::test]
async fn there_is_rest_when_every_write_has_ended() {
    let in_flight = InFlight::default();
    assert!(in_flight.is_at_rest());
    let one = in_flight.begin().await;
    let other = in_flight.clone().begin().await;
    drop(one);
    assert!(!in_flight.is_at_rest());
    assert!(in_flight.rest().now_or_never().is_none());
    drop(other);
    in_flight.rest().await;
    assert!(in_flight.is_at_rest());
}
