use super::*;
use crate::journal::testing;

fn head(term: u64, claim: u64) -> Head {
    testing::head("db", term, claim)
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
