//! Where an owner's next batch belongs in the journal: right behind its last one.
//!
//! Promises: a batch is taken for appended only if nobody else wrote since the last one; an owner whose lease ran out looks for others
//! before it writes. Both hold without the broker's memory of terms, which ends after `producer.id.expiration.ms`.
//! Doesn't: keep another from claiming between the look and the append; the broker does, as it has just seen that claim.

use tokio::time::sleep;

use super::topic::NotAppended;
use super::{Head, LEASE, MARGIN, Topic};
use crate::error::{Error, Kind};
use crate::kafka::batch::Stamped;

/// The place of the next batch.
#[derive(Debug)]
pub(super) struct Place {
    topic: Topic,
    offset: i64,
    sequence: i32,
}

impl Place {
    /// Behind a claim, which is one record.
    pub(super) fn behind_claim(topic: &Topic, claimed_at: i64) -> Self {
        Self {
            topic: topic.clone(),
            offset: claimed_at + 1,
            sequence: 1,
        }
    }

    /// The sequence number the next batch has to carry.
    pub(super) fn sequence(&self) -> i32 {
        self.sequence
    }

    /// Appends a batch, once, however often it has to be sent; `lapsed` if the owner's lease ran out before.
    ///
    /// Errors: `Fenced` when somebody else claimed the link, not before its next owner may begin; after all others the same batch has to be sent again.
    pub(super) async fn append(
        &mut self,
        batch: &Stamped,
        own: &Head,
        lapsed: bool,
    ) -> Result<(), NotAppended> {
        if lapsed {
            let (_, newest) = self.topic.look().await?;
            is_mine(newest.iter().map(|seen| &seen.head), own)?;
        }
        let offset = self.topic.append(batch.clone()).await?;
        if offset < self.offset {
            let message = "the journal lost its tail";
            return Err(NotAppended::Gone(Error::new(Kind::Refused, message)));
        }
        if offset > self.offset {
            // By a broker that forgot this owner, a batch that is sent again may be taken again.
            let between = self.topic.read(self.offset, offset).await?;
            let checked = is_mine(between.heads.iter().map(|seen| &seen.head), own);
            if checked.is_err() {
                // This batch hides theirs from whoever looks next, this process first of all: their lease has to be over by then.
                sleep(LEASE + MARGIN).await;
            }
            checked?;
        }
        self.offset = offset + i64::from(batch.record_count);
        self.sequence = self.sequence.wrapping_add(batch.record_count) & i32::MAX;
        Ok(())
    }

    /// Looks for the leader anew.
    pub(super) async fn look_again(&self) {
        self.topic.look_again().await;
    }
}

/// Whether these heads are all of the owner's own term.
fn is_mine<'a>(heads: impl IntoIterator<Item = &'a Head>, own: &Head) -> Result<(), NotAppended> {
    let other = heads.into_iter().find(|head| !head.is_same_claim(own));
    other.map_or(Ok(()), |other| {
        let message = format!(
            "term {} of process {} on {} is in the journal",
            other.term, other.owner.process, other.owner.host
        );
        Err(NotAppended::Fenced(Error::new(Kind::Refused, message)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::journal::Owner;

    fn head(term: u64, claim: u64) -> Head {
        Head {
            owner: Owner {
                id: "db".to_owned(),
                host: "h".to_owned(),
                process: 1,
                api_url: None,
            },
            since_ms: 0,
            term,
            claim,
            revision: None,
            released: false,
        }
    }

    #[test]
    fn whoever_claimed_a_term_of_its_own_or_the_same_one_ends_this_one() {
        let own = head(3, 7);
        let mine = |heads: &[Head]| is_mine(heads, &own).is_ok();
        assert!(mine(&[]));
        let renewed = Head {
            released: true,
            ..own.clone()
        };
        assert!(mine(&[own.clone(), renewed]));
        for other in [head(4, 8), head(4, 7), head(3, 8), head(2, 6)] {
            assert!(!mine(std::slice::from_ref(&other)));
            assert!(!mine(&[own.clone(), other, own.clone()]));
        }
    }
}
