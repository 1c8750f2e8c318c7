//! The version integer that peers send and publish.

/// The SDK generation whose wire this crate speaks; sent as our own version, because peers choose
/// their nonce rules by it.
pub const PROTOCOL_VERSION: i64 = version_as_int(10, 5, 0);

/// `a·10^6 + b·10^3 + c`: the integer of SDK version `a.b.c` since 7.2.0.
pub const fn version_as_int(major: u16, minor: u16, patch: u16) -> i64 {
    // `From` is not const; widening loses nothing.
    major as i64 * 1_000_000 + minor as i64 * 1_000 + patch as i64
}

/// `100a + 10b + c`: the integer before 7.2.0.
pub const fn version_as_int_before_7_2(major: u16, minor: u16, patch: u16) -> i64 {
    major as i64 * 100 + minor as i64 * 10 + patch as i64
}
