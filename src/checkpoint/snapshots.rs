//! The snapshot of a link's groups: a head, with offsets and ends in chunks.

use serde::{Deserialize, Serialize};

use super::chunks::{ChunkedList, Packed, read_whole};
use super::json::{load, put};
use super::keys;
use super::records::GroupSnapshot;
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::model::{LinkName, Partition, TopicName, TopicPartition};

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    taken_at_ms: i64,
    offsets: ChunkedList,
    ends: ChunkedList,
}

/// A committed source offset and the commit's metadata.
#[derive(Debug, Serialize, Deserialize)]
struct Committed(
    i64,
    #[serde(skip_serializing_if = "Option::is_none", default)] Option<String>,
);

/// Reads the latest snapshot of a link's groups.
pub fn load_snapshot(store: &dyn Store, link: &LinkName) -> Result<Option<GroupSnapshot>> {
    read_whole(|| {
        let Some(head) = load::<Head>(store, Space::Groups, &keys::cut(link))? else {
            let former = load(store, Space::Groups, &keys::group_snapshot(link))?;
            let is_renewed =
                former.is_none() && store.get(Space::Groups, &keys::cut(link))?.is_some();
            return Ok((!is_renewed).then_some(former));
        };
        Ok(chunks_of(store, link, &head)?.map(Some))
    })
}

fn chunks_of(store: &dyn Store, link: &LinkName, head: &Head) -> Result<Option<GroupSnapshot>> {
    let prefix = keys::cut_chunks(link);
    let mut snapshot = GroupSnapshot {
        taken_at_ms: head.taken_at_ms,
        ..GroupSnapshot::default()
    };
    let offsets = &mut snapshot.offsets;
    let take = |group: &_, at, Committed(offset, metadata)| {
        offsets.push((Clone::clone(group), at, offset, metadata));
    };
    let whole = head
        .offsets
        .load_cells(store, Space::Groups, &prefix, take)?;
    let ends = head
        .ends
        .load::<(TopicName, Partition, i64)>(store, Space::Groups, &prefix)?;
    let (Some(()), Some(ends)) = (whole, ends) else {
        return Ok(None);
    };
    let ends = ends
        .into_iter()
        .map(|(topic, partition, end)| (TopicPartition { topic, partition }, end));
    snapshot.ends = ends.collect();
    Ok(Some(snapshot))
}

/// Replaces the snapshot of a link's groups. Errors: those of the store.
pub fn put_snapshot(
    update: &mut Update,
    store: &dyn Store,
    link: &LinkName,
    snapshot: &GroupSnapshot,
) -> Result<()> {
    let prefix = keys::cut_chunks(link);
    // All chunks: an update that its caller didn't wait for may have left some that no head refers to.
    for (key, _) in store.scan(Space::Groups, &prefix, usize::MAX)? {
        update.delete(Space::Groups, key);
    }
    let offsets = snapshot
        .offsets
        .iter()
        .map(|(group, at, offset, metadata)| (group, at, Committed(*offset, metadata.clone())));
    let ends = snapshot.ends.iter();
    let ends = ends.map(|(at, end)| (&at.topic, at.partition, end));
    let head = Head {
        taken_at_ms: snapshot.taken_at_ms,
        offsets: Packed::cells(offsets).put(update, Space::Groups, &prefix),
        ends: Packed::list(ends).put(update, Space::Groups, &prefix),
    };
    put(update, Space::Groups, &keys::cut(link), &head);
    let first_layout = keys::group_snapshot(link);
    if store.get(Space::Groups, &first_layout)?.is_some() {
        update.delete(Space::Groups, first_layout);
    }
    Ok(())
}

/// Adds to `update` that the latest snapshot was still true at `at_ms`, if there is one.
pub fn confirm_snapshot(
    update: &mut Update,
    store: &dyn Store,
    link: &LinkName,
    at_ms: i64,
) -> Result<()> {
    if let Some(mut head) = load::<Head>(store, Space::Groups, &keys::cut(link))? {
        head.taken_at_ms = at_ms;
        put(update, Space::Groups, &keys::cut(link), &head);
    }
    Ok(())
}

/// Adds the conversion of a link's layout-1 snapshot into chunks to `update`, if there is such a snapshot.
pub fn renew_snapshot(update: &mut Update, store: &dyn Store, link: &LinkName) -> Result<()> {
    let former = load::<GroupSnapshot>(store, Space::Groups, &keys::group_snapshot(link))?;
    former.map_or(Ok(()), |former| put_snapshot(update, store, link, &former))
}
