//! What a development chain can be told: where to listen, how fast to run, what to keep.
//!
//! Plain data with defaults; nothing here reads files, flags or the environment.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use btd_devnet_runtime::{INSTANT_BLOCK_TIME, MILLISECONDS_PER_BLOCK};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::profile::Profile;

/// Port on which Bittensor clients look for a local node.
pub const DEFAULT_PORT: u16 = 9944;

/// Settings of one development chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where JSON-RPC is served, HTTP and WebSocket on one port; port 0 takes a free one.
    ///
    /// The keys of a development chain are public, so there is nothing to protect but the machine: keep it on loopback.
    pub listen: SocketAddr,
    /// When blocks are made. Part of block 0, which holds how far apart two timestamps are at least: half a block time.
    pub block_time: BlockTime,
    /// What the chain begins with.
    pub profile: Profile,
    /// Directory that keeps the chain across restarts; in memory only when absent.
    pub state: Option<PathBuf>,
    /// Where block timestamps come from.
    pub clock: Clock,
    /// How much of the past stays readable.
    pub retention: Retention,
    /// Bounds of the extrinsic pool.
    pub pool: PoolLimits,
    /// Connections served at once; further ones are refused.
    pub max_connections: u32,
    /// Whether validators on root steer emission with their weights and, as senators, vote on proposals: what the network
    /// had before spec 233 and 334. Part of block 0.
    pub legacy_root: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            block_time: BlockTime::default(),
            profile: Profile::default(),
            state: None,
            clock: Clock::default(),
            retention: Retention::default(),
            pool: PoolLimits::default(),
            max_connections: 100,
            legacy_root: false,
        }
    }
}

/// When blocks are made. Written `12s`, `250ms`, `2m` or `instant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockTime {
    /// One block per period, empty or not. A period outside of [`Self::RANGE`] is moved to its nearer end.
    Every(Duration),
    /// A block as soon as an extrinsic is ready, and none otherwise.
    Instant,
}

impl BlockTime {
    /// Shortest and longest period accepted.
    pub const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(1);
    /// The shortest and the longest [`Self::finality_lag`].
    const LAGS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));

    /// Time between the word that an extrinsic is in a block and the word that this block is final.
    ///
    /// Finality is instant here, and takes some blocks on a network. Clients count on the difference: polkadot-js drops
    /// what it reads about one status when the next one arrives, so that under load its users would not learn of
    /// `inBlock`: reading takes it a while then. So it is half the time between blocks, within bounds.
    pub(crate) fn finality_lag(self) -> Duration {
        let (shortest, longest) = Self::LAGS;
        match self {
            Self::Every(period) => (period / 2).clamp(shortest, longest),
            Self::Instant => shortest,
        }
    }

    /// The distance between blocks that the chain is told of, in milliseconds.
    pub(crate) fn nominal_millis(self) -> u64 {
        match self {
            Self::Every(period) => u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
            Self::Instant => INSTANT_BLOCK_TIME,
        }
    }

    /// How long a slot is, in milliseconds; clients read it from the runtime.
    pub(crate) fn slot_millis(self) -> u64 {
        match self {
            Self::Every(_) => self.nominal_millis().max(1),
            Self::Instant => MILLISECONDS_PER_BLOCK,
        }
    }
}

impl Default for BlockTime {
    /// Twelve seconds, as the real network.
    fn default() -> Self {
        Self::Every(Duration::from_secs(12))
    }
}

/// Why a text is no block time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a block time: {0:?}; write `instant` or a period from 10ms to 1h such as `12s`, `250ms` or `2m`")]
pub struct ParseBlockTimeError(String);

impl FromStr for BlockTime {
    type Err = ParseBlockTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseBlockTimeError(text.to_owned());
        if text == "instant" {
            return Ok(Self::Instant);
        }
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(refuse()),
        };
        let period = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(millis))
            .map(Duration::from_millis)
            .filter(|period| Self::RANGE.contains(period))
            .ok_or_else(refuse)?;
        Ok(Self::Every(period))
    }
}

impl fmt::Display for BlockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant => f.write_str("instant"),
            Self::Every(period) if period.subsec_millis() == 0 => write!(f, "{}s", period.as_secs()),
            Self::Every(period) => write!(f, "{}ms", period.as_millis()),
        }
    }
}

impl Serialize for BlockTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlockTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where block timestamps come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A fixed start plus one block time per block: the same extrinsics then give the same chain, byte for byte.
    Stepped {
        /// Timestamp of block 0, in milliseconds since 1970.
        start: u64,
    },
}

/// How much of the past stays readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Newest blocks whose state can be read; at least 1. Older state answers "State already discarded".
    pub states: u32,
    /// Newest blocks whose header and extrinsics can be read; at least 1. Block 0 always can, and every block's hash.
    pub blocks: u32,
    /// Bytes of extrinsics kept over all those blocks; the oldest blocks go first.
    pub block_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { states: 1_024, blocks: 16_384, block_bytes: 64 << 20 }
    }
}

/// Bounds of the extrinsic pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolLimits {
    /// Extrinsics that wait for the next block; a tenth of it for those that wait for another extrinsic.
    pub extrinsics: usize,
    /// Bytes of the extrinsics that wait for the next block; a tenth of it for the others.
    pub bytes: usize,
    /// Seconds for which an included or refused extrinsic is not looked at again.
    pub ban_secs: u64,
}

impl Default for PoolLimits {
    /// The limits of a Substrate node.
    fn default() -> Self {
        Self { extrinsics: 8_192, bytes: 20 << 20, ban_secs: 30 * 60 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finality_is_told_between_a_quarter_of_a_second_and_a_second_later() {
        let lag = |milliseconds| BlockTime::Every(Duration::from_millis(milliseconds)).finality_lag().as_millis();
        assert_eq!([10, 500, 1_200, 12_000].map(lag), [250, 250, 600, 1_000]);
        assert_eq!(BlockTime::Instant.finality_lag().as_millis(), 250);
    }

    #[test]
    fn block_times_are_read_and_written() {
        for (text, want) in [
            ("instant", BlockTime::Instant),
            ("12s", BlockTime::Every(Duration::from_secs(12))),
            ("250ms", BlockTime::Every(Duration::from_millis(250))),
        ] {
            let got: BlockTime = text.parse().unwrap();
            assert_eq!((got, got.to_string().as_str()), (want, text));
        }
        assert_eq!("2m".parse(), Ok(BlockTime::Every(Duration::from_mins(2))));
        for text in ["", "12", "s", "9ms", "2h", "-1s", "1.5s", "Instant", "99999999999999999999s", "1 s"] {
            assert!(text.parse::<BlockTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_keys_are_errors() {
        let config: Config = serde_json::from_str(r#"{"block_time":"250ms","clock":{"stepped":{"start":5}}}"#).unwrap();
        assert_eq!(config.block_time, BlockTime::Every(Duration::from_millis(250)));
        assert_eq!(config.clock, Clock::Stepped { start: 5 });
        assert_eq!(config.listen.port(), DEFAULT_PORT);
        assert!(serde_json::from_str::<Config>(r#"{"blocktime":"250ms"}"#).is_err());
        let back: Config = serde_json::from_value(serde_json::to_value(Config::default()).unwrap()).unwrap();
        assert_eq!(back, Config::default());
    }
}
