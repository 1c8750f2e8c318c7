//! A subnet's own figures: its pool, its pace, its owner, and what a place costs.
//!
//! They come with a whole metagraph, or without the neurons from the list of all subnets, which is
//! read at every block. What a runtime does not tell is none.

use btd_api::{Alpha, BlockNumber, Coldkey, NetUid, Tao, TaoChange};
use btd_chain::{DynamicInfo, RawMetagraph, ReadError, SubnetMarks, View};
use serde::{Deserialize, Serialize};
use tokio::try_join;

/// A subnet's own figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its number.
    pub netuid: NetUid,
    /// Its name.
    pub name: String,
    /// The symbol of its alpha.
    pub symbol: String,
    /// Who owns it; none where the runtime does not tell.
    pub owner: Option<Coldkey>,
    /// How many neurons it has.
    pub neurons: u16,
    /// How many it can have.
    pub max_neurons: u16,
    /// Blocks between epochs.
    pub tempo: u16,
    /// The block of the last epoch.
    pub last_epoch: u64,
    /// Blocks since then.
    pub blocks_since_epoch: u64,
    /// Rao of tao for one alpha; none where the runtime has no pools, and where it is not known.
    pub price: Option<Tao>,
    /// Tao in its pool; none where the runtime has no pools.
    pub tao_in: Option<Tao>,
    /// Alpha in its pool; none where the runtime has no pools.
    pub alpha_in: Option<Alpha>,
    /// Alpha outside its pool; none where the runtime has no pools.
    pub alpha_out: Option<Alpha>,
    /// Tao emitted into its pool each block; none where the runtime has no pools.
    pub tao_in_emission: Option<Tao>,
    /// What registering costs.
    pub burn: Tao,
    /// Whether neurons may register; none where the runtime does not tell.
    pub registration_allowed: Option<bool>,
    /// How many mechanisms it has; none where the runtime has no such thing, or it was read with its neurons only.
    pub mechanisms: Option<u8>,
    /// The moving average of the tao that flows into its pool; none where the chain keeps none.
    pub net_inflow: Option<TaoChange>,
}

// === impl Subnet ===

impl Subnet {
    /// What the chain's metagraph says.
    pub(super) fn read(raw: &RawMetagraph) -> Self {
        let fields = &raw.fields;
        Self {
            netuid: raw.netuid,
            name: fields.name.clone(),
            symbol: fields.symbol.clone(),
            owner: raw.told("owner_coldkey", Coldkey(fields.owner_coldkey)),
            neurons: fields.num_uids,
            max_neurons: fields.max_uids,
            tempo: fields.tempo,
            last_epoch: fields.last_step,
            blocks_since_epoch: fields.blocks_since_last_step,
            price: raw.price,
            tao_in: raw.told("tao_in", fields.tao_in),
            alpha_in: raw.told("alpha_in", fields.alpha_in),
            alpha_out: raw.told("alpha_out", fields.alpha_out),
            tao_in_emission: raw.told("tao_in_emission", fields.tao_in_emission),
            burn: fields.burn,
            registration_allowed: raw.told("registration_allowed", fields.registration_allowed),
            mechanisms: None,
            net_inflow: None,
        }
    }

    /// A subnet at the block of `view`, without its neurons; none when there is no such subnet.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub async fn at(view: &View, netuid: NetUid) -> Result<Option<Self>, ReadError> {
        let (dynamic, price, marks) = ask(view, netuid).await?;
        let whole = (dynamic, marks.neurons, marks.max_neurons, marks.burn);
        let (Some(dynamic), Some(neurons), Some(max_neurons), Some(burn)) = whole else {
            // Before there were pools it is told with the neurons; of a subnet that there is not, nothing is.
            return Ok(view.metagraph(netuid).await?.map(|raw| Self::read(&raw)));
        };
        let SubnetMarks { registration_allowed, mechanisms, .. } = marks;
        let told = Self::told(&dynamic, price);
        let net_inflow = inflow(&marks);
        Ok(Some(Self { neurons, max_neurons, burn, registration_allowed, mechanisms, net_inflow, ..told }))
    }

    /// What `dynamic` tells, and no more: neurons, places and their cost are not in it.
    fn told(dynamic: &DynamicInfo, price: Option<Tao>) -> Self {
        Self {
            netuid: dynamic.netuid,
            name: dynamic.subnet_name.clone(),
            symbol: dynamic.token_symbol.clone(),
            owner: Some(Coldkey(dynamic.owner_coldkey)),
            neurons: 0,
            max_neurons: 0,
            tempo: dynamic.tempo,
            last_epoch: dynamic.last_step,
            blocks_since_epoch: dynamic.blocks_since_last_step,
            price,
            tao_in: Some(dynamic.tao_in),
            alpha_in: Some(dynamic.alpha_in),
            alpha_out: Some(dynamic.alpha_out),
            tao_in_emission: Some(dynamic.tao_in_emission),
            burn: Tao::ZERO,
            registration_allowed: None,
            mechanisms: None,
            net_inflow: None,
        }
    }

    /// Takes over what a metagraph does not tell.
    pub fn mark(&mut self, marks: SubnetMarks) {
        (self.mechanisms, self.net_inflow) = (marks.mechanisms, inflow(&marks));
    }

    /// The same subnet with what changes from block to block read anew at `block`.
    pub(super) fn updated(
        &self,
        block: BlockNumber,
        dynamic: Option<&DynamicInfo>,
        price_now: Option<Tao>,
        marks: &SubnetMarks,
    ) -> Self {
        let told = match (dynamic, marks.blocks_since_epoch) {
            (Some(dynamic), _) => Self::told(dynamic, price_now),
            (None, Some(since)) => {
                let last_epoch = u64::from(block.0).saturating_sub(since);
                Self { blocks_since_epoch: since, last_epoch, ..self.clone() }
            }
            (None, None) => self.clone(),
        };
        // Where no list of subnets tells them, they are marks: what was read with the neurons may be of an earlier block.
        let (tempo, owner) = (marks.tempo.unwrap_or(told.tempo), marks.owner.map(Coldkey).or(told.owner));
        Self {
            netuid: self.netuid,
            tempo,
            owner,
            neurons: marks.neurons.unwrap_or(self.neurons),
            max_neurons: marks.max_neurons.unwrap_or(self.max_neurons),
            burn: marks.burn.unwrap_or(self.burn),
            registration_allowed: marks.registration_allowed.or(self.registration_allowed),
            mechanisms: marks.mechanisms,
            net_inflow: inflow(marks),
            ..told
        }
    }
}

/// What is read of a subnet without its neurons; of what the runtime has no call for, none.
async fn ask(view: &View, netuid: NetUid) -> Result<(Option<DynamicInfo>, Option<Tao>, SubnetMarks), ReadError> {
    let dynamic = async { Ok(told(view.dynamic_info(netuid).await)?.flatten()) };
    let price = view.price_if_told(netuid);
    let marks = async { Ok(view.subnet_marks(&[netuid]).await?.first().copied().unwrap_or_default()) };
    try_join!(dynamic, price, marks)
}

fn inflow(marks: &SubnetMarks) -> Option<TaoChange> {
    marks.net_inflow.and_then(|rao| TaoChange::from_rao(rao.into()))
}

/// Nothing instead of an error where the runtime has no such call.
fn told<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;

    #[test]
    fn the_pace_goes_on_where_no_list_of_subnets_tells_it() {
        let kept = Subnet {
            netuid: NetUid(1),
            name: String::new(),
            symbol: String::new(),
            owner: None,
            neurons: 3,
            max_neurons: 256,
            tempo: 99,
            last_epoch: 100,
            blocks_since_epoch: 5,
            price: None,
            tao_in: None,
            alpha_in: None,
            alpha_out: None,
            tao_in_emission: None,
            burn: Tao::ZERO,
            registration_allowed: None,
            mechanisms: None,
            net_inflow: None,
        };
        let marks = SubnetMarks { blocks_since_epoch: Some(7), ..SubnetMarks::default() };
        let now = kept.updated(BlockNumber(207), None, None, &marks);
        assert_eq!(now, Subnet { last_epoch: 200, blocks_since_epoch: 7, ..kept.clone() });
        assert_eq!(kept.updated(BlockNumber(207), None, None, &SubnetMarks::default()), kept);
        // Nor are its tempo and its owner those of the block at which its neurons were read.
        let (tempo, owner) = (360, AccountId([3; 32]));
        let marks = SubnetMarks { tempo: Some(tempo), owner: Some(owner), ..SubnetMarks::default() };
        let now = kept.updated(BlockNumber(207), None, None, &marks);
        assert_eq!(now, Subnet { tempo, owner: Some(Coldkey(owner)), ..kept });
    }
}
