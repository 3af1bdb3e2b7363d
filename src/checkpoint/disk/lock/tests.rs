use super::*;

#[test]
fn a_copy_of_the_descriptor_in_another_process_keeps_nothing_locked() {
    let directory = tempfile::tempdir().unwrap();
    let lock = Lock::take(directory.path()).unwrap();
    let copy = lock.file.try_clone().unwrap();
    assert!(Lock::take(directory.path()).is_err());
    drop(lock);
    drop(Lock::take(directory.path()).unwrap());
    drop(copy);
}
