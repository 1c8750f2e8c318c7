//! Keys from passwords by Argon2, with the memory taken so that its lack is an error.
//!
//! One derivation takes seconds and up to 512 MiB. How many run at once is for the caller to bound.
//!
//! Its blocks are visited at random, so that most of what the usual pages of 4 KiB cost is spent on
//! faults and on misses of the TLB. Under glibc's tunable `glibc.malloc.hugetlb=1`, which btd and
//! the service file set for the signer, the memory comes in huge pages and a derivation takes a
//! quarter less processor time: then this implementation is as fast as libsodium's.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::KeyFileError;
use crate::secret::Password;

/// A key for a cipher.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Argon2 in version 1.3. Blocking.
pub(super) fn argon2(
    variant: Algorithm,
    params: Params,
    password: &Password,
    salt: &[u8],
) -> Result<Key, KeyFileError> {
    // Reserved by hand, so that a host without the memory gets an error and not an abort.
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(params.block_count()).map_err(|_| KeyFileError::OutOfMemory)?;
    memory.resize(params.block_count(), Block::default());
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(variant, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), salt, key.as_mut_slice(), &mut memory)
        .map_err(|_| KeyFileError::WrongPassword)?;
    Ok(key)
}
