//! The events that are known by name, and what each of them changes.
//!
//! Event shapes: pallet_subtensor up to spec 425, and the pallets beside it that name subnets.

use btd_chain::Part;

/// What an event changes of the subnet that it names first, or where it names others.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// All of the subnet at this position.
    Whole(usize),
    /// The subnet at this position, whose neurons are as they were.
    Named(usize),
    /// A part of the subnet at this position.
    Of(Part, usize),
    /// The same for each subnet of a list.
    OfEach(Part, usize),
    /// The same for a storage index: subnet and mechanism in one.
    OfIndex(Part, usize),
    /// Stake of the account at the first position, on the subnet at the second.
    Stake(usize, usize),
    /// What the account at this position says about itself.
    Identity(usize),
}

use Place::{Identity, Named, Of, OfEach, OfIndex, Stake, Whole};

/// Events whose fields have no names. The others among them are told by [`changes_figures`].
pub(super) const UNNAMED: &[(&str, &[Place])] = &[
    ("StakeAdded", &[Stake(1, 4)]),
    ("StakeRemoved", &[Stake(1, 4)]),
    ("StakeMoved", &[Stake(1, 2), Stake(3, 4)]),
    ("StakeTransferred", &[Stake(2, 3), Stake(2, 4)]),
    ("StakeSwapped", &[Stake(1, 2), Stake(1, 3)]),
    ("AlphaRecycled", &[Stake(1, 3)]),
    ("AlphaBurned", &[Stake(1, 3)]),
    ("SetChildren", &[Stake(0, 1)]),
    ("SetChildrenScheduled", &[Named(1)]),
    ("WeightsSet", &[OfIndex(Part::LastUpdate, 0)]),
    ("TimelockedWeightsRevealed", &[OfIndex(Part::LastUpdate, 0)]),
    ("CRV3WeightsCommitted", &[OfIndex(Part::LastUpdate, 1)]),
    ("WeightsCommitted", &[OfIndex(Part::LastUpdate, 1)]),
    ("WeightsRevealed", &[OfIndex(Part::LastUpdate, 1)]),
    ("TimelockedWeightsCommitted", &[OfIndex(Part::LastUpdate, 1)]),
    ("CRV3WeightsRevealed", &[Of(Part::LastUpdate, 0)]),
    ("WeightsBatchRevealed", &[Of(Part::LastUpdate, 1)]),
    ("BatchWeightsCompleted", &[OfEach(Part::LastUpdate, 0)]),
    ("BatchWeightItemFailed", &[Named(0)]),
    ("AxonServed", &[Of(Part::Axons, 0)]),
    ("PrometheusServed", &[Named(0)]),
    ("NetworkAdded", &[Whole(0)]),
    ("NeuronRegistered", &[Whole(0)]),
    ("BulkNeuronsRegistered", &[Whole(0)]),
    ("NetworkConnectionAdded", &[Named(0), Named(1)]),
    ("NetworkConnectionRemoved", &[Named(0), Named(1)]),
    ("NetworkRemoved", &[Named(0)]),
    ("SubnetIdentitySet", &[Named(0)]),
    ("SubnetIdentityRemoved", &[Named(0)]),
    ("ChainIdentitySet", &[Identity(0)]),
    ("DelegateAdded", &[]),
    ("TakeDecreased", &[]),
    ("TakeIncreased", &[]),
    ("BulkBalancesSet", &[]),
    ("BatchCompletedWithErrors", &[]),
    ("ChildKeyTakeSet", &[]),
    ("Faucet", &[]),
    ("WeightsMinStake", &[]),
];

/// Named events that leave the neurons of the subnet that they name as they were.
pub(super) const QUIET: &[&str] = &[
    "AutoStakeDestinationSet",
    "DissolveNetworkScheduled",
    "EpochDeferred",
    "EpochSkipped",
    "EpochTriggered",
    "EvmKeyAssociated",
    "LockMoved",
    "PerpetualLockUpdated",
    "StakeLocked",
    "StakeUnlocked",
    "SubnetLeaseCreated",
    "SubnetLeaseTerminated",
    "SubnetOwnerChanged",
    "SymbolUpdated",
    "VotingPowerEmaAlphaSet",
    "VotingPowerTrackingDisableScheduled",
    "VotingPowerTrackingDisabled",
    "VotingPowerTrackingEnabled",
];

/// Named events that change what is set of the subnet that they name, and no neuron.
pub(super) const SETTING: &[&str] = &["ActivityCutoffFactorMilliSet", "BurnHalfLifeSet", "BurnIncreaseMultSet"];

/// Named events without a subnet that change no neuron by themselves.
pub(super) const ELSEWHERE: &[&str] = &[
    "ArbitrationPeriodExtended",
    "AutoParentDelegationEnabledSet",
    "ColdkeySwapAnnounced",
    "ColdkeySwapCleared",
    "ColdkeySwapDisputed",
    "ColdkeySwapReset",
    "RejectLockedAlphaUpdated",
    "RootClaimTypeSet",
    "SubnetLeaseDividendsDistributed",
];

/// Named events without a subnet that give the neurons of a key to another one.
pub(super) const KEYS: &[&str] = &["AllBalanceUnstakedAndTransferredToNewColdkey", "ColdkeySwapped", "HotkeySwapped"];

/// Whether an event of another pallet leaves the stake of the subnet that it names as it was.
pub(super) fn is_harmless(pallet: &str, name: &str) -> bool {
    matches!((pallet, name), ("Commitments", _) | ("Swap", "FeeRateSet"))
}

/// Whether the figure that an event is about is read with the list of subnets at each block, or is none of it.
pub(super) fn is_listed(name: &str) -> bool {
    matches!(name, "BurnSet" | "RAORecycledForRegistrationSet")
}

/// Whether an event of unnamed fields that begins with a netuid is about a figure of the subnet:
/// `TempoSet(netuid, tempo)` and so on. A limit that makes neurons go shows in their number.
pub(super) fn changes_figures(name: &str) -> bool {
    const SWITCHES: [&str; 4] =
        ["RegistrationAllowed", "PowRegistrationAllowed", "TransferToggle", "CommitRevealEnabled"];
    name.ends_with("Set") || SWITCHES.contains(&name)
}
