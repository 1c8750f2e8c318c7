//! What the chain's errors mean: a stable class for programs, and a remedy for people.
//!
//! Names are those of the runtimes (subtensor, spec 425 and around it, and the pallets of
//! polkadot-sdk that it uses), which move less than indices do. A name that is not here is
//! [`Class::Unknown`]: the runtime's own documentation of it is shown all the same.

use std::fmt;

/// Declares the classes with their names and meanings.
macro_rules! classes {
    ($($class:ident = $name:literal, $meaning:literal;)+) => {
        /// What kind of trouble an error of the chain is. Stable: programs may branch on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Class {
            $(#[doc = $meaning] $class,)+
        }

        impl Class {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$class),+];

            /// The stable name, `data.class` on the wire.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$class => $name,)+
                }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$class => $meaning,)+
                }
            }
        }
    };
}

classes! {
    InsufficientBalance = "insufficient_balance", "the account has too little free balance or stake";
    InsufficientLiquidity = "insufficient_liquidity", "the pool is too small, or its price too far away";
    RateLimited = "rate_limited", "done too often: it works again some blocks later";
    NotRegistered = "not_registered", "the hotkey has no place where it needs one";
    NotAuthorized = "not_authorized", "the signer is not whom the chain lets do this";
    AlreadyExists = "already_exists", "it is there, or was done, already";
    NotFound = "not_found", "the chain does not know it";
    SubnetNotExists = "subnet_not_exists", "there is no such subnet";
    SubtokenDisabled = "subtoken_disabled", "the subnet has not been started: its alpha is not traded";
    Disabled = "disabled", "switched off on this chain or subnet";
    TooEarly = "too_early", "it works from a later block on";
    Expired = "expired", "it came too late";
    LimitExceeded = "limit_exceeded", "more than the chain allows of it";
    InvalidArgument = "invalid_argument", "a value that the chain does not take";
    PolicyViolation = "policy_violation", "a rule of the account, of its proxy or of this daemon forbids it";
    Internal = "internal", "a fault of the chain itself";
    Unknown = "unknown", "an error that this btd does not know";
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainError {
    /// Its name in the runtime, without the pallet.
    pub name: &'static str,
    /// What kind of trouble it is.
    pub class: Class,
    /// What to do about it.
    pub remedy: &'static str,
}

macro_rules! errors {
    ($($class:ident { $($name:literal => $remedy:literal,)+ })+) => {
        /// Every error that is known.
        pub const ALL: &[ChainError] = &[
            $($(ChainError { name: $name, class: Class::$class, remedy: $remedy },)+)+
        ];
    };
}

errors! {
    InsufficientBalance {
        "NotEnoughBalanceToStake" => "lower the amount, or bring tao to the coldkey first",
        "NotEnoughStake" => "stake more behind the hotkey first",
        "NotEnoughStakeToWithdraw" => "`stake list` shows what there is; `--all` takes the whole position",
        "NotEnoughStakeToSetWeights" => "the validator needs more stake weight than the chain's threshold",
        "NotEnoughStakeToSetChildkeys" => "the hotkey needs more stake weight than the chain's threshold",
        "StakeTooLowForRoot" => "root is full: have more root stake than its last validator",
        "NotEnoughBalanceToPaySwapHotKey" => "exchanging a hotkey costs τ0.1, on one subnet τ0.001",
        "NotEnoughBalanceToPaySwapColdKey" => "announcing the exchange of a coldkey costs τ0.1",
        "CannotAffordLockCost" => "`subnets lock-cost` tells what a subnet costs",
        "InsufficientBalance" => "bring tao to the account first",
        "InsufficientStakeForLock" => "stake more on the subnet, or lock less",
        "StakeUnavailable" => "a part of the stake is locked: take less",
        "BalanceTooLow" => "bring tao to the account first",
        "BalanceWithdrawalError" => "leave the existential deposit and what is frozen in the account",
        "ZeroBalanceAfterWithdrawn" => "leave the existential deposit in the account",
        "NotEnoughAlphaOutToRecycle" => "recycle less than is outside the pool",
        "FundsUnavailable" => "bring tao to the account first",
        "Token.FundsUnavailable" => "bring tao to the account first",
        "Token.NotExpendable" => "leave the existential deposit in the account, or allow it to vanish",
        "Token.BelowMinimum" => "send at least the existential deposit to a new account",
        "LiquidityRestrictions" => "a part of the balance is frozen: take less",
        "Expendability" => "leave the existential deposit in the account, or allow it to vanish",
        "ExistentialDeposit" => "send at least the existential deposit to a new account",
        "Payment" => "the account cannot pay the fee: bring tao to it first",
        "NoContribution" => "there is nothing to take back",
    }
    InsufficientLiquidity {
        "InsufficientLiquidity" => "trade less at once: the pool is too small for it",
        "SlippageTooHigh" => "trade less, widen --tolerance, or allow a part with --partial",
        "PriceLimitExceeded" => "the price is beyond the limit already: ask for the plan again, or move the limit",
        "ReservesTooLow" => "the pool is nearly empty on that side: nothing can be traded",
        "ReservesOutOfBalance" => "the pool is out of balance: wait, or trade the other way",
        "SwapInputTooLarge" => "trade less at once: the pool is too small for it",
        "RegistrationPriceLimitExceeded" => "the price rose beyond --max-cost: ask for the plan again",
        "SwapReturnedZero" => "trade more: so little comes to nothing",
    }
    RateLimited {
        "RateLimitExceeded" => "wait for some blocks and ask again",
        "SettingWeightsTooFast" => "`weights show` tells the first block at which weights are taken again",
        "CommittingWeightsTooFast" => "`weights show` tells the first block at which weights are taken again",
        "ServingRateLimitExceeded" => "an axon is published once in `serving_rate_limit` blocks",
        "NetworkTxRateLimitExceeded" => "the chain takes one new subnet in so many blocks, of anybody: try again later",
        "DelegateTxRateLimitExceeded" => "a take is raised once in 216000 blocks (about a month)",
        "HotKeySetTxRateLimitExceeded" => "a coldkey exchanges a hotkey once in 1000 blocks",
        "HotKeySwapOnSubnetIntervalNotPassed" => "a hotkey is exchanged once in 7200 blocks on one subnet",
        "StakingRateLimitExceeded" => "wait for a block and ask again",
        "TxRateLimitExceeded" => "an owner changes each hyperparameter once in two tempos, children once in 150 blocks",
        "TxChildkeyTakeRateLimitExceeded" => "a child take is raised once in 216000 blocks (about a month)",
        "EvmKeyAssociateRateLimitExceeded" => "an EVM key is associated once in 7200 blocks",
        "AddStakeBurnRateLimitExceeded" => "wait for some blocks and ask again",
        "TooManyRegistrationsThisBlock" => "try again in the next block",
        "TooManyRegistrationsThisInterval" => "try again in the next interval",
        "CommitmentSetRateLimitExceeded" => "a hotkey publishes so many bytes in an epoch: try again in the next",
    }
    NotRegistered {
        "HotKeyNotRegisteredInSubNet" => "register the hotkey with `subnets register`",
        "HotKeyNotRegisteredInNetwork" => "register the hotkey with `subnets register`",
        "HotkeyAccountDoesntExist" => "check the hotkey's address, or register it first",
        "HotKeyAccountNotExists" => "check the hotkey's address, or register it first",
        "UidNotFound" => "register the hotkey with `subnets register`",
        "NeuronNoValidatorPermit" => "only the validators with most stake have a permit: stake more behind the hotkey",
    }
    NotAuthorized {
        "NonAssociatedColdKey" => "sign with the coldkey that owns the hotkey",
        "NotSubnetOwner" => "sign with the coldkey that owns the subnet",
        "BadOrigin" => "sign with the account that may: the subnet's owner, or root",
        "RequireSudo" => "sign with the chain's sudo key",
        "TransactorAccountShouldBeHotKey" => "sign with the hotkey",
        "NotProxy" => "let the account add the signer as its proxy first",
        "NotOwner" => "only the account that proposed it may take it back",
        "SenderInSignatories" => "leave the signer out of the other signatories",
        "SenderNotInSignatories" => "sign with one of the signatories",
        "InvalidOrigin" => "sign with the account that created it",
        "BadSigner" => "sign with an account that the chain lets sign this",
        "ExpectedBeneficiaryOrigin" => "sign with the beneficiary of the lease",
        "BeneficiaryDoesNotOwnHotkey" => "name a hotkey that the beneficiary owns",
        "InvalidRealAccount" => "name the account on whose behalf the proxy signs",
        "CannotUseSystemAccount" => "name an account that is not the chain's own",
    }
    AlreadyExists {
        "HotKeyAlreadyRegisteredInSubNet" => "the hotkey has its place: nothing is to be done",
        "HotKeyAlreadyDelegate" => "the hotkey is a delegate: nothing is to be done",
        "ColdKeyAlreadyAssociated" => "name a coldkey that has no hotkeys or stake yet",
        "NewHotKeyIsSameWithOld" => "name another hotkey",
        "NewColdKeyIsHotkey" => "name an account that is not a hotkey",
        "NewHotKeyNotCleanForRootSwap" => "name a hotkey without root stake and claims",
        "FirstEmissionBlockNumberAlreadySet" => "the subnet was started already: nothing is to be done",
        "SymbolAlreadyInUse" => "pick a symbol that no other subnet has",
        "SameAutoStakeHotkeyAlreadySet" => "it is set so already: nothing is to be done",
        "SameNetuid" => "name two different subnets, or another hotkey",
        "ColdkeySwapAlreadyDisputed" => "the exchange is disputed already",
        "EpochTriggerAlreadyPending" => "an epoch has been triggered already: wait for it",
        "ActiveLockExists" => "there is a lock already: move or extend it",
        "Duplicate" => "the proxy has been added already",
        "AlreadyApproved" => "this account has agreed already: the others must",
        "AlreadyFinalized" => "the crowdloan has been paid out",
        "AlreadyImported" => "it is in the pool already: follow it with `tx follow`",
        "NoTimepoint" => "it has been proposed already: approve it",
        "DeadAccount" => "the account exists already",
        "AlreadyStored" => "it is stored already",
    }
    NotFound {
        "ColdkeySwapAnnouncementNotFound" => "announce the exchange first, with `wallet swap-coldkey announce`",
        "AnnouncedColdkeyHashDoesNotMatch" => "name the coldkey that was announced",
        "NoWeightsCommitFound" => "commit the weights first",
        "CommitNotFound" => "commit the weights first, and reveal exactly what was committed",
        "InvalidRevealCommitHashNotMatch" => "reveal exactly what was committed: weights, salt and version key",
        "SymbolDoesNotExist" => "pick a symbol of the chain's table",
        "NoExistingLock" => "there is no lock to move",
        "LeaseDoesNotExist" => "check the lease's number",
        "LeaseNetuidNotFound" => "the lease's subnet was not found in the block that created it",
        "NotFound" => "check the name, hash or number",
        "Unannounced" => "announce the call first, and wait for the proxy's delay",
        "InvalidCrowdloanId" => "`crowd list` shows the crowdloans",
        "NoPermission" => "the call is not of the proxy's type",
        "CannotLookup" => "check the address",
    }
    SubnetNotExists {
        "SubnetNotExists" => "`subnets list` shows the subnets",
        "SubnetDoesNotExist" => "`subnets list` shows the subnets",
        "RootNetworkDoesNotExist" => "this chain has no root",
        "MechanismDoesNotExist" => "`subnets mechanisms count` tells how many there are, counted from 0",
    }
    SubtokenDisabled {
        "SubtokenDisabled" => "its owner starts it with `subnets start`; `subnets check-start` tells when",
    }
    Disabled {
        "SubNetRegistrationDisabled" => "the subnet takes no registrations: pick another, or wait",
        "RegistrationNotPermittedOnRootSubnet" => "a place on root is had with `root register`",
        "CanNotSetRootNetworkWeights" => "root has no weights today",
        "NotRootSubnet" => "name subnet 0",
        "FaucetDisabled" => "this chain has no faucet",
        "CommitRevealEnabled" => "commit the weights with `weights commit`, and reveal them later",
        "CommitRevealDisabled" => "set the weights openly with `weights set`",
        "LiquidAlphaDisabled" => "set `liquid_alpha_enabled` first",
        "TransferDisallowed" => "the subnet's owner does not allow its stake to be given away",
        "CallDisabled" => "the chain has switched this off",
        "DisabledTemporarily" => "the chain has switched this off for a while",
        "Deprecated" => "the chain does this no more",
        "CannotBurnOrRecycleOnRootSubnet" => "name a subnet other than root",
        "POWRegistrationDisabled" => "register with `subnets register`",
        "VotingPowerTrackingNotEnabled" => "switch the tracking on first",
        "DynamicTempoBlockedByCommitReveal" => "the subnet commits its weights first: wait for its epoch",
        "Unproxyable" => "this cannot be done through a proxy",
        "CallFiltered" => "the chain does not take this call from outside, or not inside another",
        "Call" => "the chain does not take this call from outside",
        "AccountRejectsLockedAlpha" => "the receiver takes no locked stake",
    }
    TooEarly {
        "NeedWaitingMoreBlocksToStarCall" => "`subnets check-start` tells from which block on",
        "ColdkeySwapTooEarly" => "`wallet swap-coldkey check` tells from which block on",
        "ColdkeySwapReannouncedTooEarly" => "announce again once the first announcement is old enough",
        "ColdkeySwapClearTooEarly" => "take it back once the announcement is old enough",
        "RevealTooEarly" => "reveal in the epoch that `commit_reveal_period` says",
        "CommitBlockNotInRevealRange" => "reveal in the epoch that `commit_reveal_period` says, not before or after",
        "AdminActionProhibitedDuringWeightsWindow" => "try again after the subnet's next epoch",
        "AutoEpochAlreadyImminent" => "the next epoch is near: wait for it",
        "AllNetworksInImmunity" => "all subnets are young: none is replaced yet",
        "LeaseHasNotEnded" => "wait for the last block of the lease",
        "ContributionPeriodNotEnded" => "wait for the last block of the crowdloan",
        "CapNotRaised" => "wait until the crowdloan has all of its cap",
        "Future" => "an earlier extrinsic of the account must be included first",
        "InvalidRevealRound" => "name a later drand round",
    }
    Expired {
        "ExpiredWeightCommit" => "the epoch of the reveal is over: commit again",
        "InvalidWorkBlock" => "work on a newer block",
        "ContributionPeriodEnded" => "the crowdloan is over",
        "LeaseCannotEndInThePast" => "name a later block",
        "CannotEndInPast" => "name a later block",
        "OrderExpired" => "make a new order",
        "AncientBirth" => "ask again: it was signed for blocks that are past",
        "Outdated" => "ask again: its nonce was used, or its era is over",
        "EraEnded" => "nothing happened: ask again, with a longer --era or a --tip if blocks are full",
    }
    LimitExceeded {
        "MaxWeightExceeded" => "spread the weights: one is larger than the subnet allows",
        "UidsLengthExceedUidsInSubNet" => "give no more weights than there are neurons",
        "NoNeuronIdAvailable" => "the subnet is full, and all its neurons are protected: try later",
        "TooManyUnrevealedCommits" => "reveal earlier commits, or let them expire",
        "TooManyChildren" => "a hotkey has five children at most",
        "ProportionOverflow" => "the children's shares come to more than the whole",
        "SubnetLimitReached" => "there are as many subnets as the chain takes, all of them protected",
        "TooManyUIDsPerMechanism" => "places times mechanisms are 256 at most: trim the subnet first",
        "TrimmingWouldExceedMaxImmunePercentage" => "most of what would be left is protected: trim less",
        "Overflow" => "a number became too large",
        "MaxAllowedUIdsLessThanCurrentUIds" => "name at least as many places as are taken",
        "MaxAllowedUidsGreaterThanDefaultMaxAllowedUids" => "a subnet has 256 places at most",
        "MaxValidatorsLargerThanMaxUIds" => "name no more validators than places",
        "BondsMovingAverageMaxReached" => "an owner sets 0.975 at most",
        "TooMany" => "the account has as many proxies as it may: remove one",
        "TooManyCalls" => "put fewer calls into one batch",
        "TooManySignatories" => "name fewer signatories",
        "MaxWeightTooLow" => "the call weighs more than was allowed for",
        "CapRaised" => "the crowdloan has all of its cap",
        "MaxContributorsReached" => "the crowdloan has as many contributors as it may",
        "UnlockAmountTooHigh" => "unlock less",
        "PoolFull" => "the node's pool is full: raise --tip, or ask again",
        "TooLowPriority" => "an extrinsic with the same nonce is in the pool: wait for it, or raise --tip",
        "ExhaustsResources" => "it does not fit into a block: make it smaller",
        "SpaceLimitExceeded" => "publish less, or wait for the next epoch",
    }
    InvalidArgument {
        "AmountTooLow" => "stake and leave at least τ0.002, the fee not counted",
        "StakeAmountTooLow" => "the signer needs more stake for this",
        "ZeroMaxAmount" => "nothing can be traded within the limit: move it",
        "InvalidIpType" => "give an IPv4 or IPv6 address",
        "InvalidIpAddress" => "give an address that strangers reach, not this host's own",
        "InvalidPort" => "give a port other than 0",
        "WeightVecNotEqualSize" => "give each uid one weight",
        "InputLengthsUnequal" => "give lists of the same length",
        "DuplicateUids" => "give each uid one weight",
        "UidVecContainInvalidOne" => "`subnets metagraph` shows the uids that there are",
        "WeightVecLengthIsLow" => "give as many weights as `min_allowed_weights` wants",
        "IncorrectWeightVersionKey" => "give the version key that `weights_version` wants",
        "InvalidDifficulty" => "work until the difficulty is met",
        "InvalidSeal" => "work on the block that is named",
        "DelegateTakeTooLow" => "a take is raised or lowered to another value, above the chain's least",
        "DelegateTakeTooHigh" => "a take is 0.18 at most",
        "InvalidChildkeyTake" => "a child take is 0.18 at most",
        "InvalidChild" => "a hotkey cannot inherit from itself",
        "DuplicateChild" => "name each child once",
        "ChildParentInconsistency" => "two hotkeys cannot inherit from each other",
        "InvalidIdentity" => "shorten the texts: names take 256 bytes, others 1024",
        "InvalidValue" => "give a value within the bounds that `sudo explain` tells",
        "ValueNotInBounds" => "give a value within the bounds that `sudo explain` tells",
        "InvalidSubnetNumber" => "name one subnet at least; a claim takes five at the most",
        "AlphaHighTooLow" => "the high end of liquid alpha is 0.025 at least",
        "AlphaLowOutOfRange" => "the low end of liquid alpha is 0.025 at least, and no more than the high end",
        "NegativeSigmoidSteepness" => "an owner sets no negative steepness",
        "MinAllowedUidsGreaterThanCurrentUids" => "name fewer than there are neurons",
        "MinAllowedUidsGreaterThanMaxAllowedUids" => "name fewer than there are places",
        "MaxAllowedUidsLessThanMinAllowedUids" => "name at least as many places as the least",
        "ActivityCutoffTooLow" => "set `activity_cutoff_factor` instead",
        "ActivityCutoffFactorMilliOutOfBounds" => "give 1 to 50 tempos",
        "TempoOutOfBounds" => "an owner sets 360 to 50400 blocks",
        "RevealPeriodTooLarge" => "give 1 to 100 epochs",
        "RevealPeriodTooSmall" => "give 1 to 100 epochs",
        "IncorrectCommitRevealVersion" => "commit in the version that the chain has",
        "InvalidNumRootClaim" => "give a smaller number",
        "InvalidRootClaimThreshold" => "give a smaller threshold",
        "InvalidVotingPowerEmaAlpha" => "give a smaller number",
        "InvalidLeaseBeneficiary" => "name the beneficiary of the lease",
        "LeaseHasNoEndBlock" => "a lease without an end cannot be ended",
        "LockHotkeyMismatch" => "all locked stake of a coldkey on one subnet stands behind one hotkey",
        "InvalidRecoveredPublicKey" => "sign with the EVM key that is named",
        "UnableToRecoverPublicKey" => "sign with the EVM key that is named",
        "NoSelfProxy" => "name another account",
        "SignatoriesOutOfOrder" => "name the signatories in order",
        "TooFewSignatories" => "name more signatories",
        "MinimumThreshold" => "a threshold is 2 or more",
        "WrongTimepoint" => "name the proposal's block and index",
        "UnexpectedTimepoint" => "it has not been proposed yet",
        "DepositTooLow" => "give more to begin with",
        "CapTooLow" => "a cap is more than the deposit",
        "MinimumContributionTooLow" => "raise the least contribution",
        "BlockDurationTooShort" => "let it last longer",
        "BlockDurationTooLong" => "let it last shorter",
        "ContributionTooLow" => "give at least the least contribution",
        "NotReadyToDissolve" => "refund contributors first",
        "FeeRateTooHigh" => "give a lower rate",
        "BadSignature" => "ask again: the blocks that it was signed for are over, or the runtime has changed meanwhile",
        "FailedShieldedTxParsing" => "seal it again: what is inside is no extrinsic of this chain",
        "InvalidShieldedTxPubKeyHash" => "seal it again, for the key that the chain announces now",
        "BadFormat" => "ask again: the runtime may have changed meanwhile",
        "BadRequest" => "the chain's rules forbid it, and it does not say which",
    }
    PolicyViolation {
        "ColdkeyInSwapSchedule" => "the coldkey is being exchanged: execute that, or take it back",
        "ColdkeySwapAnnounced" => "the coldkey is being exchanged: execute that, or take it back",
        "ColdkeySwapDisputed" => "the coldkey's exchange is disputed: the account is frozen until root resets it",
    }
    Internal {
        "UidMapCouldNotBeCleared" => "tell the chain's developers",
        "Corruption" => "tell the chain's developers",
        "Unavailable" => "the chain cannot reach what it needs: try again",
        "Exhausted" => "the block is full: try again",
        "Unknown" => "the node could not judge it: try again",
        "Banned" => "the pool does not look at it again for a while: ask with --tip, or wait",
    }
}

/// What the runtime calls `InvalidTransaction::Custom(code)` (`CustomTransactionError` of subtensor, spec
/// 425; the numbers 0 to 27 and 255 are the same in later runtimes).
pub const fn validity(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "ColdkeyInSwapSchedule",
        1 => "StakeAmountTooLow",
        2 => "BalanceTooLow",
        3 => "SubnetNotExists",
        4 => "HotkeyAccountDoesntExist",
        5 => "NotEnoughStakeToWithdraw",
        6 => "RateLimitExceeded",
        7 => "InsufficientLiquidity",
        8 => "SlippageTooHigh",
        9 => "TransferDisallowed",
        10 => "HotKeyNotRegisteredInNetwork",
        11 => "InvalidIpAddress",
        12 => "ServingRateLimitExceeded",
        13 => "InvalidPort",
        14 => "ZeroMaxAmount",
        15 => "InvalidRevealRound",
        16 => "CommitNotFound",
        17 => "CommitBlockNotInRevealRange",
        18 => "InputLengthsUnequal",
        19 => "UidNotFound",
        20 => "EvmKeyAssociateRateLimitExceeded",
        21 => "ColdkeySwapDisputed",
        22 => "InvalidRealAccount",
        23 => "FailedShieldedTxParsing",
        24 => "InvalidShieldedTxPubKeyHash",
        25 => "NonAssociatedColdKey",
        26 => "DelegateTakeTooLow",
        27 => "DelegateTakeTooHigh",
        255 => "BadRequest",
        _ => return None,
    })
}

/// What a node's pool means by a JSON-RPC code of its own (`sc_rpc_api::author::error`). Of 1010, an invalid
/// extrinsic, only the words behind it tell.
pub const fn pool(code: i32) -> Option<&'static str> {
    Some(match code {
        1001 => "BadFormat",
        1011 => "Unknown",
        1012 => "Banned",
        1013 => "AlreadyImported",
        1014 => "TooLowPriority",
        1016 => "PoolFull",
        1021 => "Future",
        _ => return None,
    })
}

/// What a pool's code for an invalid extrinsic is: which error it is, the words behind it tell.
pub const INVALID: i32 = 1010;

/// The words of `sp_runtime::transaction_validity::InvalidTransaction` behind [`INVALID`], as they begin, each with its
/// error; `Custom error: N` goes by [`validity`].
pub const INVALID_WORDS: &[(&str, &str)] = &[
    ("Inability to pay some fees", "Payment"),
    ("Invalid signing address", "BadSigner"),
    ("Transaction call is not expected", "Call"),
    ("Transaction has a bad signature", "BadSignature"),
    ("Transaction has an ancient birth block", "AncientBirth"),
    ("Transaction is outdated", "Outdated"),
    ("Transaction will be valid in the future", "Future"),
    ("Transaction would exhaust the block limits", "ExhaustsResources"),
];

/// The error of that name, with or without its pallet.
pub fn find(name: &str) -> Option<&'static ChainError> {
    let bare = name.rsplit_once('.').map_or(name, |(_, bare)| bare);
    ALL.iter().find(|error| error.name == name).or_else(|| ALL.iter().find(|error| error.name == bare))
}

/// The class of the error of that name; [`Class::Unknown`] when it is not known.
pub fn class_of(name: &str) -> Class {
    find(name).map_or(Class::Unknown, |error| error.class)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_remedies_are_words_for_people() {
        let names: BTreeSet<&str> = ALL.iter().map(|error| error.name).collect();
        assert_eq!(names.len(), ALL.len());
        for error in ALL {
            assert!(!error.remedy.is_empty() && !error.remedy.ends_with('.'), "{}", error.name);
            assert_ne!(error.class, Class::Unknown, "{}", error.name);
        }
        let classes: BTreeSet<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(classes.len(), Class::ALL.len());
    }

    #[test]
    fn errors_are_found_with_and_without_their_pallet() {
        assert_eq!(class_of("SubtensorModule.SlippageTooHigh"), Class::InsufficientLiquidity);
        assert_eq!(class_of("SlippageTooHigh"), Class::InsufficientLiquidity);
        assert_eq!(class_of("Token.FundsUnavailable"), Class::InsufficientBalance);
        assert_eq!(class_of("Brand.New"), Class::Unknown);
    }
}
