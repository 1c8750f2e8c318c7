//! The calls of `AdminUtils`: indices, arguments and weights of the real one.
//!
//! Weights are those the real runtime reports or its benchmarks of June 2026 give, which agree wherever both are known,
//! since fees follow from them. Calls known from neither are marked: theirs stand in earlier sources of the pallet.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Names the authors of blocks from the next one on; naming none changes nothing.
        #[pallet::call_index(0)]
        #[pallet::weight(weight_of_authors(new_authorities.len()))]
        pub fn swap_authorities(
            origin: OriginFor<T>,
            new_authorities: BoundedVec<AuraId, ConstU32<32>>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Aura::change_authorities(new_authorities);
            Ok(())
        }

        /// Sets the greatest share a delegate may keep.
        #[pallet::call_index(1)]
        #[pallet::weight(Weight::from_parts(105_400_000, 0))]
        pub fn sudo_set_default_take(origin: OriginFor<T>, default_take: u16) -> DispatchResult {
            ensure_root(origin)?;
            s::MaxDelegateTake::<T>::put(default_take);
            Chain::<T>::announce(ChainEvent::MaxDelegateTakeSet(default_take));
            Ok(())
        }

        /// Sets the blocks between two swaps of hotkeys.
        #[pallet::call_index(2)]
        #[pallet::weight(Weight::from_parts(105_440_000, 0))]
        pub fn sudo_set_tx_rate_limit(origin: OriginFor<T>, tx_rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::TxRateLimit::<T>::put(tx_rate_limit);
            Chain::<T>::announce(ChainEvent::TxRateLimitSet(tx_rate_limit));
            Ok(())
        }

        /// Sets the blocks between two announcements of an endpoint.
        #[pallet::call_index(3)]
        #[pallet::weight(Weight::from_parts(228_633_000, 4_212))]
        pub fn sudo_set_serving_rate_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            serving_rate_limit: u64,
        ) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, Hyperparameter::ServingRateLimit, |_| {
                s::ServingRateLimit::<T>::insert(netuid, serving_rate_limit);
                Chain::<T>::announce(ChainEvent::ServingRateLimitSet(netuid, serving_rate_limit));
                Ok(())
            })
        }

        /// Sets the least difficulty, which nothing uses.
        #[pallet::call_index(4)]
        #[pallet::weight(Weight::from_parts(259_554_000, 4_383))]
        pub fn sudo_set_min_difficulty(origin: OriginFor<T>, netuid: NetUid, min_difficulty: u64) -> DispatchResult {
            Self::set_by_root_outside_window(origin, netuid)?;
            s::MinDifficulty::<T>::insert(netuid, min_difficulty);
            Chain::<T>::announce(ChainEvent::MinDifficultySet(netuid, min_difficulty));
            Ok(())
        }

        /// Sets the greatest difficulty, which nothing uses.
        #[pallet::call_index(5)]
        #[pallet::weight(Weight::from_parts(259_704_000, 4_383))]
        pub fn sudo_set_max_difficulty(origin: OriginFor<T>, netuid: NetUid, max_difficulty: u64) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::MaxDifficulty, |_| {
                s::MaxDifficulty::<T>::insert(netuid, max_difficulty);
                Chain::<T>::announce(ChainEvent::MaxDifficultySet(netuid, max_difficulty));
                Ok(())
            })
        }

        /// Sets the version of weights that validators must know.
        #[pallet::call_index(6)]
        #[pallet::weight(Weight::from_parts(259_204_000, 4_383))]
        pub fn sudo_set_weights_version_key(
            origin: OriginFor<T>,
            netuid: NetUid,
            weights_version_key: u64,
        ) -> DispatchResult {
            let tempos = s::WeightsVersionKeyRateLimit::<T>::get();
            let limit = tempos.saturating_mul(s::Tempo::<T>::get(netuid).into());
            Self::once_in(origin, netuid, s::action::WEIGHTS_VERSION, limit)?;
            Self::ensure_subnet(netuid)?;
            s::WeightsVersionKey::<T>::insert(netuid, weights_version_key);
            Chain::<T>::announce(ChainEvent::WeightsVersionKeySet(netuid, weights_version_key));
            Ok(())
        }

        /// Sets the blocks between two settings of weights.
        #[pallet::call_index(7)]
        #[pallet::weight(Weight::from_parts(141_420_000, 4_084))]
        pub fn sudo_set_weights_set_rate_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            weights_set_rate_limit: u64,
        ) -> DispatchResult {
            Self::set_by_root_on(origin, netuid)?;
            s::WeightsSetRateLimit::<T>::insert(netuid, weights_set_rate_limit);
            Chain::<T>::announce(ChainEvent::WeightsSetRateLimitSet(netuid, weights_set_rate_limit));
            Ok(())
        }

        /// Sets the interval of adjustment, which nothing uses.
        #[pallet::call_index(8)]
        #[pallet::weight(Weight::from_parts(141_320_000, 4_084))]
        pub fn sudo_set_adjustment_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            adjustment_interval: u16,
        ) -> DispatchResult {
            Self::set_by_root_on(origin, netuid)?;
            s::AdjustmentInterval::<T>::insert(netuid, adjustment_interval);
            Chain::<T>::announce(ChainEvent::AdjustmentIntervalSet(netuid, adjustment_interval));
            Ok(())
        }

        /// Sets how fast adjustment moves, which nothing uses.
        #[pallet::call_index(9)]
        #[pallet::weight(Weight::from_parts(139_000_000, 0))]
        pub fn sudo_set_adjustment_alpha(
            origin: OriginFor<T>,
            netuid: NetUid,
            adjustment_alpha: u64,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::AdjustmentAlpha, |_| {
                s::AdjustmentAlpha::<T>::insert(netuid, adjustment_alpha);
                Chain::<T>::announce(ChainEvent::AdjustmentAlphaSet(netuid, adjustment_alpha));
                Ok(())
            })
        }

        /// Sets the blocks in which a new neuron is not pruned.
        #[pallet::call_index(13)]
        #[pallet::weight(Weight::from_parts(259_414_000, 4_383))]
        pub fn sudo_set_immunity_period(origin: OriginFor<T>, netuid: NetUid, immunity_period: u16) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::ImmunityPeriod, |_| {
                s::ImmunityPeriod::<T>::insert(netuid, immunity_period);
                Chain::<T>::announce(ChainEvent::ImmunityPeriodSet(netuid, immunity_period));
                Ok(())
            })
        }

        /// Sets the least number of weights.
        #[pallet::call_index(14)]
        #[pallet::weight(Weight::from_parts(259_664_000, 4_383))]
        pub fn sudo_set_min_allowed_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_allowed_weights: u16,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::MinAllowedWeights, |_| {
                s::MinAllowedWeights::<T>::insert(netuid, min_allowed_weights);
                Chain::<T>::announce(ChainEvent::MinAllowedWeightSet(netuid, min_allowed_weights));
                Ok(())
            })
        }

        /// Sets the greatest number of neurons.
        #[pallet::call_index(15)]
        #[pallet::weight(Weight::from_parts(343_381_000, 4_433))]
        pub fn sudo_set_max_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_allowed_uids: u16,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::MaxAllowedUids, |_| {
                Self::ensure_uids(netuid, max_allowed_uids)?;
                s::MaxAllowedUids::<T>::insert(netuid, max_allowed_uids);
                Chain::<T>::announce(ChainEvent::MaxAllowedUidsSet(netuid, max_allowed_uids));
                Ok(())
            })
        }

        /// Sets the majority of consensus, in parts of 65,535.
        #[pallet::call_index(16)]
        #[pallet::weight(Weight::from_parts(141_301_000, 4_084))]
        pub fn sudo_set_kappa(origin: OriginFor<T>, netuid: NetUid, kappa: u16) -> DispatchResult {
            Self::set_by_root_on(origin, netuid)?;
            s::Kappa::<T>::insert(netuid, kappa);
            Chain::<T>::announce(ChainEvent::KappaSet(netuid, kappa));
            Ok(())
        }

        /// Sets rho, which nothing uses.
        #[pallet::call_index(17)]
        #[pallet::weight(Weight::from_parts(256_268_000, 4_383))]
        pub fn sudo_set_rho(origin: OriginFor<T>, netuid: NetUid, rho: u16) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::Rho, |_| {
                s::Rho::<T>::insert(netuid, rho);
                Ok(())
            })
        }

        /// Sets the old activity cutoff, which nothing uses.
        #[pallet::call_index(18)]
        #[pallet::weight(Weight::from_parts(285_165_000, 4_383))]
        pub fn sudo_set_activity_cutoff(origin: OriginFor<T>, netuid: NetUid, activity_cutoff: u16) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::ActivityCutoff, |_| {
                ensure!(activity_cutoff >= s::MinActivityCutoff::<T>::get(), ChainError::<T>::ActivityCutoffTooLow);
                s::ActivityCutoff::<T>::insert(netuid, activity_cutoff);
                Chain::<T>::announce(ChainEvent::ActivityCutoffSet(netuid, activity_cutoff));
                Ok(())
            })
        }

        /// Opens or closes registration, and emission with it.
        #[pallet::call_index(19)]
        #[pallet::weight(Weight::from_parts(107_113_000, 0))]
        pub fn sudo_set_network_registration_allowed(
            origin: OriginFor<T>,
            netuid: NetUid,
            registration_allowed: bool,
        ) -> DispatchResult {
            ensure_root(origin)?;
            s::NetworkRegistrationAllowed::<T>::insert(netuid, registration_allowed);
            Chain::<T>::announce(ChainEvent::RegistrationAllowed(netuid, registration_allowed));
            Ok(())
        }

        /// Refused: there is no registration by work.
        #[pallet::call_index(20)]
        #[pallet::weight(Weight::from_parts(114_000_000, 0))]
        pub fn sudo_set_network_pow_registration_allowed(
            origin: OriginFor<T>,
            _netuid: NetUid,
            _registration_allowed: bool,
        ) -> DispatchResult {
            let _ = origin;
            Err(Error::<T>::POWRegistrationDisabled.into())
        }

        /// Sets the registrations wanted in an interval; root alone uses them.
        #[pallet::call_index(21)]
        #[pallet::weight(Weight::from_parts(259_103_000, 4_383))]
        pub fn sudo_set_target_registrations_per_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            target_registrations_per_interval: u16,
        ) -> DispatchResult {
            Self::set_by_root_outside_window(origin, netuid)?;
            s::TargetRegistrationsPerInterval::<T>::insert(netuid, target_registrations_per_interval);
            Chain::<T>::announce(ChainEvent::RegistrationPerIntervalSet(netuid, target_registrations_per_interval));
            Ok(())
        }

        /// Sets the least price of registration.
        #[pallet::call_index(22)]
        #[pallet::weight(Weight::from_parts(287_780_000, 4_385))]
        pub fn sudo_set_min_burn(origin: OriginFor<T>, netuid: NetUid, min_burn: Tao) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::MinBurn, |_| {
                ensure!(
                    min_burn < MIN_BURN_BOUND && min_burn < s::MaxBurn::<T>::get(netuid),
                    Error::<T>::ValueNotInBounds
                );
                s::MinBurn::<T>::insert(netuid, min_burn);
                Chain::<T>::announce(ChainEvent::MinBurnSet(netuid, min_burn));
                Ok(())
            })
        }

        /// Sets the greatest price of registration.
        #[pallet::call_index(23)]
        #[pallet::weight(Weight::from_parts(286_949_000, 4_410))]
        pub fn sudo_set_max_burn(origin: OriginFor<T>, netuid: NetUid, max_burn: Tao) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::MaxBurn, |_| {
                ensure!(
                    max_burn > MAX_BURN_BOUND && max_burn > s::MinBurn::<T>::get(netuid),
                    Error::<T>::ValueNotInBounds
                );
                s::MaxBurn::<T>::insert(netuid, max_burn);
                Chain::<T>::announce(ChainEvent::MaxBurnSet(netuid, max_burn));
                Ok(())
            })
        }

        /// Sets the difficulty of registrations by work.
        #[pallet::call_index(24)]
        #[pallet::weight(Weight::from_parts(259_434_000, 4_383))]
        pub fn sudo_set_difficulty(origin: OriginFor<T>, netuid: NetUid, difficulty: u64) -> DispatchResult {
            Self::set_by_root_outside_window(origin, netuid)?;
            s::Difficulty::<T>::insert(netuid, difficulty);
            Chain::<T>::announce(ChainEvent::DifficultySet(netuid, difficulty));
            Ok(())
        }

        /// Sets the greatest number of validators.
        #[pallet::call_index(25)]
        #[pallet::weight(Weight::from_parts(285_896_000, 4_383))]
        pub fn sudo_set_max_allowed_validators(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_allowed_validators: u16,
        ) -> DispatchResult {
            Self::set_by_root_outside_window(origin, netuid)?;
            ensure!(
                max_allowed_validators <= s::MaxAllowedUids::<T>::get(netuid),
                Error::<T>::MaxValidatorsLargerThanMaxUIds
            );
            s::MaxAllowedValidators::<T>::insert(netuid, max_allowed_validators);
            Chain::<T>::announce(ChainEvent::MaxAllowedValidatorsSet(netuid, max_allowed_validators));
            Ok(())
        }

        /// Sets how slowly bonds move, in millionths.
        #[pallet::call_index(26)]
        #[pallet::weight(Weight::from_parts(259_495_000, 4_383))]
        pub fn sudo_set_bonds_moving_average(
            origin: OriginFor<T>,
            netuid: NetUid,
            bonds_moving_average: u64,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::BondsMovingAverage, |authority| {
                ensure!(
                    *authority == Authority::Root || bonds_moving_average <= SLOWEST_BONDS,
                    Error::<T>::BondsMovingAverageMaxReached
                );
                s::BondsMovingAverage::<T>::insert(netuid, bonds_moving_average);
                Chain::<T>::announce(ChainEvent::BondsMovingAverageSet(netuid, bonds_moving_average));
                Ok(())
            })
        }

        /// Sets the registrations allowed in a block; root alone uses them.
        #[pallet::call_index(27)]
        #[pallet::weight(Weight::from_parts(259_604_000, 4_383))]
        pub fn sudo_set_max_registrations_per_block(
            origin: OriginFor<T>,
            netuid: NetUid,
            max_registrations_per_block: u16,
        ) -> DispatchResult {
            Self::set_by_root_outside_window(origin, netuid)?;
            s::MaxRegistrationsPerBlock::<T>::insert(netuid, max_registrations_per_block);
            Chain::<T>::announce(ChainEvent::MaxRegistrationsPerBlockSet(netuid, max_registrations_per_block));
            Ok(())
        }

        /// Sets the share of owners, in parts of 65,535.
        #[pallet::call_index(28)]
        #[pallet::weight(Weight::from_parts(114_000_000, 0))] // not recorded
        pub fn sudo_set_subnet_owner_cut(origin: OriginFor<T>, subnet_owner_cut: u16) -> DispatchResult {
            ensure_root(origin)?;
            s::SubnetOwnerCut::<T>::put(subnet_owner_cut);
            Chain::<T>::announce(ChainEvent::SubnetOwnerCutSet(subnet_owner_cut));
            Ok(())
        }

        /// Sets the blocks between two new subnets.
        #[pallet::call_index(29)]
        #[pallet::weight(Weight::from_parts(114_000_000, 0))]
        pub fn sudo_set_network_rate_limit(origin: OriginFor<T>, rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::NetworkRateLimit::<T>::put(rate_limit);
            Chain::<T>::announce(ChainEvent::NetworkRateLimitSet(rate_limit));
            Ok(())
        }

        /// Sets the tempo and lets a new one begin.
        #[pallet::call_index(30)]
        #[pallet::weight(Weight::from_parts(361_298_000, 4_383))]
        pub fn sudo_set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
            Self::set_by_root_outside_window(origin, netuid)?;
            Chain::<T>::restart_tempo(netuid, tempo);
            Ok(())
        }

        /// Refused.
        #[pallet::call_index(33)]
        #[pallet::weight(Weight::from_parts(5_931_000, 0))]
        pub fn sudo_set_total_issuance(origin: OriginFor<T>, _total_issuance: Tao) -> DispatchResult {
            let _ = origin;
            Err(Error::<T>::Deprecated.into())
        }

        /// Sets the blocks in which a new subnet is not replaced.
        #[pallet::call_index(35)]
        #[pallet::weight(Weight::from_parts(114_000_000, 0))] // not recorded
        pub fn sudo_set_network_immunity_period(origin: OriginFor<T>, immunity_period: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::NetworkImmunityPeriod::<T>::put(immunity_period);
            Chain::<T>::announce(ChainEvent::NetworkImmunityPeriodSet(immunity_period));
            Ok(())
        }

        /// Sets the least cost of a new subnet.
        #[pallet::call_index(36)]
        #[pallet::weight(Weight::from_parts(114_000_000, 0))] // not recorded
        pub fn sudo_set_network_min_lock_cost(origin: OriginFor<T>, lock_cost: Tao) -> DispatchResult {
            ensure_root(origin)?;
            s::NetworkMinLockCost::<T>::put(lock_cost);
            Chain::<T>::announce(ChainEvent::NetworkMinLockCostSet(lock_cost));
            Ok(())
        }

        /// Sets the greatest number of subnets.
        #[pallet::call_index(37)]
        #[pallet::weight(Weight::from_parts(114_000_000, 0))] // not recorded
        pub fn sudo_set_subnet_limit(origin: OriginFor<T>, max_subnets: u16) -> DispatchResult {
            ensure_root(origin)?;
            s::SubnetLimit::<T>::put(max_subnets);
            Chain::<T>::announce(ChainEvent::SubnetLimitSet(max_subnets));
            Ok(())
        }

        /// Sets how fast the cost of a new subnet falls, in blocks.
        #[pallet::call_index(38)]
        #[pallet::weight(Weight::from_parts(114_000_000, 0))] // not recorded
        pub fn sudo_set_lock_reduction_interval(origin: OriginFor<T>, interval: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::NetworkLockReductionInterval::<T>::put(interval);
            Chain::<T>::announce(ChainEvent::NetworkLockCostReductionIntervalSet(interval));
            Ok(())
        }

        /// Sets what registrations have burned.
        #[pallet::call_index(39)]
        #[pallet::weight(Weight::from_parts(141_541_000, 4_084))]
        pub fn sudo_set_rao_recycled(origin: OriginFor<T>, netuid: NetUid, rao_recycled: Tao) -> DispatchResult {
            Self::set_by_root_on(origin, netuid)?;
            s::RAORecycledForRegistration::<T>::insert(netuid, rao_recycled);
            Chain::<T>::announce(ChainEvent::RAORecycledForRegistrationSet(netuid, rao_recycled));
            Ok(())
        }

        /// Sets the least stake that counts for weights.
        #[pallet::call_index(42)]
        #[pallet::weight(Weight::from_parts(105_500_000, 0))]
        pub fn sudo_set_stake_threshold(origin: OriginFor<T>, min_stake: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::StakeThreshold::<T>::put(min_stake);
            Chain::<T>::announce(ChainEvent::StakeThresholdSet(min_stake));
            Ok(())
        }

        /// Sets the least nomination, in millionths of the least stake.
        #[pallet::call_index(43)]
        #[pallet::weight(Weight::from_parts(255_697_000, 6_890))]
        pub fn sudo_set_nominator_min_required_stake(origin: OriginFor<T>, min_stake: u64) -> DispatchResult {
            ensure_root(origin)?;
            let before = s::NominatorMinRequiredStake::<T>::get();
            s::NominatorMinRequiredStake::<T>::put(min_stake);
            if min_stake > before {
                Chain::<T>::drop_small_nominations();
            }
            Ok(())
        }

        /// Sets the blocks between two increases of a take.
        #[pallet::call_index(45)]
        #[pallet::weight(Weight::from_parts(105_420_000, 0))]
        pub fn sudo_set_tx_delegate_take_rate_limit(origin: OriginFor<T>, tx_rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::TxDelegateTakeRateLimit::<T>::put(tx_rate_limit);
            Chain::<T>::announce(ChainEvent::TxDelegateTakeRateLimitSet(tx_rate_limit));
            Ok(())
        }

        /// Sets the least share a delegate may keep.
        #[pallet::call_index(46)]
        #[pallet::weight(Weight::from_parts(105_490_000, 0))]
        pub fn sudo_set_min_delegate_take(origin: OriginFor<T>, take: u16) -> DispatchResult {
            ensure_root(origin)?;
            s::MinDelegateTake::<T>::put(take);
            Chain::<T>::announce(ChainEvent::MinDelegateTakeSet(take));
            Ok(())
        }

        /// Sets whether weights are hidden first.
        #[pallet::call_index(49)]
        #[pallet::weight(Weight::from_parts(259_544_000, 4_383))]
        pub fn sudo_set_commit_reveal_weights_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::CommitRevealEnabled, |_| {
                s::CommitRevealWeightsEnabled::<T>::insert(netuid, enabled);
                Chain::<T>::announce(ChainEvent::CommitRevealEnabled(netuid, enabled));
                Ok(())
            })
        }

        /// Sets whether each bond moves at a speed of its own.
        #[pallet::call_index(50)]
        #[pallet::weight(Weight::from_parts(225_538_000, 4_280))]
        pub fn sudo_set_liquid_alpha_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, Hyperparameter::LiquidAlphaEnabled, |_| {
                s::LiquidAlphaOn::<T>::insert(netuid, enabled);
                Ok(())
            })
        }

        /// Sets between which speeds bonds move, in parts of 65,535.
        #[pallet::call_index(51)]
        #[pallet::weight(Weight::from_parts(259_224_000, 4_427))]
        pub fn sudo_set_alpha_values(
            origin: OriginFor<T>,
            netuid: NetUid,
            alpha_low: u16,
            alpha_high: u16,
        ) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, Hyperparameter::AlphaValues, |_| {
                Self::ensure_alphas(netuid, alpha_low, alpha_high)?;
                s::AlphaValues::<T>::insert(netuid, (alpha_low, alpha_high));
                Ok(())
            })
        }

        /// Sets the blocks before a subnet is dissolved.
        #[pallet::call_index(55)]
        #[pallet::weight(Weight::from_parts(105_591_000, 0))]
        pub fn sudo_set_dissolve_network_schedule_duration(origin: OriginFor<T>, duration: u32) -> DispatchResult {
            ensure_root(origin)?;
            s::DissolveNetworkScheduleDuration::<T>::put(duration);
            Chain::<T>::announce(ChainEvent::DissolveNetworkScheduleDurationSet(duration.into()));
            Ok(())
        }

        /// Sets the epochs between commit and reveal.
        #[pallet::call_index(57)]
        #[pallet::weight(Weight::from_parts(259_654_000, 4_383))]
        pub fn sudo_set_commit_reveal_weights_interval(
            origin: OriginFor<T>,
            netuid: NetUid,
            interval: u64,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::WeightCommitInterval, |_| {
                ensure!(interval <= *REVEAL_PERIODS.end(), ChainError::<T>::RevealPeriodTooLarge);
                ensure!(interval >= *REVEAL_PERIODS.start(), ChainError::<T>::RevealPeriodTooSmall);
                s::RevealPeriodEpochs::<T>::insert(netuid, interval);
                Chain::<T>::announce(ChainEvent::CommitRevealPeriodsSet(netuid, interval));
                Ok(())
            })
        }

        /// Sets the number by which wallets of the EVM tell chains apart.
        #[pallet::call_index(58)]
        #[pallet::weight(Weight::from_parts(152_199_000, 0))] // not recorded
        pub fn sudo_set_evm_chain_id(origin: OriginFor<T>, chain_id: u64) -> DispatchResult {
            ensure_root(origin)?;
            ChainId::<Runtime>::put(chain_id);
            Ok(())
        }

        /// Names those who make blocks final, at the end of the block `in_blocks` after this one; `forced` names the last
        /// block that was final, where those of now have stopped.
        #[pallet::call_index(59)]
        #[pallet::weight(weight_of_finalisers(next_authorities.len()))]
        pub fn schedule_grandpa_change(
            origin: OriginFor<T>,
            next_authorities: AuthorityList,
            in_blocks: u32,
            forced: Option<u32>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            // Upstream reckons with twice the delay and does not look: no block could end any more.
            let latest = Chain::<T>::now().saturating_add(u64::from(in_blocks).saturating_mul(2));
            ensure!(u32::try_from(latest).is_ok(), sp_runtime::ArithmeticError::Overflow);
            Grandpa::schedule_change(next_authorities, in_blocks, forced)
        }

        /// Sets how much weights beyond consensus lose as bonds, in parts of 65,535.
        #[pallet::call_index(60)]
        #[pallet::weight(Weight::from_parts(259_354_000, 4_383))]
        pub fn sudo_set_bonds_penalty(origin: OriginFor<T>, netuid: NetUid, bonds_penalty: u16) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::BondsPenalty, |_| {
                s::BondsPenalty::<T>::insert(netuid, bonds_penalty);
                Chain::<T>::announce(ChainEvent::BondsPenaltySet(netuid, bonds_penalty));
                Ok(())
            })
        }

        /// Sets whether stake may go to other coldkeys.
        #[pallet::call_index(61)]
        #[pallet::weight(Weight::from_parts(228_343_000, 4_280))]
        pub fn sudo_set_toggle_transfer(origin: OriginFor<T>, netuid: NetUid, toggle: bool) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, Hyperparameter::TransferEnabled, |_| {
                ensure!(Chain::<T>::subnet_exists(netuid), ChainError::<T>::SubnetNotExists);
                s::TransferToggle::<T>::insert(netuid, toggle);
                Chain::<T>::announce(ChainEvent::TransferToggle(netuid, toggle));
                Ok(())
            })
        }

        /// Sets whether a built-in contract of the EVM answers.
        #[pallet::call_index(62)]
        #[pallet::weight(Weight::from_parts(31_162_000, 3_507))]
        pub fn sudo_toggle_evm_precompile(
            origin: OriginFor<T>,
            precompile_id: PrecompileEnum,
            enabled: bool,
        ) -> DispatchResult {
            ensure_root(origin)?;
            if PrecompileEnable::<T>::get(precompile_id) != enabled {
                PrecompileEnable::<T>::insert(precompile_id, enabled);
                Self::deposit_event(Event::PrecompileUpdated { precompile_id, enabled });
            }
            Ok(())
        }

        /// Sets how fast moving prices move.
        #[pallet::call_index(63)]
        #[pallet::weight(Weight::from_parts(102_955_000, 0))]
        pub fn sudo_set_subnet_moving_alpha(origin: OriginFor<T>, alpha: I96F32) -> DispatchResult {
            ensure_root(origin)?;
            s::SubnetMovingAlpha::<T>::put(alpha);
            Ok(())
        }

        /// Sets the owner's hotkey of a subnet.
        #[pallet::call_index(64)]
        #[pallet::weight(Weight::from_parts(103_918_000, 0))] // not recorded
        pub fn sudo_set_subnet_owner_hotkey(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            Self::store_owner_hotkey(origin, netuid, &hotkey)
        }

        /// Sets the half-life of a moving price, in blocks.
        #[pallet::call_index(65)]
        #[pallet::weight(Weight::from_parts(104_198_000, 0))]
        pub fn sudo_set_ema_price_halving_period(
            origin: OriginFor<T>,
            netuid: NetUid,
            ema_halving: u64,
        ) -> DispatchResult {
            ensure_root(origin)?;
            s::EMAPriceHalvingBlocks::<T>::insert(netuid, ema_halving);
            Ok(())
        }

        /// Opens or closes staking on a subnet.
        #[pallet::call_index(66)]
        #[pallet::weight(Weight::from_parts(225_467_000, 4_280))]
        pub fn sudo_set_subtoken_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            subtoken_enabled: bool,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Chain::<T>::ensure_not_frozen(netuid)?;
            s::SubtokenEnabled::<T>::insert(netuid, subtoken_enabled);
            Ok(())
        }

        /// Sets the owner's hotkey of a subnet.
        #[pallet::call_index(67)]
        #[pallet::weight(Weight::from_parts(275_687_000, 4_177))]
        pub fn sudo_set_sn_owner_hotkey(origin: OriginFor<T>, netuid: NetUid, hotkey: T::AccountId) -> DispatchResult {
            Self::store_owner_hotkey(origin, netuid, &hotkey)
        }

        /// Sets how fast the speed of a bond grows with its distance from consensus.
        #[pallet::call_index(68)]
        #[pallet::weight(Weight::from_parts(256_438_000, 4_383))]
        pub fn sudo_set_alpha_sigmoid_steepness(
            origin: OriginFor<T>,
            netuid: NetUid,
            steepness: i16,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::AlphaSigmoidSteepness, |authority| {
                ensure!(*authority == Authority::Root || steepness >= 0, Error::<T>::NegativeSigmoidSteepness);
                s::AlphaSigmoidSteepness::<T>::insert(netuid, steepness);
                Ok(())
            })
        }

        /// Sets whether consensus is of version 3.
        #[pallet::call_index(69)]
        #[pallet::weight(Weight::from_parts(228_583_000, 4_280))]
        pub fn sudo_set_yuma3_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, Hyperparameter::Yuma3Enabled, |_| {
                s::Yuma3On::<T>::insert(netuid, enabled);
                Self::deposit_event(Event::Yuma3EnableToggled { netuid, enabled });
                Ok(())
            })
        }

        /// Sets whether a miner may have bonds towards it reset.
        #[pallet::call_index(70)]
        #[pallet::weight(Weight::from_parts(230_507_000, 4_280))]
        pub fn sudo_set_bonds_reset_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, Hyperparameter::BondsResetEnabled, |_| {
                s::BondsResetOn::<T>::insert(netuid, enabled);
                Chain::<T>::announce(ChainEvent::BondsResetOnSet(netuid, enabled));
                Self::deposit_event(Event::BondsResetToggled { netuid, enabled });
                Ok(())
            })
        }

        /// Sets the version of timelocked weights.
        #[pallet::call_index(71)]
        #[pallet::weight(Weight::from_parts(106_052_000, 0))]
        pub fn sudo_set_commit_reveal_version(origin: OriginFor<T>, version: u16) -> DispatchResult {
            ensure_root(origin)?;
            s::CommitRevealWeightsVersion::<T>::put(version);
            Chain::<T>::announce(ChainEvent::CommitRevealVersionSet(version));
            Ok(())
        }

        /// Sets how many neurons of the owner are never pruned.
        #[pallet::call_index(72)]
        #[pallet::weight(Weight::from_parts(225_107_000, 4_280))]
        pub fn sudo_set_owner_immune_neuron_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            immune_neurons: u16,
        ) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, Hyperparameter::ImmuneNeuronLimit, |_| {
                ensure!((1..=10).contains(&immune_neurons), ChainError::<T>::InvalidValue);
                s::ImmuneOwnerUidsLimit::<T>::insert(netuid, immune_neurons);
                Ok(())
            })
        }

        /// Sets what child keys burn of their parents' dividends, in parts of 2^64 − 1.
        #[pallet::call_index(73)]
        #[pallet::weight(Weight::from_parts(140_650_000, 0))] // not recorded
        pub fn sudo_set_ck_burn(origin: OriginFor<T>, burn: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::CKBurn::<T>::put(burn);
            Ok(())
        }

        /// Sets the blocks before an epoch in which nothing may be set.
        #[pallet::call_index(74)]
        #[pallet::weight(Weight::from_parts(105_450_000, 0))]
        pub fn sudo_set_admin_freeze_window(origin: OriginFor<T>, window: u16) -> DispatchResult {
            ensure_root(origin)?;
            s::AdminFreezeWindow::<T>::put(window);
            Chain::<T>::announce(ChainEvent::AdminFreezeWindowSet(window));
            Ok(())
        }

        /// Sets the tempos between two changes of a hyperparameter by its owner.
        #[pallet::call_index(75)]
        #[pallet::weight(Weight::from_parts(105_471_000, 0))]
        pub fn sudo_set_owner_hparam_rate_limit(origin: OriginFor<T>, epochs: u16) -> DispatchResult {
            ensure_root(origin)?;
            s::OwnerHyperparamRateLimit::<T>::put(epochs);
            Chain::<T>::announce(ChainEvent::OwnerHyperparamRateLimitSet(epochs));
            Ok(())
        }

        /// Sets the number of mechanisms of a subnet.
        #[pallet::call_index(76)]
        #[pallet::weight(Weight::from_parts(140_000_000, 0))] // not recorded
        pub fn sudo_set_mechanism_count(
            origin: OriginFor<T>,
            netuid: NetUid,
            mechanism_count: MechId,
        ) -> DispatchResult {
            Self::once_in(origin, netuid, s::action::MECHANISM_COUNT, MECHANISM_LIMIT)?;
            Self::store_mechanism_count(netuid, mechanism_count)
        }

        /// Sets how emission is split among mechanisms, in parts of 65,535.
        #[pallet::call_index(77)]
        #[pallet::weight(Weight::from_parts(140_000_000, 0))] // not recorded
        pub fn sudo_set_mechanism_emission_split(
            origin: OriginFor<T>,
            netuid: NetUid,
            maybe_split: Option<Vec<u16>>,
        ) -> DispatchResult {
            Self::once_in(origin, netuid, s::action::MECHANISM_SPLIT, MECHANISM_LIMIT)?;
            Self::store_split(netuid, maybe_split)
        }

        /// Leaves a subnet no more uids than this: those that earn least go, and the others move up.
        #[pallet::call_index(78)]
        #[pallet::weight(Weight::from_parts(338_302_000, 4_398))]
        pub fn sudo_trim_to_max_allowed_uids(origin: OriginFor<T>, netuid: NetUid, max_n: u16) -> DispatchResult {
            Self::once_in(origin, netuid, s::action::TRIMMING, TRIMMING_LIMIT)?;
            Chain::<T>::trim(netuid, max_n)
        }

        /// Sets the number of neurons below which none is pruned away.
        #[pallet::call_index(79)]
        #[pallet::weight(Weight::from_parts(312_890_000, 4_383))]
        pub fn sudo_set_min_allowed_uids(
            origin: OriginFor<T>,
            netuid: NetUid,
            min_allowed_uids: u16,
        ) -> DispatchResult {
            Self::set_by_root_outside_window(origin, netuid)?;
            ensure!(
                min_allowed_uids < s::MaxAllowedUids::<T>::get(netuid),
                Error::<T>::MinAllowedUidsGreaterThanMaxAllowedUids
            );
            ensure!(
                min_allowed_uids < s::SubnetworkN::<T>::get(netuid),
                Error::<T>::MinAllowedUidsGreaterThanCurrentUids
            );
            s::MinAllowedUids::<T>::insert(netuid, min_allowed_uids);
            Chain::<T>::announce(ChainEvent::MinAllowedUidsSet(netuid, min_allowed_uids));
            Ok(())
        }

        /// Sets what happens to what the owner's miners earn.
        #[pallet::call_index(80)]
        #[pallet::weight(Weight::from_parts(1_000_000, 0))] // not recorded
        pub fn sudo_set_recycle_or_burn(
            origin: OriginFor<T>,
            netuid: NetUid,
            recycle_or_burn: RecycleOrBurnEnum,
        ) -> DispatchResult {
            Self::set_by_owner_anywhere(origin, netuid, Hyperparameter::RecycleOrBurn, |_| {
                s::RecycleOrBurn::<T>::insert(netuid, recycle_or_burn);
                Ok(())
            })
        }

        /// Sets the flow below which a subnet gets nothing, which nothing uses.
        #[pallet::call_index(81)]
        #[pallet::weight(Weight::from_parts(107_343_000, 0))] // not recorded
        pub fn sudo_set_tao_flow_cutoff(origin: OriginFor<T>, flow_cutoff: I64F64) -> DispatchResult {
            ensure_root(origin)?;
            s::TaoFlowCutoff::<T>::put(flow_cutoff);
            Ok(())
        }

        /// Sets the exponent of flows, which nothing uses.
        #[pallet::call_index(82)]
        #[pallet::weight(Weight::from_parts(107_343_000, 0))] // not recorded
        pub fn sudo_set_tao_flow_normalization_exponent(origin: OriginFor<T>, exponent: U64F64) -> DispatchResult {
            ensure_root(origin)?;
            let range = U64F64::ONE..=U64F64::from_integer(2);
            ensure!(range.contains(&exponent), Error::<T>::InvalidValue);
            s::FlowNormExponent::<T>::put(exponent);
            Ok(())
        }

        /// Sets how flows are smoothed, which nothing uses.
        #[pallet::call_index(83)]
        #[pallet::weight(Weight::from_parts(107_343_000, 0))] // not recorded
        pub fn sudo_set_tao_flow_smoothing_factor(origin: OriginFor<T>, smoothing_factor: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::FlowEmaSmoothingFactor::<T>::put(smoothing_factor);
            Ok(())
        }

        /// Sets the number of mortal neurons below which immune ones are pruned.
        #[pallet::call_index(84)]
        #[pallet::weight(Weight::from_parts(106_783_000, 0))]
        pub fn sudo_set_min_non_immune_uids(origin: OriginFor<T>, netuid: NetUid, min: u16) -> DispatchResult {
            ensure_root(origin)?;
            s::MinNonImmuneUids::<T>::insert(netuid, min);
            Chain::<T>::announce(ChainEvent::MinNonImmuneUidsSet(netuid, min));
            Ok(())
        }

        /// Sets the blocks before a new subnet may start.
        #[pallet::call_index(85)]
        #[pallet::weight(Weight::from_parts(114_000_000, 0))]
        pub fn sudo_set_start_call_delay(origin: OriginFor<T>, delay: u64) -> DispatchResult {
            ensure_root(origin)?;
            s::StartCallDelay::<T>::put(delay);
            Chain::<T>::announce(ChainEvent::StartCallDelaySet(delay));
            Ok(())
        }

        /// Sets the blocks between the announcement of a coldkey swap and the swap.
        #[pallet::call_index(86)]
        #[pallet::weight(Weight::from_parts(105_370_000, 0))]
        pub fn sudo_set_coldkey_swap_announcement_delay(origin: OriginFor<T>, duration: u32) -> DispatchResult {
            ensure_root(origin)?;
            s::ColdkeySwapAnnouncementDelay::<T>::put(duration);
            Chain::<T>::announce(ChainEvent::ColdkeySwapAnnouncementDelaySet(duration.into()));
            Ok(())
        }

        /// Sets the blocks before a coldkey swap may be announced again.
        #[pallet::call_index(87)]
        #[pallet::weight(Weight::from_parts(105_360_000, 0))]
        pub fn sudo_set_coldkey_swap_reannouncement_delay(origin: OriginFor<T>, duration: u32) -> DispatchResult {
            ensure_root(origin)?;
            s::ColdkeySwapReannouncementDelay::<T>::put(duration);
            Chain::<T>::announce(ChainEvent::ColdkeySwapReannouncementDelaySet(duration.into()));
            Ok(())
        }

        /// Sets the greatest number of mechanisms.
        #[pallet::call_index(88)]
        #[pallet::weight(Weight::from_parts(140_000_000, 0))] // not recorded
        pub fn sudo_set_max_mechanism_count(origin: OriginFor<T>, max_mechanism_count: MechId) -> DispatchResult {
            ensure_root(origin)?;
            ensure!((1..=GREATEST_MECHANISMS).contains(&max_mechanism_count), ChainError::<T>::InvalidValue);
            s::MaxMechanismCount::<T>::put(max_mechanism_count);
            Ok(())
        }

        /// Sets the half-life of the price of registration, in blocks.
        #[pallet::call_index(89)]
        #[pallet::weight((Weight::from_parts(225_000_000, 0), DispatchClass::Operational, Pays::Yes))]
        pub fn sudo_set_burn_half_life(origin: OriginFor<T>, netuid: NetUid, burn_half_life: u16) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::BurnHalfLife, |_| {
                Self::ensure_not_root(netuid)?;
                ensure!(HALF_LIVES.contains(&burn_half_life), Error::<T>::InvalidValue);
                s::BurnHalfLife::<T>::insert(netuid, burn_half_life);
                Self::deposit_event(Event::BurnHalfLifeSet { netuid, burn_half_life });
                Ok(())
            })
        }

        /// Sets by how much a registration raises the price.
        #[pallet::call_index(90)]
        #[pallet::weight((Weight::from_parts(225_000_000, 0), DispatchClass::Operational, Pays::Yes))] // not recorded
        pub fn sudo_set_burn_increase_mult(
            origin: OriginFor<T>,
            netuid: NetUid,
            burn_increase_mult: U64F64,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::BurnIncreaseMult, |_| {
                Self::ensure_not_root(netuid)?;
                let range = U64F64::ONE..=U64F64::from_integer(3);
                ensure!(range.contains(&burn_increase_mult), Error::<T>::InvalidValue);
                s::BurnIncreaseMult::<T>::insert(netuid, burn_increase_mult);
                Self::deposit_event(Event::BurnIncreaseMultSet { netuid, burn_increase_mult });
                Ok(())
            })
        }

        /// Sets whether flows count, which nothing uses.
        #[pallet::call_index(91)]
        #[pallet::weight(Weight::from_parts(107_343_000, 0))] // not recorded
        pub fn sudo_set_net_tao_flow_enabled(origin: OriginFor<T>, enabled: bool) -> DispatchResult {
            ensure_root(origin)?;
            s::NetTaoFlowEnabled::<T>::put(enabled);
            Ok(())
        }

        /// Sets whether the owner gets a share.
        #[pallet::call_index(92)]
        #[pallet::weight((Weight::from_parts(225_000_000, 0), DispatchClass::Operational, Pays::Yes))]
        pub fn sudo_set_owner_cut_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            Self::outside_window(origin, netuid)?;
            Self::ensure_not_root(netuid)?;
            s::OwnerCutEnabled::<T>::insert(netuid, enabled);
            Ok(())
        }

        /// Sets the least childkey take of a subnet.
        #[pallet::call_index(93)]
        #[pallet::weight(Weight::from_parts(313_100_000, 4_419))]
        pub fn sudo_set_min_childkey_take_per_subnet(
            origin: OriginFor<T>,
            netuid: NetUid,
            take: u16,
        ) -> DispatchResult {
            Self::set_by_owner(origin, netuid, Hyperparameter::MinChildkeyTake, |_| {
                let range = s::MinChildkeyTake::<T>::get()..=s::MaxChildkeyTake::<T>::get();
                ensure!(range.contains(&take), Error::<T>::InvalidValue);
                s::MinChildkeyTakePerSubnet::<T>::insert(netuid, take);
                Chain::<T>::announce(ChainEvent::MinChildKeyTakePerSubnetSet(netuid, take));
                Ok(())
            })
        }

        /// Sets whether a subnet gets TAO.
        #[pallet::call_index(94)]
        #[pallet::weight(Weight::from_parts(141_351_000, 4_084))]
        pub fn sudo_set_subnet_emission_enabled(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            Self::set_by_root_on(origin, netuid)?;
            Self::ensure_not_root(netuid)?;
            s::SubnetEmissionEnabled::<T>::insert(netuid, enabled);
            Self::deposit_event(Event::SubnetEmissionEnabledSet { netuid, enabled });
            Ok(())
        }

        /// Sets whether the owner's share is locked.
        #[pallet::call_index(95)]
        #[pallet::weight((Weight::from_parts(225_000_000, 0), DispatchClass::Operational, Pays::Yes))] // not recorded
        pub fn sudo_set_owner_cut_auto_lock_enabled(
            origin: OriginFor<T>,
            netuid: NetUid,
            enabled: bool,
        ) -> DispatchResult {
            Self::outside_window(origin, netuid)?;
            Self::ensure_not_root(netuid)?;
            s::OwnerCutAutoLockEnabled::<T>::insert(netuid, enabled);
            Ok(())
        }

        /// Sets how many epochs may end in a block.
        #[pallet::call_index(96)]
        #[pallet::weight(Weight::from_parts(105_530_000, 0))]
        pub fn sudo_set_max_epochs_per_block(origin: OriginFor<T>, max_epochs_per_block: u8) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(max_epochs_per_block >= 1, Error::<T>::InvalidValue);
            s::MaxEpochsPerBlock::<T>::put(max_epochs_per_block);
            Chain::<T>::announce(ChainEvent::MaxEpochsPerBlockSet(max_epochs_per_block));
            Ok(())
        }
    }
}
