//! `Triumvirate`: proposals that three accounts make and the senate votes on, as runtimes before spec 334 had them.
//!
//! Surface and rules are those of pallet_subtensor_collective, spec 150: a proposal needs the votes of more than half of
//! the senate, and runs with the origin [`RawOrigin::Members`]. Who belongs to either body is for `TriumvirateMembers` and
//! `SenateMembers` (pallet_membership) to say; how a senator votes is in [`crate::subtensor`]: the pallet's own `vote`
//! refuses everybody, as it did there.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    instances::Instance2,
    traits::{ChangeMembers, EnsureOrigin, InitializeMembers},
};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_runtime::{DispatchError, DispatchResult, traits::SaturatedConversion};

use crate::{AccountId, BlockNumber};

pub use pallet::*;

/// Who stands behind a call that was proposed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum RawOrigin {
    /// So many of so many senators.
    Members(u32, u32),
    /// One member of the triumvirate.
    Member(AccountId),
}

/// Lets through what more than half of the senate stands behind.
pub struct EnsureSenateMajority;

impl<O: Into<Result<RawOrigin, O>> + From<RawOrigin>> EnsureOrigin<O> for EnsureSenateMajority {
    type Success = ();

    fn try_origin(origin: O) -> Result<(), O> {
        origin.into().and_then(|origin| match origin {
            RawOrigin::Members(ayes, seats) if u64::from(ayes) * 2 > u64::from(seats) => Ok(()),
            other => Err(O::from(other)),
        })
    }
}

/// How a proposal stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Votes {
    /// The proposal's number.
    pub index: u32,
    /// Ayes it takes.
    pub threshold: u32,
    /// Senators for it.
    pub ayes: Vec<AccountId>,
    /// Senators against it.
    pub nays: Vec<AccountId>,
    /// Block from which it can be closed whatever the votes.
    pub end: BlockNumber,
}

/// How many there are, as the chain counts.
fn count(voters: &[AccountId]) -> u32 {
    u32::try_from(voters.len()).unwrap_or(u32::MAX)
}

#[frame_support::pallet]
#[allow(
    clippy::pedantic,
    clippy::expect_used,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "the FRAME macros expand into this module, and calls take the arguments that clients send"
)]
pub mod pallet {
    use alloc::{boxed::Box, vec::Vec};

    use frame_support::{
        dispatch::{DispatchResultWithPostInfo, GetDispatchInfo, Pays, PostDispatchInfo},
        instances::Instance2,
        pallet_prelude::*,
        traits::UnfilteredDispatchable,
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use sp_runtime::traits::{Dispatchable, Hash as _};

    use super::{RawOrigin, Votes, count};
    use crate::AccountId;

    /// Least blocks a proposal is open: 12 hours.
    pub const MOTION_DURATION: u32 = 3_600;
    /// Proposals open at once.
    const MAX_PROPOSALS: u32 = 10;
    const PROPOSAL_WEIGHT: Weight = Weight::from_parts(30_000_000, 3_806);

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<
            AccountId = AccountId,
            Hash = H256,
            RuntimeEvent: From<Event<Self>>,
            RuntimeOrigin: From<RawOrigin> + Into<Result<RawOrigin, OriginFor<Self>>>,
        > + pallet_membership::Config<Instance2>
    {
        /// The runtime's calls.
        type Proposal: Parameter
            + Dispatchable<RuntimeOrigin = OriginFor<Self>, PostInfo = PostDispatchInfo>
            + UnfilteredDispatchable<RuntimeOrigin = OriginFor<Self>>
            + GetDispatchInfo;
    }

    #[pallet::origin]
    pub type Origin = RawOrigin;

    /// Hashes of the open proposals.
    #[pallet::storage]
    pub type Proposals<T: Config> = StorageValue<_, BoundedVec<H256, ConstU32<MAX_PROPOSALS>>, ValueQuery>;
    /// What is proposed.
    #[pallet::storage]
    pub type ProposalOf<T: Config> = StorageMap<_, Identity, H256, <T as Config>::Proposal>;
    /// Who voted how.
    #[pallet::storage]
    pub type Voting<T: Config> = StorageMap<_, Identity, H256, Votes>;
    /// Proposals so far.
    #[pallet::storage]
    pub type ProposalCount<T: Config> = StorageValue<_, u32, ValueQuery>;
    /// The triumvirate, sorted.
    #[pallet::storage]
    pub type Members<T: Config> = StorageValue<_, Vec<AccountId>, ValueQuery>;
    /// Whose vote counts for those who did not vote.
    #[pallet::storage]
    pub type Prime<T: Config> = StorageValue<_, AccountId>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A call was proposed.
        Proposed { account: AccountId, proposal_index: u32, proposal_hash: H256, threshold: u32 },
        /// A senator voted.
        Voted { account: AccountId, proposal_hash: H256, voted: bool, yes: u32, no: u32 },
        /// A proposal has enough ayes.
        Approved { proposal_hash: H256 },
        /// A proposal cannot get enough ayes any more.
        Disapproved { proposal_hash: H256 },
        /// An approved proposal ran.
        Executed { proposal_hash: H256, result: DispatchResult },
        /// A member's own call ran.
        MemberExecuted { proposal_hash: H256, result: DispatchResult },
        /// A proposal was closed with so many votes.
        Closed { proposal_hash: H256, yes: u32, no: u32 },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The account is no member.
        NotMember,
        /// This call is proposed already.
        DuplicateProposal,
        /// There is no such proposal.
        ProposalMissing,
        /// The proposal has another index.
        WrongIndex,
        /// The member has voted so already.
        DuplicateVote,
        /// The members are set already.
        AlreadyInitialized,
        /// The vote is still open.
        TooEarly,
        /// As many proposals are open as may be.
        TooManyProposals,
        /// The proposal weighs more than was said.
        WrongProposalWeight,
        /// The proposal is longer than was said.
        WrongProposalLength,
        /// The vote would be shorter or longer than one may be.
        WrongDuration,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Refused: members come from `TriumvirateMembers`.
        #[pallet::call_index(0)]
        #[pallet::weight((PROPOSAL_WEIGHT, DispatchClass::Operational))]
        pub fn set_members(
            _origin: OriginFor<T>,
            _new_members: Vec<AccountId>,
            _prime: Option<AccountId>,
            _old_count: u32,
        ) -> DispatchResult {
            Err(DispatchError::BadOrigin)
        }

        /// Makes a call as a member of the triumvirate.
        #[pallet::call_index(1)]
        #[pallet::weight((
            PROPOSAL_WEIGHT.saturating_add(proposal.get_dispatch_info().call_weight),
            DispatchClass::Operational,
        ))]
        pub fn execute(
            origin: OriginFor<T>,
            proposal: Box<<T as Config>::Proposal>,
            #[pallet::compact] length_bound: u32,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(Members::<T>::get().contains(&who), Error::<T>::NotMember);
            Self::ensure_length(&proposal, length_bound)?;
            let proposal_hash = T::Hashing::hash_of(&proposal);
            let result = proposal.dispatch(RawOrigin::Member(who).into());
            let result = result.map(drop).map_err(|error| error.error);
            Self::deposit_event(Event::MemberExecuted { proposal_hash, result });
            Ok(())
        }

        /// Proposes a call for `duration` blocks.
        #[pallet::call_index(2)]
        #[pallet::weight((PROPOSAL_WEIGHT, DispatchClass::Operational))]
        pub fn propose(
            origin: OriginFor<T>,
            proposal: Box<<T as Config>::Proposal>,
            #[pallet::compact] length_bound: u32,
            duration: BlockNumberFor<T>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(Members::<T>::get().contains(&who), Error::<T>::NotMember);
            ensure!(duration >= MOTION_DURATION.into(), Error::<T>::WrongDuration);
            Self::open(who, *proposal, length_bound, duration)
        }

        /// Refused: senators vote through `SubtensorModule.vote`.
        #[pallet::call_index(3)]
        #[pallet::weight((PROPOSAL_WEIGHT, DispatchClass::Operational))]
        pub fn vote(
            origin: OriginFor<T>,
            _proposal: H256,
            #[pallet::compact] _index: u32,
            _approve: bool,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Err(Error::<T>::NotMember.into())
        }

        /// Drops a proposal.
        #[pallet::call_index(5)]
        #[pallet::weight(PROPOSAL_WEIGHT)]
        pub fn disapprove_proposal(origin: OriginFor<T>, proposal_hash: H256) -> DispatchResult {
            ensure_root(origin)?;
            Self::disapprove(proposal_hash);
            Ok(())
        }

        /// Ends a proposal that is decided, or whose time is over.
        #[pallet::call_index(6)]
        #[pallet::weight((PROPOSAL_WEIGHT.saturating_add(*proposal_weight_bound), DispatchClass::Operational))]
        pub fn close(
            origin: OriginFor<T>,
            proposal_hash: H256,
            #[pallet::compact] index: u32,
            proposal_weight_bound: Weight,
            #[pallet::compact] length_bound: u32,
        ) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            Self::end(proposal_hash, index, proposal_weight_bound, length_bound)
        }
    }

    impl<T: Config> Pallet<T> {
        fn ensure_length(proposal: &<T as Config>::Proposal, bound: u32) -> DispatchResult {
            let length = u32::try_from(proposal.encoded_size()).unwrap_or(u32::MAX);
            ensure!(length <= bound, Error::<T>::WrongProposalLength);
            Ok(())
        }

        fn seats() -> u32 {
            count(&pallet_membership::Members::<T, Instance2>::get())
        }

        fn open(
            account: AccountId,
            proposal: <T as Config>::Proposal,
            length_bound: u32,
            duration: BlockNumberFor<T>,
        ) -> DispatchResult {
            Self::ensure_length(&proposal, length_bound)?;
            let proposal_hash = T::Hashing::hash_of(&proposal);
            ensure!(!ProposalOf::<T>::contains_key(proposal_hash), Error::<T>::DuplicateProposal);
            Proposals::<T>::try_mutate(|open| open.try_push(proposal_hash))
                .map_err(|_| Error::<T>::TooManyProposals)?;
            let proposal_index = ProposalCount::<T>::mutate(|count| {
                let index = *count;
                *count = count.saturating_add(1);
                index
            });
            let threshold = Self::seats() / 2 + 1;
            ProposalOf::<T>::insert(proposal_hash, proposal);
            let end = Self::block().saturating_add(super::block_number::<T>(duration));
            let votes = Votes { index: proposal_index, threshold, ayes: Vec::new(), nays: Vec::new(), end };
            Voting::<T>::insert(proposal_hash, votes);
            Self::deposit_event(Event::Proposed { account, proposal_index, proposal_hash, threshold });
            Ok(())
        }

        fn block() -> u32 {
            super::block_number::<T>(frame_system::Pallet::<T>::block_number())
        }

        fn end(proposal_hash: H256, index: u32, weight_bound: Weight, length_bound: u32) -> DispatchResultWithPostInfo {
            let votes = Voting::<T>::get(proposal_hash).ok_or(Error::<T>::ProposalMissing)?;
            ensure!(votes.index == index, Error::<T>::WrongIndex);
            let (mut yes, mut no) = (count(&votes.ayes), count(&votes.nays));
            let seats = Self::seats();
            let decided = yes >= votes.threshold || seats.saturating_sub(no) < votes.threshold;
            if !decided {
                ensure!(Self::block() >= votes.end, Error::<T>::TooEarly);
                let silent = seats.saturating_sub(yes.saturating_add(no));
                // Those who did not vote are counted with the prime; without one, against.
                let for_it = Prime::<T>::get().is_some_and(|prime| votes.ayes.contains(&prime));
                if for_it { yes = yes.saturating_add(silent) } else { no = no.saturating_add(silent) }
            }
            if yes >= votes.threshold {
                let proposal = Self::checked_proposal(proposal_hash, weight_bound, length_bound)?;
                Self::deposit_event(Event::Closed { proposal_hash, yes, no });
                Self::deposit_event(Event::Approved { proposal_hash });
                let result = proposal.dispatch(RawOrigin::Members(yes, seats).into());
                let result = result.map(drop).map_err(|error| error.error);
                Self::deposit_event(Event::Executed { proposal_hash, result });
                Self::forget(proposal_hash);
                return Ok(Pays::Yes.into());
            }
            Self::deposit_event(Event::Closed { proposal_hash, yes, no });
            Self::disapprove(proposal_hash);
            Ok(Pays::No.into())
        }

        fn checked_proposal(
            hash: H256,
            weight_bound: Weight,
            length_bound: u32,
        ) -> Result<<T as Config>::Proposal, DispatchError> {
            let proposal = ProposalOf::<T>::get(hash).ok_or(Error::<T>::ProposalMissing)?;
            Self::ensure_length(&proposal, length_bound)?;
            let weight = proposal.get_dispatch_info().call_weight;
            ensure!(weight.all_lte(weight_bound), Error::<T>::WrongProposalWeight);
            Ok(proposal)
        }

        fn disapprove(proposal_hash: H256) {
            Self::deposit_event(Event::Disapproved { proposal_hash });
            Self::forget(proposal_hash);
        }

        fn forget(hash: H256) {
            ProposalOf::<T>::remove(hash);
            Voting::<T>::remove(hash);
            Proposals::<T>::mutate(|open| open.retain(|known| *known != hash));
        }
    }
}

fn block_number<T: Config>(number: frame_system::pallet_prelude::BlockNumberFor<T>) -> BlockNumber {
    number.saturated_into()
}

impl<T: Config> Pallet<T> {
    /// Counts the vote of a senator, and tells whether it is their first on this proposal.
    ///
    /// # Errors
    /// `ProposalMissing`, `WrongIndex` when the number is another proposal's, and `DuplicateVote` when nothing changes.
    pub fn add_vote(account: &AccountId, proposal_hash: H256, index: u32, voted: bool) -> Result<bool, DispatchError> {
        let mut votes = Voting::<T>::get(proposal_hash).ok_or(Error::<T>::ProposalMissing)?;
        frame_support::ensure!(votes.index == index, Error::<T>::WrongIndex);
        let first = !votes.ayes.contains(account) && !votes.nays.contains(account);
        let (side, other) = if voted { (&mut votes.ayes, &mut votes.nays) } else { (&mut votes.nays, &mut votes.ayes) };
        frame_support::ensure!(!side.contains(account), Error::<T>::DuplicateVote);
        side.push(account.clone());
        if let Some(place) = other.iter().position(|voter| voter == account) {
            other.swap_remove(place);
        }
        let (yes, no) = (count(&votes.ayes), count(&votes.nays));
        Voting::<T>::insert(proposal_hash, votes);
        Self::deposit_event(Event::Voted { account: account.clone(), proposal_hash, voted, yes, no });
        Ok(first)
    }

    /// Takes back all votes of somebody who left.
    pub fn remove_votes(account: &AccountId) {
        for hash in Proposals::<T>::get() {
            Voting::<T>::mutate(hash, |votes| {
                if let Some(votes) = votes {
                    votes.ayes.retain(|voter| voter != account);
                    votes.nays.retain(|voter| voter != account);
                }
            });
        }
    }

    /// Runs a call of an approved proposal as root; the caller has checked the origin.
    pub(crate) fn run_as_root(call: <T as Config>::Proposal) -> DispatchResult
    where
        <T as Config>::Proposal: frame_support::traits::UnfilteredDispatchable,
    {
        use frame_support::traits::UnfilteredDispatchable;
        call.dispatch_bypass_filter(frame_system::RawOrigin::Root.into()).map(drop).map_err(|error| error.error)
    }
}

impl<T: Config> ChangeMembers<AccountId> for Pallet<T> {
    fn change_members_sorted(_incoming: &[AccountId], outgoing: &[AccountId], new: &[AccountId]) {
        outgoing.iter().for_each(Self::remove_votes);
        Members::<T>::put(new.to_vec());
        Prime::<T>::kill();
    }

    fn set_prime(prime: Option<AccountId>) {
        Prime::<T>::set(prime);
    }

    fn get_prime() -> Option<AccountId> {
        Prime::<T>::get()
    }
}

impl<T: Config> InitializeMembers<AccountId> for Pallet<T> {
    fn initialize_members(members: &[AccountId]) {
        if !members.is_empty() {
            Members::<T>::put(members.to_vec());
        }
    }
}

/// The senate's list of members.
pub type Senate<T> = pallet_membership::Pallet<T, Instance2>;
