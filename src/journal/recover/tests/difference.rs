use proptest::prelude::*;

use crate::journal::recover::*;

fn entries() -> impl Strategy<Value = Entries> {
    prop::collection::btree_map(
        prop::collection::vec(0_u8..4, 1..3),
        prop::collection::vec(0_u8..3, 0..2),
        0..8,
    )
}

proptest! {
    #[test]
    fn applying_the_difference_gives_the_other(from in entries(), to in entries()) {
        let changes = difference(&from, to.clone());
        let mut made = from.clone();
        for (key, value) in &changes {
            match value {
                Some(value) => made.insert(key.clone(), value.clone()),
                None => made.remove(key),
            };
        }
        prop_assert_eq!(&made, &to);
        prop_assert_eq!(difference(&to, to.clone()), vec![]);
    }
}
