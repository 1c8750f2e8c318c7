//! A proposal for a senate to vote on, put into the storage of a development chain: nobody there can make one.

use crate::Host;

/// The hash of `System.remark("test")`.
pub const PROPOSAL: &str = "0xa73cb6c99c0dbf60fb5f4315e12128883730930c7483e2a7cf4b3f46d96d2a1a";
/// `Triumvirate`: the list of open proposals, the call of one, and its votes (twox128 of pallet and item, then the
/// hash), with index 7 and a threshold of 2, open until block 100,000.
const OPEN: [&str; 3] = [
    "0x84b82a4594e531d95ee4af12f83baea088c2f7188c6fdd1dffae2fa0d171f440=\
     0x04a73cb6c99c0dbf60fb5f4315e12128883730930c7483e2a7cf4b3f46d96d2a1a",
    "0x84b82a4594e531d95ee4af12f83baea0e9d6db8868a37d79930bc3f7f33950d1\
     a73cb6c99c0dbf60fb5f4315e12128883730930c7483e2a7cf4b3f46d96d2a1a=0x00001074657374",
    "0x84b82a4594e531d95ee4af12f83baea071cd3068e6118bfb392b798317f63a89\
     a73cb6c99c0dbf60fb5f4315e12128883730930c7483e2a7cf4b3f46d96d2a1a=0x07000000020000000000a0860100",
];

/// Opens [`PROPOSAL`].
pub fn open_a_proposal(host: &Host) {
    host.ask(&[&["devnet", "set-storage"], &OPEN[..]].concat());
}
