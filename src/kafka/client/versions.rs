//! The versions of each request that one broker supports, and the choice among them.
//!
//! Promises: the highest version that both sides support, or an error with both ranges; never a version to which a
//! broker would react by closing the connection.

use std::collections::HashMap;

use kafka_protocol::messages::{ApiKey, ApiVersionsResponse};
use kafka_protocol::protocol::VersionRange;

use crate::error::{Error, Kind, Result};

use super::request::our_versions;

/// A broker's answer to `ApiVersions`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Versions(HashMap<i16, VersionRange>);

impl Versions {
    pub(crate) fn new(response: &ApiVersionsResponse) -> Self {
        let ranges = response.api_keys.iter().map(|api| {
            let range = VersionRange {
                min: api.min_version,
                max: api.max_version,
            };
            (api.api_key, range)
        });
        Self(ranges.collect())
    }

    /// The highest version of a request that both sides support.
    pub(crate) fn highest(&self, key: ApiKey) -> Option<i16> {
        let common = self.0.get(&(key as i16))?.intersect(&our_versions(key)?);
        (!common.is_empty()).then_some(common.max)
    }

    /// Whether the broker supports `key` in at least `version`, even if farshore doesn't speak that.
    pub(crate) fn reaches(&self, key: ApiKey, version: i16) -> bool {
        let theirs = self.0.get(&(key as i16));
        theirs.is_some_and(|range| range.max >= version)
    }

    /// Returns the highest version within `spoken` that the broker supports, too.
    pub(crate) fn choose(&self, key: ApiKey, spoken: VersionRange) -> Result<i16> {
        let theirs = self.0.get(&(key as i16));
        let common = theirs.map(|range| range.intersect(&spoken));
        match common.filter(|range| !range.is_empty()) {
            Some(range) => Ok(range.max),
            None => Err(Error::new(
                Kind::Protocol,
                format!(
                    "the broker cannot handle {key:?}: farshore needs a version in {spoken}, the broker speaks {}; \
                     use Apache Kafka 2.4 or newer",
                    theirs.map_or("none".to_owned(), ToString::to_string)
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
