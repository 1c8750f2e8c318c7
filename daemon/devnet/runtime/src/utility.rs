//! `Utility`: several calls in one, and calls in another's name.
//!
//! The pallet stands here and not upstream's, because node-subtensor takes no fee for a batch of calls that all cost
//! nothing, and no extension can tell so of a call afterwards. What the upstream pallet measures and derives is its own.

use alloc::vec::Vec;

use frame_support::{
    dispatch::{DispatchClass, DispatchInfo, GetDispatchInfo, Pays, PostDispatchInfo, extract_actual_weight},
    traits::UnfilteredDispatchable,
    weights::{Weight, constants::RocksDbWeight},
};
use pallet_utility::WeightInfo;
use sp_runtime::DispatchResultWithInfo;

pub use pallet::*;

use crate::{RuntimeCall, RuntimeOrigin, guards, weights::Utility as Weights};

/// Calls of a batch.
const GREATEST_BATCH: u32 = 10_922;

/// What a batch of calls is charged for beside its own weight, and whether it pays: not when none of its calls does.
fn charge(calls: &[RuntimeCall], own: Weight) -> (Weight, DispatchClass, Pays) {
    let infos: Vec<DispatchInfo> = calls.iter().map(GetDispatchInfo::get_dispatch_info).collect();
    let weight = infos.iter().fold(own, |sum, info| sum.saturating_add(info.call_weight));
    let operational = !infos.is_empty() && infos.iter().all(|info| info.class == DispatchClass::Operational);
    let class = if operational { DispatchClass::Operational } else { DispatchClass::Normal };
    let free = infos.iter().all(|info| info.pays_fee == Pays::No);
    (weight, class, if free { Pays::No } else { Pays::Yes })
}

fn count(calls: &[RuntimeCall]) -> u32 {
    u32::try_from(calls.len()).unwrap_or(u32::MAX)
}

/// The weight of a call in another's name, without the call.
fn derivative_weight() -> Weight {
    Weights::as_derivative().saturating_add(RocksDbWeight::get().reads_writes(1, 1))
}

/// Who makes a call, and whether filters bind them.
#[derive(Clone)]
struct Caller {
    origin: RuntimeOrigin,
    is_root: bool,
}

impl Caller {
    /// Makes the call. Returns its result and what it weighed.
    fn make(&self, call: RuntimeCall) -> (DispatchResultWithInfo<PostDispatchInfo>, Weight) {
        let info = call.get_dispatch_info();
        let result = if self.is_root {
            call.dispatch_bypass_filter(self.origin.clone())
        } else {
            guards::dispatch(call, self.origin.clone())
        };
        let weight = extract_actual_weight(&result, &info);
        (result, weight)
    }
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
        dispatch::{DispatchErrorWithPostInfo, DispatchResultWithPostInfo},
        pallet_prelude::*,
        traits::OriginTrait,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::BadOrigin;

    use super::{
        Caller, GREATEST_BATCH, RuntimeCall, RuntimeOrigin, UnfilteredDispatchable, Vec, WeightInfo, Weights, charge,
        count, derivative_weight,
    };
    use crate::{AccountId, OriginCaller};

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<AccountId = AccountId, RuntimeOrigin = RuntimeOrigin, RuntimeEvent: From<Event<Self>>>
    {
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        #[pallet::constant_name(batched_calls_limit)]
        fn batched_calls_limit() -> u32 {
            GREATEST_BATCH
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A batch stopped at a call that failed.
        BatchInterrupted {
            /// Its place.
            index: u32,
            /// Why it failed.
            error: DispatchError,
        },
        /// All calls of a batch succeeded.
        BatchCompleted,
        /// Some calls of a batch failed.
        BatchCompletedWithErrors,
        /// A call of a batch succeeded.
        ItemCompleted,
        /// A call of a batch failed.
        ItemFailed {
            /// Why.
            error: DispatchError,
        },
        /// A call was made in another's name.
        DispatchedAs {
            /// How it went.
            result: DispatchResult,
        },
        /// The first of two calls succeeded.
        IfElseMainSuccess,
        /// The second of two calls succeeded.
        IfElseFallbackCalled {
            /// Why the first failed.
            main_error: DispatchError,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// Too many calls batched.
        TooManyCalls,
        /// Bad input data for derived account ID
        InvalidDerivedAccount,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Makes calls one after the other, up to the first that fails.
        #[pallet::call_index(0)]
        #[pallet::weight(charge(calls, Weights::batch(count(calls))))]
        pub fn batch(origin: OriginFor<T>, calls: Vec<RuntimeCall>) -> DispatchResultWithPostInfo {
            let caller = Self::caller(origin, &calls)?;
            let mut weight = Weight::zero();
            for (index, call) in (0..).zip(calls.iter().cloned()) {
                let (result, weighed) = caller.make(call);
                weight = weight.saturating_add(weighed);
                if let Err(failure) = result {
                    Self::deposit_event(Event::BatchInterrupted { index, error: failure.error });
                    return Ok(Some(Weights::batch(index.saturating_add(1)).saturating_add(weight)).into());
                }
                Self::deposit_event(Event::ItemCompleted);
            }
            Self::deposit_event(Event::BatchCompleted);
            Ok(Some(Weights::batch(count(&calls)).saturating_add(weight)).into())
        }

        /// Makes a call in the name of an account that is derived from the signer's.
        #[pallet::call_index(1)]
        #[pallet::weight({
            let info = call.get_dispatch_info();
            (derivative_weight().saturating_add(info.call_weight), info.class)
        })]
        pub fn as_derivative(origin: OriginFor<T>, index: u16, call: Box<RuntimeCall>) -> DispatchResultWithPostInfo {
            let mut origin = origin;
            let who = ensure_signed(origin.clone())?;
            let derived = pallet_utility::derivative_account_id(who, index);
            origin.set_caller_from(frame_system::RawOrigin::Signed(derived));
            let (result, weighed) = Caller { origin, is_root: false }.make(*call);
            let weight = derivative_weight().saturating_add(weighed);
            match result {
                Ok(_) => Ok(Some(weight).into()),
                Err(failure) => Err(DispatchErrorWithPostInfo { post_info: Some(weight).into(), error: failure.error }),
            }
        }

        /// Makes calls one after the other, all or none.
        #[pallet::call_index(2)]
        #[pallet::weight(charge(calls, Weights::batch_all(count(calls))))]
        pub fn batch_all(origin: OriginFor<T>, calls: Vec<RuntimeCall>) -> DispatchResultWithPostInfo {
            let mut caller = Self::caller(origin, &calls)?;
            if !caller.is_root {
                // Such a batch cannot be inside another.
                caller
                    .origin
                    .add_filter(|call: &RuntimeCall| !matches!(call, RuntimeCall::Utility(Call::batch_all { .. })));
            }
            let mut weight = Weight::zero();
            for (index, call) in (0_u32..).zip(calls.iter().cloned()) {
                let (result, weighed) = caller.make(call);
                weight = weight.saturating_add(weighed);
                if let Err(failure) = result {
                    let post_info = Some(Weights::batch_all(index.saturating_add(1)).saturating_add(weight)).into();
                    return Err(DispatchErrorWithPostInfo { post_info, error: failure.error });
                }
                Self::deposit_event(Event::ItemCompleted);
            }
            Self::deposit_event(Event::BatchCompleted);
            Ok(Some(Weights::batch_all(count(&calls)).saturating_add(weight)).into())
        }

        /// Makes a call with any origin, and tells how it went.
        #[pallet::call_index(3)]
        #[pallet::weight({
            let info = call.get_dispatch_info();
            (Weights::dispatch_as().saturating_add(info.call_weight), info.class)
        })]
        pub fn dispatch_as(
            origin: OriginFor<T>,
            as_origin: Box<OriginCaller>,
            call: Box<RuntimeCall>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            let result = call.dispatch_bypass_filter((*as_origin).into());
            Self::deposit_event(Event::DispatchedAs { result: result.map(|_| ()).map_err(|failure| failure.error) });
            Ok(())
        }

        /// Makes calls one after the other, whichever fail.
        #[pallet::call_index(4)]
        #[pallet::weight(charge(calls, Weights::force_batch(count(calls))))]
        pub fn force_batch(origin: OriginFor<T>, calls: Vec<RuntimeCall>) -> DispatchResultWithPostInfo {
            let caller = Self::caller(origin, &calls)?;
            let mut weight = Weights::force_batch(count(&calls));
            let mut failed = false;
            for call in calls {
                let (result, weighed) = caller.make(call);
                weight = weight.saturating_add(weighed);
                failed |= result.is_err();
                Self::deposit_event(match result {
                    Ok(_) => Event::ItemCompleted,
                    Err(failure) => Event::ItemFailed { error: failure.error },
                });
            }
            Self::deposit_event(if failed { Event::BatchCompletedWithErrors } else { Event::BatchCompleted });
            Ok(Some(weight).into())
        }

        /// Makes a call as root, for a weight that is stated.
        #[pallet::call_index(5)]
        #[pallet::weight((*weight, call.get_dispatch_info().class))]
        pub fn with_weight(origin: OriginFor<T>, call: Box<RuntimeCall>, weight: Weight) -> DispatchResult {
            ensure_root(origin)?;
            // It was charged for; the call is not asked what it weighs.
            let _ = weight;
            call.dispatch_bypass_filter(frame_system::RawOrigin::Root.into())
                .map(|_| ())
                .map_err(|failure| failure.error)
        }

        /// Makes a call, and another one when it fails.
        #[pallet::call_index(6)]
        #[pallet::weight({
            let (main, fallback) = (main.get_dispatch_info(), fallback.get_dispatch_info());
            let operational = DispatchClass::Operational;
            (
                Weights::if_else().saturating_add(main.call_weight).saturating_add(fallback.call_weight),
                if main.class == operational && fallback.class == operational { operational } else { DispatchClass::Normal },
            )
        })]
        pub fn if_else(
            origin: OriginFor<T>,
            main: Box<RuntimeCall>,
            fallback: Box<RuntimeCall>,
        ) -> DispatchResultWithPostInfo {
            let caller = Self::caller(origin, &[])?;
            let (result, weighed) = caller.make(*main);
            let mut weight = Weights::if_else().saturating_add(weighed);
            let Err(failure) = result else {
                Self::deposit_event(Event::IfElseMainSuccess);
                return Ok(Some(weight).into());
            };
            let main_error = failure.error;
            let (result, weighed) = caller.make(*fallback);
            weight = weight.saturating_add(weighed);
            match result {
                Ok(_) => {
                    Self::deposit_event(Event::IfElseFallbackCalled { main_error });
                    Ok(Some(weight).into())
                }
                Err(failure) => Err(DispatchErrorWithPostInfo { post_info: Some(weight).into(), error: failure.error }),
            }
        }

        /// Makes a call with any origin, and fails when it fails.
        #[pallet::call_index(7)]
        #[pallet::weight({
            let info = call.get_dispatch_info();
            (Weights::dispatch_as_fallible().saturating_add(info.call_weight), info.class)
        })]
        pub fn dispatch_as_fallible(
            origin: OriginFor<T>,
            as_origin: Box<OriginCaller>,
            call: Box<RuntimeCall>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            call.dispatch_bypass_filter((*as_origin).into()).map_err(|failure| failure.error)?;
            Self::deposit_event(Event::DispatchedAs { result: Ok(()) });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Who makes these calls: anybody that is somebody.
        fn caller(origin: RuntimeOrigin, calls: &[RuntimeCall]) -> Result<Caller, DispatchError> {
            ensure!(ensure_none(origin.clone()).is_err(), BadOrigin);
            ensure!(count(calls) <= GREATEST_BATCH, Error::<T>::TooManyCalls);
            let is_root = ensure_root(origin.clone()).is_ok();
            Ok(Caller { origin, is_root })
        }
    }
}
