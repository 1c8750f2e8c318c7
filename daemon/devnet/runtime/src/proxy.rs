//! `Proxy`: accounts that act for others, at once or after an announcement, within what their kind allows.
//!
//! The pallet stands here and not upstream's, because node-subtensor keeps its own copy: it remembers how the last call
//! in an account's name went, lets that account pay the fees of calls in its name, and tells of new pure accounts without
//! where they were made. What the upstream pallet measures and how it stores proxies is its own. The kinds are in
//! [`kind`], which calls each may make in [`filters`], who pays in [`payer`], what the calls do in `delegations`.

mod delegations;
#[allow(clippy::cast_possible_truncation, reason = "so the derived codec numbers variants")]
pub mod filters;
#[allow(clippy::cast_possible_truncation, reason = "so the derived codec numbers variants")]
pub mod kind;
pub(crate) mod payer;

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    BoundedVec,
    traits::{ConstU32, ReservableCurrency},
};
use scale_info::TypeInfo;
use sp_core::H256;

pub use kind::ProxyType;
pub use pallet::*;
use pallet_proxy::ProxyDefinition;

use crate::{AccountId, Balance};

/// Proxies an account may have.
const GREATEST_PROXIES: u32 = 20;
/// Announcements a proxy may have open.
const GREATEST_ANNOUNCEMENTS: u32 = 75;
/// Deposit for having proxies, in rao: one item of 40 bytes.
const PROXY_BASE: Balance = crate::config::deposit(1, 40);
/// Deposit for each of them: 33 bytes.
const PROXY_EACH: Balance = crate::config::deposit(0, 33);
/// Deposit for having announcements open: one item of 16 bytes.
const ANNOUNCEMENT_BASE: Balance = crate::config::deposit(1, 16);
/// Deposit for each of them: 68 bytes.
const ANNOUNCEMENT_EACH: Balance = crate::config::deposit(0, 68);

/// The proxies of an account.
pub type ProxiesOf<BlockNumber> =
    BoundedVec<ProxyDefinition<AccountId, ProxyType, BlockNumber>, ConstU32<GREATEST_PROXIES>>;

/// A call that a proxy means to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Announcement<AccountId, Hash, BlockNumber> {
    /// In whose name.
    pub real: AccountId,
    /// Which, by its hash.
    pub call_hash: Hash,
    /// When it was announced.
    pub height: BlockNumber,
}

/// The deposit for `count` things.
fn deposit(base: Balance, each: Balance, count: usize) -> Balance {
    if count == 0 {
        return 0;
    }
    base.saturating_add(each.saturating_mul(Balance::try_from(count).unwrap_or(Balance::MAX)))
}

fn proxy_deposit(count: usize) -> Balance {
    deposit(PROXY_BASE, PROXY_EACH, count)
}

fn announcement_deposit(count: usize) -> Balance {
    deposit(ANNOUNCEMENT_BASE, ANNOUNCEMENT_EACH, count)
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
    use alloc::boxed::Box;

    use frame_support::{
        dispatch::{DispatchResultWithPostInfo, Pays},
        pallet_prelude::*,
        weights::constants::RocksDbWeight,
    };
    use frame_system::pallet_prelude::*;
    use pallet_proxy::{DepositKind, WeightInfo};
    use sp_runtime::traits::{BlakeTwo256, Hash, Saturating, StaticLookup};

    use super::{
        ANNOUNCEMENT_BASE, ANNOUNCEMENT_EACH, Announcement, GREATEST_ANNOUNCEMENTS, GREATEST_PROXIES, H256, PROXY_BASE,
        PROXY_EACH, ProxiesOf, ProxyDefinition, ProxyType, ReservableCurrency, Vec, announcement_deposit,
        proxy_deposit,
    };
    use crate::{AccountId, Balance, RuntimeCall, RuntimeOrigin, weights::Proxy as Weights};

    type Source<T> = <<T as frame_system::Config>::Lookup as StaticLookup>::Source;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<AccountId = AccountId, RuntimeOrigin = RuntimeOrigin, RuntimeEvent: From<Event<Self>>>
        + pallet_balances::Config<Balance = Balance>
    {
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        #[pallet::constant_name(ProxyDepositBase)]
        fn proxy_deposit_base() -> Balance {
            PROXY_BASE
        }

        #[pallet::constant_name(ProxyDepositFactor)]
        fn proxy_deposit_factor() -> Balance {
            PROXY_EACH
        }

        #[pallet::constant_name(MaxProxies)]
        fn max_proxies() -> u32 {
            GREATEST_PROXIES
        }

        #[pallet::constant_name(MaxPending)]
        fn max_pending() -> u32 {
            GREATEST_ANNOUNCEMENTS
        }

        #[pallet::constant_name(AnnouncementDepositBase)]
        fn announcement_deposit_base() -> Balance {
            ANNOUNCEMENT_BASE
        }

        #[pallet::constant_name(AnnouncementDepositFactor)]
        fn announcement_deposit_factor() -> Balance {
            ANNOUNCEMENT_EACH
        }
    }

    /// Who may act for an account, and what is reserved for that.
    #[pallet::storage]
    pub type Proxies<T: Config> =
        StorageMap<_, Twox64Concat, AccountId, (ProxiesOf<BlockNumberFor<T>>, Balance), ValueQuery>;

    /// The calls that a proxy has announced, and what is reserved for that.
    #[pallet::storage]
    pub type Announcements<T: Config> = StorageMap<
        _,
        Twox64Concat,
        AccountId,
        (BoundedVec<Announcement<AccountId, H256, BlockNumberFor<T>>, ConstU32<GREATEST_ANNOUNCEMENTS>>, Balance),
        ValueQuery,
    >;

    /// How the last call in an account's name went that was made in this block.
    #[pallet::storage]
    pub type LastCallResult<T: Config> = StorageMap<_, Twox64Concat, AccountId, DispatchResult, OptionQuery>;

    /// Accounts that pay the fees of what a proxy calls in their name.
    #[pallet::storage]
    pub type RealPaysFee<T: Config> =
        StorageDoubleMap<_, Twox64Concat, AccountId, Twox64Concat, AccountId, (), OptionQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A proxy made a call.
        ProxyExecuted {
            /// How it went.
            result: DispatchResult,
        },
        /// An account without a key was made.
        PureCreated {
            /// The account.
            pure: AccountId,
            /// Who made it.
            who: AccountId,
            /// How who made it may act for it.
            proxy_type: ProxyType,
            /// Tells apart several made by one extrinsic.
            disambiguation_index: u16,
        },
        /// An account without a key was given up.
        PureKilled {
            /// The account.
            pure: AccountId,
            /// Who had made it.
            spawner: AccountId,
            /// How who made it could act for it.
            proxy_type: ProxyType,
            /// Told apart several made by one extrinsic.
            disambiguation_index: u16,
        },
        /// A proxy announced a call.
        Announced {
            /// In whose name.
            real: AccountId,
            /// The proxy.
            proxy: AccountId,
            /// The hash of the call.
            call_hash: H256,
        },
        /// Somebody may act for an account.
        ProxyAdded {
            /// For whom.
            delegator: AccountId,
            /// Who.
            delegatee: AccountId,
            /// What he may do.
            proxy_type: ProxyType,
            /// Blocks after its announcement.
            delay: BlockNumberFor<T>,
        },
        /// Somebody may no longer act for an account.
        ProxyRemoved {
            /// For whom.
            delegator: AccountId,
            /// Who.
            delegatee: AccountId,
            /// What he could do.
            proxy_type: ProxyType,
            /// Blocks after its announcement.
            delay: BlockNumberFor<T>,
        },
        /// A deposit was settled anew.
        DepositPoked {
            /// Whose.
            who: AccountId,
            /// What for.
            kind: DepositKind,
            /// Rao that were reserved.
            old_deposit: Balance,
            /// Rao that are.
            new_deposit: Balance,
        },
        /// An account pays a proxy's fees, or no longer does.
        RealPaysFeeSet {
            /// The account.
            real: AccountId,
            /// The proxy.
            delegate: AccountId,
            /// Whether it pays.
            pays_fee: bool,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// There are too many proxies registered or too many announcements pending.
        TooMany,
        /// Proxy registration not found.
        NotFound,
        /// Sender is not a proxy of the account to be proxied.
        NotProxy,
        /// A call which is incompatible with the proxy type's filter was attempted.
        Unproxyable,
        /// Account is already a proxy.
        Duplicate,
        /// Call may not be made by proxy because it may escalate its privileges.
        NoPermission,
        /// Announcement, if made at all, was made too recently.
        Unannounced,
        /// Cannot add self as proxy.
        NoSelfProxy,
        /// Invariant violated: deposit recomputation returned None after updating announcements.
        AnnouncementDepositInvariantViolated,
        /// Failed to derive a valid account id from the provided entropy.
        InvalidDerivedAccountId,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_finalize(_block: BlockNumberFor<T>) {
            let _ = LastCallResult::<T>::clear(u32::MAX, None);
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Makes a call in the name of an account that lets the signer do so at once.
        #[pallet::call_index(0)]
        #[pallet::weight({
            let info = call.get_dispatch_info();
            let own = Weights::proxy(GREATEST_PROXIES).saturating_add(RocksDbWeight::get().reads_writes(1, 1));
            (own.saturating_add(info.call_weight), info.class)
        })]
        pub fn proxy(
            origin: OriginFor<T>,
            real: Source<T>,
            force_proxy_type: Option<ProxyType>,
            call: Box<RuntimeCall>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let real = T::Lookup::lookup(real)?;
            let proxy = Self::find_proxy(&real, &who, force_proxy_type)?;
            ensure!(proxy.delay == 0_u32.into(), Error::<T>::Unannounced);
            Self::act(proxy.proxy_type, real, *call);
            Ok(())
        }

        /// Lets somebody act for the signer.
        #[pallet::call_index(1)]
        #[pallet::weight(Weights::add_proxy(GREATEST_PROXIES))]
        pub fn add_proxy(
            origin: OriginFor<T>,
            delegate: Source<T>,
            proxy_type: ProxyType,
            delay: BlockNumberFor<T>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let delegate = T::Lookup::lookup(delegate)?;
            Self::add_proxy_delegate(&who, delegate, proxy_type, delay)
        }

        /// Lets somebody act for the signer no longer.
        #[pallet::call_index(2)]
        #[pallet::weight(Weights::remove_proxy(GREATEST_PROXIES))]
        pub fn remove_proxy(
            origin: OriginFor<T>,
            delegate: Source<T>,
            proxy_type: ProxyType,
            delay: BlockNumberFor<T>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let delegate = T::Lookup::lookup(delegate)?;
            Self::remove_proxy_delegate(&who, delegate, proxy_type, delay)
        }

        /// Lets nobody act for the signer any more; that is not told by an event.
        #[pallet::call_index(3)]
        #[pallet::weight(Weights::remove_proxies(GREATEST_PROXIES))]
        pub fn remove_proxies(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::remove_all(&who)
        }

        /// Makes an account without a key, for which only the signer may act.
        #[pallet::call_index(4)]
        #[pallet::weight(Weights::create_pure(GREATEST_PROXIES))]
        pub fn create_pure(
            origin: OriginFor<T>,
            proxy_type: ProxyType,
            delay: BlockNumberFor<T>,
            index: u16,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let pure = Self::pure_account(&who, proxy_type, index, Self::place())?;
            ensure!(!Proxies::<T>::contains_key(&pure), Error::<T>::Duplicate);
            let definition = ProxyDefinition { delegate: who.clone(), proxy_type, delay };
            let proxies = ProxiesOf::try_from(Vec::from([definition])).map_err(|_| Error::<T>::TooMany)?;
            let reserved = proxy_deposit(1);
            pallet_balances::Pallet::<T>::reserve(&who, reserved)?;
            Proxies::<T>::insert(&pure, (proxies, reserved));
            Self::deposit_event(Event::PureCreated { pure, who, proxy_type, disambiguation_index: index });
            Ok(())
        }

        /// Gives an account without a key up for good; it signs this itself, through who made it.
        #[pallet::call_index(5)]
        #[pallet::weight(Weights::kill_pure(GREATEST_PROXIES))]
        pub fn kill_pure(
            origin: OriginFor<T>,
            spawner: Source<T>,
            proxy_type: ProxyType,
            index: u16,
            #[pallet::compact] height: BlockNumberFor<T>,
            #[pallet::compact] ext_index: u32,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let spawner = T::Lookup::lookup(spawner)?;
            let made = Self::pure_account(&spawner, proxy_type, index, (height, ext_index))?;
            ensure!(made == who, Error::<T>::NoPermission);
            let (_, reserved) = Proxies::<T>::take(&who);
            let _ = pallet_balances::Pallet::<T>::unreserve(&spawner, reserved);
            Self::deposit_event(Event::PureKilled { pure: who, spawner, proxy_type, disambiguation_index: index });
            Ok(())
        }

        /// Announces a call in the name of an account that lets the signer make it some blocks later.
        #[pallet::call_index(6)]
        #[pallet::weight(Weights::announce(GREATEST_ANNOUNCEMENTS, GREATEST_PROXIES))]
        pub fn announce(origin: OriginFor<T>, real: Source<T>, call_hash: H256) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let real = T::Lookup::lookup(real)?;
            Self::find_proxy(&real, &who, None)?;
            let (mut pending, held) = Announcements::<T>::get(&who);
            let height = frame_system::Pallet::<T>::block_number();
            pending
                .try_push(Announcement { real: real.clone(), call_hash, height })
                .map_err(|_| Error::<T>::TooMany)?;
            let wanted = announcement_deposit(pending.len());
            Self::settle(&who, held, wanted)?;
            Announcements::<T>::insert(&who, (pending, wanted));
            Self::deposit_event(Event::Announced { real, proxy: who, call_hash });
            Ok(())
        }

        /// Withdraws an announcement.
        #[pallet::call_index(7)]
        #[pallet::weight(Weights::remove_announcement(GREATEST_ANNOUNCEMENTS, GREATEST_PROXIES))]
        pub fn remove_announcement(origin: OriginFor<T>, real: Source<T>, call_hash: H256) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let real = T::Lookup::lookup(real)?;
            Self::forget_announcements(&who, |one| one.real == real && one.call_hash == call_hash)
        }

        /// Refuses what a proxy has announced in the signer's name.
        #[pallet::call_index(8)]
        #[pallet::weight(Weights::reject_announcement(GREATEST_ANNOUNCEMENTS, GREATEST_PROXIES))]
        pub fn reject_announcement(origin: OriginFor<T>, delegate: Source<T>, call_hash: H256) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let delegate = T::Lookup::lookup(delegate)?;
            Self::forget_announcements(&delegate, |one| one.real == who && one.call_hash == call_hash)
        }

        /// Makes a call that was announced long enough ago; anybody may sign this.
        #[pallet::call_index(9)]
        #[pallet::weight({
            let info = call.get_dispatch_info();
            let own = Weights::proxy_announced(GREATEST_ANNOUNCEMENTS, GREATEST_PROXIES)
                .saturating_add(RocksDbWeight::get().reads_writes(1, 1));
            (own.saturating_add(info.call_weight), info.class)
        })]
        pub fn proxy_announced(
            origin: OriginFor<T>,
            delegate: Source<T>,
            real: Source<T>,
            force_proxy_type: Option<ProxyType>,
            call: Box<RuntimeCall>,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            let delegate = T::Lookup::lookup(delegate)?;
            let real = T::Lookup::lookup(real)?;
            let proxy = Self::find_proxy(&real, &delegate, force_proxy_type)?;
            let hash = BlakeTwo256::hash_of(&call);
            let now = frame_system::Pallet::<T>::block_number();
            let due = |one: &Announcement<AccountId, H256, BlockNumberFor<T>>| {
                one.real == real && one.call_hash == hash && now.saturating_sub(one.height) >= proxy.delay
            };
            Self::forget_announcements(&delegate, due).map_err(|_| Error::<T>::Unannounced)?;
            Self::act(proxy.proxy_type, real, *call);
            Ok(())
        }

        /// Settles the signer's deposits anew; free when that changes them.
        #[pallet::call_index(10)]
        #[pallet::weight(Weights::poke_deposit())]
        pub fn poke_deposit(origin: OriginFor<T>) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let (proxies, held) = Proxies::<T>::get(&who);
            let wanted = proxy_deposit(proxies.len());
            let mut changed = Self::poke(&who, DepositKind::Proxies, held, wanted)?;
            if changed {
                Proxies::<T>::insert(&who, (proxies, wanted));
            }
            let (pending, held) = Announcements::<T>::get(&who);
            let wanted = announcement_deposit(pending.len());
            if Self::poke(&who, DepositKind::Announcements, held, wanted)? {
                Announcements::<T>::insert(&who, (pending, wanted));
                changed = true;
            }
            Ok(if changed { Pays::No } else { Pays::Yes }.into())
        }

        /// Makes the signer pay the fees of what a proxy calls in the signer's name, or no longer.
        #[pallet::call_index(11)]
        #[pallet::weight(Weights::poke_deposit())] // not recorded
        pub fn set_real_pays_fee(origin: OriginFor<T>, delegate: Source<T>, pays_fee: bool) -> DispatchResult {
            let real = ensure_signed(origin)?;
            let delegate = T::Lookup::lookup(delegate)?;
            Self::find_proxy(&real, &delegate, None)?;
            if pays_fee {
                RealPaysFee::<T>::insert(&real, &delegate, ());
            } else {
                RealPaysFee::<T>::remove(&real, &delegate);
            }
            Self::deposit_event(Event::RealPaysFeeSet { real, delegate, pays_fee });
            Ok(())
        }
    }
}
