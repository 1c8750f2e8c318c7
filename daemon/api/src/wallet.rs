//! The noun `wallet`: keys on this host, balances, transfers.
//!
//! Passwords travel only from the client to the daemon, over the local socket, and mnemonics only
//! once, in the reply that creates them. Neither is ever logged, and their `Debug` says nothing.

pub mod history;
pub mod keyfiles;
pub mod onchain;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    AccountId, Alpha, Amount, BlockHash, Coldkey, Hotkey, HotkeyName, NetUid, Tao, Uid, WalletName,
    chain::{At, BlockRef, Event},
    method::methods,
    signing::signing_params,
};

/// A text that must not be shown: `Debug` redacts it, and its memory is wiped on drop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Which key of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyName {
    /// The coldkey.
    Coldkey,
    /// The hotkey of that name.
    Hotkey(HotkeyName),
}

/// What to do with a file that is in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Existing {
    /// Leave it and fail.
    #[default]
    Keep,
    /// Keep a copy beside it and write the new one.
    Replace,
}

/// Parameters of [`Create`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateParams {
    /// The wallet's name.
    #[serde(default)]
    pub wallet: WalletName,
    /// The name of its first hotkey.
    #[serde(default)]
    pub hotkey: HotkeyName,
    /// How many words each mnemonic has: 12, 15, 18, 21 or 24. Default 12.
    #[serde(default)]
    pub words: Option<u8>,
    /// Encrypts the coldkey. Without it the coldkey is written in plain text, which `plain` must allow.
    #[serde(default)]
    pub password: Option<Secret>,
    /// How the coldkey is encrypted: `nacl` if this does not say `native`.
    #[serde(default)]
    pub protection: Option<keyfiles::Protection>,
    /// Allows a coldkey in plain text.
    #[serde(default)]
    pub plain: bool,
    /// A secret URI such as `//Alice` in place of new mnemonics: both keys are that key. For development.
    #[serde(default)]
    pub uri: Option<Secret>,
    /// How the coldkey signs.
    #[serde(default)]
    pub scheme: keyfiles::Scheme,
    /// How the hotkey signs.
    #[serde(default)]
    pub hotkey_scheme: keyfiles::Scheme,
    /// What to do with key files that are in the way.
    #[serde(default)]
    pub existing: Existing,
}

/// Reply of [`Create`]. The mnemonics are shown nowhere else, ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    /// The wallet's name.
    pub wallet: WalletName,
    /// Its directory.
    pub path: String,
    /// The coldkey's account.
    pub coldkey: Coldkey,
    /// The hotkey's name.
    pub hotkey_name: HotkeyName,
    /// The hotkey's account; none if the hotkey could not be written.
    pub hotkey: Option<Hotkey>,
    /// Why the hotkey could not be written. The coldkey was: its words stand below all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotkey_problem: Option<String>,
    /// The words that restore the coldkey; none when it was made from a URI.
    pub coldkey_mnemonic: Option<Secret>,
    /// The words that restore the hotkey; none when it was made from a URI.
    pub hotkey_mnemonic: Option<Secret>,
}

/// Whether a secret can be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// The file is plain: usable without a password.
    Plain,
    /// Encrypted, and locked.
    Locked,
    /// Encrypted, and unlocked for a while.
    Unlocked,
    /// Only the public half is here.
    Public,
    /// There is no file of it, which is usual for a coldkey that is kept elsewhere.
    Absent,
    /// The file cannot be read.
    Unreadable,
}

/// A hotkey of a wallet on this host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HotkeyEntry {
    /// Its name.
    pub name: HotkeyName,
    /// Its account, unless the file is unreadable or encrypted without a public file beside it.
    pub address: Option<Hotkey>,
    /// `sr25519` or `ed25519`.
    pub scheme: Option<String>,
    /// Whether it can be used now.
    pub state: KeyState,
    /// Where it is registered, by the cached metagraphs.
    pub registered: Vec<Registration>,
}

/// A neuron's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registration {
    /// The subnet.
    pub netuid: NetUid,
    /// The slot in it.
    pub uid: Uid,
}

/// A wallet on this host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalletEntry {
    /// Its name.
    pub name: WalletName,
    /// The coldkey's account, unless no file tells it.
    pub coldkey: Option<Coldkey>,
    /// `sr25519` or `ed25519`.
    pub scheme: Option<String>,
    /// Whether the coldkey can be used now.
    pub state: KeyState,
    /// Its hotkeys, by name.
    pub hotkeys: Vec<HotkeyEntry>,
    /// Why its hotkeys could not be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Parameters of [`List`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParams {}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Wallets {
    /// The wallets root directory.
    pub path: String,
    /// The wallets, by name.
    pub wallets: Vec<WalletEntry>,
}

/// Parameters of [`Balance`]: one wallet, one address or several, or (with none of them) every wallet on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BalanceParams {
    /// A wallet on this host.
    #[serde(default)]
    pub wallet: Option<WalletName>,
    /// Any coldkey.
    #[serde(default)]
    pub address: Option<Coldkey>,
    /// Several coldkeys, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub addresses: Vec<Coldkey>,
}

/// One stake position of a coldkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StakePosition {
    /// The subnet.
    pub netuid: NetUid,
    /// The hotkey that it is staked to.
    pub hotkey: Hotkey,
    /// How much alpha.
    pub alpha: Alpha,
    /// Its worth at the subnet's price now, slippage not counted; none where the price is not known.
    pub value: Option<Tao>,
}

/// One coldkey's money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BalanceRow {
    /// The wallet, when it is one of this host.
    pub wallet: Option<WalletName>,
    /// The coldkey.
    pub coldkey: Coldkey,
    /// Free balance.
    pub free: Tao,
    /// Worth of all stake at the prices now; none where any of them is not known.
    pub staked: Option<Tao>,
    /// Free and staked together; none where it is not known what the stake is worth.
    pub total: Option<Tao>,
    /// The stake, position by position.
    pub positions: Vec<StakePosition>,
}

/// Reply of [`Balance`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Balances {
    /// The block at which it was read.
    pub at: At,
    /// One row for each coldkey.
    pub rows: Vec<BalanceRow>,
}

/// Parameters of [`Unlock`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockParams {
    /// Its password.
    #[schemars(example = &"the password of the key")]
    pub password: Secret,
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The key of it.
    #[serde(default = "coldkey")]
    pub key: KeyName,
    /// For how many seconds; default 300, at most what the configuration allows.
    #[serde(default)]
    pub seconds: Option<u32>,
    /// For what; default everything.
    #[serde(default)]
    pub uses: Option<Vec<keyfiles::Use>>,
    /// Whether an earlier unlock of it stays as it is and this one is added, cut to what the configuration allows; by
    /// default this one takes its place.
    #[serde(default)]
    pub beside: bool,
}

fn coldkey() -> KeyName {
    KeyName::Coldkey
}

/// Reply of [`Unlock`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unlocked {
    /// The wallet.
    pub wallet: WalletName,
    /// The key of it.
    pub key: KeyName,
    /// The account.
    pub address: AccountId,
    /// After how many seconds this unlock of it ends; an earlier one that was left as it is may last longer. None for a
    /// hotkey that is plain on disk, which needs no unlocking and which every use is open to.
    pub seconds: Option<u32>,
}

/// Parameters of [`Lock`]: one key, one wallet, or (with neither) all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockParams {
    /// The wallet.
    #[serde(default)]
    pub wallet: Option<WalletName>,
    /// The key of it.
    #[serde(default)]
    pub key: Option<KeyName>,
}

/// Reply of [`Lock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Locked {
    /// How many keys were unlocked, and are not any more.
    pub locked: u32,
    /// How many of those that were named lie plain on disk, or were handed over by the service manager: they sign
    /// without being unlocked, and go on doing so. `null` if their files could not be looked at.
    pub plain: Option<u32>,
}

/// Parameters of [`Sign`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignParams {
    /// The message: its UTF-8 bytes are signed between `<Bytes>` and `</Bytes>`, which no extrinsic can be.
    #[schemars(example = &"hello")]
    pub message: String,
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The key of it.
    #[serde(default = "coldkey")]
    pub key: KeyName,
}

/// A message with its signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedMessage {
    /// The message.
    #[schemars(example = &"hello")]
    pub message: String,
    /// 128 lower-case hex digits.
    pub signature: String,
    /// Who signed.
    pub signer: AccountId,
}

/// Parameters of [`Verify`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyParams {
    /// The message.
    #[schemars(example = &"hello")]
    pub message: String,
    /// 128 hex digits, with or without `0x`.
    #[schemars(example = "00".repeat(64))]
    pub signature: String,
    /// Who should have signed.
    pub signer: AccountId,
    /// Under which scheme; under any if this does not say.
    #[serde(default)]
    pub scheme: Option<keyfiles::Scheme>,
}

/// Reply of [`Verify`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// Whether the signature is the signer's, over the message as it is or between `<Bytes>` and `</Bytes>`.
    pub valid: bool,
    /// The scheme under which it verified.
    pub scheme: Option<String>,
}

/// How long to wait for an extrinsic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// Not at all: until it is signed and in the journal, from which it is sent whatever happens.
    None,
    /// Until the chain's pool took it.
    Submitted,
    /// Until it stands in a block, which may still be replaced by another; what failed there is an error, not final
    /// either.
    InBlock,
    /// Until it stands in a finalized block, or its era has ended.
    #[default]
    Finalized,
}

/// What an extrinsic would do, before it is signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The block at which it was worked out.
    pub at: At,
    /// `Pallet.call`.
    pub call: String,
    /// The arguments, as the chain's metadata names them.
    pub arguments: serde_json::Value,
    /// One sentence for people.
    pub summary: String,
    /// Who signs. It pays the fee in tao, unless an effect says that another account does, or that alpha is taken for it.
    pub signer: AccountId,
    /// The most that the fee comes to, tip included: what the chain takes before it makes the call. It gives back what
    /// the call turns out to weigh less (multisig, crowdloan refunds), and all but the tip of one that costs nothing
    /// where it succeeds (sudo). What was paid in the end is in the outcome.
    pub fee: Tao,
    /// Free balance now of the account that acts: the signer, or whom it is the proxy of.
    pub balance_before: Tao,
    /// The same after it, with the whole of `fee` gone where that account pays it in tao.
    pub balance_after: Tao,
    /// What it brings about, beside what the balance shows.
    #[serde(default)]
    pub effects: Vec<String>,
    /// What the caller should know before saying yes.
    pub warnings: Vec<String>,
    /// The prices that it is signed within. Whoever agrees to it sends them along with the order, and nothing worse is
    /// signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<crate::signing::Bound>,
    /// The announced call that it makes, where the order names none and there is one. Whoever agrees to it sends that
    /// along too, and no other is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makes: Option<BlockHash>,
    /// Of a dry run: the key that has to be unlocked before this can be signed.
    #[serde(default)]
    pub locked: Option<String>,
}

/// What became of an extrinsic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Outcome {
    /// Not sent: it was a dry run.
    Planned,
    /// Signed and in the journal, from which it is sent whatever happens to the caller.
    Recorded {
        /// The extrinsic's hash.
        extrinsic: BlockHash,
        /// The last block that can include it.
        era_end: crate::BlockNumber,
    },
    /// In the chain's pool, and not followed any further by this call.
    Submitted {
        /// The extrinsic's hash.
        extrinsic: BlockHash,
        /// The last block that can include it.
        era_end: crate::BlockNumber,
    },
    /// In a block that is not final yet, with success there, and not followed any further by this call.
    InBlock {
        /// The extrinsic's hash.
        extrinsic: BlockHash,
        /// The block.
        block: BlockRef,
        /// Its index in the block.
        index: u32,
        /// What it pays there, tip included; none where the chain does not tell.
        fee: Option<Tao>,
        /// The events that it caused there.
        events: Vec<Event>,
        /// The last block that can include it, should this one be replaced.
        era_end: crate::BlockNumber,
    },
    /// In a finalized block, with success.
    Finalized {
        /// The extrinsic's hash.
        extrinsic: BlockHash,
        /// The block.
        block: BlockRef,
        /// Its index in the block.
        index: u32,
        /// What it really paid, tip included; none where the chain does not tell.
        fee: Option<Tao>,
        /// The events that it caused.
        events: Vec<Event>,
    },
}

impl Outcome {
    /// The block that it stands in, final or not, and the events that it caused there.
    pub fn included(&self) -> Option<(&BlockRef, &[Event])> {
        match self {
            Self::Planned | Self::Recorded { .. } | Self::Submitted { .. } => None,
            Self::InBlock { block, events, .. } | Self::Finalized { block, events, .. } => {
                Some((block, events.as_slice()))
            }
        }
    }
}

/// Reply of every method that signs an extrinsic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// What was planned.
    pub plan: Plan,
    /// What became of it.
    pub outcome: Outcome,
}

signing_params! {
    /// Parameters of [`Transfer`].
    TransferParams {
        /// Who receives.
        dest: Coldkey,
        /// How much, or `all`.
        amount: Amount,
        /// The wallet whose coldkey pays.
        #[serde(default)]
        wallet: WalletName,
        /// Allows the account to fall below the existential deposit and vanish.
        #[serde(default)]
        allow_death: bool,
    }
}

methods! {
    /// Creates a wallet: a coldkey and its first hotkey, from new mnemonics
    Create = "wallet_create" (Spend): CreateParams => Created;
    /// Lists the wallets of this host with their hotkeys and where those are registered
    List = "wallet_list" (Read): ListParams => Wallets;
    /// Free balance and stake of a wallet, of addresses, or of every wallet of this host
    Balance = "wallet_balance" (Read): BalanceParams => Balances;
    /// Unlocks a key for a limited time
    Unlock = "wallet_unlock" (Operate): UnlockParams => Unlocked;
    /// Locks keys at once
    Lock = "wallet_lock" (Operate): LockParams => Locked;
    /// Signs a message that cannot be mistaken for an extrinsic
    Sign = "wallet_sign" (Spend): SignParams => SignedMessage;
    /// Checks a signature over a message
    Verify = "wallet_verify" (Read): VerifyParams => Verified;
    /// Sends tao from a wallet's coldkey
    Transfer = "wallet_transfer" (Spend): TransferParams => Receipt;
}
