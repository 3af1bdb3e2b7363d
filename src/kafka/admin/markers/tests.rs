use super::*;

fn order(partition: i32, epoch: i16, count: usize) -> Markers {
    Markers {
        partition: TopicPartition::new("t", partition),
        producer_id: ProducerId(7),
        epoch,
        count,
    }
}

#[test]
fn partitions_share_markers_as_long_as_they_want_some_of_the_same_writer() {
    let request = request(&[order(0, 0, 1), order(1, 0, 3), order(2, 4, 2)]);
    let told = request.markers.iter().map(|marker| {
        let partitions = marker.topics.iter().flat_map(|it| &it.partition_indexes);
        (marker.producer_epoch, partitions.copied().collect())
    });
    let told: Vec<(i16, Vec<i32>)> = told.collect();
    let expected = [
        (0, vec![0, 1]),
        (4, vec![2]),
        (0, vec![1]),
        (4, vec![2]),
        (0, vec![1]),
    ];
    assert_eq!(told, expected);
}
