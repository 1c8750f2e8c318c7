//! The pallet's storage: every item of the real one, with its name, keys, hashers and default.
//!
//! Amounts are rao, ratios of 16 bits are parts of 65,535, times are block numbers. Items of features that this chain
//! does not have yet are declared all the same: clients read them, and the defaults are part of the surface.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod storage {
    // === Chain-wide settings ===

    #[pallet::storage]
    pub type MinActivityCutoff<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<360>>;
    #[pallet::storage]
    pub type AdminFreezeWindow<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<10>>;
    #[pallet::storage]
    pub type OwnerHyperparamRateLimit<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<2>>;
    #[pallet::storage]
    pub type DissolveNetworkScheduleDuration<T: Config> = StorageValue<_, u32, ValueQuery, ConstU32<36_000>>;
    #[pallet::storage]
    pub type LastHotkeySwapOnNetuid<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, u64, ValueQuery>;
    #[pallet::storage]
    pub type NextStakeJobId<T: Config> = StorageValue<_, u64, ValueQuery>;
    #[pallet::storage]
    pub type TaoWeight<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<971_718_665_099_567_868>>;
    #[pallet::storage]
    pub type CKBurn<T: Config> = StorageValue<_, u64, ValueQuery>;
    #[pallet::storage]
    pub type MaxDelegateTake<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;
    #[pallet::storage]
    pub type MinDelegateTake<T: Config> = StorageValue<_, u16, ValueQuery>;
    #[pallet::storage]
    pub type MaxChildkeyTake<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;
    #[pallet::storage]
    pub type MinChildkeyTake<T: Config> = StorageValue<_, u16, ValueQuery>;
    #[pallet::storage]
    pub type MinChildkeyTakePerSubnet<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    // === Hotkeys, delegation and children ===

    #[pallet::storage]
    pub type Owner<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId, ValueQuery, ZeroAccount<T>>;
    #[pallet::storage]
    pub type AccountFlags<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u128, ValueQuery>;
    #[pallet::storage]
    pub type Delegates<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u16, ValueQuery, ConstU16<11_796>>;
    #[pallet::storage]
    pub type ChildkeyTake<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, u16, ValueQuery>;
    #[pallet::storage]
    pub type PendingChildKeys<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        (Vec<(u64, T::AccountId)>, u64),
        ValueQuery,
    >;
    #[pallet::storage]
    pub type ChildKeys<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, Vec<(u64, T::AccountId)>, ValueQuery>;
    #[pallet::storage]
    pub type ParentKeys<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, Vec<(u64, T::AccountId)>, ValueQuery>;
    #[pallet::storage]
    pub type AlphaDividendsPerSubnet<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type RootAlphaDividendsPerSubnet<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, AlphaBalance, ValueQuery>;

    // === Emission and the pools of subnets ===

    #[pallet::storage]
    pub type BlockEmission<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<1_000_000_000>>;
    #[pallet::storage]
    pub type LastHotkeyEmissionOnNetuid<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type SubnetLimit<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<128>>;
    #[pallet::storage]
    pub type TotalIssuance<T: Config> = StorageValue<_, Tao, ValueQuery>;
    #[pallet::storage]
    pub type TotalStake<T: Config> = StorageValue<_, Tao, ValueQuery>;
    #[pallet::storage]
    pub type SubnetMovingAlpha<T: Config> = StorageValue<_, I96F32, ValueQuery, InitialSubnetMovingAlpha>;
    #[pallet::storage]
    pub type SubnetMovingPrice<T: Config> = StorageMap<_, Identity, NetUid, I96F32, ValueQuery>;
    #[pallet::storage]
    pub type RootProp<T: Config> = StorageMap<_, Identity, NetUid, U96F32, ValueQuery>;
    #[pallet::storage]
    pub type SubnetVolume<T: Config> = StorageMap<_, Identity, NetUid, u128, ValueQuery>;
    #[pallet::storage]
    pub type SubnetTAO<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;
    #[pallet::storage]
    pub type SubnetAlphaInEmission<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type SubnetEmissionEnabled<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;
    #[pallet::storage]
    pub type SubnetAlphaOutEmission<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type SubnetTaoInEmission<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;
    #[pallet::storage]
    pub type SubnetExcessTao<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;
    #[pallet::storage]
    pub type SubnetRootSellTao<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;
    #[pallet::storage]
    pub type SubnetAlphaIn<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type SubnetAlphaOut<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type SubnetProtocolAlpha<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    // === Who stakes where ===

    #[pallet::storage]
    pub type StakingHotkeys<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Vec<T::AccountId>, ValueQuery>;
    #[pallet::storage]
    pub type OwnedHotkeys<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Vec<T::AccountId>, ValueQuery>;
    #[pallet::storage]
    pub type AutoStakeDestination<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, T::AccountId, OptionQuery>;
    #[pallet::storage]
    pub type AutoStakeDestinationColdkeys<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, Vec<T::AccountId>, ValueQuery>;

    // === Coldkey swaps ===

    #[pallet::storage]
    pub type ColdkeySwapAnnouncementDelay<T: Config> = StorageValue<_, u32, ValueQuery, ConstU32<36_000>>;
    #[pallet::storage]
    pub type ColdkeySwapReannouncementDelay<T: Config> = StorageValue<_, u32, ValueQuery, ConstU32<7200>>;
    #[pallet::storage]
    pub type ColdkeySwapAnnouncements<T: Config> = StorageMap<_, Twox64Concat, T::AccountId, (u32, H256), OptionQuery>;
    #[pallet::storage]
    pub type ColdkeySwapDisputes<T: Config> = StorageMap<_, Twox64Concat, T::AccountId, u32, OptionQuery>;

    // === Stake: shares of a hotkey's pool on one subnet ===

    #[pallet::storage]
    pub type TotalHotkeyAlpha<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type TotalHotkeyAlphaLastEpoch<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type TotalHotkeyShares<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, U64F64, ValueQuery>;
    #[pallet::storage]
    pub type Alpha<T: Config> = StorageNMap<
        _,
        (NMapKey<Blake2_128Concat, T::AccountId>, NMapKey<Blake2_128Concat, T::AccountId>, NMapKey<Identity, NetUid>),
        U64F64,
        ValueQuery,
    >;
    #[pallet::storage]
    pub type TotalHotkeySharesV2<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, SafeFloat, ValueQuery>;
    #[pallet::storage]
    pub type AlphaV2<T: Config> = StorageNMap<
        _,
        (NMapKey<Blake2_128Concat, T::AccountId>, NMapKey<Blake2_128Concat, T::AccountId>, NMapKey<Identity, NetUid>),
        SafeFloat,
        ValueQuery,
    >;

    // === Locked stake ===

    #[pallet::storage]
    pub type Lock<T: Config> = StorageNMap<
        _,
        (NMapKey<Blake2_128Concat, T::AccountId>, NMapKey<Identity, NetUid>, NMapKey<Blake2_128Concat, T::AccountId>),
        LockState,
        OptionQuery,
    >;
    #[pallet::storage]
    pub type LockingColdkeys<T: Config> = StorageNMap<
        _,
        (NMapKey<Identity, NetUid>, NMapKey<Blake2_128Concat, T::AccountId>, NMapKey<Blake2_128Concat, T::AccountId>),
        (),
        OptionQuery,
    >;
    #[pallet::storage]
    pub type HotkeyLock<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, LockState, OptionQuery>;
    #[pallet::storage]
    pub type DecayingHotkeyLock<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, LockState, OptionQuery>;
    #[pallet::storage]
    pub type OwnerLock<T: Config> = StorageMap<_, Identity, NetUid, LockState, OptionQuery>;
    #[pallet::storage]
    pub type DecayingOwnerLock<T: Config> = StorageMap<_, Identity, NetUid, LockState, OptionQuery>;
    #[pallet::storage]
    pub type DecayingLock<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, bool, OptionQuery>;
    #[pallet::storage]
    pub type OwnerCutAutoLockEnabled<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;
    #[pallet::storage]
    pub type MaturityRate<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<934_866>>;
    #[pallet::storage]
    pub type UnlockRate<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<934_866>>;

    // === Cursors of index maintenance ===

    #[pallet::storage]
    pub type AlphaMapLastKey<T: Config> = StorageValue<_, Option<Vec<u8>>, ValueQuery>;
    #[pallet::storage]
    pub type AlphaV2MapLastKey<T: Config> = StorageValue<_, Option<Vec<u8>>, ValueQuery>;

    // === Flows of TAO through subnets ===

    #[pallet::storage]
    pub type TokenSymbol<T: Config> = StorageMap<_, Identity, NetUid, Vec<u8>, ValueQuery, UnknownSymbol>;
    #[pallet::storage]
    pub type SubnetTaoFlow<T: Config> = StorageMap<_, Identity, NetUid, i64, ValueQuery>;
    #[pallet::storage]
    pub type SubnetEmaTaoFlow<T: Config> = StorageMap<_, Identity, NetUid, (u64, I64F64), OptionQuery>;
    #[pallet::storage]
    pub type NetTaoFlowEnabled<T: Config> = StorageValue<_, bool, ValueQuery, ConstBool<true>>;
    #[pallet::storage]
    pub type SubnetProtocolFlow<T: Config> = StorageMap<_, Identity, NetUid, i64, ValueQuery>;
    #[pallet::storage]
    pub type SubnetEmaProtocolFlow<T: Config> = StorageMap<_, Identity, NetUid, (u64, I64F64), OptionQuery>;
    #[pallet::storage]
    pub type TaoFlowCutoff<T: Config> = StorageValue<_, I64F64, ValueQuery>;
    #[pallet::storage]
    pub type FlowNormExponent<T: Config> = StorageValue<_, U64F64, ValueQuery, InitialFlowNormExponent>;
    #[pallet::storage]
    pub type FlowEmaSmoothingFactor<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<29_597_889_189_277>>;

    // === Registration and the set of subnets ===

    #[pallet::storage]
    pub type UsedWork<T: Config> = StorageMap<_, Identity, Vec<u8>, u64, ValueQuery>;
    #[pallet::storage]
    pub type MaxRegistrationsPerBlock<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<1>>;
    #[pallet::storage]
    pub type TotalNetworks<T: Config> = StorageValue<_, u16, ValueQuery>;
    #[pallet::storage]
    pub type NetworkImmunityPeriod<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<1_296_000>>;
    #[pallet::storage]
    pub type StartCallDelay<T: Config> = StorageValue<_, u64, ValueQuery>;
    #[pallet::storage]
    pub type NetworkMinLockCost<T: Config> = StorageValue<_, Tao, ValueQuery, ConstU64<1_000_000_000_000>>;
    #[pallet::storage]
    pub type NetworkLastLockCost<T: Config> = StorageValue<_, Tao, ValueQuery, ConstU64<1_000_000_000_000>>;
    #[pallet::storage]
    pub type NetworkLockReductionInterval<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<100_800>>;
    #[pallet::storage]
    pub type SubnetOwnerCut<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;
    #[pallet::storage]
    pub type OwnerCutEnabled<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;
    #[pallet::storage]
    pub type NetworkRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<7200>>;
    #[pallet::storage]
    pub type NominatorMinRequiredStake<T: Config> = StorageValue<_, u64, ValueQuery>;
    #[pallet::storage]
    pub type WeightsVersionKeyRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<5>>;
    #[pallet::storage]
    pub type LastRateLimitedBlock<T: Config> = StorageMap<_, Identity, RateLimitKey<T::AccountId>, u64, ValueQuery>;
    #[pallet::storage]
    pub type TransferToggle<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;
    #[pallet::storage]
    pub type SubnetLocked<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;
    #[pallet::storage]
    pub type LargestLocked<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    // === Epochs ===

    #[pallet::storage]
    pub type Tempo<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<360>>;
    #[pallet::storage]
    pub type LastEpochBlock<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type PendingEpochAt<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type SubnetEpochIndex<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type ActivityCutoffFactorMilli<T: Config> = StorageMap<_, Identity, NetUid, u32, ValueQuery, ConstU32<13_889>>;
    #[pallet::storage]
    pub type FirstEmissionBlockNumber<T: Config> = StorageMap<_, Identity, NetUid, u64, OptionQuery>;

    // === Each subnet ===

    #[pallet::storage]
    pub type SubnetMechanism<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;
    #[pallet::storage]
    pub type SubnetworkN<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;
    #[pallet::storage]
    pub type NetworksAdded<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;
    #[pallet::storage]
    pub type IsNetworkMember<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, bool, ValueQuery>;
    #[pallet::storage]
    pub type NetworkRegistrationAllowed<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;
    #[pallet::storage]
    pub type NetworkPowRegistrationAllowed<T: Config> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;
    #[pallet::storage]
    pub type NetworkRegisteredAt<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type RegisteredSubnetCounter<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    // === What waits for the next epoch ===

    #[pallet::storage]
    pub type PendingServerEmission<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type PendingValidatorEmission<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type PendingRootAlphaDivs<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type PendingOwnerCut<T: Config> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;
    #[pallet::storage]
    pub type MinerBurned<T: Config> = StorageMap<_, Identity, NetUid, U96F32, ValueQuery>;
    #[pallet::storage]
    pub type BlocksSinceLastStep<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type LastMechansimStepBlock<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    // === Owners and hyperparameters ===

    #[pallet::storage]
    pub type SubnetOwner<T: Config> = StorageMap<_, Identity, NetUid, T::AccountId, ValueQuery, ZeroAccount<T>>;
    #[pallet::storage]
    pub type SubnetOwnerHotkey<T: Config> = StorageMap<_, Identity, NetUid, T::AccountId, ValueQuery, ZeroAccount<T>>;
    #[pallet::storage]
    pub type RecycleOrBurn<T: Config> = StorageMap<_, Identity, NetUid, RecycleOrBurnEnum, ValueQuery>;
    #[pallet::storage]
    pub type ServingRateLimit<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<50>>;
    #[pallet::storage]
    pub type Rho<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<10>>;
    #[pallet::storage]
    pub type AlphaSigmoidSteepness<T: Config> = StorageMap<_, Identity, NetUid, i16, ValueQuery, ConstI16<1000>>;
    #[pallet::storage]
    pub type Kappa<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<32_767>>;
    #[pallet::storage]
    pub type RegistrationsThisInterval<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;
    #[pallet::storage]
    pub type POWRegistrationsThisInterval<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;
    #[pallet::storage]
    pub type BurnRegistrationsThisInterval<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;
    #[pallet::storage]
    pub type MinAllowedUids<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<64>>;
    #[pallet::storage]
    pub type MaxAllowedUids<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<256>>;
    #[pallet::storage]
    pub type ImmunityPeriod<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<4096>>;
    #[pallet::storage]
    pub type ActivityCutoff<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<5000>>;
    #[pallet::storage]
    pub type MaxWeightsLimit<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<65_535>>;
    #[pallet::storage]
    pub type WeightsVersionKey<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type MinAllowedWeights<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<1024>>;
    #[pallet::storage]
    pub type MaxAllowedValidators<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<128>>;
    #[pallet::storage]
    pub type AdjustmentInterval<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<100>>;
    #[pallet::storage]
    pub type BondsMovingAverage<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<900_000>>;
    #[pallet::storage]
    pub type BondsPenalty<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<65_535>>;
    #[pallet::storage]
    pub type BondsResetOn<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;
    #[pallet::storage]
    pub type WeightsSetRateLimit<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<100>>;
    #[pallet::storage]
    pub type ValidatorPruneLen<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<1>>;
    #[pallet::storage]
    pub type ScalingLawPower<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<50>>;
    #[pallet::storage]
    pub type TargetRegistrationsPerInterval<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<2>>;
    #[pallet::storage]
    pub type AdjustmentAlpha<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type CommitRevealWeightsEnabled<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;
    #[pallet::storage]
    pub type Burn<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery, ConstU64<100_000_000>>;
    #[pallet::storage]
    pub type Difficulty<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<10_000_000>>;
    #[pallet::storage]
    pub type MinBurn<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery, ConstU64<500_000>>;
    #[pallet::storage]
    pub type MaxBurn<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery, ConstU64<100_000_000_000>>;
    #[pallet::storage]
    pub type MinDifficulty<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<10_000_000>>;
    #[pallet::storage]
    pub type MaxDifficulty<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<4_611_686_018_427_387_903>>;
    #[pallet::storage]
    pub type LastAdjustmentBlock<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type RegistrationsThisBlock<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;
    #[pallet::storage]
    pub type EMAPriceHalvingBlocks<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<201_600>>;
    #[pallet::storage]
    pub type RAORecycledForRegistration<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;

    // === Rate limits and switches ===

    #[pallet::storage]
    pub type MaxEpochsPerBlock<T: Config> = StorageValue<_, u8, ValueQuery, ConstU8<2>>;
    #[pallet::storage]
    pub type TxRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<1000>>;
    #[pallet::storage]
    pub type TxDelegateTakeRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;
    #[pallet::storage]
    pub type TxChildkeyTakeRateLimit<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;
    #[pallet::storage]
    pub type LiquidAlphaOn<T: Config> = StorageMap<_, Blake2_128Concat, NetUid, bool, ValueQuery>;
    #[pallet::storage]
    pub type Yuma3On<T: Config> = StorageMap<_, Blake2_128Concat, NetUid, bool, ValueQuery>;
    #[pallet::storage]
    pub type AlphaValues<T: Config> = StorageMap<_, Identity, NetUid, (u16, u16), ValueQuery, InitialAlphaValues>;
    #[pallet::storage]
    pub type SubtokenEnabled<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;
    #[pallet::storage]
    pub type VotingPower<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, u64, ValueQuery>;
    #[pallet::storage]
    pub type VotingPowerTrackingEnabled<T: Config> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;
    #[pallet::storage]
    pub type VotingPowerDisableAtBlock<T: Config> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;
    #[pallet::storage]
    pub type VotingPowerEmaAlpha<T: Config> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<3_570_000_000_000_000>>;
    #[pallet::storage]
    pub type ImmuneOwnerUidsLimit<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<1>>;

    // === Neurons: one row or one element per uid ===

    #[pallet::storage]
    pub type StakeWeight<T: Config> = StorageMap<_, Identity, NetUid, Vec<u16>, ValueQuery>;
    #[pallet::storage]
    pub type Uids<T: Config> = StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, u16, OptionQuery>;
    #[pallet::storage]
    pub type Keys<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Identity, u16, T::AccountId, ValueQuery, ZeroAccount<T>>;
    #[pallet::storage]
    pub type LoadedEmission<T: Config> = StorageMap<_, Identity, NetUid, Vec<(T::AccountId, u64, u64)>, OptionQuery>;
    #[pallet::storage]
    pub type Active<T: Config> = StorageMap<_, Identity, NetUid, Vec<bool>, ValueQuery>;
    #[pallet::storage]
    pub type Consensus<T: Config> = StorageMap<_, Identity, NetUid, Vec<u16>, ValueQuery>;
    #[pallet::storage]
    pub type Incentive<T: Config> = StorageMap<_, Identity, NetUidStorageIndex, Vec<u16>, ValueQuery>;
    #[pallet::storage]
    pub type Dividends<T: Config> = StorageMap<_, Identity, NetUid, Vec<u16>, ValueQuery>;
    #[pallet::storage]
    pub type Emission<T: Config> = StorageMap<_, Identity, NetUid, Vec<AlphaBalance>, ValueQuery>;
    #[pallet::storage]
    pub type LastUpdate<T: Config> = StorageMap<_, Identity, NetUidStorageIndex, Vec<u64>, ValueQuery>;
    #[pallet::storage]
    pub type ValidatorTrust<T: Config> = StorageMap<_, Identity, NetUid, Vec<u16>, ValueQuery>;
    #[pallet::storage]
    pub type ValidatorPermit<T: Config> = StorageMap<_, Identity, NetUid, Vec<bool>, ValueQuery>;
    #[pallet::storage]
    pub type Weights<T: Config> =
        StorageDoubleMap<_, Identity, NetUidStorageIndex, Identity, u16, Vec<(u16, u16)>, ValueQuery>;
    #[pallet::storage]
    pub type Bonds<T: Config> =
        StorageDoubleMap<_, Identity, NetUidStorageIndex, Identity, u16, Vec<(u16, u16)>, ValueQuery>;
    #[pallet::storage]
    pub type BlockAtRegistration<T: Config> = StorageDoubleMap<_, Identity, NetUid, Identity, u16, u64, ValueQuery>;
    #[pallet::storage]
    pub type Axons<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, AxonInfo, OptionQuery>;
    #[pallet::storage]
    pub type NeuronCertificates<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, NeuronCertificate, OptionQuery>;
    #[pallet::storage]
    pub type Prometheus<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, PrometheusInfo, OptionQuery>;
    #[pallet::storage]
    pub type IdentitiesV2<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, ChainIdentityV2, OptionQuery>;
    #[pallet::storage]
    pub type SubnetIdentitiesV3<T: Config> = StorageMap<_, Blake2_128Concat, NetUid, SubnetIdentityV3, OptionQuery>;

    // === When an account last did something ===

    #[pallet::storage]
    pub type TransactionKeyLastBlock<T: Config> = StorageNMap<
        _,
        (NMapKey<Blake2_128Concat, T::AccountId>, NMapKey<Identity, NetUid>, NMapKey<Identity, u16>),
        u64,
        ValueQuery,
    >;
    #[pallet::storage]
    pub type LastTxBlock<T: Config> = StorageMap<_, Identity, T::AccountId, u64, ValueQuery>;
    #[pallet::storage]
    pub type LastTxBlockChildKeyTake<T: Config> = StorageMap<_, Identity, T::AccountId, u64, ValueQuery>;
    #[pallet::storage]
    pub type LastTxBlockDelegateTake<T: Config> = StorageMap<_, Identity, T::AccountId, u64, ValueQuery>;

    // === Weight commits ===

    #[pallet::storage]
    pub type StakeThreshold<T: Config> = StorageValue<_, u64, ValueQuery>;
    #[pallet::storage]
    pub type WeightCommits<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUidStorageIndex,
        Twox64Concat,
        T::AccountId,
        Vec<(H256, u64, u64, u64)>,
        OptionQuery,
    >;
    #[pallet::storage]
    pub type TimelockedWeightCommits<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUidStorageIndex,
        Twox64Concat,
        u64,
        Vec<(T::AccountId, u64, BoundedVec<u8, ConstU32<5000>>, u64)>,
        ValueQuery,
    >;
    #[pallet::storage]
    pub type CRV3WeightCommits<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUidStorageIndex,
        Twox64Concat,
        u64,
        Vec<(T::AccountId, BoundedVec<u8, ConstU32<5000>>, u64)>,
        ValueQuery,
    >;
    #[pallet::storage]
    pub type CRV3WeightCommitsV2<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUidStorageIndex,
        Twox64Concat,
        u64,
        Vec<(T::AccountId, u64, BoundedVec<u8, ConstU32<5000>>, u64)>,
        ValueQuery,
    >;
    #[pallet::storage]
    pub type RevealPeriodEpochs<T: Config> = StorageMap<_, Twox64Concat, NetUid, u64, ValueQuery, ConstU64<1>>;

    // === Root dividends ===

    #[pallet::storage]
    pub type LastColdkeyHotkeyStakeBlock<T: Config> =
        StorageDoubleMap<_, Twox64Concat, T::AccountId, Twox64Concat, T::AccountId, u64, OptionQuery>;
    #[pallet::storage]
    pub type RootClaimableThreshold<T: Config> =
        StorageMap<_, Blake2_128Concat, NetUid, I96F32, ValueQuery, InitialRootClaimableThreshold>;
    #[pallet::storage]
    pub type RootClaimable<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, BTreeMap<NetUid, I96F32>, ValueQuery>;
    #[pallet::storage]
    pub type RootClaimed<T: Config> = StorageNMap<
        _,
        (NMapKey<Identity, NetUid>, NMapKey<Blake2_128Concat, T::AccountId>, NMapKey<Blake2_128Concat, T::AccountId>),
        u128,
        ValueQuery,
    >;
    #[pallet::storage]
    pub type RootClaimType<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, RootClaimTypeEnum, ValueQuery>;
    #[pallet::storage]
    pub type StakingColdkeysByIndex<T: Config> = StorageMap<_, Identity, u64, T::AccountId, OptionQuery>;
    #[pallet::storage]
    pub type StakingColdkeys<T: Config> = StorageMap<_, Identity, T::AccountId, u64, OptionQuery>;
    #[pallet::storage]
    pub type NumStakingColdkeys<T: Config> = StorageValue<_, u64, ValueQuery>;
    #[pallet::storage]
    pub type NumRootClaim<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<5>>;

    // === Leases and EVM addresses ===

    #[pallet::storage]
    pub type AssociatedEvmAddress<T: Config> =
        StorageDoubleMap<_, Twox64Concat, NetUid, Twox64Concat, u16, (H160, u64), OptionQuery>;
    #[pallet::storage]
    pub type SubnetLeases<T: Config> =
        StorageMap<_, Twox64Concat, LeaseId, SubnetLease<T::AccountId, BlockNumberFor<T>, Tao>, OptionQuery>;
    #[pallet::storage]
    pub type SubnetLeaseShares<T: Config> =
        StorageDoubleMap<_, Twox64Concat, LeaseId, Identity, T::AccountId, U64F64, ValueQuery>;
    #[pallet::storage]
    pub type SubnetUidToLeaseId<T: Config> = StorageMap<_, Twox64Concat, NetUid, LeaseId, OptionQuery>;
    #[pallet::storage]
    pub type NextSubnetLeaseId<T: Config> = StorageValue<_, LeaseId, ValueQuery>;
    #[pallet::storage]
    pub type AccumulatedLeaseDividends<T: Config> = StorageMap<_, Twox64Concat, LeaseId, AlphaBalance, ValueQuery>;

    // === Versions, mechanisms and prices ===

    #[pallet::storage]
    pub type CommitRevealWeightsVersion<T: Config> = StorageValue<_, u16, ValueQuery, ConstU16<4>>;
    #[pallet::storage]
    pub type NetworkRegistrationStartBlock<T: Config> = StorageValue<_, u64, ValueQuery>;
    #[pallet::storage]
    pub type TaoInRefundDeploymentBlock<T: Config> = StorageValue<_, u64, ValueQuery>;
    #[pallet::storage]
    pub type MinNonImmuneUids<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<10>>;
    #[pallet::storage]
    pub type MaxMechanismCount<T: Config> = StorageValue<_, MechId, ValueQuery, ConstU8<2>>;
    #[pallet::storage]
    pub type MechanismCountCurrent<T: Config> = StorageMap<_, Twox64Concat, NetUid, MechId, ValueQuery, ConstU8<1>>;
    #[pallet::storage]
    pub type MechanismEmissionSplit<T: Config> = StorageMap<_, Twox64Concat, NetUid, Vec<u16>, OptionQuery>;
    #[pallet::storage]
    pub type BurnHalfLife<T: Config> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<360>>;
    #[pallet::storage]
    pub type BurnIncreaseMult<T: Config> = StorageMap<_, Identity, NetUid, U64F64, ValueQuery, InitialBurnIncreaseMult>;
    #[pallet::storage]
    pub type AutoParentDelegationEnabled<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, bool, ValueQuery, ConstBool<true>>;
    #[pallet::storage]
    pub type HasMigrationRun<T: Config> = StorageMap<_, Identity, Vec<u8>, bool, ValueQuery>;
    #[pallet::storage]
    pub type PendingChildKeyCooldown<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<7200>>;

    // === What other generations of the chain have ===

    /// Whether validators on root steer emission with their weights and sit in the senate, as before spec 233.
    #[pallet::storage]
    pub type LegacyRoot<T: Config> = StorageValue<_, bool, ValueQuery>;
    /// What root gives each subnet of a block's TAO, under its name of spec 150.
    #[pallet::storage]
    pub type EmissionValues<T: Config> = StorageMap<_, Identity, NetUid, Tao, ValueQuery>;
    /// The block whose hash a hotkey last worked on to register, as runtimes after 425 keep it.
    #[pallet::storage]
    pub type LastPowRegistrationBlock<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u64>;

    // === Defaults that are more than a number ===

    /// The account of 32 zero bytes: nobody.
    #[pallet::type_value]
    pub fn ZeroAccount<T: Config>() -> T::AccountId {
        AccountId::new([0; 32])
    }
    #[pallet::type_value]
    pub fn InitialSubnetMovingAlpha() -> I96F32 {
        I96F32::from_bits(12_885)
    }
    #[pallet::type_value]
    pub fn UnknownSymbol() -> Vec<u8> {
        "𝜏".as_bytes().to_vec()
    }
    #[pallet::type_value]
    pub fn InitialFlowNormExponent() -> U64F64 {
        U64F64::from_bits(18_446_744_073_709_551_616)
    }
    #[pallet::type_value]
    pub fn InitialAlphaValues() -> (u16, u16) {
        (45_875, 58_982)
    }
    #[pallet::type_value]
    pub fn InitialRootClaimableThreshold() -> I96F32 {
        I96F32::from_bits(2_147_483_648_000_000)
    }
    #[pallet::type_value]
    pub fn InitialBurnIncreaseMult() -> U64F64 {
        U64F64::from_bits(23_242_897_532_874_035_200)
    }
}
