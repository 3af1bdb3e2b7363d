//! The two directions of a lookup, so that it is implemented once.

use super::{Block, Blocks};
use crate::error::Result;
use crate::model::{Run, SourceOffset, TargetOffset};

/// One direction: what is looked up, and the result.
pub(super) trait Direction {
    type From: Copy + Ord;
    type To: Copy;

    fn start(run: &Run) -> Self::From;
    fn image(run: &Run, at: Self::From) -> Option<Self::To>;
    fn first_image(run: &Run) -> Self::To;
    fn stored(blocks: &impl Blocks, at: Self::From) -> Result<Option<Block>>;
}

#[derive(Debug)]
pub(super) enum ToTarget {}

impl Direction for ToTarget {
    type From = SourceOffset;
    type To = TargetOffset;

    fn start(run: &Run) -> SourceOffset {
        run.source
    }
    fn image(run: &Run, at: SourceOffset) -> Option<TargetOffset> {
        run.to_target(at)
    }
    fn first_image(run: &Run) -> TargetOffset {
        run.target
    }
    fn stored(blocks: &impl Blocks, at: SourceOffset) -> Result<Option<Block>> {
        blocks.at_or_before_source(at)
    }
}

#[derive(Debug)]
pub(super) enum ToSource {}

impl Direction for ToSource {
    type From = TargetOffset;
    type To = SourceOffset;

    fn start(run: &Run) -> TargetOffset {
        run.target
    }
    fn image(run: &Run, at: TargetOffset) -> Option<SourceOffset> {
        run.to_source(at)
    }
    fn first_image(run: &Run) -> SourceOffset {
        run.source
    }
    fn stored(blocks: &impl Blocks, at: TargetOffset) -> Result<Option<Block>> {
        blocks.at_or_before_target(at)
    }
}
