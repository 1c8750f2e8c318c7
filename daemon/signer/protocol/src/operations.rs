//! What can be asked on each channel, and what it is answered with.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use btd_api::{HotkeyName, WalletName, wallet::Secret};
use btd_keys::{
    Encryption, Existing, KeyId, KeyRole, MadeKey, MadeWallet, NewKey, Protect, PublicKey, Purposes, Signature,
    WalletSummary,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Something that can be asked of the signer.
pub trait Operation: Send + 'static {
    /// Where it can be asked.
    type Channel: Serialize + DeserializeOwned + Send + 'static;
    /// What it is answered with, if not with a refusal.
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// As the channel says it.
    fn into_call(self) -> Self::Channel;
}

/// Declares a channel with its operations and their replies.
macro_rules! channel {
    ($(#[$doc:meta])* $channel:ident { $($(#[$what:meta])* $operation:ident => $reply:ty;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub enum $channel {
            $($(#[$what])* $operation($operation),)+
        }

        $(impl Operation for $operation {
            type Channel = $channel;
            type Reply = $reply;

            fn into_call(self) -> $channel {
                $channel::$operation(self)
            }
        })+
    };
}

channel! {
    /// The daemon's own channel.
    Control {
        /// Who is there.
        Hello => Welcome;
        /// A new wallet: coldkey and first hotkey.
        MakeWallet => MadeWallet;
        /// A new key, or one that is brought here.
        MakeKey => MadeKey;
        /// Every wallet on this host.
        List => Vec<WalletSummary>;
        /// The public half of a key, locked or not.
        Public => PublicKey;
        /// Unlocks a key for a while.
        Unlock => KeyStatus;
        /// Unlocks a key with a password that the environment has, if it has a password at all.
        UnlockFromEnvironment => Option<KeyStatus>;
        /// Locks a key.
        Lock => usize;
        /// Locks every key, or every key of a wallet.
        LockAll => usize;
        /// The keys that can be used now.
        Status => Vec<KeyStatus>;
        /// Signs an extrinsic.
        SignExtrinsic => Signature;
        /// Signs a text of the user.
        SignText => Signature;
        /// One wallet on this host.
        Summary => WalletSummary;
        /// The public halves of keys, as their files tell them.
        Export => Vec<PublicRecord>;
        /// Writes the public half of a key whose secret lies elsewhere.
        Watch => Watched;
        /// Writes a key file anew under another protection.
        Reprotect => Reprotected;
        /// Opens a message that was sealed to a key of this host.
        OpenSealed => OpenedMessage;
        /// How many keys lie plain on this host, to which no lock applies.
        CountPlain => usize;
    }
}

channel! {
    /// What the axon and the dendrites may ask. It names hotkeys, and knows synapse messages only.
    Requests {
        /// The public half of a hotkey.
        PublicHotkey => PublicKey;
        /// Signs a synapse message of which the hotkey is the signer.
        SignSynapse => Signature;
    }
}

/// See [`Control::Hello`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// [`crate::VERSION`] of the daemon.
    pub version: u32,
}

/// Reply of [`Hello`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// [`crate::VERSION`] of the signer.
    pub version: u32,
    /// The wallets directory.
    pub wallets: PathBuf,
}

/// See [`Control::MakeWallet`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MakeWallet {
    /// The coldkey.
    pub coldkey: NewKey,
    /// The hotkey.
    pub hotkey: NewKey,
}

/// See [`Control::MakeKey`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MakeKey {
    /// The key.
    pub new: NewKey,
}

/// See [`Control::List`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct List {}

/// See [`Control::Public`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Public {
    /// Which key.
    pub key: KeyId,
}

/// What becomes of an earlier unlock of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Earlier {
    /// It ends: the new one takes its place, be it shorter or for less.
    Ends,
    /// It stays as it is, and the new one is added.
    Stays,
}

/// See [`Control::Unlock`]. A hotkey that is plain on disk needs none of this and keeps no window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unlock {
    /// Which key.
    pub key: KeyId,
    /// Its password; not needed for a plain file.
    pub password: Option<Secret>,
    /// For how long; the signer's default if `None`.
    pub window: Option<Duration>,
    /// For what.
    pub purposes: Purposes,
    /// What becomes of an earlier unlock of it.
    pub earlier: Earlier,
}

/// See [`Control::UnlockFromEnvironment`]. An earlier unlock stays as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnlockFromEnvironment {
    /// Which key.
    pub key: KeyId,
    /// The variables of the daemon that may announce a password. The signer has its own credentials
    /// directory beside them.
    pub variables: BTreeMap<String, Secret>,
    /// For how long.
    pub window: Option<Duration>,
    /// For what.
    pub purposes: Purposes,
}

/// One unlock of a key that can be used now, or a key that needs none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStatus {
    /// Which key.
    pub key: KeyId,
    /// Its public half.
    pub public: PublicKey,
    /// For what it lets the key be used.
    pub purposes: Purposes,
    /// When it ends; `None` for a hotkey that is plain on disk.
    pub remaining: Option<Duration>,
}

/// See [`Control::Lock`]. The reply is 1 if it was unlocked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lock {
    /// Which key.
    pub key: KeyId,
}

/// See [`Control::LockAll`]. The reply is how many were unlocked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LockAll {
    /// Of this wallet only.
    pub wallet: Option<WalletName>,
}

/// See [`Control::CountPlain`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CountPlain {
    /// Of this wallet only.
    pub wallet: Option<WalletName>,
    /// This key of each only.
    pub role: Option<KeyRole>,
}

/// See [`Control::Status`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Status {}

/// See [`Control::SignExtrinsic`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignExtrinsic {
    /// Which key.
    pub key: KeyId,
    /// The pallet's name, as the chain's metadata has it.
    pub pallet: String,
    /// The call's name.
    pub call: String,
    /// Call, extensions and implicit data, whole.
    pub payload: Vec<u8>,
}

/// See [`Control::SignText`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignText {
    /// Which key.
    pub key: KeyId,
    /// The text; what is signed is the text between `<Bytes>` tags.
    pub text: String,
}

/// See [`Control::Summary`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// The wallet.
    pub wallet: WalletName,
}

/// See [`Control::Export`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Export {
    /// Of this wallet only.
    pub wallet: Option<WalletName>,
}

/// The public half of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicRecord {
    /// Which key.
    pub key: KeyId,
    /// Its public half.
    pub public: PublicKey,
    /// Where its public file lies, or would lie, under a wallets directory.
    pub file: PathBuf,
    /// What that file holds.
    pub content: String,
}

/// See [`Control::Watch`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Watch {
    /// Under which name.
    pub key: KeyId,
    /// The public half.
    pub public: PublicKey,
    /// What happens to a public file that is in the way.
    pub existing: Existing,
}

/// Reply of [`Watch`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Watched {
    /// The file.
    pub path: PathBuf,
    /// The copy that was kept of a replaced one.
    pub kept: Option<PathBuf>,
}

/// See [`Control::Reprotect`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reprotect {
    /// Which key.
    pub key: KeyId,
    /// The password that it has now; not needed for a plain file.
    pub password: Option<Secret>,
    /// How its file shall be protected.
    pub protect: Protect,
}

/// Reply of [`Reprotect`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reprotected {
    /// The key's public half, the same as before.
    pub public: PublicKey,
    /// How the file was protected.
    pub from: Encryption,
    /// The file.
    pub path: PathBuf,
    /// The copy of the old file; none of a plain one.
    pub kept: Option<PathBuf>,
}

/// See [`Control::OpenSealed`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenSealed {
    /// Which key.
    pub key: KeyId,
    /// The sealed message.
    pub sealed: Vec<u8>,
}

/// Reply of [`OpenSealed`]: UTF-8 as it is, other bytes as `0x` and hex.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenedMessage {
    /// The message.
    pub message: Secret,
    /// To whom it was sealed.
    pub to: PublicKey,
}

/// See [`Requests::PublicHotkey`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublicHotkey {
    /// The wallet.
    pub wallet: WalletName,
    /// The hotkey of it.
    pub hotkey: HotkeyName,
}

/// See [`Requests::SignSynapse`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignSynapse {
    /// The wallet.
    pub wallet: WalletName,
    /// The hotkey of it.
    pub hotkey: HotkeyName,
    /// The message, of any generation of the protocol.
    pub message: String,
}
