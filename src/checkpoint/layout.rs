//! Layouts: the form of keys and values in a DB, a journal or an export, and the oldest layout whose readers may use it.
//!
//! Promises: data that only readers of a later layout understand is refused before any of it is used or changed, with one
//! error that names both layouts; data that a later program wrote for readers of this layout is read. Doesn't: convert one
//! layout into another; older records are read as they are.
//!
//! ```text
//!  DB        mark under its own key            changed in the update that adds an entry which needs a later reader
//!  journal   mark in each head                 raised in the first batch that holds such an entry
//!  link      requirement among its entries     added to such an update; in DB, journal and exports alike
//! ```
//!
//! No mark means layout 1, which had none. Its readers find a requirement where they expect a topic, and a head in a form
//! they don't know: they refuse both and change nothing. Marks and requirements have the same key and form in every layout.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::envelope::Damage;
use super::keys;
use super::readers::{oldest_reader, requirement};
use super::store::{Change, Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::model::LinkName;

/// A format of keys and values. Later layouts compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layout(u16);

impl Layout {
    /// The layout of data without a mark.
    pub const FIRST: Self = Self(1);
    /// Adds topic intents, chunked lists, and 16-bit incarnations.
    pub const SECOND: Self = Self(2);
    /// Adds the starts of partitions that haven't begun.
    pub const THIRD: Self = Self(3);
    /// The layout this program writes, and the latest it reads.
    pub const CURRENT: Self = Self::THIRD;
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The layout of some data, and its oldest reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// The latest layout of any entry.
    pub layout: Layout,
    /// The oldest layout whose readers understand every entry.
    pub oldest_reader: Layout,
}

impl Default for Mark {
    fn default() -> Self {
        Self {
            layout: Layout::FIRST,
            oldest_reader: Layout::FIRST,
        }
    }
}

/// Data that this program must not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it has layout {} for readers of layout {} or later; this farshore reads up to layout {}",
    .0.layout, .0.oldest_reader, Layout::CURRENT
)]
struct Newer(Mark);

impl Mark {
    /// The mark after this program writes entries whose readers need layout `needed`.
    #[must_use]
    pub(crate) fn written(self, needed: Layout) -> Self {
        Self {
            layout: self.layout.max(Layout::CURRENT),
            oldest_reader: self.oldest_reader.max(needed),
        }
    }

    /// The mark of data that contains both.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            layout: self.layout.max(other.layout),
            oldest_reader: self.oldest_reader.max(other.oldest_reader),
        }
    }

    /// Refuses data that only readers of a later layout understand; `what` names the data.
    ///
    /// Errors: `Refused`, for which [`is_newer`] returns true.
    pub(crate) fn check(self, what: impl fmt::Display) -> Result<()> {
        if self.oldest_reader <= Layout::CURRENT {
            return Ok(());
        }
        Err(refused(what, Newer(self)))
    }
}

/// The error for data that only readers of a later layout understand.
pub(crate) fn refused(
    what: impl fmt::Display,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    let message = format!(
        "{what} was written by a newer farshore and is left as it is; run that version again (docs/operations.md says which version reads what)"
    );
    Error::new(Kind::Refused, message).caused_by(cause)
}

/// Whether `error` comes from [`Mark::check`] or [`refused`].
pub(crate) fn is_newer(error: &Error) -> bool {
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| cause.is::<Newer>() || cause.is::<Damage>())
        && error.kind() == Kind::Refused
}

/// The oldest layout whose readers may see an entry, by its full key. An entry in an unknown space needs the latest layout.
pub(crate) fn needed_by(full_key: &[u8]) -> Layout {
    let known = full_key.split_first();
    let known = known.and_then(|(&space, key)| Some((Space::of(space)?, key)));
    known.map_or(Layout::CURRENT, |(space, key)| {
        Layout(oldest_reader(space, key))
    })
}

/// The oldest layout whose readers may see all of these entries.
pub(crate) fn needed_by_all<'a>(full_keys: impl IntoIterator<Item = &'a Vec<u8>>) -> Layout {
    let needed = full_keys.into_iter().map(|key| needed_by(key));
    needed.max().unwrap_or(Layout::FIRST)
}

/// Adds a requirement to an update of `link`: from now on its entries need readers of `layout`.
pub fn require(update: &mut Update, link: &LinkName, layout: Layout) {
    // Only the key is read by programs; the value is for people.
    let value = format!("{{\"oldest_reader\":{layout}}}");
    let key = requirement(link, layout.0);
    update.put(Space::Topics, key, value.into_bytes());
}

/// Adds the requirement that the link entries in `update` place on their readers.
pub(crate) fn complete(update: &mut Update) {
    let set = |(key, value): &Change| {
        let needed = needed_by(key);
        if needed == Layout::FIRST {
            return None;
        }
        Some((keys::link_of(key, Some(value.as_deref()?))?, needed))
    };
    let needed = update
        .changes()
        .iter()
        .filter_map(set)
        .max_by_key(|it| it.1);
    if let Some((link, layout)) = needed {
        require(update, &link, layout);
    }
}

/// The layout that a link's entries require, as far as this program can see.
///
/// Errors: those of the store.
pub(crate) fn required(store: &dyn Store, link: &LinkName) -> Result<Layout> {
    for layout in [Layout::THIRD, Layout::SECOND] {
        let key = requirement(link, layout.0);
        if store.get(Space::Topics, &key)?.is_some() {
            return Ok(layout);
        }
    }
    Ok(Layout::FIRST)
}
#[cfg(test)]
mod tests;
