//! Many subnets full of neurons with stake, weights and bonds, as after some epochs: for trying things at size.
//!
//! Everything follows from three numbers. State is written as storage, past all calls, and keeps what the calls would
//! keep: stake adds up to the alpha that is out, pools are covered by the balances of their accounts, keys and uids
//! belong to each other, whoever has a seat on root is a delegate. What it does not do is tell a true story: figures are
//! plausible, not the result of consensus, and the first epoch of each subnet (spread over the first [`TEMPO`] blocks)
//! replaces them.
//!
//! Who is who: netuids begin at 1. Uid 0 is the hotkey `//busy//owner//NETUID//hot` of the owner
//! `//busy//owner//NETUID`; then come the validators, the same on each subnet, `//busy//validator//N//hot` of
//! `//busy//validator//N`, who also hold the seats on root; then miners, whose keys nobody has.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use codec::Encode;
use sp_core::{Pair, sr25519, storage::Storage};
use sp_runtime::{MultiSigner, traits::IdentifyAccount};

use crate::{
    AccountId, Balance, Runtime, SubtensorModule, UNIT, alpha_assets,
    dice::Dice,
    subtensor::{
        self as s, SafeFloat,
        fixed::I96F32,
        symbols,
        types::{Alpha, AxonInfo, NetUid, ROOT, SubnetIdentityV3, Tao},
    },
};

/// Blocks between epochs.
const TEMPO: u16 = 360;
/// Most subnets and most neurons of each: more than any network has, and netuids that fit the index under which
/// mechanisms keep what is theirs.
const MOST_SUBNETS: u16 = 1_024;
const MOST_NEURONS: u16 = 4_096;
/// Most validators of a subnet, and seats on root.
const MOST_VALIDATORS: u16 = 64;
/// Miners of one coldkey.
const MINERS_PER_COLDKEY: u16 = 16;
/// The block at which everything is said to have been done. Weights count when they are younger than the neurons that
/// they are about, which were registered at block 0.
const DONE_AT: u64 = 1;
/// Alpha that an epoch pays to each side, miners and validators.
const EPOCH_SIDE: Alpha = 148 * UNIT;
/// What a delegate keeps who never said what: 18 % of 65,535.
const TAKE: u16 = 11_796;
/// Most miners that one validator weighs.
const MOST_WEIGHTS: usize = 256;

/// The size of a busy chain, and the number from which everything random in it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Subnets beside root: 1 to 1024.
    pub subnets: u16,
    /// Neurons of each subnet: 2 to 4096.
    pub neurons: u16,
    /// Another number gives other stakes and weights.
    pub seed: u64,
}

impl Default for Busy {
    /// As full as the public network: 128 subnets with 256 neurons each.
    fn default() -> Self {
        Self { subnets: 128, neurons: 256, seed: 0 }
    }
}

/// Somebody with a hotkey.
#[derive(Clone)]
struct Party {
    coldkey: AccountId,
    hotkey: AccountId,
}

/// The account of a key that is derived step by step, `//busy//owner//1`.
fn derived(path: &str) -> Result<AccountId, String> {
    let pair = sr25519::Pair::from_string(path, None).map_err(|error| format!("{path}: {error:?}"))?;
    Ok(MultiSigner::from(pair.public()).into_account())
}

fn party(path: &str) -> Result<Party, String> {
    Ok(Party { coldkey: derived(path)?, hotkey: derived(&format!("{path}//hot"))? })
}

/// An account whose key nobody has.
fn faceless(role: &str, busy: Busy, netuid: NetUid, number: u16) -> AccountId {
    AccountId::new(sp_io::hashing::blake2_256(&(role, busy.seed, netuid, number).encode()))
}

/// `values` as parts of 65,535 of their sum.
fn shares(values: &[u64]) -> Vec<u16> {
    let total: u128 = values.iter().map(|value| u128::from(*value)).sum();
    let part = |value: &u64| (u128::from(*value) * u128::from(u16::MAX)).checked_div(total).unwrap_or(0);
    values.iter().map(|value| u16::try_from(part(value)).unwrap_or(u16::MAX)).collect()
}

/// Each its part of `whole`.
fn divided(whole: u64, parts: &[u16]) -> Vec<u64> {
    parts.iter().map(|part| whole / u64::from(u16::MAX) * u64::from(*part)).collect()
}

/// One subnet before it is written.
struct Subnet {
    netuid: NetUid,
    owner: Party,
    miners: Vec<Party>,
    pool_tao: Tao,
    pool_alpha: Alpha,
    dice: Dice,
}

/// A busy chain before it is written.
pub(super) struct History {
    busy: Busy,
    validators: Vec<Party>,
    subnets: Vec<Subnet>,
    /// Root stake of each validator.
    root: Vec<Tao>,
}

impl History {
    /// Decides who there is and what they have.
    pub(super) fn of(busy: Busy) -> Result<Self, String> {
        if !(1..=MOST_SUBNETS).contains(&busy.subnets) || !(2..=MOST_NEURONS).contains(&busy.neurons) {
            return Err(format!(
                "a busy chain has 1 to {MOST_SUBNETS} subnets of 2 to {MOST_NEURONS} neurons, not {} of {}",
                busy.subnets, busy.neurons
            ));
        }
        let mut dice = Dice::new(busy.seed);
        let count = (busy.neurons / 4).clamp(1, MOST_VALIDATORS);
        let validators =
            (0..count).map(|number| party(&format!("//busy//validator//{number}"))).collect::<Result<Vec<_>, _>>()?;
        let root = validators.iter().map(|_| dice.between(1_000 * UNIT, 50_000 * UNIT)).collect();
        let subnet = |netuid: NetUid| {
            let miner = |number: u16| Party {
                coldkey: faceless("coldkey", busy, netuid, number / MINERS_PER_COLDKEY),
                hotkey: faceless("hotkey", busy, netuid, number),
            };
            let pool_tao = dice.between(1_000 * UNIT, 20_000 * UNIT);
            Ok(Subnet {
                netuid,
                owner: party(&format!("//busy//owner//{netuid}"))?,
                miners: (0..busy.neurons - 1 - count).map(miner).collect(),
                pool_tao,
                // Prices from a hundredth to a fifth of a TAO.
                pool_alpha: pool_tao.saturating_mul(dice.between(5, 100)),
                dice: Dice::new(dice.next()),
            })
        };
        let subnets = (1..=busy.subnets).map(subnet).collect::<Result<Vec<Subnet>, String>>()?;
        Ok(Self { busy, validators, subnets, root })
    }

    /// Balances: of those with a key, and of the accounts that cover the pools.
    pub(super) fn endowed(&self) -> Vec<(AccountId, Balance)> {
        let owners = self.subnets.iter().map(|subnet| &subnet.owner);
        let people = self.validators.iter().chain(owners).map(|party| (party.coldkey.clone(), 1_000 * UNIT));
        let pools = self.subnets.iter().map(|subnet| (SubtensorModule::subnet_account(subnet.netuid), subnet.pool_tao));
        let root = (SubtensorModule::subnet_account(ROOT), self.root.iter().sum());
        people.chain(pools).chain([root]).collect()
    }

    /// Writes all of it beside what the pallets have written.
    pub(super) fn write(&self, storage: &mut Storage) {
        let mut page = Page { top: &mut storage.top, staking: BTreeMap::new() };
        for subnet in &self.subnets {
            subnet.write(self, &mut page);
        }
        self.write_root(&mut page);
        let pools: Tao = self.subnets.iter().map(|subnet| subnet.pool_tao).sum();
        let issued: Balance = page.get(&pallet_balances::TotalIssuance::<Runtime>::hashed_key()).unwrap_or_default();
        page.put(s::TotalIssuance::<Runtime>::hashed_key().into(), &issued);
        page.put(s::TotalStake::<Runtime>::hashed_key().into(), &(pools + self.root.iter().sum::<Tao>()));
        page.put(s::TotalNetworks::<Runtime>::hashed_key().into(), &(self.busy.subnets + 1));
        page.put(s::SubnetLimit::<Runtime>::hashed_key().into(), &self.busy.subnets.max(128));
        page.finish();
    }

    fn write_root(&self, page: &mut Page<'_>) {
        let total: Tao = self.root.iter().sum();
        page.put(s::SubnetTAO::<Runtime>::hashed_key_for(ROOT), &total);
        page.put(s::SubnetAlphaOut::<Runtime>::hashed_key_for(ROOT), &total);
        page.seats(ROOT, &self.validators);
        for (index, (party, stake)) in (0_u64..).zip(self.validators.iter().zip(&self.root)) {
            page.stake(party, ROOT, *stake);
            // A seat makes a delegate of its hotkey, and blocks claim for coldkeys with stake on root.
            page.put(s::Delegates::<Runtime>::hashed_key_for(&party.hotkey), &TAKE);
            page.put(s::StakingColdkeys::<Runtime>::hashed_key_for(&party.coldkey), &index);
            page.put(s::StakingColdkeysByIndex::<Runtime>::hashed_key_for(index), &party.coldkey);
        }
        let stakers = u64::try_from(self.validators.len()).unwrap_or(u64::MAX);
        page.put(s::NumStakingColdkeys::<Runtime>::hashed_key().into(), &stakers);
    }
}

impl Subnet {
    fn write(&self, history: &History, page: &mut Page<'_>) {
        let netuid = self.netuid;
        let neurons: Vec<Party> =
            [&self.owner].into_iter().chain(&history.validators).chain(&self.miners).cloned().collect();
        page.seats(netuid, &neurons);
        let mut dice = self.dice.clone();
        let voters = history.validators.len() + 1;
        let stakes: Vec<Alpha> = (0..neurons.len())
            .map(|uid| {
                let most = if uid < voters { 30_000 * UNIT } else { 100 * UNIT };
                dice.between(UNIT, most)
            })
            .collect();
        for (party, stake) in neurons.iter().zip(&stakes) {
            page.stake(party, netuid, *stake);
        }
        self.write_settings(history, stakes.iter().sum(), page);
        self.write_consensus(&stakes, voters, &mut dice, page);
        for (number, party) in self.miners.iter().enumerate() {
            let axon = AxonInfo {
                block: DONE_AT,
                version: 10_005_000,
                // Addresses of 198.18.0.0/15, which is set aside for measurements.
                ip: u128::from(0xc612_0000 | (dice.next() & 0x1_ffff)),
                port: 8_091_u16.saturating_add(u16::try_from(number).unwrap_or(0)),
                ip_type: 4,
                protocol: 4,
                ..AxonInfo::default()
            };
            page.put(s::Axons::<Runtime>::hashed_key_for(netuid, &party.hotkey), &axon);
        }
    }

    fn write_settings(&self, history: &History, staked: Alpha, page: &mut Page<'_>) {
        let (netuid, busy) = (self.netuid, history.busy);
        page.put(s::NetworksAdded::<Runtime>::hashed_key_for(netuid), &true);
        page.put(s::NetworkRegistrationAllowed::<Runtime>::hashed_key_for(netuid), &true);
        page.put(s::SubnetMechanism::<Runtime>::hashed_key_for(netuid), &1_u16);
        page.put(s::MaxAllowedUids::<Runtime>::hashed_key_for(netuid), &busy.neurons.max(256));
        page.put(s::MaxAllowedValidators::<Runtime>::hashed_key_for(netuid), &MOST_VALIDATORS);
        page.put(s::MinAllowedWeights::<Runtime>::hashed_key_for(netuid), &1_u16);
        page.put(s::ImmunityPeriod::<Runtime>::hashed_key_for(netuid), &5_000_u16);
        page.put(s::Tempo::<Runtime>::hashed_key_for(netuid), &TEMPO);
        page.put(s::Yuma3On::<Runtime>::hashed_key_for(netuid), &netuid.is_multiple_of(2));
        page.put(s::Burn::<Runtime>::hashed_key_for(netuid), &(UNIT / 100 * u64::from(netuid)));
        page.put(s::SubnetOwner::<Runtime>::hashed_key_for(netuid), &self.owner.coldkey);
        page.put(s::SubnetOwnerHotkey::<Runtime>::hashed_key_for(netuid), &self.owner.hotkey);
        page.put(s::SubnetLocked::<Runtime>::hashed_key_for(netuid), &(1_000 * UNIT));
        page.put(s::RegisteredSubnetCounter::<Runtime>::hashed_key_for(netuid), &1_u64);
        page.put(s::TokenSymbol::<Runtime>::hashed_key_for(netuid), &symbols::of(netuid).into_bytes());
        let identity = SubnetIdentityV3 {
            subnet_name: format!("busy {netuid}").into_bytes(),
            description: b"A subnet of the development chain".to_vec(),
            ..SubnetIdentityV3::default()
        };
        page.put(s::SubnetIdentitiesV3::<Runtime>::hashed_key_for(netuid), &identity);

        page.put(s::SubtokenEnabled::<Runtime>::hashed_key_for(netuid), &true);
        page.put(s::FirstEmissionBlockNumber::<Runtime>::hashed_key_for(netuid), &DONE_AT);
        page.put(s::SubnetTAO::<Runtime>::hashed_key_for(netuid), &self.pool_tao);
        page.put(s::SubnetAlphaIn::<Runtime>::hashed_key_for(netuid), &self.pool_alpha);
        page.put(s::SubnetAlphaOut::<Runtime>::hashed_key_for(netuid), &staked);
        let minted = self.pool_alpha.saturating_add(staked);
        page.put(alpha_assets::TotalAlphaIssuance::<Runtime>::hashed_key_for(netuid), &minted);
        page.put(s::SubnetVolume::<Runtime>::hashed_key_for(netuid), &u128::from(self.pool_tao));
        let price = (u128::from(self.pool_tao) << 32) / u128::from(self.pool_alpha.max(1));
        let price = I96F32::from_bits(i128::try_from(price).unwrap_or(i128::MAX));
        page.put(s::SubnetMovingPrice::<Runtime>::hashed_key_for(netuid), &price);

        // An epoch has been, and the next ones are spread over a tempo.
        page.put(s::LastMechansimStepBlock::<Runtime>::hashed_key_for(netuid), &DONE_AT);
        page.put(s::SubnetEpochIndex::<Runtime>::hashed_key_for(netuid), &1_u64);
        let first = 1 + u64::from(netuid) * u64::from(TEMPO) / u64::from(busy.subnets + 1);
        page.put(s::PendingEpochAt::<Runtime>::hashed_key_for(netuid), &first);
    }

    /// Weights and bonds of every voter towards miners, and what consensus is said to have made of them.
    fn write_consensus(&self, stakes: &[Alpha], voters: usize, dice: &mut Dice, page: &mut Page<'_>) {
        let (netuid, neurons) = (self.netuid, stakes.len());
        let quality: Vec<u64> =
            (0..neurons).map(|uid| if uid < voters { 0 } else { dice.between(1, 1 << 16) }).collect();
        let judged: Vec<usize> = if voters < neurons { (voters..neurons).collect() } else { (1..neurons).collect() };
        for voter in 0..voters {
            let skip = judged.len().saturating_sub(MOST_WEIGHTS);
            let row = |dice: &mut Dice| -> Vec<(u16, u16)> {
                let row = judged.iter().skip(skip).filter(|uid| **uid != voter).filter_map(|uid| {
                    let around = quality[*uid] / 2 + quality[*uid] * u64::from(dice.u16()) / (1 << 16);
                    Some((u16::try_from(*uid).ok()?, u16::try_from(around.clamp(1, u16::MAX.into())).ok()?))
                });
                row.collect()
            };
            let uid = u16::try_from(voter).unwrap_or(u16::MAX);
            page.put(s::Weights::<Runtime>::hashed_key_for(netuid, uid), &row(dice));
            page.put(s::Bonds::<Runtime>::hashed_key_for(netuid, uid), &row(dice));
        }
        let of_voters = |value: u16| (0..neurons).map(|uid| if uid < voters { value } else { 0 }).collect::<Vec<u16>>();
        let incentive = shares(&quality);
        let dividends: Vec<u64> = (0..neurons).map(|uid| if uid < voters { stakes[uid] } else { 0 }).collect();
        let dividends = shares(&dividends);
        let paid = divided(EPOCH_SIDE, &incentive).into_iter().zip(divided(EPOCH_SIDE, &dividends));
        let emission: Vec<Alpha> = paid.map(|(mined, validated)| mined + validated).collect();
        page.put(s::Active::<Runtime>::hashed_key_for(netuid), &vec![true; neurons]);
        page.put(s::Consensus::<Runtime>::hashed_key_for(netuid), &incentive);
        page.put(s::Incentive::<Runtime>::hashed_key_for(netuid), &incentive);
        page.put(s::Dividends::<Runtime>::hashed_key_for(netuid), &dividends);
        page.put(s::Emission::<Runtime>::hashed_key_for(netuid), &emission);
        page.put(s::StakeWeight::<Runtime>::hashed_key_for(netuid), &shares(stakes));
        page.put(s::LastUpdate::<Runtime>::hashed_key_for(netuid), &vec![DONE_AT; neurons]);
        page.put(s::ValidatorTrust::<Runtime>::hashed_key_for(netuid), &of_voters(u16::MAX / 8 * 7));
        let permits: Vec<bool> = (0..neurons).map(|uid| uid < voters).collect();
        page.put(s::ValidatorPermit::<Runtime>::hashed_key_for(netuid), &permits);
    }
}

/// The storage that is written, and what a coldkey has everywhere, which is written at the end.
struct Page<'a> {
    top: &'a mut BTreeMap<Vec<u8>, Vec<u8>>,
    staking: BTreeMap<AccountId, Vec<AccountId>>,
}

impl Page<'_> {
    fn put(&mut self, key: Vec<u8>, value: &impl Encode) {
        self.top.insert(key, value.encode());
    }

    fn get<T: codec::Decode>(&self, key: &[u8]) -> Option<T> {
        T::decode(&mut self.top.get(key)?.as_slice()).ok()
    }

    /// Gives the hotkeys the uids from 0 on.
    fn seats(&mut self, netuid: NetUid, neurons: &[Party]) {
        self.put(s::SubnetworkN::<Runtime>::hashed_key_for(netuid), &u16::try_from(neurons.len()).unwrap_or(u16::MAX));
        for (uid, party) in (0_u16..).zip(neurons) {
            self.put(s::Keys::<Runtime>::hashed_key_for(netuid, uid), &party.hotkey);
            self.put(s::Uids::<Runtime>::hashed_key_for(netuid, &party.hotkey), &uid);
            self.put(s::BlockAtRegistration::<Runtime>::hashed_key_for(netuid, uid), &0_u64);
            self.put(s::IsNetworkMember::<Runtime>::hashed_key_for(&party.hotkey, netuid), &true);
            self.put(s::Owner::<Runtime>::hashed_key_for(&party.hotkey), &party.coldkey);
            let owned = self.staking.entry(party.coldkey.clone()).or_default();
            if !owned.contains(&party.hotkey) {
                owned.push(party.hotkey.clone());
            }
        }
    }

    /// Gives a party stake with its own hotkey.
    fn stake(&mut self, party: &Party, netuid: NetUid, alpha: Alpha) {
        let Party { coldkey, hotkey } = party;
        self.put(s::AlphaV2::<Runtime>::hashed_key_for((hotkey, coldkey, netuid)), &SafeFloat::from(alpha));
        self.put(s::TotalHotkeySharesV2::<Runtime>::hashed_key_for(hotkey, netuid), &SafeFloat::from(alpha));
        self.put(s::TotalHotkeyAlpha::<Runtime>::hashed_key_for(hotkey, netuid), &alpha);
    }

    fn finish(mut self) {
        for (coldkey, hotkeys) in core::mem::take(&mut self.staking) {
            self.put(s::OwnedHotkeys::<Runtime>::hashed_key_for(&coldkey), &hotkeys);
            self.put(s::StakingHotkeys::<Runtime>::hashed_key_for(&coldkey), &hotkeys);
        }
    }
}
