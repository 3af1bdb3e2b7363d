use std::io::{self, Read};
use std::net::TcpListener;

use crate::kafka::client::HostPort;

use super::*;

#[tokio::test]
async fn what_was_not_delivered_when_a_stream_is_given_up_never_is() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let stream = connect_tcp(&HostPort::new("127.0.0.1", port)).await;
    let stream = stream.expect("a connection");
    let (mut accepted, _) = listener.accept().expect("a connection");
    stream.writable().await.expect("room to write");
    // More than the peer, which doesn't read, has room for.
    while stream.try_write(&vec![0; 65_536]).is_ok() {}
    drop(stream);
    let read = accepted.read_to_end(&mut Vec::new());
    let error = read.expect_err("the stream was cut off");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}
