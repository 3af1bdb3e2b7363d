//! Lookups in both directions: their results, and how they find runs that are no longer in memory.

use super::{Block, Blocks, RunMap};
use crate::error::Result;
use crate::model::{Run, SourceOffset, TargetOffset};

/// Where an offset lies in the map; `T` is the offset type of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<T> {
    /// Inside a run, with this image.
    Exact(T),
    /// Between two runs, so it has no image.
    InGap {
        /// The image of the next run's first record.
        next: T,
    },
    /// Before the first run of the map.
    BeforeMap {
        /// The image of that run's first record.
        first: T,
    },
    /// At or after the end of the last run. The caller knows the frontier: a source offset up to there is exact at `end`.
    BeyondMap {
        /// The image of the end of the last run; in an empty map, where the first run is expected.
        end: T,
    },
}

impl<T> Lookup<T> {
    /// The image, or that of the next mapped offset, or the end: where a reader continues on the other side.
    pub fn or_next(self) -> T {
        match self {
            Self::Exact(image)
            | Self::InGap { next: image }
            | Self::BeforeMap { first: image }
            | Self::BeyondMap { end: image } => image,
        }
    }
}

impl RunMap {
    /// Where the source offset `at` lies, and its image on the target. Errors: those of `blocks`.
    pub fn to_target(
        &self,
        at: SourceOffset,
        blocks: &impl Blocks,
    ) -> Result<Lookup<TargetOffset>> {
        self.lookup::<ToTarget>(at, blocks)
    }

    /// Where the target offset `at` lies, and its image on the source. Errors: those of `blocks`.
    pub fn to_source(
        &self,
        at: TargetOffset,
        blocks: &impl Blocks,
    ) -> Result<Lookup<SourceOffset>> {
        self.lookup::<ToSource>(at, blocks)
    }

    /// The number of target offsets between two source offsets; negative if `to` is before `from`.
    pub fn count_between(
        &self,
        from: SourceOffset,
        to: SourceOffset,
        blocks: &impl Blocks,
    ) -> Result<i64> {
        let from = self.to_target(from, blocks)?.or_next();
        Ok(self.to_target(to, blocks)?.or_next().since(from))
    }

    /// The runs, in order, of the first block that reaches past target offset `at`; empty if there is none.
    ///
    /// A caller that walks along a log needs one call per block. Errors: those of `blocks`.
    pub fn runs_behind(&self, at: TargetOffset, blocks: &impl Blocks) -> Result<Vec<Run>> {
        let reaches = |block: &&Block| block.last().target_end() > at;
        let in_memory = self.recent().find(reaches);
        let oldest = self.recent().next();
        let may_be_older = oldest.is_some_and(|block| at < block.first().target);
        if self.has_older_blocks() && may_be_older {
            let holding = blocks.at_or_before_target(at)?;
            let stored = match holding.filter(|block| reaches(&block)) {
                Some(block) => Some(block),
                None => blocks.at_or_after_target(at)?,
            };
            // A block that is also in memory may have grown since it was stored.
            let older =
                stored.filter(|it| oldest.is_some_and(|oldest| it.ordinal() < oldest.ordinal()));
            if let Some(block) = older {
                return Ok(block.runs().to_vec());
            }
        }
        Ok(in_memory.map_or_else(Vec::new, |block| block.runs().to_vec()))
    }

    fn lookup<D: Direction>(&self, at: D::From, blocks: &impl Blocks) -> Result<Lookup<D::To>> {
        let end = Run::new(self.source_end(), self.target_end(), 0);
        let mut next = D::first_image(&end);
        if at >= D::start(&end) || self.last().is_none() {
            return Ok(Lookup::BeyondMap { end: next });
        }
        for block in self.recent().rev() {
            if D::start(block.first()) <= at {
                return Ok(find::<D>(block.runs(), at).unwrap_or(Lookup::InGap { next }));
            }
            next = D::first_image(block.first());
        }
        if !self.has_older_blocks() {
            return Ok(Lookup::BeforeMap { first: next });
        }
        let first_from = |target| -> Result<D::To> {
            let block = blocks.at_or_after_target(target)?;
            Ok(block.map_or(next, |block| D::first_image(block.first())))
        };
        let Some(block) = D::stored(blocks, at)? else {
            let first = first_from(TargetOffset::ZERO)?;
            return Ok(Lookup::BeforeMap { first });
        };
        match find::<D>(block.runs(), at) {
            Some(found) => Ok(found),
            None => first_from(block.last().target_end()).map(|next| Lookup::InGap { next }),
        }
    }
}

/// Finds an offset among runs of which the first starts at or before it; `None` if it lies past the last.
fn find<D: Direction>(runs: &[Run], at: D::From) -> Option<Lookup<D::To>> {
    let behind = runs.partition_point(|run| D::start(run) <= at);
    match D::image(&runs[behind - 1], at) {
        Some(image) => Some(Lookup::Exact(image)),
        None => runs.get(behind).map(|next| Lookup::InGap {
            next: D::first_image(next),
        }),
    }
}

/// One direction of a lookup, so that it is implemented once: what is looked up, and the result.
trait Direction {
    type From: Copy + Ord;
    type To: Copy;

    fn start(run: &Run) -> Self::From;
    fn image(run: &Run, at: Self::From) -> Option<Self::To>;
    fn first_image(run: &Run) -> Self::To;
    fn stored(blocks: &impl Blocks, at: Self::From) -> Result<Option<Block>>;
}

#[derive(Debug)]
enum ToTarget {}

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
enum ToSource {}

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
