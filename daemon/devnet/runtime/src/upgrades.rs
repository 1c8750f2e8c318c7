//! What becomes of an upgrade: this runtime is native, and no code can take its place.
//!
//! To root's calls a blob is one of which no version can be read, which is what they say of any that is no runtime.

use alloc::{string::String, vec::Vec};

use sp_core::traits::{ReadRuntimeVersion, ReadRuntimeVersionExt};
use sp_externalities::Externalities;
use sp_runtime::DispatchResult;

use crate::Runtime;

/// Reads no version of any code, as nothing could run it.
struct Unreadable;

/// Leaves the code in storage as it is.
#[derive(Debug)]
pub struct Fixed;

/// What the runtime's calls need where they run, to ask for the version of a code.
#[must_use]
pub fn version_reader() -> ReadRuntimeVersionExt {
    ReadRuntimeVersionExt::new(Unreadable)
}

impl ReadRuntimeVersion for Unreadable {
    fn read_runtime_version(&self, _: &[u8], _: &mut dyn Externalities) -> Result<Vec<u8>, String> {
        Err("a development chain runs its native runtime alone".into())
    }
}

impl frame_system::SetCode<Runtime> for Fixed {
    fn set_code(_: Vec<u8>) -> DispatchResult {
        Err(frame_system::Error::<Runtime>::FailedToExtractRuntimeVersion.into())
    }
}
