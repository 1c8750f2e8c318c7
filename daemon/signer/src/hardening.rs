//! What the process gives up before it sees a secret.
//!
//! No dump of its memory and no tracing by others of the same user ([`hide`]); no system call but
//! those in `filter`, so no socket and no program is ever opened from here ([`confine`]). The
//! second cannot be done without, and is an error when it fails; the first is refused to nobody by
//! the kernels this runs on.

mod filter;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

pub use self::filter::{Doors, FilterError};
use crate::log;

/// Why the process could not be hardened.
#[derive(Debug, thiserror::Error)]
pub enum HardeningError {
    /// Memory can be dumped.
    #[error("cannot keep other processes from the signer's memory: {0}")]
    Dumpable(#[source] rustix::io::Errno),
    /// The filter.
    #[error("cannot give up the network: {0}")]
    Filter(#[from] FilterError),
}

/// Makes the process non-dumpable: no core, no ptrace and no `/proc/PID/mem` for its own user.
///
/// # Errors
/// When the kernel refuses.
pub fn hide() -> Result<(), HardeningError> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(HardeningError::Dumpable)?;
    // A second fence. A service manager may have put it up already and forbidden the call.
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        log::info(format_args!("the limit on core dumps was left as it is: {error}"));
    }
    Ok(())
}

/// Gives up every system call that the signer does not need, for this thread and those that it
/// starts: call it before starting any.
///
/// # Errors
/// When the kernel has no such filters, or the architecture is unknown to them.
pub fn confine(doors: Doors) -> Result<(), HardeningError> {
    Ok(filter::install(doors)?)
}
