//! The DB's mark: the layout it is written in, and the oldest layout whose readers may use it.
//!
//! It is read before anything else in the DB, and changes in the same atomic batch as the entries it describes. It belongs
//! to no space and therefore to no export, because it describes the directory; the sum covers it.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::{broken, damaged, failure, whole};
use crate::checkpoint::envelope;
use crate::checkpoint::layout::{self, Mark};
use crate::error::Result;

/// No space has this number.
const KEY: &[u8] = b"\xfflayout";

/// Reads the mark. A DB without one has the first layout.
///
/// Errors: `Invalid` if it is damaged; otherwise it can't be read.
pub(super) fn read(tree: &sled::Tree, directory: &Path) -> Result<Mark> {
    let found = tree.get(KEY).map_err(|error| failure(directory, error))?;
    let Some(sealed) = found else {
        return Ok(Mark::default());
    };
    let value = envelope::open(KEY, &sealed)
        .map_err(|damage| broken(directory, damaged(directory, KEY, damage)))?;
    serde_json::from_slice(value).map_err(|error| broken(directory, error))
}

/// Reads the mark and checks that this program can use the DB.
///
/// Errors: as for [`read`]; `Refused` if only readers of a later layout may use the DB.
pub(super) fn check(tree: &sled::Tree, directory: &Path) -> Result<Mark> {
    let mark = read(tree, directory)?;
    mark.check(whole(directory))?;
    Ok(mark)
}

/// Raises `mark` to what the entries in `newest` need, and adds it to them if that changes it.
pub(super) fn raise(mark: &mut Mark, newest: &mut BTreeMap<Vec<u8>, Option<Vec<u8>>>) {
    let set = newest.iter().filter(|(_, value)| value.is_some());
    let raised = mark.written(layout::needed_by_all(set.map(|(key, _)| key)));
    if raised != *mark {
        let value = serde_json::to_vec(&raised).expect("a mark has nothing JSON cannot say");
        newest.insert(KEY.to_vec(), Some(value));
        *mark = raised;
    }
}
