//! How often the chain of a runtime has a block, as its constants tell.

use std::time::Duration;

use subxt::Metadata;

use crate::scale::read;

/// The time between two blocks: how long a slot is, or twice the least distance of two timestamps where the runtime does
/// not tell that. None where it tells neither.
pub(super) fn block_time(metadata: &Metadata) -> Option<Duration> {
    let constant = |pallet: &str, name: &str| {
        let constant = metadata.pallet_by_name(pallet)?.constant_by_name(name)?;
        read::whole::<u64>(constant.value(), constant.ty(), metadata.types()).ok()
    };
    let slot = constant("Aura", "SlotDuration");
    let millis = slot.or_else(|| constant("Timestamp", "MinimumPeriod")?.checked_mul(2))?;
    (millis > 0).then(|| Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_of_the_network_tells_that_it_has_a_block_every_twelve_seconds() {
        for (spec, metadata) in [
            (103, &include_bytes!("../../../../tests/vectors/metadata/metadata-103.scale")[..]),
            (143, &include_bytes!("../../../../tests/vectors/metadata/metadata-143.scale")[..]),
            (425, &include_bytes!("../../../../tests/vectors/metadata/metadata-425-v15.scale")[..]),
        ] {
            let metadata = Metadata::decode_from(metadata).unwrap();
            assert_eq!(block_time(&metadata), Some(Duration::from_secs(12)), "spec {spec}");
        }
    }

    #[test]
    fn a_runtime_without_a_clock_tells_none() {
        let runtime = crate::handmade::runtime(crate::handmade::extensions_of_2024(), 4);
        assert_eq!(runtime.block_time(), None);
    }
}
