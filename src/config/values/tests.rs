use super::*;

fn read<N: Notation<Written = String>>(text: &str) -> Result<N::Value, String> {
    N::read(text.to_owned())
}

#[test]
fn a_duration_that_may_be_off() {
    let read = read::<OrOff<Duration>>;
    assert_eq!(read("off"), Ok(None));
    assert_eq!(read("2m"), Ok(Some(Duration::from_secs(120))));
    assert!(read("never").is_err());
}

#[test]
fn durations() {
    for (text, millis) in [
        ("1ms", 1),
        ("500ms", 500),
        ("5s", 5_000),
        ("2m", 120_000),
        ("24h", 86_400_000),
    ] {
        let duration = Duration::from_millis(millis);
        assert_eq!(read::<Duration>(text), Ok(duration), "{text}");
    }
    for text in [
        "",
        "5",
        "s",
        "5 s",
        "-5s",
        "1.5s",
        "5S",
        "25h",
        "0s",
        "99999999999999999999s",
        "18446744073709551615h",
    ] {
        assert!(read::<Duration>(text).is_err(), "{text}");
    }
}

#[test]
fn sizes() {
    for (text, bytes) in [
        ("1B", 1),
        ("512KiB", 524_288),
        ("16MiB", 16_777_216),
        ("1MB", 1_000_000),
        ("1GiB", 1_073_741_824),
    ] {
        assert_eq!(read::<Bytes<u64, 1, TIB>>(text), Ok(bytes), "{text}");
    }
    for text in [
        "",
        "16",
        "MiB",
        "16mib",
        "16 MiB",
        "1.5MiB",
        "-1MiB",
        "1XB",
        "18446744073709551615GB",
    ] {
        assert!(read::<Bytes<u64, 1, TIB>>(text).is_err(), "{text}");
    }
    let within = read::<Bytes<i32, KIB, GIB>>;
    assert_eq!(within("1GiB"), Ok(1 << 30));
    assert!(within("1023B").is_err());
    assert!(within("2GiB").is_err());
    let rate = read::<OrOff<Bytes<u64, { 64 * KIB }, GIB>>>;
    assert_eq!(rate("off"), Ok(None));
    assert_eq!(rate("1MiB"), Ok(Some(1 << 20)));
    assert!(rate("1KiB").is_err());
    assert!(rate("none").is_err());
}
