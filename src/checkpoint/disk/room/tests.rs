use super::*;

#[test]
fn what_was_written_to_try_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    is_there(directory.path()).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    is_there(&directory.path().join("none")).unwrap_err();
}

#[test]
fn errors_that_an_operator_can_end_come_with_how() {
    let remedy = |code| {
        let io = io::Error::from_raw_os_error(code);
        let kind = io.kind();
        assert_eq!(remedy(&io), remedy(&sled::Error::Io(io::Error::from(kind))));
        remedy(&io)
    };
    // ENOSPC, EDQUOT, EFBIG, EROFS, EACCES
    for code in [28, 122, 27, 30, 13] {
        assert!(remedy(code).is_some(), "{code}");
    }
    assert_eq!(remedy(5), None);
}
