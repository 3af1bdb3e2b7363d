use super::*;

#[test]
fn framing_is_javas() {
    let plain = vec![7; BLOCK + 1];
    let body = compress(&plain).unwrap();
    assert_eq!(&body[..16], b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    let first = u32::from_be_bytes(body[16..20].try_into().unwrap());
    let second_at = 20 + first as usize;
    let second = u32::from_be_bytes(body[second_at..second_at + 4].try_into().unwrap());
    assert_eq!(body.len(), second_at + 4 + second as usize);
    assert_eq!(decompress(&body, plain.len()).unwrap(), plain);
}

#[test]
fn a_bare_block_is_read() {
    let bare = snap::raw::Encoder::new().compress_vec(b"plain").unwrap();
    assert_eq!(decompress(&bare, 5).unwrap(), b"plain");
    assert!(matches!(decompress(&bare, 4), Err(Failure::TooLarge)));
}

#[test]
fn every_truncation_inside_a_block_is_an_error() {
    let body = compress(b"some plain text, some plain text").unwrap();
    for length in 0..body.len() {
        let result = decompress(&body[..length], 1 << 20);
        // Cut right after the framing's header, it is an empty body, which the record count rejects.
        assert_eq!(result.is_ok(), length == 16, "{length}");
    }
}
