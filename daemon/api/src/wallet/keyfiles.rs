//! Key files: new ones, restored ones, the same under another protection, and their public halves.
//!
//! Secrets travel one way only, from the caller to the daemon; the exception are the words of a key
//! that the daemon made, which are in the one reply that tells of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Existing, KeyName, KeyState, Secret};
use crate::{AccountId, HotkeyName, WalletName, method::methods};

/// How a key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// schnorrkel: what keys are by default, and the only scheme that axons of the SDKs verify.
    #[default]
    Sr25519,
    /// RFC 8032. Hardware wallets use it, and messages can be encrypted to it.
    Ed25519,
}

/// How a secret file is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Not at all: whoever can read the file has the key.
    Plain,
    /// `$NACL`: what every current tool of the ecosystem writes and reads.
    Nacl,
    /// `$BTD_KEY`, with a random salt and Argon2id: btd alone reads it, no Python tool does.
    Native,
    /// `$ANSIBLE_VAULT`: weak, for tools from before 2024.
    AnsibleVault,
    /// A Fernet token of the first releases. Read, never written.
    Fernet,
}

/// How a new key file is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// Encrypts the file.
    #[serde(default)]
    pub password: Option<Secret>,
    /// How. Without it `nacl` where there is a password. A coldkey without a password must be asked
    /// for as `plain`; a hotkey is plain by default.
    #[serde(default)]
    pub protection: Option<Protection>,
    /// What to do with key files that are in the way.
    #[serde(default)]
    pub existing: Existing,
}

/// Parameters of [`NewColdkey`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewColdkeyParams {
    /// The wallet's name.
    #[serde(default)]
    pub wallet: WalletName,
    /// How many words the mnemonic has: 12, 15, 18, 21 or 24. Default 12.
    #[serde(default)]
    pub words: Option<u8>,
    /// How it signs.
    #[serde(default)]
    pub scheme: Scheme,
    /// A secret URI such as `//Alice` in place of a new mnemonic. For development.
    #[serde(default)]
    pub uri: Option<Secret>,
    /// How the file is written.
    #[serde(default)]
    pub file: FileOptions,
}

/// Parameters of [`NewHotkey`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHotkeyParams {
    /// The wallet's name.
    #[serde(default)]
    pub wallet: WalletName,
    /// The hotkey's name.
    #[serde(default)]
    pub hotkey: HotkeyName,
    /// How many words the mnemonic has: 12, 15, 18, 21 or 24. Default 12.
    #[serde(default)]
    pub words: Option<u8>,
    /// How it signs.
    #[serde(default)]
    pub scheme: Scheme,
    /// A secret URI such as `//Alice` in place of a new mnemonic. For development.
    #[serde(default)]
    pub uri: Option<Secret>,
    /// How the file is written.
    #[serde(default)]
    pub file: FileOptions,
}

/// What a key is restored from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// Words.
    Mnemonic {
        /// 12 to 24 English words.
        #[schemars(example = &"bottom drive obey lake curtain smoke basket hold race lonely fit walk")]
        words: Secret,
        /// The derivation password, which is not the password of a file; rarely used.
        #[serde(default)]
        derivation_password: Option<Secret>,
    },
    /// A seed: 64 hex digits.
    Seed(Secret),
    /// A private key in the form of key files: 128 hex digits for sr25519, 64 for ed25519.
    PrivateKey(Secret),
    /// A secret URI: words, a seed or nothing, then a path and a derivation password
    /// (`WORDS//hard/soft///password`).
    Uri(Secret),
    /// A polkadot.js keystore, which says itself how its key signs.
    Keystore {
        /// The JSON text.
        json: Secret,
        /// Its passphrase; empty if it has none.
        passphrase: Secret,
    },
}

/// Parameters of [`RegenColdkey`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegenColdkeyParams {
    /// What it is restored from.
    pub origin: Origin,
    /// The wallet's name.
    #[serde(default)]
    pub wallet: WalletName,
    /// How it signs.
    #[serde(default)]
    pub scheme: Scheme,
    /// How the file is written.
    #[serde(default)]
    pub file: FileOptions,
}

/// Parameters of [`RegenHotkey`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegenHotkeyParams {
    /// What it is restored from.
    pub origin: Origin,
    /// The wallet's name.
    #[serde(default)]
    pub wallet: WalletName,
    /// The hotkey's name.
    #[serde(default)]
    pub hotkey: HotkeyName,
    /// How it signs.
    #[serde(default)]
    pub scheme: Scheme,
    /// How the file is written.
    #[serde(default)]
    pub file: FileOptions,
}

/// A key that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyWritten {
    /// The wallet.
    pub wallet: WalletName,
    /// The key of it.
    pub key: KeyName,
    /// The account.
    pub address: AccountId,
    /// How it signs.
    pub scheme: Scheme,
    /// How its file is protected.
    pub protection: Protection,
    /// Its secret file.
    pub path: String,
    /// Copies that were kept of replaced files.
    pub kept: Vec<String>,
    /// The words that restore it, if they were made here. They are shown nowhere else, ever.
    pub mnemonic: Option<Secret>,
}

/// Parameters of [`RegenColdkeypub`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegenColdkeypubParams {
    /// The account.
    pub address: AccountId,
    /// The wallet's name.
    #[serde(default)]
    pub wallet: WalletName,
    /// How it signs.
    #[serde(default)]
    pub scheme: Scheme,
    /// What to do with a public file that is in the way.
    #[serde(default)]
    pub existing: Existing,
}

/// Parameters of [`RegenHotkeypub`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegenHotkeypubParams {
    /// The account.
    pub address: AccountId,
    /// The wallet's name.
    #[serde(default)]
    pub wallet: WalletName,
    /// The hotkey's name.
    #[serde(default)]
    pub hotkey: HotkeyName,
    /// How it signs.
    #[serde(default)]
    pub scheme: Scheme,
    /// What to do with a public file that is in the way.
    #[serde(default)]
    pub existing: Existing,
}

/// A public file that was written: its wallet can be watched, and signs nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PublicWritten {
    /// The wallet.
    pub wallet: WalletName,
    /// The key of it.
    pub key: KeyName,
    /// The account.
    pub address: AccountId,
    /// How it signs.
    pub scheme: Scheme,
    /// The file.
    pub path: String,
    /// The copy that was kept of a replaced file.
    pub kept: Option<String>,
}

/// Parameters of [`Convert`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvertParams {
    /// How the file shall be protected.
    pub to: Protection,
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The key of it.
    #[serde(default = "super::coldkey")]
    pub key: KeyName,
    /// The password that it has now, if it is encrypted.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The password that it shall have; the present one if none is given.
    #[serde(default)]
    pub new_password: Option<Secret>,
}

/// Parameters of [`Update`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateParams {
    /// The key's password, which stays.
    #[schemars(example = &"the password of the key")]
    pub password: Secret,
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The key of it.
    #[serde(default = "super::coldkey")]
    pub key: KeyName,
}

/// A key file that was written anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Converted {
    /// The wallet.
    pub wallet: WalletName,
    /// The key of it.
    pub key: KeyName,
    /// The account, which is the same as before.
    pub address: AccountId,
    /// How the file was protected.
    pub from: Protection,
    /// How it is now.
    pub to: Protection,
    /// The file.
    pub path: String,
    /// The copy of the old file. Of a plain file none is kept, so that the key does not stay beside
    /// its encrypted file in plain text.
    pub kept: Option<String>,
    /// Whether anything was written: a file that is current already stays as it is.
    pub changed: bool,
}

/// Parameters of [`Export`]: one wallet, or every one of this host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportParams {
    /// The wallet.
    #[serde(default)]
    pub wallet: Option<WalletName>,
}

/// The public half of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKeyData {
    /// The wallet.
    pub wallet: WalletName,
    /// The key of it.
    pub key: KeyName,
    /// The account.
    pub address: AccountId,
    /// Its 32 bytes, `0x` and 64 hex digits.
    pub public_key: String,
    /// How it signs.
    pub scheme: Scheme,
    /// Where its public file lies under a wallets directory.
    pub file: String,
    /// What that file holds, as every tool of the ecosystem reads it.
    pub content: String,
}

/// Reply of [`Export`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exported {
    /// The keys, wallet by wallet; what no file tells is left out.
    pub keys: Vec<PublicKeyData>,
}

/// Parameters of [`Inspect`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InspectParams {
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
}

/// Everything that is known of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyDetail {
    /// Which key.
    pub key: KeyName,
    /// The account, unless no file tells it.
    pub address: Option<AccountId>,
    /// How it signs.
    pub scheme: Option<Scheme>,
    /// Whether it can be used now.
    pub state: KeyState,
    /// How its secret file is protected; none if there is none, or it cannot be read.
    pub protection: Option<Protection>,
    /// Where its secret file lies, or would lie.
    pub path: String,
    /// What is wrong with its files, or could be better.
    pub warnings: Vec<String>,
    /// Where it is registered, by the cached metagraphs.
    pub registered: Vec<super::Registration>,
}

/// Reply of [`Inspect`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalletDetail {
    /// Its name.
    pub wallet: WalletName,
    /// Its directory.
    pub path: String,
    /// The coldkey, then the hotkeys by name.
    pub keys: Vec<KeyDetail>,
    /// Why its hotkeys could not be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The coldkey's money; none where it is not known, or no coldkey is.
    pub balance: Option<super::Balances>,
    /// Why the balance is not known: what reading it alone would have been answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance_error: Option<crate::ApiError>,
}

/// Parameters of [`Encrypt`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncryptParams {
    /// The message.
    #[schemars(example = &"hello")]
    pub message: Secret,
    /// The ed25519 key that alone can read it.
    pub to: AccountId,
}

/// Reply of [`Encrypt`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Encrypted {
    /// The sealed message, `0x` and lower-case hex.
    pub ciphertext: String,
    /// Who can read it.
    pub to: AccountId,
    /// What is not sure: that there is an ed25519 key at that address, which addresses do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Parameters of [`Decrypt`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecryptParams {
    /// The sealed message in hex, with or without `0x`.
    #[schemars(example = "00".repeat(49))]
    pub ciphertext: String,
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The key of it, which must be ed25519.
    #[serde(default = "super::coldkey")]
    pub key: KeyName,
}

/// Reply of [`Decrypt`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decrypted {
    /// The message.
    pub message: Secret,
    /// To whom it was encrypted.
    pub to: AccountId,
}

/// What an unlocked key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// Extrinsics: they spend, stake, register, set weights.
    Extrinsics,
    /// Weights and commits to them alone: extrinsics that move no funds.
    Weights,
    /// Requests to axons, and replies of this host's.
    Synapses,
    /// Signing and decrypting texts.
    Messages,
}

/// Parameters of [`Status`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusParams {}

/// One key that can be used now. One that was unlocked more than once, for different uses, is there as often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsableKey {
    /// The wallet.
    pub wallet: WalletName,
    /// The key of it.
    pub key: KeyName,
    /// The account.
    pub address: AccountId,
    /// How it signs.
    pub scheme: Scheme,
    /// For what this unlock of it lets it be used.
    pub uses: Vec<Use>,
    /// After how many seconds that ends; none for a hotkey that is plain on disk.
    pub seconds: Option<u32>,
}

/// Reply of [`Status`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usable {
    /// The keys, by name. Every other one is locked, or plain on disk and not used yet.
    pub keys: Vec<UsableKey>,
}

methods! {
    /// Makes a coldkey from a new mnemonic
    NewColdkey = "wallet_newColdkey" (Spend): NewColdkeyParams => KeyWritten;
    /// Makes a hotkey from a new mnemonic
    NewHotkey = "wallet_newHotkey" (Operate): NewHotkeyParams => KeyWritten;
    /// Restores a coldkey from words, a seed, a private key or a polkadot.js keystore
    RegenColdkey = "wallet_regenColdkey" (Spend): RegenColdkeyParams => KeyWritten;
    /// Restores a hotkey from words, a seed, a private key or a polkadot.js keystore
    RegenHotkey = "wallet_regenHotkey" (Operate): RegenHotkeyParams => KeyWritten;
    /// Writes the public half of a coldkey whose secret lies elsewhere
    RegenColdkeypub = "wallet_regenColdkeypub" (Spend): RegenColdkeypubParams => PublicWritten;
    /// Writes the public half of a hotkey whose secret lies elsewhere
    RegenHotkeypub = "wallet_regenHotkeypub" (Operate): RegenHotkeypubParams => PublicWritten;
    /// Writes a key file anew under another protection or password
    Convert = "wallet_convert" (Spend): ConvertParams => Converted;
    /// Brings a key file of an old encryption to the current one
    Update = "wallet_update" (Spend): UpdateParams => Converted;
    /// The public halves of keys, with the content of their public files
    Export = "wallet_export" (Read): ExportParams => Exported;
    /// Everything that is known of one wallet
    Inspect = "wallet_inspect" (Read): InspectParams => WalletDetail;
    /// Encrypts a message to an ed25519 key
    Encrypt = "wallet_encrypt" (Read): EncryptParams => Encrypted;
    /// Decrypts a message that was encrypted to an ed25519 key of this host
    Decrypt = "wallet_decrypt" (Spend): DecryptParams => Decrypted;
    /// The keys that can be used now
    Status = "wallet_status" (Read): StatusParams => Usable;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_documented() {
        for text in [
            r#"{"mnemonic":{"words":"a b c"}}"#,
            r#"{"mnemonic":{"words":"a b c","derivation_password":"x"}}"#,
            r#"{"seed":"0x00"}"#,
            r#"{"private_key":"00"}"#,
            r#"{"keystore":{"json":"{}","passphrase":""}}"#,
        ] {
            let origin: Origin = serde_json::from_str(text).unwrap();
            assert!(!format!("{origin:?}").contains("a b c"));
        }
        assert!(serde_json::from_str::<Origin>(r#"{"mnemonic":{"words":"a","more":1}}"#).is_err());
        assert_eq!(serde_json::to_string(&Protection::AnsibleVault).unwrap(), r#""ansible-vault""#);
    }
}
