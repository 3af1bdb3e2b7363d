//! Resolves the path that a link's records take.

use super::super::field::Field;
use super::super::problem::Problems;
use super::super::values::one_of;
use crate::model::{DataPath, OffsetsMode};

const PATHS: &[(&str, DataPath)] = &[
    ("auto", DataPath::Raw),
    ("raw", DataPath::Raw),
    ("record", DataPath::Record),
];

/// The path, which has to be compatible with the offsets mode.
pub(super) fn path(field: Field<String>, offsets: OffsetsMode, problems: &Problems) -> DataPath {
    let field = field.parse(problems, one_of(PATHS));
    let fitting = field.convert(problems, |path| match (path, offsets) {
        (DataPath::Record, OffsetsMode::Preserve) => Err(
            "the record path can't preserve offsets, because each of its transactions takes one: use \"raw\", or offsets = \"translate\"".to_owned(),
        ),
        (DataPath::Record, OffsetsMode::Translate) | (DataPath::Raw, _) => Ok(*path),
    });
    fitting.or(DataPath::Raw)
}
