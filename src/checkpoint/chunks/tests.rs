use super::*;
use crate::checkpoint::MemoryStore;

const PREFIX: &[u8] = b"list";
const SPACE: Space = Space::Groups;

/// A list of three chunks without the one with this number.
async fn lacking(missing: u32) -> (MemoryStore, ChunkedList) {
    let group = GroupId::new("g");
    let cells: Vec<_> = (0..2_500).map(|it| TopicPartition::new("t", it)).collect();
    let packed = Packed::cells(cells.iter().map(|at| (&group, at, at.partition.0)));
    let (store, mut update) = (MemoryStore::new(), Update::new());
    let list = packed.put(&mut update, SPACE, PREFIX);
    update.delete(SPACE, chunk_key(PREFIX, list.generation, missing));
    store.commit(update).await.unwrap();
    (store, list)
}

/// A shorter list would be a snapshot without some groups, or an operation without some moves.
#[tokio::test]
async fn a_list_is_read_as_a_whole_or_not_at_all() {
    for missing in 0..4 {
        let (store, list) = lacking(missing).await;
        let is_whole = missing == 3;
        let values = list
            .load::<serde_json::Value>(&store, SPACE, PREFIX)
            .unwrap();
        assert_eq!(values.map(|it| it.len()), is_whole.then_some(2_500));
        let mut partitions = Vec::new();
        let take = |group: &GroupId, at: TopicPartition, value: i32| {
            assert_eq!((group.as_str(), at.topic.as_str()), ("g", "t"));
            assert_eq!(at.partition.0, value);
            partitions.push(value);
        };
        let cells = list.load_cells(&store, SPACE, PREFIX, take).unwrap();
        assert_eq!(cells.is_some(), is_whole);
        assert!(!is_whole || partitions.into_iter().eq(0..2_500));
        let read = read_whole(|| list.load::<serde_json::Value>(&store, SPACE, PREFIX));
        assert_eq!(read.is_ok(), is_whole);
    }
}
