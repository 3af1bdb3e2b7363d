use super::*;

fn sample(length: usize) -> Bytes {
    (0..length)
        .map(|i| (i / 7 % 251).to_le_bytes()[0])
        .collect()
}

#[test]
fn every_codec_gives_back_what_it_took() {
    for codec in Codec::ALL {
        for length in [0, 1, 1_000, 200_000] {
            let plain = sample(length);
            let body = codec.compress(plain.clone()).unwrap();
            let back = codec.decompress(body, length).unwrap();
            assert_eq!(back, plain, "{codec} {length}");
        }
    }
}

#[test]
fn a_bomb_is_refused_at_the_limit() {
    for codec in Codec::ALL.into_iter().skip(1) {
        let body = codec.compress(Bytes::from(vec![0; 1 << 24])).unwrap();
        assert!(body.len() < 1 << 20, "{codec}: {}", body.len());
        let refused = codec.decompress(body.clone(), (1 << 24) - 1);
        assert!(matches!(refused, Err(Failure::TooLarge)), "{codec}");
        assert!(codec.decompress(body, 1 << 24).is_ok(), "{codec}");
    }
}

#[test]
fn a_body_with_something_behind_it_is_refused() {
    for codec in Codec::ALL.into_iter().skip(1) {
        let mut body = codec.compress(sample(1_000)).unwrap().to_vec();
        body.extend_from_slice(b"tail");
        let refused = codec.decompress(Bytes::from(body), 1 << 20);
        assert!(matches!(refused, Err(Failure::Broken(_))), "{codec}");
    }
}
