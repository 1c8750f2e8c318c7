//! The pallet's calls: indices, arguments and weights of the real one. Each hands over to the file of its subject.
//!
//! Weights are those the real runtime reports, since fees follow from them; three calls whose weight was never recorded
//! are marked.

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
            Self::store_weights(&hotkey, netuid, 0, &dests, &weights, version_key)
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
            Self::stake_tao(&coldkey, &hotkey, netuid, amount_staked)
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
        #[pallet::weight(Weight::from_parts(207_040_000, 6_829))] // not recorded
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
            Self::store_weights(&hotkey, netuid, mecid, &dests, &weights, version_key)
        }
    }
}
