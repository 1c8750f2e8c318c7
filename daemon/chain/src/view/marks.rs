//! What of every subnet is cheap to see, and tells that more of it changed.

use std::sync::{Arc, Mutex, PoisonError};

use btd_api::{AccountId, NetUid, Tao};
use frame_decode::storage::StorageInfo;

use super::{View, batches, in_order};
use crate::{
    error::ReadError,
    rpc::{HexBytes, Keys},
    runtime::Runtime,
    scale::read::{self, FromScale},
};

const PALLET: &str = "SubtensorModule";
const MARKS: &str = "the subnets' marks";
/// A block of 64 bits and a fixed-point number of 128.
const INFLOW_BYTES: usize = 24;

/// What the list of subnets tells, where the runtime has one.
const LISTED: [&str; 3] = ["BlocksSinceLastStep", "Tempo", "SubnetOwner"];
/// Where each of the marks is kept.
const ITEMS: [&str; 9] = [
    "SubnetworkN",
    "MaxAllowedUids",
    "NetworkRegistrationAllowed",
    "Burn",
    "MechanismCountCurrent",
    "SubnetEmaTaoFlow",
    LISTED[0],
    LISTED[1],
    LISTED[2],
];

/// What of a subnet changes without an event that says so, or is cheap to see; none where the
/// runtime does not keep it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubnetMarks {
    /// How many neurons it has.
    pub neurons: Option<u16>,
    /// How many it can have.
    pub max_neurons: Option<u16>,
    /// Whether neurons may register.
    pub registration_allowed: Option<bool>,
    /// What registering costs.
    pub burn: Option<Tao>,
    /// How many mechanisms it has, the main one among them.
    pub mechanisms: Option<u8>,
    /// Blocks since its last epoch; none also where the list of subnets tells them.
    pub blocks_since_epoch: Option<u64>,
    /// Blocks between its epochs; none also where the list of subnets tells them.
    pub tempo: Option<u16>,
    /// Who owns it; none also where the list of subnets tells that.
    pub owner: Option<AccountId>,
    /// The moving average of the tao that flows into its pool, in rao: below zero where it flows out.
    pub net_inflow: Option<i64>,
}

/// The keys that were asked for last, which are the same at every block.
#[derive(Debug, Default)]
pub(crate) struct KeptMarks(Mutex<Option<Arc<MarkKeys>>>);

/// The keys of the marks of some subnets in one runtime: those of the first subnet, then those of the next.
#[derive(Debug)]
struct MarkKeys {
    runtime: Runtime,
    netuids: Vec<NetUid>,
    batches: Vec<Keys>,
}

/// Where one of the marks is kept; none where the runtime lacks it, or it is not wanted.
type Place<'r> = Option<StorageInfo<'r, u32>>;
/// The bytes of a mark and their type.
type Stored<'s> = Option<(&'s [u8], u32)>;

// === impl View ===

impl View {
    /// The marks of each of `netuids`, in their order, in one request as a rule.
    pub async fn subnet_marks(&self, netuids: &[NetUid]) -> Result<Vec<SubnetMarks>, ReadError> {
        let is_listed = self.runtime().has_runtime_api("SubnetInfoRuntimeApi", "get_all_dynamic_info");
        let places = ITEMS.map(|item| {
            let is_wanted = !LISTED.contains(&item) || !is_listed;
            is_wanted.then(|| self.runtime().storage_info(PALLET, item).ok()).flatten()
        });
        let count = places.iter().flatten().count();
        if count == 0 {
            return Ok(vec![SubnetMarks::default(); netuids.len()]);
        }
        let keys = self.mark_keys(netuids, &places)?;
        let answers = self.stored(MARKS, &keys.batches).await?;
        let found = in_order(&answers, &keys.batches);
        found.chunks(count).map(|found| self.marks(found, &places)).collect()
    }

    /// The keys of the marks of `netuids`: those at hand, where they are the same.
    fn mark_keys(&self, netuids: &[NetUid], places: &[Place<'_>]) -> Result<Arc<MarkKeys>, ReadError> {
        let KeptMarks(kept) = self.link().kept_marks();
        let last = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last.filter(|last| last.netuids == netuids && last.runtime.is_same(self.runtime())) {
            return Ok(last);
        }
        let mut keys = Vec::with_capacity(netuids.len().saturating_mul(ITEMS.len()));
        for netuid in netuids {
            for (item, info) in ITEMS.iter().zip(places).filter_map(|(item, info)| Some((item, info.as_ref()?))) {
                keys.push(HexBytes(self.storage_key(PALLET, item, info, &[(*netuid).into()])?));
            }
        }
        let (runtime, netuids) = (self.runtime().clone(), netuids.to_vec());
        let keys = Arc::new(MarkKeys { runtime, batches: batches(&keys), netuids });
        // All of them are asked for at every block, one by whoever looks at it.
        if keys.netuids.len() > 1 {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
        }
        Ok(keys)
    }

    /// The marks of one subnet: what is `found` at each of the `places` that there are, else the runtime's default.
    fn marks(&self, found: &[Option<&[u8]>], places: &[Place<'_>; 9]) -> Result<SubnetMarks, ReadError> {
        let mut found = found.iter();
        let values = places.each_ref().map(|info| {
            let info = info.as_ref()?;
            let stored = found.next().copied().flatten();
            Some((stored.or(info.default_value.as_deref())?, info.value_id))
        });
        let [neurons, max_neurons, registration_allowed, burn, mechanisms, inflow, pace, tempo, owner] = values;
        Ok(SubnetMarks {
            neurons: self.mark(neurons)?,
            max_neurons: self.mark(max_neurons)?,
            registration_allowed: self.mark(registration_allowed)?,
            burn: self.mark(burn)?,
            mechanisms: self.mark(mechanisms)?,
            blocks_since_epoch: self.mark(pace)?,
            net_inflow: self.inflow(inflow)?,
            tempo: self.mark(tempo)?,
            owner: self.mark(owner)?,
        })
    }

    /// A block, and what the average was then, as a number with 64 bits behind the point. Where the chain keeps none,
    /// there is the byte that stands for none.
    fn inflow(&self, value: Stored<'_>) -> Result<Option<i64>, ReadError> {
        let value = value.filter(|(bytes, _)| bytes.len() == INFLOW_BYTES);
        let average: Option<(u64, i128)> = self.mark(value)?;
        Ok(average.and_then(|(_, average)| i64::try_from(average >> 64).ok()))
    }

    fn mark<T: FromScale>(&self, value: Stored<'_>) -> Result<Option<T>, ReadError> {
        value
            .map(|(bytes, id)| read::whole(bytes, id, self.runtime().types()))
            .transpose()
            .map_err(|reason| self.decode_error(MARKS, reason))
    }
}
