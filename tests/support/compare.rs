//! Compares a mirror partition with its source, using clients that are independent of farshore.
//!
//! The source is read as a `read_committed` consumer sees it, the target as a `read_uncommitted` one: aborted records on
//! the target are a difference, unless the partition sets another isolation. Both sides are read in step, so memory stays
//! bounded whatever their size.

use super::read::{Isolation, Partition, Records, Seen};
use super::wait::blocking;

/// The size of a comparison without differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    /// The number of records on either side.
    pub(crate) records: u64,
}

/// Compares two partitions record by record: key, value, headers, timestamp, order and number.
///
/// The error describes the first difference. `pair` is called with the source and target offsets of each equal pair.
pub(crate) async fn partitions(
    source: &Partition,
    target: &Partition,
    mut pair: impl FnMut(i64, i64) + Send + 'static,
) -> Result<Compared, String> {
    let (source, target) = (source.clone(), target.clone());
    blocking(move || {
        let mut sources = Records::open(&source, Isolation::Committed);
        let mut targets =
            Records::open(&target, target.isolation.unwrap_or(Isolation::Uncommitted));
        let mut records = 0;
        loop {
            let difference = match (sources.next(), targets.next()) {
                (None, None) => return Ok(Compared { records }),
                (Some(source), None) => {
                    format!("the target lacks the source's offset {}", source.offset)
                }
                (None, Some(target)) => {
                    format!(
                        "the source has nothing for the target's offset {}",
                        target.offset
                    )
                }
                (Some(source), Some(target)) => match difference(&source, &target) {
                    None => {
                        pair(source.offset, target.offset);
                        records += 1;
                        continue;
                    }
                    Some(difference) => difference,
                },
            };
            return Err(format!(
                "{}-{}, after {records} equal records: {difference}",
                source.topic, source.number
            ));
        }
    })
    .await
}

/// Compares all partitions of a topic with those of its mirror topic and panics at the first difference.
pub(crate) async fn topics(
    source: (&str, &str),
    target: (&str, &str),
    partition_count: i32,
) -> Compared {
    all(source, target, partition_count, Isolation::Uncommitted).await
}

/// Like [`topics`], with the target read in the given isolation.
pub(crate) async fn all(
    source: (&str, &str),
    target: (&str, &str),
    partition_count: i32,
    isolation: Isolation,
) -> Compared {
    let mut total = Compared { records: 0 };
    for partition in 0..partition_count {
        let source = Partition::new(source.0, source.1, partition);
        let target = Partition::new(target.0, target.1, partition).seen(isolation);
        match partitions(&source, &target, |_, _| {}).await {
            Ok(compared) => total.records += compared.records,
            Err(difference) => panic!("{difference}"),
        }
    }
    total
}

fn difference(source: &Seen, target: &Seen) -> Option<String> {
    let field = if source.timestamp != target.timestamp {
        format!(
            "timestamp {:?} and {:?}",
            source.timestamp, target.timestamp
        )
    } else if source.key != target.key {
        format!(
            "key {} and {}",
            text(source.key.as_ref()),
            text(target.key.as_ref())
        )
    } else if source.value != target.value {
        format!(
            "value {} and {}",
            text(source.value.as_ref()),
            text(target.value.as_ref())
        )
    } else if source.headers != target.headers {
        format!("headers {:?} and {:?}", source.headers, target.headers)
    } else {
        return None;
    };
    Some(format!(
        "source offset {} and target offset {} differ in {field}",
        source.offset, target.offset
    ))
}

/// The beginning of `bytes`, in readable form.
fn text(bytes: Option<&Vec<u8>>) -> String {
    const SHOWN: usize = 80;
    match bytes {
        None => "null".to_owned(),
        Some(bytes) => format!(
            "\"{}\" ({} bytes)",
            bytes[..bytes.len().min(SHOWN)].escape_ascii(),
            bytes.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen {
            offset: 7,
            timestamp: Some(1),
            key: Some(b"k".to_vec()),
            value: None,
            headers: vec![("h".to_owned(), None)],
        }
    }

    #[test]
    fn every_field_but_the_offset_counts() {
        let same = Seen {
            offset: 3,
            ..seen()
        };
        assert_eq!(difference(&seen(), &same), None);
        let others = [
            Seen {
                timestamp: Some(2),
                ..seen()
            },
            Seen {
                key: None,
                ..seen()
            },
            Seen {
                value: Some(Vec::new()),
                ..seen()
            },
            Seen {
                headers: vec![("h".to_owned(), Some(Vec::new()))],
                ..seen()
            },
        ];
        let fields = ["timestamp", "key", "value", "headers"];
        for (other, field) in others.iter().zip(fields) {
            let difference = difference(&seen(), other).expect("a difference");
            assert!(difference.contains(field), "{difference}");
        }
    }
}
