//! Which readers an entry needs, by its key.

use super::keys::{
    self, AUDIT_OF_LINK, CUT, CUT_CHUNK, DOCUMENT, DOCUMENT_CHUNK, FILLING, FIRST_LOOK,
    GROUP_OFFSET, GROUP_SNAPSHOT, INTENT, PENDING_INTENTS, Parts, RESEED, REVISION,
};
use super::store::Space;
use crate::model::LinkName;

/// The layout of the kinds that aren't listed: the latest.
const UNLISTED: u16 = 3;

/// The oldest layout whose readers neither overlook, misread nor overwrite an entry, by its key. The kinds of earlier layouts
/// are listed; every other kind is newer, so a kind added later can't be forgotten here, only declared harmless.
///
/// A value that means more than its key shows needs [`layout::require`](super::layout::require).
pub(super) fn oldest_reader(space: Space, key: &[u8]) -> u16 {
    let mut parts = Parts(key);
    let kind = key.first();
    let (is_first, is_second) = match space {
        Space::Meta => {
            let name = parts.name();
            let is_first = key == b"owner"
                || key.starts_with(REVISION.as_bytes())
                || matches!(name, Some(RESEED | FILLING));
            let is_second = matches!(name, Some(INTENT | PENDING_INTENTS | FIRST_LOOK));
            (is_first, is_second)
        }
        Space::Links => (parts.name().is_some() && parts.0.is_empty(), false),
        Space::Topics => match (parts.name(), parts.0) {
            (Some(_), [high, low]) => return u16::from_be_bytes([*high, *low]),
            (Some(_), _) => (parts.name().is_some() && parts.0.is_empty(), false),
            (None, _) => (false, false),
        },
        Space::Partitions => (parts.names_partition() && parts.0.is_empty(), false),
        Space::Runs | Space::RunsBySource => {
            let is_first = parts.names_partition() && parts.0.len() == size_of::<i64>();
            (is_first, false)
        }
        Space::Groups => (
            matches!(kind, Some(&GROUP_OFFSET | &GROUP_SNAPSHOT)),
            matches!(kind, Some(&CUT | &CUT_CHUNK)),
        ),
        Space::Plans | Space::Operations => (
            keys::is_first_layout_name(key),
            matches!(kind, Some(&DOCUMENT | &DOCUMENT_CHUNK)),
        ),
        // Readers take the number of the last entry and continue after it.
        Space::Audit => (
            keys::is_first_layout_number(key),
            kind == Some(&AUDIT_OF_LINK),
        ),
        // Displayed, never acted on.
        Space::Verifications => (true, false),
    };
    match (is_first, is_second) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => UNLISTED,
    }
}

/// The key of a requirement: a link's entries need a reader of `layout`. Readers of layout 1 don't recognise it and refuse
/// to start the link.
pub(super) fn requirement(name: &LinkName, layout: u16) -> Vec<u8> {
    let mut key = keys::link(name);
    key.extend(layout.to_be_bytes());
    key
}

/// Whether a key of [`Space::Topics`] is a [`requirement`] rather than a topic.
pub(crate) fn is_requirement(key: &[u8]) -> bool {
    let mut parts = Parts(key);
    parts.name().is_some() && parts.0.len() == size_of::<u16>()
}
