//! One call into the native runtime over a state.
//!
//! The runtime signals broken invariants and undecodable arguments by panicking, as in wasm it would trap. Here a panic
//! ends the call and nothing else. Callers run on threads with deep stacks, see [`crate::workers`].

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use sp_externalities::{Extensions, set_and_run_with_externalities};
use sp_state_machine::{Ext, OverlayedChanges};

use super::{Hasher, State};

/// Changes made on top of a state and not yet part of it.
pub(crate) type Overlay = OverlayedChanges<Hasher>;

/// Why the runtime did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutionError {
    /// The runtime has no such function.
    #[error("Other: Exported method {0} is not found")]
    UnknownMethod(String),
    /// The runtime gave up.
    #[error("Execution aborted due to panic in {method}: {message}")]
    Panicked {
        /// The function called.
        method: String,
        /// What it said.
        message: String,
    },
}

/// Calls `method` with SCALE-encoded `arguments` and gives back its SCALE-encoded answer.
///
/// Storage transactions that the runtime left open are rolled back; the ones the caller opened stay open.
pub(crate) fn call(
    state: &State,
    overlay: &mut Overlay,
    method: &str,
    arguments: &[u8],
) -> Result<Vec<u8>, ExecutionError> {
    let mut extensions = Extensions::new();
    extensions.register(btd_devnet_runtime::upgrades::version_reader());
    let in_runtime = overlay.enter_runtime().is_ok();
    let answer = {
        let mut ext = Ext::new(overlay, state, Some(&mut extensions));
        set_and_run_with_externalities(&mut ext, || {
            catch_unwind(AssertUnwindSafe(|| btd_devnet_runtime::api::dispatch(method, arguments)))
        })
    };
    if in_runtime {
        // Cannot fail: it was entered above.
        let _ = overlay.exit_runtime();
    }
    match answer {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(ExecutionError::UnknownMethod(method.to_owned())),
        Err(panic) => {
            Err(ExecutionError::Panicked { method: method.to_owned(), message: panic_message(panic.as_ref()) })
        }
    }
}

/// The text of a panic, as far as it has one.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "unknown reason".to_owned())
}
