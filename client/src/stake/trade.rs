//! Staking and unstaking, moving, swapping and giving away.

use btd_api::{
    Alpha, AlphaAmount, Amount, HotkeyRef, MechId, NetUid, Tao, Uid,
    metagraph::{Neuron, NeuronParams},
    stake::{
        Add, AddMany, AddManyParams, AddParams, Move, MoveParams, Netuids, Remove, RemoveAll, RemoveAllParams,
        RemoveMany, RemoveManyParams, RemoveParams, Scope, Swap, SwapParams, Transfer, TransferParams,
    },
    unsent,
};
use clap::Args;

use super::{
    ProtectionArgs,
    hotkey::{self, HotkeyRefArg, HotkeysArg},
    pick,
    target::{self, Place},
};
use crate::{
    addr,
    args::{WalletArg, number},
    exit::Exit,
    failure::Failure,
    session::Session,
    spend::{self, Terms},
    wallet::NamedColdkey,
};

/// `btctl stake add`
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// The subnets, several with commas; on root (0) tao stays tao [where nobody can be asked: 0] [btcli 11's -n: --network]
    #[arg(
        long = "netuid",
        short = 'n',
        value_name = "NETUID",
        visible_alias = "netuids",
        value_delimiter = ',',
        value_parser = number::<NetUid>,
        required_unless_present = "all_netuids"
    )]
    netuids: Vec<NetUid>,
    /// Root and every subnet that has been started; an order has room for 64 places, so name the subnets of a large chain
    #[arg(long, alias = "all_netuids", conflicts_with = "netuids")]
    all_netuids: bool,
    /// How much tao, at each of several places: `1.5`, or `all` that can be spent, in equal parts
    #[arg(
        long,
        value_name = "TAO",
        value_parser = Amount::from_tokens,
        aliases = ["amount-tao", "amount_tao"],
        allow_hyphen_values = true,
        required_unless_present_any = ["all", "max_stake"]
    )]
    amount: Option<Amount>,
    /// All that can be spent
    #[arg(long, short = 'a', aliases = ["all-tokens", "all_tokens"], conflicts_with = "amount")]
    all: bool,
    /// What brings the one position up to a worth of this much tao; beside it --amount decides nothing, as in btcli 6
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens, alias = "max_stake", conflicts_with = "all")]
    max_stake: Option<Tao>,
    #[command(flatten)]
    slot: SlotArg,
    #[command(flatten)]
    hotkeys: HotkeysArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl stake remove`
#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    /// The subnets, several with commas [where nobody can be asked: 0, root] [btcli 11's -n: --network]
    #[arg(
        long = "netuid",
        short = 'n',
        value_name = "NETUID",
        visible_alias = "netuids",
        value_delimiter = ',',
        value_parser = number::<NetUid>,
        required_unless_present_any = ["all", "all_alpha", "all_netuids", "interactive"]
    )]
    netuids: Vec<NetUid>,
    /// Every subnet on which there is stake behind these hotkeys, root included, each sold within the bound
    #[arg(long, alias = "all_netuids", conflicts_with_all = ["netuids", "all_alpha"])]
    all_netuids: bool,
    /// How much alpha, of each of several positions: `1.5`, or `all` of it
    #[arg(
        long,
        short = 'a',
        value_name = "ALPHA",
        value_parser = AlphaAmount::from_tokens,
        aliases = ["amount-alpha", "amount_alpha"],
        allow_hyphen_values = true,
        required_unless_present_any = ["all", "all_alpha", "interactive", "max_stake"]
    )]
    amount: Option<AlphaAmount>,
    /// The whole position; without --netuid, those of the hotkeys on every subnet and root
    #[arg(long, aliases = ["unstake-all", "unstake_all"], conflicts_with = "amount")]
    all: bool,
    /// All of the one position but this much alpha; beside it --amount decides nothing, as in btcli 6
    #[arg(
        long,
        value_name = "ALPHA",
        value_parser = Alpha::from_tokens,
        alias = "max_stake",
        conflicts_with_all = ["all", "all_alpha", "interactive"]
    )]
    max_stake: Option<Alpha>,
    /// Those on every subnet but root, on which what they bring is staked
    #[arg(long, aliases = ["unstake-all-alpha", "unstake_all_alpha", "all_alpha"], conflicts_with_all = ["amount", "all", "netuids"])]
    all_alpha: bool,
    /// Choose from what is staked, on a terminal
    #[arg(
        long,
        short = 'i',
        conflicts_with_all = [
            "netuids", "all_netuids", "amount", "all", "all_alpha", "hotkeys", "wallet_hotkeys", "named_hotkeys",
            "named_hotkey", "all_hotkeys", "exclude_hotkeys", "uid",
        ]
    )]
    interactive: bool,
    #[command(flatten)]
    slot: SlotArg,
    #[command(flatten)]
    hotkeys: HotkeysArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    terms: Terms,
}

/// A hotkey by its place in the subnet.
#[derive(Args, Clone, Copy, Debug)]
struct SlotArg {
    /// Whatever hotkey has this slot of the one subnet, or of root where none is named
    #[arg(
        long,
        value_name = "UID",
        value_parser = number::<Uid>,
        conflicts_with_all = [
            "hotkeys", "named_hotkeys", "named_hotkey", "all_hotkeys", "exclude_hotkeys", "all_netuids",
        ]
    )]
    uid: Option<Uid>,
}

/// Alpha of the origin.
#[derive(Args, Clone, Debug)]
struct PartArg {
    /// How much alpha: `1.5`, or `all` of the position
    #[arg(
        long,
        short = 'a',
        value_name = "ALPHA",
        value_parser = AlphaAmount::from_tokens,
        aliases = ["amount-alpha", "amount_alpha"],
        allow_hyphen_values = true,
        required_unless_present = "all"
    )]
    amount: Option<AlphaAmount>,
    /// The whole position
    #[arg(long, aliases = ["stake-all", "stake_all", "swap-all", "swap_all"], conflicts_with = "amount")]
    all: bool,
}

/// `btctl stake move`
#[derive(Args, Debug)]
pub(crate) struct MoveArgs {
    /// Behind whom it is, by name or address [env: BT_WALLET_HOTKEY] [default: default]
    #[arg(
        long = "from",
        short = 'H',
        value_name = "NAME|SS58",
        visible_alias = "hotkey",
        aliases = [
            "hotkey-ss58", "wallet-hotkey", "wallet_hotkey", "wallet.hotkey", "wallet-hotkey-ss58", "wallet_hotkey_ss58",
            "origin-hotkey",
        ],
        value_parser = addr::hotkey_ref
    )]
    from: Option<HotkeyRef>,
    /// Behind whom it shall be, by name or address
    #[arg(long = "to", value_name = "NAME|SS58", visible_alias = "dest", aliases = ["dest-ss58", "dest-hotkey"], value_parser = addr::hotkey_ref)]
    to: HotkeyRef,
    /// The subnet it comes from
    #[arg(long, short = 'o', value_name = "NETUID", aliases = ["origin_netuid", "origin"], value_parser = number::<NetUid>)]
    origin_netuid: NetUid,
    /// The subnet it goes to [default: the one it comes from]
    #[arg(long, value_name = "NETUID", alias = "dest_netuid", value_parser = number::<NetUid>)]
    dest_netuid: Option<NetUid>,
    #[command(flatten)]
    part: PartArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl stake swap`
#[derive(Args, Debug)]
pub(crate) struct SwapArgs {
    /// The subnet it comes from
    #[arg(long, short = 'o', value_name = "NETUID", aliases = ["origin_netuid", "origin"], value_parser = number::<NetUid>)]
    origin_netuid: NetUid,
    /// The subnet it goes to
    #[arg(long, short = 'd', value_name = "NETUID", aliases = ["dest_netuid", "dest"], value_parser = number::<NetUid>)]
    dest_netuid: NetUid,
    #[command(flatten)]
    part: PartArg,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl stake transfer`
#[derive(Args, Debug)]
pub(crate) struct TransferArgs {
    /// Whose it shall be: a coldkey by its address, its name in the address book, or the wallet of this host that has it
    #[arg(
        long,
        short = 'd',
        value_name = "SS58|WALLET",
        visible_alias = "dest-coldkey",
        aliases = ["dest-ss58", "dest_ss58", "destination"],
        value_parser = NamedColdkey::of_coldkey
    )]
    dest: NamedColdkey,
    /// The subnet it comes from
    #[arg(long, short = 'o', value_name = "NETUID", aliases = ["origin_netuid", "origin"], value_parser = number::<NetUid>)]
    origin_netuid: NetUid,
    /// The subnet it goes to [default: the one it comes from]
    #[arg(long, value_name = "NETUID", alias = "dest_netuid", value_parser = number::<NetUid>)]
    dest_netuid: Option<NetUid>,
    #[command(flatten)]
    part: PartArg,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    terms: Terms,
}

// === impl SlotArg, AddArgs, RemoveArgs ===

impl SlotArg {
    /// The hotkey that has the slot now; none where none is named.
    ///
    /// # Errors
    /// When nobody has it, or which subnet's it is cannot be told.
    async fn hotkey(self, session: &Session, netuids: &[NetUid]) -> Result<Option<HotkeyRef>, Failure> {
        let Some(uid) = self.uid else { return Ok(None) };
        let netuid = match *netuids {
            [] => NetUid::ROOT,
            [netuid] => netuid,
            _ => {
                return Err(Failure::usage(
                    "--uid is a slot of one subnet: name one with --netuid, or the hotkey with --hotkey",
                ));
            }
        };
        let params = NeuronParams { netuid, uid: Some(uid), hotkey: None, mechid: MechId(0), block: None };
        let reply = session.call::<Neuron>(&params).await?.read()?;
        let hotkey = reply.neuron.get("hotkeys").and_then(|hotkey| hotkey.as_str()?.parse().ok());
        let unknown =
            || Failure::usage(format!("whose slot {uid} of subnet {netuid} is cannot be told: name the hotkey"));
        let hotkey = hotkey.ok_or_else(unknown)?;
        session.out.note(format!("uid {uid} of subnet {netuid} is hotkey {hotkey}"));
        Ok(Some(HotkeyRef::Address(hotkey)))
    }
}

impl AddArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (protection, fill) = self.protection.resolve((session.settings.protection, session.settings.fill));
        // Without --amount and --max-stake the parser asks for --all.
        let mut amount = self.amount.unwrap_or(Amount::All);
        let wallet = self.wallet.resolve(&session.settings);
        let by_slot = self.slot.hotkey(session, &self.netuids).await?;
        let hotkeys = self.hotkeys.resolve(by_slot, session)?;
        if let ([netuid], Some(hotkey)) = (self.netuids.as_slice(), hotkey::only(&hotkeys)) {
            if let Some(most) = self.max_stake {
                let place = Place { wallet: &wallet, terms: &self.terms, hotkey: &hotkey, netuid: *netuid };
                let lacking = target::lacking(session, place, most).await?;
                if self.amount.is_some() {
                    session.out.warn(target::beside_an_amount(&format!("τ{lacking} would be staked")));
                }
                amount = Amount::Exactly(lacking);
            }
            let params = unsent!(AddParams { amount, netuid: *netuid, hotkey, wallet, protection, fill });
            return spend::sign::<Add>(session, params, self.terms).await;
        }
        if self.max_stake.is_some() {
            return Err(target::only_one());
        }
        let netuids = if self.all_netuids { Netuids::All } else { Netuids::Only(self.netuids) };
        let params = unsent!(AddManyParams { amount, netuids, hotkeys, wallet, protection, fill });
        spend::sign::<AddMany>(session, params, self.terms).await
    }
}

impl RemoveArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (protection, fill) = self.protection.resolve((session.settings.protection, session.settings.fill));
        let wallet = self.wallet.resolve(&session.settings);
        if self.interactive {
            return pick::remove(session, wallet, (protection, fill), self.terms).await;
        }
        let by_slot = self.slot.hotkey(session, &self.netuids).await?;
        let hotkeys = self.hotkeys.resolve(by_slot, session)?;
        if self.netuids.is_empty() && !self.all_netuids {
            if self.protection.is_given() {
                return Err(Failure::usage(
                    "the chain sells everything in one call without a limit: name a --netuid, or say --all-netuids, to have one",
                ));
            }
            let scope = if self.all_alpha { Scope::Alpha } else { Scope::Everything };
            let (hotkey, hotkeys) = match hotkey::only(&hotkeys) {
                Some(only) => (only, None),
                None => (HotkeyRef::default(), Some(hotkeys)),
            };
            let params = unsent!(RemoveAllParams { hotkey, hotkeys, wallet, scope });
            return spend::sign::<RemoveAll>(session, params, self.terms).await;
        }
        // Without --amount and --max-stake the parser asks for --all.
        let mut amount = self.amount.unwrap_or(AlphaAmount::All);
        if let ([netuid], Some(hotkey)) = (self.netuids.as_slice(), hotkey::only(&hotkeys)) {
            if let Some(most) = self.max_stake {
                let place = Place { wallet: &wallet, terms: &self.terms, hotkey: &hotkey, netuid: *netuid };
                let surplus = target::surplus(session, place, most).await?;
                if self.amount.is_some() {
                    let taken = format!("{}{surplus} would be taken out", netuid.stake_sign());
                    session.out.warn(target::beside_an_amount(&taken));
                }
                amount = AlphaAmount::Exactly(surplus);
            }
            let params = unsent!(RemoveParams { amount, netuid: *netuid, hotkey, wallet, protection, fill });
            return spend::sign::<Remove>(session, params, self.terms).await;
        }
        if self.max_stake.is_some() {
            return Err(target::only_one());
        }
        let netuids = if self.all_netuids { Netuids::All } else { Netuids::Only(self.netuids) };
        let params = unsent!(RemoveManyParams { amount, netuids, hotkeys, wallet, protection, fill });
        spend::sign::<RemoveMany>(session, params, self.terms).await
    }
}

// === impl PartArg, MoveArgs, SwapArgs, TransferArgs ===

impl PartArg {
    /// Without --amount the parser asks for --all.
    fn resolve(&self) -> AlphaAmount {
        self.amount.unwrap_or(AlphaAmount::All)
    }
}

impl MoveArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        self.protection.require_none((self.origin_netuid, self.dest_netuid), "moved")?;
        let usual = || session.settings.hotkey.clone().map(HotkeyRef::Name);
        let params = unsent!(MoveParams {
            amount: self.part.resolve(),
            origin_netuid: self.origin_netuid,
            dest_hotkey: self.to,
            dest_netuid: self.dest_netuid,
            origin_hotkey: self.from.or_else(usual).unwrap_or_default(),
            wallet: self.wallet.resolve(&session.settings),
        });
        spend::sign::<Move>(session, params, self.terms).await
    }
}

impl SwapArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (protection, fill) = self.protection.resolve((session.settings.protection, session.settings.fill));
        let params = unsent!(SwapParams {
            amount: self.part.resolve(),
            origin_netuid: self.origin_netuid,
            dest_netuid: self.dest_netuid,
            hotkey: self.hotkey.resolve(session),
            wallet: self.wallet.resolve(&session.settings),
            protection,
            fill,
        });
        spend::sign::<Swap>(session, params, self.terms).await
    }
}

impl TransferArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        self.protection.require_none((self.origin_netuid, self.dest_netuid), "given away")?;
        let params = unsent!(TransferParams {
            amount: self.part.resolve(),
            dest: self.dest.resolve("--dest", session).await?,
            origin_netuid: self.origin_netuid,
            dest_netuid: self.dest_netuid,
            hotkey: self.hotkey.resolve(session),
            wallet: self.wallet.resolve(&session.settings),
        });
        spend::sign::<Transfer>(session, params, self.terms).await
    }
}
