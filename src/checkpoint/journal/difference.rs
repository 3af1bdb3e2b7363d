//! The entries of a link, and what makes one set of them into another. Pure but for reading the DB.

use std::collections::BTreeMap;

use crate::checkpoint::keys;
use crate::checkpoint::store::{Change, Space, Store};
use crate::error::Result;
use crate::model::LinkName;

/// Values by full key.
pub(crate) type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// What has to change in `from` to make it `to`.
pub(super) fn difference(from: &Entries, to: &Entries) -> Vec<Change> {
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let gone = gone.map(|key| (key.clone(), None));
    let new = to
        .iter()
        .filter(|(key, value)| from.get(*key) != Some(value));
    let new = new.map(|(key, value)| (key.clone(), Some(value.clone())));
    gone.chain(new).collect()
}

/// Everything the DB holds of a link.
pub(crate) fn entries_of(store: &dyn Store, link: &LinkName) -> Result<Entries> {
    let mut entries = Entries::new();
    for (space, prefix) in keys::prefixes_of(link) {
        for (key, value) in store.scan(space, &prefix, usize::MAX)? {
            entries.insert(space.full_key(&key), value);
        }
    }
    for (key, value) in store.scan(Space::Operations, &[], usize::MAX)? {
        let key = Space::Operations.full_key(&key);
        if keys::link_of(&key, Some(&value)).as_ref() == Some(link) {
            entries.insert(key, value);
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Entries> {
        prop::collection::btree_map(
            prop::collection::vec(0_u8..4, 1..3),
            prop::collection::vec(0_u8..3, 0..2),
            0..8,
        )
    }

    proptest! {
        #[test]
        fn applying_the_difference_gives_the_other(from in entries(), to in entries()) {
            let changes = difference(&from, &to);
            let mut made = from.clone();
            for (key, value) in &changes {
                match value {
                    Some(value) => made.insert(key.clone(), value.clone()),
                    None => made.remove(key),
                };
            }
            prop_assert_eq!(&made, &to);
            prop_assert_eq!(difference(&to, &to), vec![]);
        }
    }
}
