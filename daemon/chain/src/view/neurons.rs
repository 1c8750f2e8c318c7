//! Neurons as runtimes told them before there were metagraphs: one structure for each, compiled in.
//!
//! `NeuronInfoRuntimeApi.get_neurons_lite` is there in every runtime since 2023. Until spec 233 it
//! answered bytes within bytes and metadata did not describe them, so the layout is written down
//! here (pallet_subtensor, `NeuronInfoLite`, the same from spec 103 to 425). A metagraph is put together
//! from them in `metagraph/old.rs`; newer runtimes are asked for whole ones (`metagraph.rs`).

use btd_api::{AccountId, NetUid};
use codec::{Compact, Decode};

use super::{View, metagraph::AxonInfo};
use crate::{
    error::ReadError,
    rpc::{self, HexBytes},
    scale::Mismatch,
};

const FUNCTION: &str = "NeuronInfoRuntimeApi_get_neurons_lite";

/// One neuron without its weights and bonds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeuronLite {
    /// Its operating key.
    pub hotkey: AccountId,
    /// Its owning key.
    pub coldkey: AccountId,
    /// Its slot.
    pub uid: u16,
    /// Whether it has acted lately.
    pub active: bool,
    /// Where it serves; all zero when it never said.
    pub axon: AxonInfo,
    /// What is staked on it, in all.
    pub stake: u64,
    /// Of 65535; 0 where the runtime does not compute it any more.
    pub rank: u16,
    /// In rao, per epoch.
    pub emission: u64,
    /// Of 65535.
    pub incentive: u16,
    /// Of 65535.
    pub consensus: u16,
    /// Of 65535; 0 where the runtime does not compute it any more.
    pub trust: u16,
    /// Of 65535.
    pub validator_trust: u16,
    /// Of 65535.
    pub dividends: u16,
    /// The block of its last weights.
    pub last_update: u64,
    /// Whether it may validate.
    pub validator_permit: bool,
    /// Of 65535; the lowest goes first.
    pub pruning_score: u16,
}

// === impl NeuronLite ===

impl NeuronLite {
    /// Reads the SCALE bytes of a `Vec<NeuronInfoLite>`.
    ///
    /// # Errors
    /// When the bytes are not that, or go on behind it.
    pub fn decode_all(bytes: &[u8]) -> Result<Vec<Self>, Mismatch> {
        let mut input = bytes;
        let count = usize::try_from(compact(&mut input)?).unwrap_or(usize::MAX);
        // Each takes more than a hundred bytes, so the input's length bounds what is reserved.
        let mut neurons = Vec::with_capacity(count.min(input.len() / LEAST_BYTES));
        for index in 0..count {
            neurons.push(Self::decode(&mut input).map_err(|mismatch| mismatch.inside(format!("neuron {index}")))?);
        }
        if input.is_empty() {
            Ok(neurons)
        } else {
            Err(Mismatch::new(format!("{} bytes are left over behind {count} neurons", input.len())))
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Mismatch> {
        let (hotkey, coldkey) = (account(input)?, account(input)?);
        let uid = short(input)?;
        let _netuid = short(input)?;
        let active = flag(input)?;
        let axon = AxonInfo {
            block: fixed(input, u64::from_le_bytes)?,
            version: fixed(input, u32::from_le_bytes)?,
            ip: fixed(input, u128::from_le_bytes)?,
            port: fixed(input, u16::from_le_bytes)?,
            ip_type: fixed(input, u8::from_le_bytes)?,
            protocol: fixed(input, u8::from_le_bytes)?,
            placeholder1: fixed(input, u8::from_le_bytes)?,
            placeholder2: fixed(input, u8::from_le_bytes)?,
        };
        // `PrometheusInfo`: block, version, ip, port, ip_type.
        fixed(input, |_: [u8; 31]| ())?;
        let mut stake = 0_u64;
        for _ in 0..compact(input)? {
            account(input)?;
            stake = stake.saturating_add(compact(input)?);
        }
        Ok(Self {
            hotkey,
            coldkey,
            uid,
            active,
            axon,
            stake,
            rank: short(input)?,
            emission: compact(input)?,
            incentive: short(input)?,
            consensus: short(input)?,
            trust: short(input)?,
            validator_trust: short(input)?,
            dividends: short(input)?,
            last_update: compact(input)?,
            validator_permit: flag(input)?,
            pruning_score: short(input)?,
        })
    }
}

/// Two keys, an axon, a prometheus endpoint, two flags, and a byte for every other field.
const LEAST_BYTES: usize = 64 + 34 + 31 + 2 + 12;

fn fixed<const N: usize, T>(input: &mut &[u8], read: impl Fn([u8; N]) -> T) -> Result<T, Mismatch> {
    let (taken, rest) = input.split_first_chunk().ok_or_else(|| Mismatch::new("the bytes end inside a neuron"))?;
    *input = rest;
    Ok(read(*taken))
}

fn account(input: &mut &[u8]) -> Result<AccountId, Mismatch> {
    fixed(input, AccountId)
}

fn flag(input: &mut &[u8]) -> Result<bool, Mismatch> {
    match fixed(input, u8::from_le_bytes)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Mismatch::new(format!("{other} is not a flag"))),
    }
}

fn compact(input: &mut &[u8]) -> Result<u64, Mismatch> {
    let read = Compact::<u64>::decode(input).map_err(|_| Mismatch::new("the bytes are not a compact integer"))?;
    Ok(read.0)
}

fn short(input: &mut &[u8]) -> Result<u16, Mismatch> {
    u16::try_from(compact(input)?).map_err(|_| Mismatch::new("the number does not fit u16"))
}

// === impl View ===

impl View {
    /// The neurons of a subnet, by uid; none of a subnet that there is not.
    pub async fn neurons_lite(&self, netuid: NetUid) -> Result<Vec<NeuronLite>, ReadError> {
        let request = rpc::call(FUNCTION, &netuid.0.to_le_bytes(), self.block().hash);
        let HexBytes(answer) = self.ask_state(request).await?;
        neurons_within(&answer).map_err(|reason| self.decode_error(FUNCTION, reason))
    }
}

/// The neurons in an answer: in bytes within bytes, or as they are.
fn neurons_within(answer: &[u8]) -> Result<Vec<NeuronLite>, Mismatch> {
    let mut input = answer;
    let inner = compact(&mut input)?;
    if usize::try_from(inner).is_ok_and(|inner| inner == input.len() && inner > 0)
        && let Ok(neurons) = NeuronLite::decode_all(input)
    {
        return Ok(neurons);
    }
    NeuronLite::decode_all(answer)
}

#[cfg(test)]
mod tests {
    use codec::Encode;

    use super::*;

    /// The bytes of a neuron, field by field as the pallet declares them.
    fn encoded(uid: u16) -> Vec<u8> {
        let key = |salt: u8| [salt, u8::try_from(uid % 256).unwrap()].repeat(16);
        let mut out = [key(1), key(2)].concat();
        (Compact(uid), Compact(7_u16), uid.is_multiple_of(2)).encode_to(&mut out);
        (9_u64, 3_u32, 0x0102_0304_u128, 8_091_u16, 4_u8, 4_u8, 0_u8, 0_u8).encode_to(&mut out);
        (1_u64, 2_u32, 3_u128, 4_u16, 5_u8).encode_to(&mut out);
        vec![([5_u8; 32], Compact(40_u64)), ([6_u8; 32], Compact(u64::from(uid)))].encode_to(&mut out);
        (Compact(10_u16), Compact(1_u64 << 40), Compact(12_u16), Compact(13_u16)).encode_to(&mut out);
        (Compact(14_u16), Compact(15_u16), Compact(65_535_u16), Compact(17_u64)).encode_to(&mut out);
        (true, Compact(18_u16)).encode_to(&mut out);
        out
    }

    fn many(count: u16) -> Vec<u8> {
        let mut out = Compact(u32::from(count)).encode();
        (0..count).for_each(|uid| out.extend(encoded(uid)));
        out
    }

    #[test]
    fn neurons_are_read_by_their_layout_bare_and_within_bytes() {
        for count in [0, 1, 3, 256] {
            let bare = many(count);
            let neurons = neurons_within(&bare).unwrap();
            assert_eq!(neurons.len(), usize::from(count));
            let within = bare.encode();
            assert_eq!(neurons_within(&within).as_ref(), Ok(&neurons), "{count} neurons");
        }
        let neuron = &neurons_within(&many(3)).unwrap()[2];
        assert_eq!((neuron.uid, neuron.active, neuron.stake, neuron.axon.port), (2, true, 42, 8_091));
        assert_eq!((neuron.rank, neuron.emission, neuron.incentive, neuron.consensus), (10, 1 << 40, 12, 13));
        assert_eq!((neuron.trust, neuron.validator_trust, neuron.dividends), (14, 15, 65_535));
        assert_eq!((neuron.last_update, neuron.validator_permit, neuron.pruning_score), (17, true, 18));
        assert_eq!((neuron.hotkey.0[0], neuron.coldkey.0[0]), (1, 2));
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_an_error() {
        let whole = many(2);
        for length in 0..whole.len() {
            assert!(NeuronLite::decode_all(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(NeuronLite::decode_all(&[whole.clone(), vec![0]].concat()).is_err());
        // A count that the bytes cannot hold reserves nothing.
        assert!(NeuronLite::decode_all(&[0xfe, 0xff, 0xff, 0xff]).is_err());
    }
}
