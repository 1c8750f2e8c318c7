//! What a chain begins with, by name.

use std::{fmt, str::FromStr};

use btd_devnet_runtime::{Busy, GenesisSpec, Subnets};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a chain begins with. Written `empty`, `default`, `localnet`, `busy`, `busy:8x16` or `busy:8x16:7`.
///
/// The well-known accounts have money in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Root and nothing else.
    Empty,
    /// Root, and subnet 1 that belongs to nobody, as on a fresh localnet.
    #[default]
    Default,
    /// The same as on a localnet of the real runtime: subnets one a day, stake on root closed, drand's own beacon.
    Localnet,
    /// Many subnets full of neurons with stake, weights and bonds; which follows from the numbers alone.
    Busy(Busy),
}

impl Profile {
    /// As block 0 is built.
    pub(crate) fn genesis(self) -> GenesisSpec {
        let subnets = match self {
            Self::Localnet => return GenesisSpec::localnet(),
            Self::Empty => Subnets::None,
            Self::Default => Subnets::Nobodys,
            Self::Busy(busy) => Subnets::Busy(busy),
        };
        GenesisSpec { subnets, ..GenesisSpec::default() }
    }
}

/// Not a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a profile: {0:?}; write empty, default, localnet, busy, or busy:SUBNETSxNEURONS[:SEED] such as busy:8x16")]
pub struct ParseProfileError(String);

fn busy(size: &str) -> Option<Busy> {
    let (size, seed) = size.split_once(':').unwrap_or((size, "0"));
    let (subnets, neurons) = size.split_once('x')?;
    Some(Busy { subnets: subnets.parse().ok()?, neurons: neurons.parse().ok()?, seed: seed.parse().ok()? })
}

impl FromStr for Profile {
    type Err = ParseProfileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.strip_prefix("busy:")) {
            ("empty", _) => Ok(Self::Empty),
            ("default", _) => Ok(Self::Default),
            ("localnet", _) => Ok(Self::Localnet),
            ("busy", _) => Ok(Self::Busy(Busy::default())),
            (_, Some(size)) => busy(size).map(Self::Busy).ok_or_else(|| ParseProfileError(text.to_owned())),
            _ => Err(ParseProfileError(text.to_owned())),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Default => f.write_str("default"),
            Self::Localnet => f.write_str("localnet"),
            Self::Busy(Busy { subnets, neurons, seed }) => write!(f, "busy:{subnets}x{neurons}:{seed}"),
        }
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_and_written() {
        for (text, want) in [
            ("empty", Profile::Empty),
            ("default", Profile::Default),
            ("localnet", Profile::Localnet),
            ("busy:128x256:0", Profile::Busy(Busy::default())),
            ("busy:8x16:7", Profile::Busy(Busy { subnets: 8, neurons: 16, seed: 7 })),
        ] {
            assert_eq!((text.parse::<Profile>(), want.to_string().as_str()), (Ok(want), text));
        }
        assert_eq!("busy".parse::<Profile>(), "busy:128x256".parse());
        for text in ["", "Busy", "busy:", "busy:8", "busy:8x", "busy:8x16:", "busy:-1x2", "busy:99999x2", "full"] {
            assert!(text.parse::<Profile>().is_err(), "{text}");
        }
    }
}
