//! What h3 gets of frames that come in any pieces.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::{Wake, Waker},
};

use super::*;

const LONGEST: usize = 1_000;

fn frames(next: Next) -> Frames {
    Frames::new(next, LONGEST, AllUnfinished::new(usize::MAX).open())
}

/// What h3 gets of a stream that comes in such pieces and ends.
fn handed_on(next: Next, pieces: &[&[u8]]) -> Result<Vec<Bytes>, FrameError> {
    let (mut frames, mut handed_on) = (frames(next), Vec::new());
    for piece in pieces {
        frames.came = Bytes::copy_from_slice(piece);
        while let Some(piece) = frames.piece()? {
            handed_on.push(piece);
        }
        assert!(frames.came.is_empty(), "{frames:?}");
    }
    handed_on.extend(frames.rest()?);
    assert!(frames.rest()?.is_none());
    Ok(handed_on)
}

fn in_pieces(bytes: &[u8], size: usize) -> Vec<&[u8]> {
    bytes.chunks(size).collect()
}

#[test]
fn frames_go_on_as_wholes_and_data_in_pieces_however_they_come() {
    const FRAMES: &[u8] = b"\x01\x05heads\x00\x00\x21\x03abc\x00\x40\x06sixsix\x40\x00\x01!\x07\x01\x04\x01\x02ts";
    // The frame of no data is left out: to h3 it would be the end.
    let parts: [&[u8]; 8] = [
        b"\x01\x05heads",
        b"\x21\x03abc",
        b"\x00\x40\x06",
        b"sixsix",
        b"\x40\x00\x01",
        b"!",
        b"\x07\x01\x04",
        b"\x01\x02ts",
    ];
    assert_eq!(handed_on(Next::Frame, &[FRAMES]).unwrap(), parts);
    for size in 1..FRAMES.len() {
        let pieces = handed_on(Next::Frame, &in_pieces(FRAMES, size)).unwrap();
        assert_eq!(pieces.concat(), parts.concat(), "{size}");
        for whole in [parts[0], parts[1], parts[6], parts[7]] {
            assert!(pieces.iter().any(|piece| piece == whole), "{size}: {pieces:?}");
        }
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_before_any_of_it_has_come() {
    let mut longest = b"\x01\x43\xe8".to_vec();
    longest.extend([7; LONGEST]);
    assert_eq!(handed_on(Next::Frame, &[&longest]).unwrap(), [&longest[..]]);
    let refused: [(&[u8], (u64, usize)); 3] = [
        (b"\x01\x43\xe9", (1, LONGEST + 1)),
        (b"\x00\x01x\x21\x84\x00\x00\x00", (0x21, 64 << 20)),
        (b"\x04\xff\xff\xff\xff\xff\xff\xff\xff", (4, (1 << 62) - 1)),
    ];
    for (frames, stated) in refused {
        let outcome = handed_on(Next::Frame, &in_pieces(frames, 1));
        let Err(FrameError::TooLong { kind, payload, longest: LONGEST }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((kind, payload), stated);
    }
}

#[test]
fn a_whole_frame_that_h3_would_not_take_in_as_one_is_refused() {
    // Without the number that belongs there, with a part of it, and with bytes behind it.
    let refused: [(&[u8], (u64, usize)); 9] = [
        (b"\x03\x00", (3, 0)),
        (b"\x05\x00", (5, 0)),
        (b"\x05\x02\x80\x01", (5, 2)),
        (b"\x07\x01\x40", (7, 1)),
        (b"\x07\x02\x00\x00", (7, 2)),
        (b"\x0d\x00", (13, 0)),
        (b"\x0d\x06\x00\x21\xbf\xff\xff\xff", (13, 6)),
        (b"\x40\x0d\x40\x00", (13, 0)),
        (b"\x0d\x09\xc0\x00\x00\x00\x00\x00\x00\x01\x00", (13, 9)),
    ];
    for (frame, stated) in refused {
        let poured = [frame, b"\x00\x05data!"].concat();
        for size in 1..=poured.len() {
            let outcome = handed_on(Next::Frame, &in_pieces(&poured, size));
            let Err(FrameError::NoNumber { kind, payload }) = outcome else { panic!("{frame:x?}: {outcome:?}") };
            assert_eq!((kind, payload), stated);
        }
    }
    let taken: [&[u8]; 6] = [
        b"\x03\x01\x02",
        b"\x05\x01\x00",
        b"\x05\x04\x40\x07\x00\x00",
        b"\x07\x02\x40\x04",
        b"\x0d\x08\xc0\x00\x00\x00\x00\x00\x00\x01",
        b"\x21\x01\x40",
    ];
    for frame in taken {
        assert_eq!(handed_on(Next::Frame, &in_pieces(frame, 1)).unwrap(), [frame]);
    }
}

#[test]
fn a_control_stream_passes_on_no_data() {
    for stream in [&b"\x00\x04\x00\x00\x84\x00\x00\x00"[..], b"\x00\x04\x00\x00\x00", b"\x40\x00\x00\x01!"] {
        for size in 1..=stream.len() {
            let outcome = handed_on(Next::Kind, &in_pieces(stream, size));
            assert!(matches!(outcome, Err(FrameError::Misplaced)), "{stream:x?}: {outcome:?}");
        }
    }
}

#[test]
fn what_lacks_its_end_does_not_pass_for_the_whole() {
    // h3 objects to what is left of a frame.
    for frame in [&b"\x01\x05he"[..], b"\x01"] {
        assert_eq!(handed_on(Next::Frame, &[frame]).unwrap(), [frame]);
    }
    // Data have no bound here: who reads them has one.
    let cut = handed_on(Next::Frame, &[b"\x00\x84\x00\x00\x00da"]);
    assert!(matches!(cut, Err(FrameError::Cut { lacking }) if lacking == (64 << 20) - 2), "{cut:?}");
}

#[test]
fn only_control_streams_have_frames() {
    const STREAM: &[u8] = b"\x00\x04\x00\x07\x01\x00";
    for size in 1..=STREAM.len() {
        let pieces = handed_on(Next::Kind, &in_pieces(STREAM, size)).unwrap();
        assert_eq!(pieces, [&b"\x00"[..], b"\x04\x00", b"\x07\x01\x00"], "{size}");
    }
    let refused = handed_on(Next::Kind, &[b"\x00\x04\x84\x00\x00\x00"]);
    assert!(matches!(refused, Err(FrameError::TooLong { kind: 4, .. })), "{refused:?}");
    let other = handed_on(Next::Kind, &[b"\x40\x54\x04\xff\xff"]);
    assert_eq!(other.unwrap(), [&b"\x40\x54"[..], b"\x04\xff\xff"]);
}

#[test]
fn unfinished_frames_of_a_connection_take_no_more_than_their_room() {
    const HALF: &[u8] = b"\x01\x40\x65half";
    let connection = AllUnfinished::new(10);
    let open = || Frames::new(Next::Frame, LONGEST, connection.open());
    let come = |frames: &mut Frames, bytes: &[u8]| {
        frames.came = Bytes::copy_from_slice(bytes);
        frames.piece()
    };
    let (mut first, mut second, mut third) = (open(), open(), open());
    assert!(come(&mut first, HALF).unwrap().is_none() && come(&mut second, HALF).unwrap().is_none());
    let refused = come(&mut third, HALF);
    assert!(matches!(refused, Err(FrameError::TooMany { most: 10 })), "{refused:?}");
    // Whoever comes to an end makes room, and so does whoever is given up.
    drop(third);
    assert!(come(&mut first, &[b'x'; 0x65 - 4]).unwrap().is_some_and(|whole| whole.len() == 0x65 + 3));
    let mut fourth = open();
    assert!(come(&mut fourth, HALF).unwrap().is_none());
    drop((first, second));
    assert!(come(&mut fourth, b"abcdef").unwrap().is_none());
    let refused = come(&mut fourth, b"g");
    assert!(matches!(refused, Err(FrameError::TooMany { .. })), "{refused:?}");
}

/// A stream on which the same comes again and again.
struct Again {
    piece: &'static [u8],
    left: usize,
}

impl RecvStream for Again {
    type Buf = Bytes;

    fn poll_data(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(Ok(None)) };
        self.left = left;
        Poll::Ready(Ok(Some(Bytes::from_static(self.piece))))
    }

    fn stop_sending(&mut self, _: u64) {}

    fn recv_id(&self) -> StreamId {
        StreamId::try_from(0_u64).unwrap()
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn whoever_sends_frames_without_data_leaves_others_their_turn() {
    // No data, something unknown, and data.
    let cases: [(&'static [u8], usize); 3] = [(b"\x00\x00", 4), (b"\x21\x00", 4), (b"\x00\x01!", 0)];
    for (piece, turns) in cases {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let (mut frames, mut stream) = (frames(Next::Frame), Again { piece, left: 4 * TURN + 1 });
        let mut waited = 0;
        loop {
            match frames.read(&mut stream, &mut context) {
                Poll::Ready(read) if read.as_ref().unwrap().is_none() => break,
                Poll::Ready(_) => {}
                Poll::Pending => waited += 1,
            }
        }
        assert_eq!((waited, woken.0.load(Ordering::Relaxed)), (turns, turns), "{piece:x?}");
    }
}
