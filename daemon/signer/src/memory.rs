//! Memory that is never written to swap.
//!
//! All of it is locked, also what is allocated later, except the work area of key derivation: 512
//! MiB that few hosts let a service lock, and that are given back within seconds. Where the limit on
//! locked memory (`RLIMIT_MEMLOCK`) is too small nothing is locked, and that is said once.

use rustix::mm::{MlockAllFlags, mlockall};

/// Whether the process's memory is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It is.
    Locked,
    /// It is not: the kernel may write it to swap.
    Swappable,
}

// === impl Memory ===

impl Memory {
    /// Locks what there is and what will be.
    ///
    /// # Errors
    /// When the kernel does not allow it; nothing is locked then.
    pub fn lock() -> std::io::Result<Self> {
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?;
        Ok(Self::Locked)
    }

    /// Runs `work`, whose own allocations are not locked. One call at a time.
    pub(crate) fn with_swappable_work_area<T>(self, work: impl FnOnce() -> T) -> T {
        if self == Self::Swappable {
            return work();
        }
        // Without FUTURE, what is locked stays so and what comes does not begin locked.
        if mlockall(MlockAllFlags::CURRENT).is_err() {
            return work();
        }
        let outcome = work();
        // The work area is gone; small allocations made meanwhile are locked now.
        let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE);
        outcome
    }
}
