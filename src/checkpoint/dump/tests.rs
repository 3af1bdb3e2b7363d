use proptest::prelude::*;

use super::*;

fn space() -> impl Strategy<Value = Space> {
    (0..Space::ALL.len()).prop_map(|number| Space::ALL[number])
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        entries in prop::collection::vec(
            (space(), any::<Vec<u8>>(), any::<Vec<u8>>()), 0..10
        )
    ) {
        let mut wanted = Update::new();
        let mut full = Vec::new();
        for (space, key, value) in entries {
            full.push((space.full_key(&key), value.clone()));
            wanted.put(space, key, value);
        }
        let mut lines = Vec::new();
        write(&full, &mut lines).unwrap();
        prop_assert_eq!(read(&mut &lines[..]).unwrap(), wanted);
    }
}

#[test]
fn an_export_says_first_if_it_is_for_later_readers() {
    let lines = |key: &[u8]| {
        let mut lines = Vec::new();
        write(&[(key.to_vec(), vec![])], &mut lines).unwrap();
        String::from_utf8(lines).unwrap()
    };
    assert!(lines(b"\x01\x00\x01l").starts_with("{\"space\":"));
    let marked = lines(b"\x01\x00\x01l and more");
    assert!(marked.starts_with("{\"layout\":3,\"oldest_reader\":3}\n{\"space\":"));
    read(&mut marked.as_bytes()).unwrap();
    let newer = marked.replace("\"oldest_reader\":3", "\"oldest_reader\":4");
    let error = read(&mut newer.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
}

#[test]
fn a_line_that_is_none_is_named() {
    for bad in [
        "{}",
        r#"{"space":"runs","key":"0","hex":""}"#,
        r#"{"space":"runs","key":"00"}"#,
        r#"{"space":"runs","key":"00","hex":"00","text":""}"#,
        r#"{"space":"walks","key":"00","hex":"00"}"#,
    ] {
        let good = r#"{"space":"runs","key":"00ff","hex":"0a"}"#;
        let lines = format!("{good}\n{bad}\n");
        let error = read(&mut lines.as_bytes()).unwrap_err();
        assert!(error.message().starts_with("line 2 "), "{error}");
    }
}
