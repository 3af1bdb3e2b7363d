use super::*;

const PLACES: ConnectionLimits = ConnectionLimits {
    total: 6,
    per_client: 3,
    health: 3,
    health_per_client: 2,
};

fn client(number: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, number])
}

/// Admits connections of a client that ask right away.
fn busy(slots: &mut Slots, number: u8, count: usize) -> Vec<SlotId> {
    let admit = |_| {
        let (id, _) = slots.admit(client(number)).place.unwrap();
        assert!(slots.begin(id));
        id
    };
    (0..count).map(admit).collect()
}

#[test]
fn idle_connections_give_way_to_new_ones_of_the_same_client() {
    let mut slots = Slots::new(PLACES);
    let mut others = busy(&mut slots, 2, 1);
    let mut ids = Vec::new();
    for _ in 0..260 {
        let Admission { place, closes } = slots.admit(client(1));
        let (id, place) = place.unwrap();
        assert_eq!(place, Place::Any);
        ids.push(id);
        let expected = ids.len().checked_sub(4).map(|first| ids[first]);
        assert_eq!(closes, expected, "the one that has been idle longest");
    }
    assert!(!slots.begin(ids[0]), "it gave way");
    assert!(slots.begin(others.remove(0)), "others are left alone");
}

#[test]
fn one_that_has_asked_lately_gives_way_later() {
    let mut slots = Slots::new(PLACES);
    let ids = busy(&mut slots, 1, 3);
    for id in [ids[1], ids[2], ids[0]] {
        slots.end(id);
    }
    for id in [ids[1], ids[2], ids[0]] {
        assert_eq!(slots.admit(client(1)).closes, Some(id));
    }
}

#[test]
fn a_client_that_uses_all_of_its_share_can_still_ask_about_health() {
    let mut slots = Slots::new(PLACES);
    busy(&mut slots, 1, 3);
    let mut for_health = Vec::new();
    for _ in 0..2 {
        let (id, place) = slots.admit(client(1)).place.unwrap();
        assert_eq!(place, Place::HealthOnly);
        for_health.push(id);
    }
    assert_eq!(slots.admit(client(1)).closes, Some(for_health[0]));
    for id in [for_health[1], for_health[1] + 1] {
        slots.begin(id);
    }
    assert_eq!(slots.admit(client(1)).place, None);
    let (id, place) = slots.admit(client(2)).place.unwrap();
    assert_eq!(place, Place::Any, "another client has its own share");
    slots.leave(id);
}

#[test]
fn at_the_limit_of_all_the_largest_client_gives_way() {
    let mut slots = Slots::new(PLACES);
    let large = busy(&mut slots, 1, 3);
    let small = busy(&mut slots, 2, 2);
    let lone = busy(&mut slots, 3, 1);
    assert_eq!(
        slots.admit(client(4)).place.unwrap().1,
        Place::HealthOnly,
        "all are asking"
    );
    slots.end(lone[0]);
    slots.end(small[1]);
    slots.end(large[2]);
    assert_eq!(slots.admit(client(4)).closes, Some(large[2]));
    assert_eq!(slots.admit(client(5)).closes, Some(small[1]));
    slots.leave(large[0]);
    assert_eq!(slots.admit(client(6)).closes, None, "a free place");
}
