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

/// An output that fails for some lines.
#[derive(Default)]
struct Flaky {
    taken: Vec<u8>,
    broken: bool,
}

impl Write for &mut Flaky {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.taken.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_fails_loses_lines_and_gets_later_ones() {
    let mut output = Flaky::default();
    let lost = LostLines::default();
    for (line, broken) in [("one\n", false), ("two\n", true), ("three\n", false)] {
        output.broken = broken;
        let mut surviving = Surviving {
            output: &mut output,
            unwritten: Arc::clone(&lost.unwritten),
        };
        surviving.write_all(line.as_bytes()).unwrap();
        surviving.flush().unwrap();
    }
    assert_eq!(output.taken, b"one\nthree\n");
    assert_eq!(lost.count(), 1);
}
