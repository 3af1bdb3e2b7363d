use proptest::prelude::*;
use tokio_test_stream::Pieces;

use super::*;

/// A stream that returns scripted pieces, one for each read, and then ends.
mod tokio_test_stream {
    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::{Buf, Bytes};
    use tokio::io::{AsyncRead, ReadBuf};

    pub(super) struct Pieces {
        pub(super) left: VecDeque<Bytes>,
        pub(super) reads: usize,
    }

    impl Pieces {
        pub(super) fn new(stream: &[u8], size: usize) -> Self {
            Self {
                left: stream.chunks(size).map(Bytes::copy_from_slice).collect(),
                reads: 0,
            }
        }
    }

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.reads += 1;
            if let Some(piece) = self.left.front_mut() {
                let count = piece.len().min(into.remaining());
                into.put_slice(&piece[..count]);
                piece.advance(count);
                if piece.is_empty() {
                    self.left.pop_front();
                }
            }
            Poll::Ready(Ok(()))
        }
    }
}

fn framed(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for body in bodies {
        stream.put_i32(i32::try_from(body.len()).unwrap());
        stream.extend_from_slice(body);
    }
    stream
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

async fn read_all(stream: &mut Pieces) -> (Vec<Vec<u8>>, FrameError) {
    let mut frames = Frames::default();
    let mut bodies = Vec::new();
    loop {
        match frames.next(stream, || FRAME_LIMIT).await {
            Ok(body) => bodies.push(body.to_vec()),
            Err(end) => return (bodies, end),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_cut_gives_the_same_frames(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 4..40_000), 0..6),
        size in 1_usize..50_000,
    ) {
        let mut stream = Pieces::new(&framed(&bodies), size);
        let (read, end) = block_on(read_all(&mut stream));
        prop_assert_eq!(read, bodies);
        prop_assert!(matches!(end, FrameError::Closed));
    }
}

#[tokio::test]
async fn many_small_frames_take_one_read_and_a_big_one_few() {
    let mut stream = Pieces::new(&framed(&vec![vec![7; 100]; 100]), usize::MAX);
    let (bodies, _) = read_all(&mut stream).await;
    assert_eq!((bodies.len(), stream.reads), (100, 2));

    let mut stream = Pieces::new(&framed(&[vec![7; 1 << 20]]), usize::MAX);
    let (bodies, _) = read_all(&mut stream).await;
    assert_eq!((bodies.len(), stream.reads), (1, 3));
}

#[tokio::test]
async fn a_big_frame_is_exactly_as_big_as_it_says() {
    let mut stream = Pieces::new(&framed(&[vec![7; 1 << 20]]), usize::MAX);
    let frame = Frames::default()
        .next(&mut stream, || FRAME_LIMIT)
        .await
        .unwrap();
    let frame = frame
        .try_into_mut()
        .expect("nobody else holds the frame's memory");
    assert_eq!(frame.capacity(), 1 << 20);
}

#[tokio::test]
async fn an_end_inside_a_frame_is_told_from_one_between_frames() {
    let whole = framed(&[vec![7; 100]]);
    for length in [1, 3, 4, 50, 103] {
        let (bodies, end) = read_all(&mut Pieces::new(&whole[..length], 64)).await;
        assert!(bodies.is_empty() && matches!(end, FrameError::Cut));
    }
    let (_, end) = read_all(&mut Pieces::new(&[], 64)).await;
    assert!(matches!(end, FrameError::Closed));
}

#[tokio::test]
async fn other_protocols_are_named_and_nothing_is_allocated_for_them() {
    for (stream, word) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP server"),
        (&[0x15, 3, 3, 0, 2, 2, 70], "TLS alert"),
        (&[0x7f, 0xff, 0xff, 0xff, 0], "impossible length"),
        (&[0xff, 0xff, 0xff, 0xff, 0], "impossible length"),
        (&[0, 0, 0, 3, 1, 2, 3], "impossible length"),
    ] {
        let (bodies, end) = read_all(&mut Pieces::new(stream, 64)).await;
        assert!(bodies.is_empty());
        assert!(end.to_string().contains(word), "{end}");
    }
}
