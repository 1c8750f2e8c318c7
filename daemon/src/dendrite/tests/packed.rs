//! Replies that come packed.

use bytes::Bytes;
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use tokio::sync::mpsc;

use super::*;

/// A member of gzip.
fn gzip(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255][..],
        &compress_to_vec(data, 6),
        &crc32fast::hash(data).to_le_bytes(),
        &length.to_le_bytes(),
    ]
    .concat()
}

/// An axon that packs what it answers.
async fn packing(kind: &str, encoding: &str, body: Vec<u8>) -> SocketAddr {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\
         bt_header_axon_status_code: 200\r\nbt_header_axon_status_message: Success\r\n\r\n",
        body.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 16_384];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            assert!(request.contains("\r\naccept-encoding: gzip, deflate\r\n"), "{request}");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
    });
    address
}

#[tokio::test]
async fn packed_replies_are_read() {
    let body = br#"{"timeout": 12.0, "axon": {"status_code": 200, "status_message": "packed"}}"#;
    for (encoding, packed) in [
        ("gzip", gzip(body)),
        ("deflate", compress_to_vec_zlib(body, 6)),
        ("deflate", compress_to_vec(body, 6)),
        ("identity", body.to_vec()),
    ] {
        let outcome =
            dendrite().ping(at(packing("application/json", encoding, packed).await), Transport::Http, PATIENCE).await;
        assert_eq!(outcome.status_code, 200, "{encoding}: {}", outcome.status_message);
    }
    let gzip = gzip(body);
    for (encoding, packed) in [("gzip", &gzip[..gzip.len() - 9]), ("gzip", body), ("br", body)] {
        let address = packing("application/json", encoding, packed.to_vec()).await;
        let outcome = dendrite().ping(at(address), Transport::Http, PATIENCE).await;
        let words = format!("Payload error: 400, message: Can not decode content-encoding: {encoding}");
        assert_eq!((outcome.status_code, outcome.status_message), (400, words));
    }
}

#[tokio::test]
async fn a_reply_that_unpacks_to_more_than_is_read_is_cut_off() {
    // Of a thousandth of that.
    let bomb = gzip(&vec![b' '; 40_000_000]);
    assert!(bomb.len() < 100_000);
    let address = packing("application/json", "gzip", bomb).await;
    let outcome = dendrite().ping(at(address), Transport::Http, PATIENCE).await;
    let most = super::super::Config::default().max_reply_bytes;
    let words = format!("Payload error: Response is larger than {most} bytes");
    assert_eq!((outcome.status_code, outcome.status_message), (400, words));
}

#[tokio::test]
async fn a_stream_that_is_packed_is_unpacked_as_it_comes() {
    let text: Vec<u8> = (0..60_000_u32).flat_map(u32::to_le_bytes).collect();
    let address = packing("text/event-stream", "gzip", gzip(&text)).await;
    let (taker, mut taken) = mpsc::channel::<Bytes>(1);
    let call = async {
        let taker = taker;
        let (dendrite, job) = (dendrite(), support::spec("Job"));
        dendrite.call_streaming(at(address), &job, IndexMap::new(), (Transport::Http, PATIENCE), &taker).await
    };
    let reading = async {
        let mut read = Vec::new();
        while let Some(piece) = taken.recv().await {
            read.extend_from_slice(&piece);
        }
        read
    };
    let (outcome, read) = tokio::join!(call, reading);
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    assert!(read == text, "{} bytes", read.len());
}
