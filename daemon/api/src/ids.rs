//! Names and numbers of things: accounts, subnets, neurons, blocks, wallets.
//!
//! Every id is its own type, so that a hotkey cannot stand where a coldkey is meant, nor a uid
//! where a netuid is. On the wire an account is its SS58 text and the numbers are JSON numbers.

use std::{borrow::Cow, fmt, marker::PhantomData, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ss58::{self, AddressError};

/// 32 bytes that name an account. Its printed form is SS58, format 42.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub [u8; 32]);

// === impl AccountId ===

impl AccountId {
    /// The bytes of the public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads an address of any SS58 format: the same key written for another network is the same
    /// account. For texts that come from peers; what a user types is read by `FromStr`, which
    /// takes format 42 only.
    ///
    /// # Errors
    /// When the text is not an address or its checksum does not match.
    pub fn from_any_format(text: &str) -> Result<Self, AddressError> {
        ss58::decode_any(text).map(|(account, _)| Self(account))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ss58::encode(&self.0))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AccountId {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        ss58::decode(text).map(Self)
    }
}

impl From<[u8; 32]> for AccountId {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Reads what a text says where it lies: a borrowed text of serde's is a copy.
pub(crate) fn by_text<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    struct Reading<T, E, F> {
        read: F,
        told: PhantomData<fn() -> Result<T, E>>,
    }

    impl<T, E: fmt::Display, F: FnOnce(&str) -> Result<T, E>> de::Visitor<'_> for Reading<T, E, F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<V: de::Error>(self, text: &str) -> Result<T, V> {
            (self.read)(text).map_err(V::custom)
        }
    }

    deserializer.deserialize_str(Reading { read, told: PhantomData })
}

/// Serialises a type by its `Display` and reads it by its `FromStr`.
macro_rules! as_text {
    ($type:ty, $schema:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::ids::by_text(deserializer, str::parse)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}
pub(crate) use as_text;

as_text!(
    AccountId,
    json_schema!({
        "type": "string",
        "description": "SS58 address, format 42",
        "examples": ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"]
    })
);

/// An account in a role: the printed form and the bytes are those of [`AccountId`].
macro_rules! account_role {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub AccountId);

        impl $name {
            /// The account that plays the role.
            pub const fn account(&self) -> AccountId {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = AddressError;

            fn from_str(text: &str) -> Result<Self, AddressError> {
                text.parse().map(Self)
            }
        }

        impl From<AccountId> for $name {
            fn from(account: AccountId) -> Self {
                Self(account)
            }
        }
    };
}

account_role!(
    /// The operating key: the identity of a neuron. Signs weights, axon records and synapses.
    Hotkey
);
account_role!(
    /// The owning key: holds the balance and signs everything that spends.
    Coldkey
);

/// A number with a meaning.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<$inner> for $name {
            fn from(number: $inner) -> Self {
                Self(number)
            }
        }
    };
}

number!(
    /// The number of a subnet; 0 is root.
    NetUid(u16)
);
number!(
    /// A mechanism inside a subnet; 0 is the main one.
    MechId(u8)
);
number!(
    /// The slot of a neuron in one subnet; meaningless without its netuid.
    Uid(u16)
);
number!(
    /// The height of a block.
    BlockNumber(u32)
);

impl NetUid {
    /// Root's own subnet, where stake is tao.
    pub const ROOT: Self = Self(0);

    /// The sign of what stake on it is counted in: tao on root, and elsewhere the subnet's alpha.
    pub const fn stake_sign(self) -> char {
        if self.0 == Self::ROOT.0 { 'τ' } else { 'α' }
    }
}

/// The hash of a block, printed as `0x` and 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockHash(pub [u8; 32]);

impl fmt::Display for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BlockHash {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
            .map_err(|_| NameError::BlockHash(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

as_text!(BlockHash, json_schema!({ "type": "string", "pattern": "^0x[0-9a-f]{64}$" }));

/// Why a text cannot name a thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A wallet or hotkey name that could not be a plain file name.
    #[error(
        "`{0}` cannot name a wallet or hotkey: use 1 to 128 characters and 200 bytes at most, not beginning with `.`, without `/`, `\\` and control characters"
    )]
    Wallet(String),
    /// As long as an address, and none.
    #[error("`{0}` is not an address of this network: its checksum does not match")]
    Address(String),
    /// Not 32 bytes of hex.
    #[error("`{0}` is not a block hash: expected 0x and 64 hex digits")]
    BlockHash(String),
    /// An idempotency key out of bounds.
    #[error("an idempotency key has 1 to 64 visible ASCII characters, this one has {0} characters or others")]
    IdempotencyKey(usize),
}

fn check_file_name(text: &str) -> Result<String, NameError> {
    // As a file name it also has room for 255 bytes, and a suffix.
    let fits = (1..=128).contains(&text.chars().count())
        && text.len() <= 200
        && !text.starts_with('.')
        && !text.chars().any(|c| c == '/' || c == '\\' || c.is_control());
    if fits { Ok(text.to_owned()) } else { Err(NameError::Wallet(text.to_owned())) }
}

/// A name that is also a file name in the wallets directory, hence free of path separators.
macro_rules! file_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as a plain text, safe to use as one path component.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self("default".to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check_file_name(text).map(Self)
            }
        }

        as_text!($name, json_schema!({ "type": "string", "minLength": 1, "maxLength": 128 }));
    };
}

file_name!(
    /// A wallet: a coldkey and its hotkeys, one directory under the wallets root.
    WalletName
);
file_name!(
    /// A hotkey of a wallet: one file under its `hotkeys` directory.
    HotkeyName
);

/// A hotkey as a caller names it: by address, or by its name in the wallet that is spoken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HotkeyRef {
    /// Any hotkey.
    Address(Hotkey),
    /// A hotkey of the wallet.
    Name(HotkeyName),
}

impl Default for HotkeyRef {
    fn default() -> Self {
        Self::Name(HotkeyName::default())
    }
}

impl fmt::Display for HotkeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(hotkey) => hotkey.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl FromStr for HotkeyRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.parse() {
            Ok(hotkey) => Ok(Self::Address(hotkey)),
            // Too long for a name that anyone gives, and all of an address's characters: a mistyped address.
            Err(_) if (46..=50).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Err(NameError::Address(text.to_owned()))
            }
            Err(_) => text.parse().map(Self::Name),
        }
    }
}

as_text!(
    HotkeyRef,
    json_schema!({
        "type": "string",
        "description": "SS58 address of a hotkey, or the name of a hotkey of the wallet",
        "examples": ["5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", "default"]
    })
);

/// A text that the caller makes up for one intent: the same key with the same parameters never
/// acts twice, and with other parameters is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IdempotencyKey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::IdempotencyKey(text.chars().count()))
        }
    }
}

as_text!(IdempotencyKey, json_schema!({ "type": "string", "minLength": 1, "maxLength": 64 }));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_directory() {
        for bad in ["", ".", "..", "a/b", "../x", ".hidden", "a\0b", "a\nb", &"x".repeat(129), &"к".repeat(101)] {
            assert!(bad.parse::<WalletName>().is_err(), "{bad:?}");
        }
        for good in ["default", "my wallet", "HotKey.Two", "ключ", &"x".repeat(128), &"к".repeat(100)] {
            assert_eq!(good.parse::<WalletName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_hotkey_is_named_or_addressed_and_a_mistyped_address_is_neither() {
        let address = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        assert!(matches!(address.parse(), Ok(HotkeyRef::Address(_))));
        assert_eq!("miner-1".parse(), Ok(HotkeyRef::Name("miner-1".parse().unwrap())));
        assert!(matches!(address.replace("GKut", "GKuu").parse::<HotkeyRef>(), Err(NameError::Address(_))));
        assert_eq!(serde_json::to_value(HotkeyRef::default()).unwrap(), "default");
    }

    #[test]
    fn ids_keep_their_form_on_the_wire() {
        let hotkey: Hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".parse().unwrap();
        let json = serde_json::to_string(&(hotkey, NetUid(1), BlockHash([7; 32]))).unwrap();
        assert_eq!(json, format!("[\"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\",1,\"0x{}\"]", "07".repeat(32)));
        assert_eq!(serde_json::from_str::<(Hotkey, NetUid, BlockHash)>(&json).unwrap().0, hotkey);
    }
}
