use super::*;

#[tokio::test(start_paused = true)]
async fn reading_takes_as_long_as_the_rate_says_and_saves_nothing_up() {
    let pace = Pace::new(1000);
    let begun = Instant::now();
    for _ in 0..4 {
        pace.turn().await;
        pace.spent(500);
    }
    pace.turn().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    tokio::time::advance(Duration::from_secs(60)).await;
    pace.turn().await;
    pace.spent(1000);
    let begun = Instant::now();
    pace.turn().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}
