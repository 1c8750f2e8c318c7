//! The pallet's calls: indices, arguments and weights of the real one. Each hands over to the file of its subject.
//!
//! Weights are those the real runtime reports, since fees follow from them; calls whose weight was never recorded are
//! marked.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the weights of the signing hotkey towards `dests`.
        #[pallet::call_index(0)]
        #[pallet::weight((Weight::from_parts(118_513_610_000, 10_327_410), DispatchClass::Normal, Pays::No))]
        pub fn set_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::store_weights(&hotkey, netuid, 0, WeightRow { uids: &dests, weights: &weights, version_key })
        }

        /// Buys alpha of a subnet and stakes it behind a hotkey.
        #[pallet::call_index(2)]
        #[pallet::weight(Weight::from_parts(3_064_064_000, 8_727))]
        pub fn add_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_staked: Tao,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::stake_tao(Position { coldkey: &coldkey, hotkey: &hotkey, netuid }, amount_staked).map(drop)
        }

        /// Takes stake back from a hotkey and sells it.
        #[pallet::call_index(3)]
        #[pallet::weight(Weight::from_parts(2_569_198_000, 10_557))]
        pub fn remove_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_unstaked: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::unstake(&coldkey, &hotkey, netuid, amount_unstaked)
        }

        /// Announces where the signing hotkey answers.
        #[pallet::call_index(4)]
        #[pallet::weight((Weight::from_parts(206_278_000, 4_178), DispatchClass::Normal, Pays::No))]
        pub fn serve_axon(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let axon = AxonInfo { block: 0, version, ip, port, ip_type, protocol, placeholder1, placeholder2 };
            Self::announce_axon(&hotkey, netuid, &axon, None)
        }

        /// Announces where the signing hotkey answers and the certificate it answers with.
        #[pallet::call_index(40)]
        #[pallet::weight((Weight::from_parts(206_278_000, 4_178), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn serve_axon_tls(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
            certificate: Vec<u8>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let axon = AxonInfo { block: 0, version, ip, port, ip_type, protocol, placeholder1, placeholder2 };
            Self::announce_axon(&hotkey, netuid, &axon, Some(&certificate))
        }

        /// Announces where the signing hotkey publishes its metrics.
        #[pallet::call_index(5)]
        #[pallet::weight((Weight::from_parts(204_294_000, 4_277), DispatchClass::Normal, Pays::No))]
        pub fn serve_prometheus(
            origin: OriginFor<T>,
            netuid: NetUid,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::announce_prometheus(&hotkey, netuid, &PrometheusInfo { block: 0, version, ip, port, ip_type })
        }

        /// The entry of the old proof of work. It ignores the work and burns like `burned_register`.
        #[pallet::call_index(6)]
        #[pallet::weight(Weight::from_parts(4_099_872_000, 6_148))]
        pub fn register(
            origin: OriginFor<T>,
            netuid: NetUid,
            _block_number: u64,
            _nonce: u64,
            _work: Vec<u8>,
            hotkey: T::AccountId,
            _coldkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::register_by_burn(&coldkey, netuid, &hotkey, None)
        }

        /// Registers a hotkey on a subnet for the current burn.
        #[pallet::call_index(7)]
        #[pallet::weight(Weight::from_parts(4_086_815_000, 6_148))]
        pub fn burned_register(origin: OriginFor<T>, netuid: NetUid, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::register_by_burn(&coldkey, netuid, &hotkey, None)
        }

        /// Registers a hotkey on a subnet unless the burn exceeds `limit_price` rao.
        #[pallet::call_index(134)]
        #[pallet::weight(Weight::from_parts(5_529_200_000, 0))]
        pub fn register_limit(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
            limit_price: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::register_by_burn(&coldkey, netuid, &hotkey, Some(limit_price))
        }

        /// Creates a subnet.
        #[pallet::call_index(59)]
        #[pallet::weight(Weight::from_parts(6_077_125_000, 9_947))]
        pub fn register_network(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::create_subnet(&coldkey, &hotkey, None)
        }

        /// Creates a subnet and states its identity.
        #[pallet::call_index(79)]
        #[pallet::weight(Weight::from_parts(5_950_041_000, 9_883))]
        pub fn register_network_with_identity(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            identity: Option<SubnetIdentityV3>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::create_subnet(&coldkey, &hotkey, identity)
        }

        /// Closes a subnet. The coldkey is not looked at.
        #[pallet::call_index(61)]
        #[pallet::weight(Weight::from_parts(3_369_000_000, 0))]
        pub fn dissolve_network(origin: OriginFor<T>, _coldkey: T::AccountId, netuid: NetUid) -> DispatchResult {
            ensure_root(origin)?;
            Self::dissolve(netuid)
        }

        /// Closes a subnet.
        #[pallet::call_index(120)]
        #[pallet::weight(Weight::from_parts(3_369_000_000, 0))]
        pub fn root_dissolve_network(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            ensure_root(origin)?;
            Self::dissolve(netuid)
        }

        /// Registers a hotkey on root.
        #[pallet::call_index(62)]
        #[pallet::weight(Weight::from_parts(2_178_934_000, 4_981))]
        pub fn root_register(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::register_on_root(&coldkey, &hotkey)
        }

        /// Lowers what a delegate keeps, in parts of 65,535.
        #[pallet::call_index(65)]
        #[pallet::weight((Weight::from_parts(304_895_000, 4_295), DispatchClass::Normal, Pays::No))]
        pub fn decrease_take(origin: OriginFor<T>, hotkey: T::AccountId, take: u16) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::lower_take(&coldkey, &hotkey, take)
        }

        /// Raises what a delegate keeps, in parts of 65,535.
        #[pallet::call_index(66)]
        #[pallet::weight((Weight::from_parts(362_710_000, 4_388), DispatchClass::Normal, Pays::No))]
        pub fn increase_take(origin: OriginFor<T>, hotkey: T::AccountId, take: u16) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::raise_take(&coldkey, &hotkey, take)
        }

        /// States the identity of the signing coldkey.
        #[pallet::call_index(68)]
        #[pallet::weight(Weight::from_parts(207_040_000, 6_829))]
        pub fn set_identity(
            origin: OriginFor<T>,
            name: Vec<u8>,
            url: Vec<u8>,
            github_repo: Vec<u8>,
            image: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let identity = ChainIdentityV2 { name, url, github_repo, image, discord, description, additional };
            Self::store_identity(&coldkey, identity)
        }

        /// States the identity of a subnet.
        #[pallet::call_index(78)]
        #[pallet::weight(Weight::from_parts(142_513_000, 4_060))]
        pub fn set_subnet_identity(
            origin: OriginFor<T>,
            netuid: NetUid,
            subnet_name: Vec<u8>,
            github_repo: Vec<u8>,
            subnet_contact: Vec<u8>,
            subnet_url: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            logo_url: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let identity = SubnetIdentityV3 {
                subnet_name,
                github_repo,
                subnet_contact,
                subnet_url,
                discord,
                description,
                logo_url,
                additional,
            };
            Self::store_subnet_identity(&coldkey, netuid, identity)
        }

        /// Claims a hotkey that nobody has claimed.
        #[pallet::call_index(91)]
        #[pallet::weight(Weight::from_parts(400_336_000, 6_829))]
        pub fn try_associate_hotkey(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::claim_hotkey(&coldkey, &hotkey)
        }

        /// Starts a subnet.
        #[pallet::call_index(92)]
        #[pallet::weight(Weight::from_parts(364_454_000, 4_583))]
        pub fn start_call(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::start_subnet(&coldkey, netuid)
        }

        /// Sets the weights of one mechanism of a subnet.
        #[pallet::call_index(119)]
        #[pallet::weight((Weight::from_parts(118_513_610_000, 10_327_410), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn set_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::store_weights(&hotkey, netuid, mecid, WeightRow { uids: &dests, weights: &weights, version_key })
        }

        /// Schedules which hotkeys a hotkey lends its stake to, in parts of 2^64 − 1.
        #[pallet::call_index(67)]
        #[pallet::weight(Weight::from_parts(3_369_000_000, 0))]
        pub fn set_children(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            children: Vec<(u64, T::AccountId)>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::schedule_children(&coldkey, &hotkey, netuid, children)
        }

        /// Sets the blocks between two increases of a childkey take.
        #[pallet::call_index(69)]
        #[pallet::weight(Weight::from_parts(103_000_000, 0))] // not recorded
        pub fn sudo_set_tx_childkey_take_rate_limit(origin: OriginFor<T>, tx_rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            TxChildkeyTakeRateLimit::<T>::put(tx_rate_limit);
            Self::deposit_event(Event::TxChildKeyTakeRateLimitSet(tx_rate_limit));
            Ok(())
        }

        /// Sets what a hotkey keeps of what it earns with its parents' stake, in parts of 65,535.
        #[pallet::call_index(75)]
        #[pallet::weight(Weight::from_parts(428_870_000, 4_498))]
        pub fn set_childkey_take(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            take: u16,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::store_childkey_take(&coldkey, &hotkey, netuid, take)
        }

        /// Sets the least childkey take.
        #[pallet::call_index(76)]
        #[pallet::weight(Weight::from_parts(103_000_000, 0))] // not recorded
        pub fn sudo_set_min_childkey_take(origin: OriginFor<T>, take: u16) -> DispatchResult {
            ensure_root(origin)?;
            MinChildkeyTake::<T>::put(take);
            Self::deposit_event(Event::MinChildKeyTakeSet(take));
            Ok(())
        }

        /// Sets the greatest childkey take.
        #[pallet::call_index(77)]
        #[pallet::weight(Weight::from_parts(103_000_000, 0))] // not recorded
        pub fn sudo_set_max_childkey_take(origin: OriginFor<T>, take: u16) -> DispatchResult {
            ensure_root(origin)?;
            MaxChildkeyTake::<T>::put(take);
            Self::deposit_event(Event::MaxChildKeyTakeSet(take));
            Ok(())
        }

        /// Sets weights on several subnets.
        #[pallet::call_index(80)]
        #[pallet::weight((Weight::from_parts(118_513_610_000, 10_327_410), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn batch_set_weights(
            origin: OriginFor<T>,
            netuids: Vec<Compact<NetUid>>,
            weights: Vec<Vec<(Compact<u16>, Compact<u16>)>>,
            version_keys: Vec<Compact<u64>>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            ensure!(
                netuids.len() == weights.len() && netuids.len() == version_keys.len(),
                Error::<T>::InputLengthsUnequal
            );
            Self::for_each_subnet(&hotkey, netuids, |place, netuid| {
                let uids: Vec<u16> = weights[place].iter().map(|(uid, _)| uid.0).collect();
                let values: Vec<u16> = weights[place].iter().map(|(_, weight)| weight.0).collect();
                let row = WeightRow { uids: &uids, weights: &values, version_key: version_keys[place].0 };
                Self::store_weights(&hotkey, netuid, 0, row)
            });
            Ok(())
        }

        /// Takes back all stake behind a hotkey.
        #[pallet::call_index(83)]
        #[pallet::weight(Weight::from_parts(176_830_000, 9_189))]
        pub fn unstake_all(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::unstake_everywhere(&coldkey, &hotkey)
        }

        /// Takes back all alpha behind a hotkey and stakes the TAO on root.
        #[pallet::call_index(84)]
        #[pallet::weight(Weight::from_parts(4_275_873_000, 11_306))]
        pub fn unstake_all_alpha(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::unstake_alpha_to_root(&coldkey, &hotkey)
        }

        /// Moves stake to another hotkey, another subnet, or both.
        #[pallet::call_index(85)]
        #[pallet::weight(Weight::from_parts(1_391_061_000, 7_919))]
        pub fn move_stake(
            origin: OriginFor<T>,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Position { coldkey: &coldkey, hotkey: &origin_hotkey, netuid: origin_netuid };
            let to = Position { coldkey: &coldkey, hotkey: &destination_hotkey, netuid: destination_netuid };
            Self::move_stake_between(from, to, alpha_amount)
        }

        /// Gives stake to another coldkey.
        #[pallet::call_index(86)]
        #[pallet::weight(Weight::from_parts(1_333_541_000, 7_994))]
        pub fn transfer_stake(
            origin: OriginFor<T>,
            destination_coldkey: T::AccountId,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Position { coldkey: &coldkey, hotkey: &hotkey, netuid: origin_netuid };
            let to = Position { coldkey: &destination_coldkey, hotkey: &hotkey, netuid: destination_netuid };
            Self::transfer_stake_to(from, to, alpha_amount)
        }

        /// Moves stake to another subnet.
        #[pallet::call_index(87)]
        #[pallet::weight(Weight::from_parts(4_317_019_000, 10_920))]
        pub fn swap_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Position { coldkey: &coldkey, hotkey: &hotkey, netuid: origin_netuid };
            Self::swap_stake_between(from, destination_netuid, alpha_amount, None)
        }

        /// Buys alpha of a subnet as long as the price does not pass a limit, and stakes it.
        #[pallet::call_index(88)]
        #[pallet::weight(Weight::from_parts(3_253_005_000, 8_727))]
        pub fn add_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_staked: Tao,
            limit_price: Tao,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let to = Position { coldkey: &coldkey, hotkey: &hotkey, netuid };
            Self::stake_tao_within(to, amount_staked, limit_price, allow_partial.into()).map(|_| ())
        }

        /// Takes stake back as long as the price does not fall below a limit.
        #[pallet::call_index(89)]
        #[pallet::weight(Weight::from_parts(2_715_696_000, 10_591))]
        pub fn remove_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount_unstaked: AlphaBalance,
            limit_price: Tao,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Position { coldkey: &coldkey, hotkey: &hotkey, netuid };
            Self::unstake_within(from, amount_unstaked, limit_price, allow_partial.into())
        }

        /// Moves stake to another subnet as long as the ratio of prices does not fall below a limit.
        #[pallet::call_index(90)]
        #[pallet::weight(Weight::from_parts(4_519_515_000, 11_077))]
        pub fn swap_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: NetUid,
            destination_netuid: NetUid,
            alpha_amount: AlphaBalance,
            limit_price: Tao,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = Position { coldkey: &coldkey, hotkey: &hotkey, netuid: origin_netuid };
            let limit = RatioLimit { least: limit_price, excess: allow_partial.into() };
            Self::swap_stake_between(from, destination_netuid, alpha_amount, Some(limit))
        }

        /// Commits to weights by their hash.
        #[pallet::call_index(96)]
        #[pallet::weight((Weight::from_parts(594_049_000, 4_714), DispatchClass::Normal, Pays::No))]
        pub fn commit_weights(origin: OriginFor<T>, netuid: NetUid, commit_hash: H256) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::commit_hash(&hotkey, netuid, 0, commit_hash)
        }

        /// Reveals committed weights.
        #[pallet::call_index(97)]
        #[pallet::weight((Weight::from_parts(786_227_000, 7_590), DispatchClass::Normal, Pays::No))]
        pub fn reveal_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let row = WeightRow { uids: &uids, weights: &values, version_key };
            Self::reveal_one(&hotkey, netuid, 0, Reveal { row, salt: &salt })
        }

        /// Reveals several committed weights.
        #[pallet::call_index(98)]
        #[pallet::weight((Weight::from_parts(786_227_000, 7_590), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn batch_reveal_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            uids_list: Vec<Vec<u16>>,
            values_list: Vec<Vec<u16>>,
            salts_list: Vec<Vec<u16>>,
            version_keys: Vec<u64>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
            let lengths = [values_list.len(), salts_list.len(), version_keys.len()];
            ensure!(lengths.iter().all(|length| *length == uids_list.len()), Error::<T>::InputLengthsUnequal);
            let reveals = validity::reveals(&uids_list, &values_list, &salts_list, &version_keys);
            Self::reveal_several(&hotkey, netuid, &reveals)
        }

        /// Commits to weights on several subnets.
        #[pallet::call_index(100)]
        #[pallet::weight((Weight::from_parts(594_049_000, 4_714), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn batch_commit_weights(
            origin: OriginFor<T>,
            netuids: Vec<Compact<NetUid>>,
            commit_hashes: Vec<H256>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            ensure!(netuids.len() == commit_hashes.len(), Error::<T>::InputLengthsUnequal);
            Self::for_each_subnet(&hotkey, netuids, |place, netuid| {
                Self::commit_hash(&hotkey, netuid, 0, commit_hashes[place])
            });
            Ok(())
        }

        /// Destroys stake, so that it can be issued again.
        #[pallet::call_index(101)]
        #[pallet::weight(Weight::from_parts(1_097_139_000, 5_219))]
        pub fn recycle_alpha(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            amount: AlphaBalance,
            netuid: NetUid,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::recycle_stake(Position { coldkey: &coldkey, hotkey: &hotkey, netuid }, amount)
        }

        /// Destroys stake for good.
        #[pallet::call_index(102)]
        #[pallet::weight(Weight::from_parts(868_964_000, 5_219))]
        pub fn burn_alpha(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            amount: AlphaBalance,
            netuid: NetUid,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::burn_stake(Position { coldkey: &coldkey, hotkey: &hotkey, netuid }, amount)
        }

        /// Takes back all stake behind a hotkey on a subnet, at a price or better.
        #[pallet::call_index(103)]
        #[pallet::weight(Weight::from_parts(2_729_292_000, 10_591))]
        pub fn remove_stake_full_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            limit_price: Option<Tao>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::unstake_whole(Position { coldkey: &coldkey, hotkey: &hotkey, netuid }, limit_price)
        }

        /// Sets after how many blocks new children come.
        #[pallet::call_index(109)]
        #[pallet::weight(Weight::from_parts(103_000_000, 0))]
        pub fn set_pending_childkey_cooldown(origin: OriginFor<T>, cooldown: u64) -> DispatchResult {
            ensure_root(origin)?;
            PendingChildKeyCooldown::<T>::put(cooldown);
            Ok(())
        }

        /// Gives a subnet another symbol.
        #[pallet::call_index(112)]
        #[pallet::weight(Weight::from_parts(228_313_000, 9_074))]
        pub fn update_symbol(origin: OriginFor<T>, netuid: NetUid, symbol: Vec<u8>) -> DispatchResult {
            Self::authority_over(origin, netuid)?;
            Self::store_symbol(netuid, symbol)
        }

        /// Commits to weights that a beacon will open.
        #[pallet::call_index(113)]
        #[pallet::weight((Weight::from_parts(594_049_000, 4_714), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn commit_timelocked_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            commit: BoundedVec<u8, ConstU32<5000>>,
            reveal_round: u64,
            commit_reveal_version: u16,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::commit_timelocked(&hotkey, netuid, 0, commit, (reveal_round, commit_reveal_version))
        }

        /// Sets behind which hotkey the mining income of the coldkey is staked.
        #[pallet::call_index(114)]
        #[pallet::weight(Weight::from_parts(333_852_000, 7_519))]
        pub fn set_coldkey_auto_stake_hotkey(
            origin: OriginFor<T>,
            netuid: NetUid,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::store_auto_stake(&coldkey, netuid, &hotkey)
        }

        /// Commits to weights of one mechanism by their hash.
        #[pallet::call_index(115)]
        #[pallet::weight((Weight::from_parts(594_049_000, 4_714), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn commit_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit_hash: H256,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::commit_hash(&hotkey, netuid, mecid, commit_hash)
        }

        /// Reveals committed weights of one mechanism.
        #[pallet::call_index(116)]
        #[pallet::weight((Weight::from_parts(786_227_000, 7_590), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn reveal_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let row = WeightRow { uids: &uids, weights: &values, version_key };
            Self::reveal_one(&hotkey, netuid, mecid, Reveal { row, salt: &salt })
        }

        /// Commits to weights of one mechanism that a beacon will open.
        #[pallet::call_index(117)]
        #[pallet::weight((Weight::from_parts(594_049_000, 4_714), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn commit_crv3_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit: BoundedVec<u8, ConstU32<5000>>,
            reveal_round: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::commit_timelocked(&hotkey, netuid, mecid, commit, (reveal_round, 4))
        }

        /// Commits to weights of one mechanism that a beacon will open, and names the version.
        #[pallet::call_index(118)]
        #[pallet::weight((Weight::from_parts(594_049_000, 4_714), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn commit_timelocked_mechanism_weights(
            origin: OriginFor<T>,
            netuid: NetUid,
            mecid: MechId,
            commit: BoundedVec<u8, ConstU32<5000>>,
            reveal_round: u64,
            commit_reveal_version: u16,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::commit_timelocked(&hotkey, netuid, mecid, commit, (reveal_round, commit_reveal_version))
        }

        /// Claims root dividends of some subnets.
        #[pallet::call_index(121)]
        #[pallet::weight(Weight::from_parts(938_999_000, 7_875))]
        pub fn claim_root(origin: OriginFor<T>, subnets: BTreeSet<NetUid>) -> DispatchResultWithPostInfo {
            let coldkey = ensure_signed(origin)?;
            Ok(Some(Self::claim_root_dividends(&coldkey, &subnets)?).into())
        }

        /// Sets what is done with the coldkey's claims.
        #[pallet::call_index(122)]
        #[pallet::weight(Weight::from_parts(468_283_000, 3_941))]
        pub fn set_root_claim_type(origin: OriginFor<T>, new_root_claim_type: RootClaimTypeEnum) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::choose_root_claim(&coldkey, new_root_claim_type)
        }

        /// Sets how many coldkeys a block claims for.
        #[pallet::call_index(123)]
        #[pallet::weight(Weight::from_parts(105_681_000, 0))] // not recorded
        pub fn sudo_set_num_root_claims(origin: OriginFor<T>, new_value: u64) -> DispatchResult {
            ensure_root(origin)?;
            Self::store_num_root_claims(new_value)
        }

        /// Sets the least claim that is paid on a subnet, in rao of alpha.
        #[pallet::call_index(124)]
        #[pallet::weight(Weight::from_parts(105_681_000, 0))]
        pub fn sudo_set_root_claim_threshold(origin: OriginFor<T>, netuid: NetUid, new_value: u64) -> DispatchResult {
            Self::authority_over(origin, netuid)?;
            Self::store_claim_threshold(netuid, new_value)
        }

        /// Buys alpha of a subnet and destroys it.
        #[pallet::call_index(132)]
        #[pallet::weight(Weight::from_parts(3_492_308_000, 8_727))]
        pub fn add_stake_burn(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount: Tao,
            limit: Option<Tao>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::buy_and_burn(Position { coldkey: &coldkey, hotkey: &hotkey, netuid }, amount, limit)
        }

        /// Sets whether a root validator becomes the parent of owners of new subnets.
        #[pallet::call_index(135)]
        #[pallet::weight(Weight::from_parts(280_000_000, 4_981))] // not recorded
        pub fn set_auto_parent_delegation_enabled(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            enabled: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::store_auto_parent(&coldkey, &hotkey, enabled)
        }

        /// Sets the tempo of an owned subnet.
        #[pallet::call_index(139)]
        #[pallet::weight(Weight::from_parts(496_407_000, 4_440))]
        pub fn set_tempo(origin: OriginFor<T>, netuid: NetUid, tempo: u16) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::set_owner_tempo(&owner, netuid, tempo)
        }

        /// Sets after how many thousandths of a tempo without weights a validator no longer counts.
        #[pallet::call_index(140)]
        #[pallet::weight(Weight::from_parts(414_193_000, 4_364))]
        pub fn set_activity_cutoff_factor(origin: OriginFor<T>, netuid: NetUid, factor_milli: u32) -> DispatchResult {
            let authority = Self::authority_over(origin, netuid)?;
            Self::set_cutoff_factor(&authority, netuid, factor_milli)
        }

        /// Lets the epoch of an owned subnet end early.
        #[pallet::call_index(141)]
        #[pallet::weight(Weight::from_parts(414_193_000, 4_364))] // not recorded
        pub fn trigger_epoch(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::schedule_epoch(&owner, netuid)
        }

        /// Exchanges a hotkey for another, everywhere or on one subnet.
        #[pallet::call_index(70)]
        #[pallet::weight(Weight::from_parts(15_692_038_000, 28_912))]
        pub fn swap_hotkey(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: Option<NetUid>,
        ) -> DispatchResultWithPostInfo {
            let coldkey = ensure_signed(origin)?;
            let exchange = Exchange { old: &hotkey, new: &new_hotkey, stake: Stake::Follows };
            Ok(Some(Self::exchange_hotkey(&coldkey, exchange, netuid)?).into())
        }

        /// Exchanges a hotkey for another, with its stake or without.
        #[pallet::call_index(72)]
        #[pallet::weight(Weight::from_parts(15_692_038_000, 28_912))] // not recorded
        pub fn swap_hotkey_v2(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: Option<NetUid>,
            keep_stake: bool,
        ) -> DispatchResultWithPostInfo {
            let coldkey = ensure_signed(origin)?;
            let exchange = Exchange { old: &hotkey, new: &new_hotkey, stake: keep_stake.into() };
            Ok(Some(Self::exchange_hotkey(&coldkey, exchange, netuid)?).into())
        }

        /// Exchanges a coldkey by force.
        #[pallet::call_index(71)]
        #[pallet::weight(Weight::from_parts(2_713_156_000, 13_000))] // not recorded
        pub fn swap_coldkey(
            origin: OriginFor<T>,
            old_coldkey: T::AccountId,
            new_coldkey: T::AccountId,
            swap_cost: Tao,
        ) -> DispatchResult {
            ensure_root(origin)?;
            Self::force_exchange(&old_coldkey, &new_coldkey, swap_cost)
        }

        /// Refused: exchanges of coldkeys are announced.
        #[pallet::call_index(73)]
        #[pallet::weight(Weight::from_parts(125_000_000, 0))]
        pub fn schedule_swap_coldkey(_origin: OriginFor<T>, _new_coldkey: T::AccountId) -> DispatchResult {
            Err(Error::<T>::Deprecated.into())
        }

        /// Announces an exchange of the coldkey by the hash of the new one.
        #[pallet::call_index(125)]
        #[pallet::weight(Weight::from_parts(447_248_000, 4_159))]
        pub fn announce_coldkey_swap(origin: OriginFor<T>, new_coldkey_hash: H256) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::announce_exchange(&coldkey, new_coldkey_hash)
        }

        /// Makes an announced exchange of the coldkey.
        #[pallet::call_index(126)]
        #[pallet::weight(Weight::from_parts(2_713_156_000, 13_000))]
        pub fn swap_coldkey_announced(origin: OriginFor<T>, new_coldkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::make_announced_exchange(&coldkey, &new_coldkey)
        }

        /// Stops an announced exchange of the coldkey.
        #[pallet::call_index(127)]
        #[pallet::weight(Weight::from_parts(173_293_000, 4_130))]
        pub fn dispute_coldkey_swap(origin: OriginFor<T>) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::dispute_exchange(&coldkey)
        }

        /// Forgets an announced exchange of a coldkey and its dispute.
        #[pallet::call_index(128)]
        #[pallet::weight(Weight::from_parts(208_857_000, 0))]
        pub fn reset_coldkey_swap(origin: OriginFor<T>, coldkey: T::AccountId) -> DispatchResult {
            ensure_root(origin)?;
            Self::reset_exchange(coldkey);
            Ok(())
        }

        /// Withdraws an announced exchange of the coldkey.
        #[pallet::call_index(133)]
        #[pallet::weight(Weight::from_parts(167_890_000, 0))]
        pub fn clear_coldkey_swap_announcement(origin: OriginFor<T>) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::withdraw_exchange(coldkey)
        }

        /// Promises to leave stake where it is, for a hotkey's conviction.
        #[pallet::call_index(136)]
        #[pallet::weight(Weight::from_parts(840_995_000, 7_655))]
        pub fn lock_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: NetUid,
            amount: AlphaBalance,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::lock_alpha(&coldkey, &hotkey, netuid, amount)
        }

        /// Lets a lock be for another hotkey.
        #[pallet::call_index(137)]
        #[pallet::weight(Weight::from_parts(1_099_819_000, 7_339))]
        pub fn move_lock(origin: OriginFor<T>, destination_hotkey: T::AccountId, netuid: NetUid) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::move_lock_to(&coldkey, &destination_hotkey, netuid)
        }

        /// Sets whether the coldkey's lock on a subnet stays or decays.
        #[pallet::call_index(138)]
        #[pallet::weight(Weight::from_parts(400_000_000, 0))]
        pub fn set_perpetual_lock(origin: OriginFor<T>, netuid: NetUid, enabled: bool) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::store_perpetual(&coldkey, netuid, enabled)
        }

        /// Claims an address of the EVM for the signing hotkey's neuron, with a signature of the address's key.
        #[pallet::call_index(93)]
        #[pallet::weight((Weight::from_parts(211_000_000, 4_295), DispatchClass::Normal, Pays::No))] // not recorded
        pub fn associate_evm_key(
            origin: OriginFor<T>,
            netuid: NetUid,
            evm_key: H160,
            block_number: u64,
            signature: Signature,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::claim_address(hotkey, netuid, evm_key, block_number, signature)
        }

        /// Creates a subnet for those who paid for it; only the purpose of a crowdloan can be this call.
        #[pallet::call_index(110)]
        #[pallet::weight(lease_weight(CONTRIBUTORS))]
        pub fn register_leased_network(
            origin: OriginFor<T>,
            emissions_share: Percent,
            end_block: Option<BlockNumberFor<T>>,
        ) -> DispatchResultWithPostInfo {
            let creator = ensure_signed(origin)?;
            let contributors = Self::lease_subnet(&creator, emissions_share, end_block)?;
            Ok(Some(lease_weight(contributors)).into())
        }

        /// Takes over a leased subnet once the lease has ended.
        #[pallet::call_index(111)]
        #[pallet::weight(lease_end_weight(CONTRIBUTORS))]
        pub fn terminate_lease(
            origin: OriginFor<T>,
            lease_id: LeaseId,
            hotkey: T::AccountId,
        ) -> DispatchResultWithPostInfo {
            let beneficiary = ensure_signed(origin)?;
            let shared = Self::end_lease(&beneficiary, lease_id, &hotkey)?;
            Ok(Some(lease_end_weight(shared)).into())
        }

        /// Lets voting power of validators be kept.
        #[pallet::call_index(129)]
        #[pallet::weight(Weight::from_parts(10_000_000, 0).saturating_add(T::DbWeight::get().reads_writes(1, 2)))] // not recorded
        pub fn enable_voting_power_tracking(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            Self::authority_over(origin, netuid)?;
            Self::track_voting_power(netuid)
        }

        /// Lets voting power be kept for two weeks more.
        #[pallet::call_index(130)]
        #[pallet::weight(Weight::from_parts(10_000_000, 0).saturating_add(T::DbWeight::get().reads_writes(2, 1)))] // not recorded
        pub fn disable_voting_power_tracking(origin: OriginFor<T>, netuid: NetUid) -> DispatchResult {
            Self::authority_over(origin, netuid)?;
            Self::stop_tracking_voting_power(netuid)
        }

        /// Sets how fast voting power follows stake, in parts of 10^18.
        #[pallet::call_index(131)]
        #[pallet::weight(Weight::from_parts(6_000_000, 0).saturating_add(T::DbWeight::get().writes(1)))] // not recorded
        pub fn sudo_set_voting_power_ema_alpha(origin: OriginFor<T>, netuid: NetUid, alpha: u64) -> DispatchResult {
            ensure_root(origin)?;
            Self::store_voting_weight(netuid, alpha)
        }

        /// Sets whether the coldkey refuses to be given locked stake.
        #[pallet::call_index(142)]
        #[pallet::weight(Weight::from_parts(10_000_000, 0).saturating_add(T::DbWeight::get().reads_writes(1, 1)))] // not recorded
        pub fn set_reject_locked_alpha(origin: OriginFor<T>, enabled: bool) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::store_refusal_of_locks(coldkey, enabled);
            Ok(())
        }

        /// Runs a call as root for the majority of the senate, as before spec 334.
        #[pallet::call_index(51)]
        #[pallet::weight((call.get_dispatch_info().call_weight, DispatchClass::Operational))]
        pub fn sudo(origin: OriginFor<T>, call: Box<<T as triumvirate::Config>::Proposal>) -> DispatchResult {
            EnsureSenateMajority::ensure_origin(origin)?;
            let result = triumvirate::Pallet::<T>::run_as_root(*call);
            Self::deposit_event(Event::Sudid(result));
            result
        }

        /// Runs a call as root for the majority of the senate, with the weight the caller names.
        #[pallet::call_index(52)]
        #[pallet::weight((*weight, DispatchClass::Operational))]
        pub fn sudo_unchecked_weight(
            origin: OriginFor<T>,
            call: Box<<T as triumvirate::Config>::Proposal>,
            weight: Weight,
        ) -> DispatchResult {
            let _ = weight;
            Self::sudo(origin, call)
        }

        /// Votes on a proposal of the triumvirate, as the coldkey of a senator, as before spec 334.
        #[pallet::call_index(55)]
        #[pallet::weight((Weight::from_parts(30_000_000, 3_806), DispatchClass::Operational))]
        pub fn vote(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            proposal: T::Hash,
            #[pallet::compact] index: u32,
            approve: bool,
        ) -> DispatchResultWithPostInfo {
            let coldkey = ensure_signed(origin)?;
            let first = Self::vote_as_senator(&coldkey, &hotkey, (proposal, index), approve)?;
            Ok(if first { Pays::No } else { Pays::Yes }.into())
        }

        /// Gives 1,000 TAO for work, as on local test networks.
        #[pallet::call_index(60)]
        #[pallet::weight((Weight::from_parts(91_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn faucet(origin: OriginFor<T>, block_number: u64, nonce: u64, work: Vec<u8>) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::give_for_work(&coldkey, block_number, nonce, &work)
        }

        /// Registers a hotkey on a subnet for work, as runtimes after 425 do. They resolve it by name; its number there
        /// is not known.
        #[pallet::call_index(143)]
        #[pallet::weight((Weight::from_parts(4_086_815_000, 6_148), DispatchClass::Normal, Pays::No))]
        pub fn pow_register(
            origin: OriginFor<T>,
            netuid: NetUid,
            work_block: u64,
            nonce: u64,
            work: [u8; 32],
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::register_by_work(&coldkey, netuid, &Work { block: work_block, nonce, seal: work }, &hotkey)
        }
    }
}
