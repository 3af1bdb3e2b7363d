use super::*;

#[test]
fn a_secret_in_a_file_is_read_at_each_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    let source = SecretSource::File(path.clone());
    std::fs::write(&path, "first\n").unwrap();
    assert_eq!(source.read().unwrap(), Secret::new("first"));
    std::fs::write(&path, "second").unwrap();
    assert_eq!(source.read().unwrap(), Secret::new("second"));
    for (text, why) in [("", "it is empty"), ("a\0b", "it has a NUL in it")] {
        std::fs::write(&path, text).unwrap();
        let error = source.read().unwrap_err().to_string();
        assert_eq!(error, format!("{} can't be read: {why}", path.display()));
    }
    std::fs::remove_file(&path).unwrap();
    let error = source.read().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().starts_with(&path.display().to_string()));
}

#[test]
fn a_secret_is_not_shown() {
    let shown = format!("{:?}", SecretSource::Value(Secret::new("hunter2")));
    assert!(!shown.contains("hunter2"), "{shown}");
}
