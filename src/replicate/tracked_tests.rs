use super::*;
use crate::checkpoint::MemoryStore;
use crate::model::LinkName;

#[test]
fn epochs_are_not_believed_of_what_landed_unseen() {
    let partition = crate::model::TopicPartition::new("t", 0);
    let key = PartitionKey::new(&LinkName::new("l"), &partition);
    let store = Arc::new(MemoryStore::default());
    let tracked = Tracked::new(key, "t".into(), store).unwrap();
    let mut known = tracked.lock();
    let run = Run::new(SourceOffset(0), TargetOffset(0), 50);
    known.note_epoch(LeaderEpoch(16), SourceOffset(0));
    known.landed(&[run], SourceOffset(50)).unwrap();
    let found = |position| Explanation {
        runs: Vec::new(),
        position: SourceOffset(position),
    };
    known.found(&found(50), TargetOffset(50)).unwrap();
    assert_eq!(known.record.epochs, [(LeaderEpoch(16), SourceOffset(0))]);
    // The source may have written these ten in another epoch than the last one known.
    known.found(&found(60), TargetOffset(60)).unwrap();
    assert_eq!(known.record.epochs, []);
}
