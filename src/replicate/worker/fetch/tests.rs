use super::*;

#[test]
fn a_small_part_of_an_answer_is_taken_apart_and_a_large_one_is_not_copied() {
    let answer = Bytes::from(vec![7; 100]);
    let (small, large) = (answer.slice(0..24), answer.slice(24..100));
    assert_eq!(apart(large.clone(), 100).as_ptr(), large.as_ptr());
    let apart = apart(small.clone(), 100);
    assert_eq!(apart, small);
    assert_ne!(apart.as_ptr(), small.as_ptr());
}
