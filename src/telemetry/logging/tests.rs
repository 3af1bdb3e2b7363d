use super::*;
use crate::config::LogLevel;

#[test]
fn the_variable_wins_over_the_level_and_has_to_be_a_filter() {
    let config = LogConfig {
        format: LogFormat::Text,
        level: LogLevel::Warn,
    };
    let filter = |variable| env_filter(&config, variable).map(|filter| filter.to_string());
    assert_eq!(filter(None).unwrap(), "warn");
    assert_eq!(filter(Some("farshore=debug")).unwrap(), "farshore=debug");
    let error = filter(Some("farshore=loud")).unwrap_err();
    assert!(
        error
            .chain()
            .starts_with("FARSHORE_LOG is not a log filter: ")
    );
}
