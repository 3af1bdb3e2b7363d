//! The progress of the mirror as reported by farshore's API: a bar on a terminal, an occasional line elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::narrator::{Narrator, grouped, show};
use crate::support::farshore::Farshore;

const LINE_EVERY: Duration = Duration::from_secs(1);
const TOPICS: &str = "/v1/links/paris-oslo/topics";

/// The position of all mirror partitions together, in source offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// The number of offsets mirrored or passed.
    pub(crate) position: i64,
    /// The number of offsets on the source.
    pub(crate) source_end: i64,
    /// The number of records not yet on the target.
    pub(crate) lag: i64,
}

/// Asks the running farshore. The error is for `eventually`: an early look lacks figures.
///
/// Panics if a partition needs an operator.
pub(crate) async fn look(farshore: &Farshore) -> Result<Look, String> {
    let topics = farshore.get_json(TOPICS).await?;
    let topics = topics.as_array().map_or(&[][..], Vec::as_slice);
    let partitions = topics
        .iter()
        .flat_map(|topic| topic["partitions"].as_array().into_iter().flatten());
    let mut look = Look {
        position: 0,
        source_end: 0,
        lag: 0,
    };
    for partition in partitions {
        assert!(
            !matches!(partition["state"].as_str(), Some("halted" | "diverged")),
            "a mirror partition stands still: {partition}"
        );
        // An offset not seen yet is -1.
        let number = |name: &str| partition[name].as_i64().filter(|number| *number >= 0);
        let number = |name: &str| number(name).ok_or_else(|| format!("no {name}: {partition}"));
        look.position += number("position")?;
        look.source_end += number("source_end")?;
        look.lag += number("lag_records")?;
    }
    if look.source_end == 0 {
        return Err("nothing is mirrored yet".to_owned());
    }
    Ok(look)
}

/// The partitions of a topic, as reported by farshore.
pub(crate) async fn partitions_of(farshore: &Farshore, topic: &str) -> Result<Vec<Value>, String> {
    let mut topic = farshore.get_json(&format!("{TOPICS}/{topic}")).await?;
    match topic["partitions"].take() {
        Value::Array(partitions) => Ok(partitions),
        other => Err(format!("partitions: {other}")),
    }
}

/// A bar that only a terminal shows, with a message.
pub(crate) fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("          {wide_bar} {percent:>3} %  {msg}");
    ProgressBar::new(0).with_style(style.expect("a template"))
}

/// The display of the mirror's progress.
pub(crate) struct Progress<'a> {
    narrator: &'a Narrator,
    bar: ProgressBar,
    line_due: Instant,
}

impl<'a> Progress<'a> {
    /// A display that shows nothing yet.
    pub(crate) fn new(narrator: &'a Narrator) -> Self {
        Self {
            narrator,
            bar: bar(),
            line_due: Instant::now(),
        }
    }

    /// Draws the progress; `None` means that the API doesn't answer.
    pub(crate) fn show(&mut self, look: Option<&Look>) {
        let text = look.map_or("farshore is down".to_owned(), |look| {
            format!(
                "{} of {} offsets mirrored, lag {}",
                grouped(look.position),
                grouped(look.source_end),
                grouped(look.lag)
            )
        });
        if let Some(look) = look {
            self.bar.set_length(look.source_end.unsigned_abs());
            self.bar.set_position(look.position.unsigned_abs());
        }
        if self.bar.is_hidden() {
            if Instant::now() >= self.line_due {
                show(&text);
                self.line_due = Instant::now() + LINE_EVERY;
            }
        } else {
            self.bar.set_message(text);
        }
    }

    /// Prints a step of the story above the bar.
    pub(crate) fn say(&self, step: &str) {
        self.bar.suspend(|| self.narrator.say(step));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
