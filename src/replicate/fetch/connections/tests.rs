use super::*;

#[test]
fn the_distance_decides_within_limits() {
    let over = |ms| connections_over(Some(Duration::from_millis(ms)));
    assert_eq!(
        [0, 1, 6, 20, 50, 100, 300].map(over),
        [2, 2, 2, 7, 16, 31, 32]
    );
    assert_eq!(connections_over(None), 2);
}
