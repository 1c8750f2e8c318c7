//! Memory that is never written to swap.
//!
//! Where the limit on locked memory (`RLIMIT_MEMLOCK`) allows it, all of it is locked, also what is
//! allocated later, except the work area of key derivation: 512 MiB that few hosts let a service
//! lock, and that are given back within seconds. Under the small limit of a desktop session later
//! allocations would fail; there a piece of the heap is set aside and locked, from which keys then
//! get their place. Where not even that is allowed nothing is locked, and that is said once.
//!
//! Keys on the heap are wiped by their types. What moving them has left on a stack is wiped by
//! [`scrub_stack`].

use std::{fs, io};

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{Resource, getrlimit},
};

use crate::log;

/// More than the signer ever has but for key derivation.
const AMPLE: u64 = 32 << 20;
/// The piece of the heap that is set aside: some thousand keys.
const SET_ASIDE: usize = 1 << 20;

/// Whether the process's memory is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// All of it is, and what will be.
    Locked,
    /// What there was at the start is, with room for keys.
    FirstHeap,
    /// It is not: the kernel may write it to swap.
    Swappable,
}

// === impl Memory ===

impl Memory {
    /// Locks as much as the kernel allows. Before other threads and before keys.
    pub fn lock() -> Self {
        let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE;
        if is_ample() && mlockall(all).is_ok() {
            return Self::Locked;
        }
        set_aside();
        match mlockall(MlockAllFlags::CURRENT) {
            Ok(()) => {
                log::info(format_args!(
                    "the limit on locked memory is small: keys are locked, passwords in use are not"
                ));
                Self::FirstHeap
            }
            Err(error) => {
                let error = io::Error::from(error);
                log::warn(format_args!(
                    "memory is not locked, so the kernel may write keys to swap: raise LimitMEMLOCK, or encrypt swap ({error})"
                ));
                Self::Swappable
            }
        }
    }

    /// Runs `work`, whose own allocations are not locked. One call at a time.
    pub(crate) fn with_swappable_work_area<T>(self, work: impl FnOnce() -> T) -> T {
        // Without FUTURE, what is locked stays so and what comes does not begin locked.
        if self != Self::Locked || mlockall(MlockAllFlags::CURRENT).is_err() {
            return work();
        }
        let outcome = work();
        // The work area is gone; small allocations made meanwhile are locked now.
        let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE);
        outcome
    }
}

/// Overwrites what ended calls of this thread have left below the caller's frame: a value that is
/// moved leaves its bytes in the place where it was.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "the stack is what is to be overwritten")]
pub(crate) fn scrub_stack() {
    /// Deeper than any call here reaches: key derivation works on the heap. It is done after each
    /// signature, of which this much is a tenth.
    const DEPTH: usize = 64 * 1024;
    std::hint::black_box(&mut [0_u8; DEPTH]);
}

/// Whether nothing that the signer will allocate meets the limit.
fn is_ample() -> bool {
    getrlimit(Resource::Memlock).current.is_none_or(|limit| limit >= AMPLE) || may_exceed_limits()
}

/// Whether the process has `CAP_IPC_LOCK`.
fn may_exceed_limits() -> bool {
    const IPC_LOCK: u64 = 1 << 14;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & IPC_LOCK != 0)
}

/// Frees a row of blocks below one that stays, so that the allocator keeps their place on the heap.
fn set_aside() {
    const BLOCK: usize = 64 * 1024;
    let blocks: Vec<Vec<u8>> = (0..SET_ASIDE / BLOCK).map(|_| vec![1; BLOCK]).collect();
    let lid: &'static mut [u8] = Box::leak(vec![1; 4096].into_boxed_slice());
    std::hint::black_box((lid, &blocks));
}
