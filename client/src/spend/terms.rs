//! How something is to be signed, as it is typed: the flags that every command has that signs.

use std::time::Duration;

use btd_api::{
    Coldkey, IdempotencyKey, Tao,
    signing::{Lane, Manner},
    wallet::Wait,
};
use clap::{Args, ValueEnum};

use crate::{addr, args::duration};

/// How something is to be signed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "How it is signed")]
pub(crate) struct Terms {
    /// Show what would be done, and stop there
    #[arg(long, alias = "dry_run")]
    dry_run: bool,
    /// Until when to wait
    #[arg(long, value_enum, ignore_case = true, default_value_t = Until::Finalized)]
    wait: Until,
    /// The key of an earlier call, to repeat it without doing it twice
    #[arg(long, value_name = "KEY", alias = "idempotency_key")]
    idempotency_key: Option<IdempotencyKey>,
    /// Sign as the proxy of this account, and act on its behalf
    #[arg(long, value_name = "SS58", aliases = ["proxy-for", "proxy_for"], value_parser = addr::coldkey)]
    proxy: Option<Coldkey>,
    /// Announce it on behalf of that account in place of making it: `proxy execute` makes it, after the proxy's delay
    #[arg(long, alias = "announce_only", requires = "proxy")]
    announce_only: bool,
    /// For how many blocks it can be included, from 4 to 2048: rounded up to a power of two
    #[arg(long, value_name = "BLOCKS", visible_alias = "period", value_parser = clap::value_parser!(u32).range(4..=2048))]
    era: Option<u32>,
    /// Pay this to the block's author on top of the fee
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens)]
    tip: Option<Tao>,
    /// Whether it comes before or after other orders of the account that wait
    #[arg(long, value_enum, ignore_case = true, default_value_t = Priority::Normal)]
    lane: Priority,
    /// Give up what has not been handed to any node after this: `30s`, `5m`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    deadline: Option<Duration>,
    /// The same as `--wait in-block`
    #[arg(long, hide = true, alias = "wait_for_inclusion")]
    wait_for_inclusion: bool,
    /// The same as `--wait finalized`
    #[arg(long, hide = true, alias = "wait_for_finalization")]
    wait_for_finalization: bool,
    /// The same as `--wait in-block`
    #[arg(long, hide = true, alias = "no_wait_for_finalization", conflicts_with = "wait_for_finalization")]
    no_wait_for_finalization: bool,
    /// The same as `--wait submitted`
    #[arg(long, hide = true, alias = "no_wait_for_inclusion", conflicts_with = "wait_for_inclusion")]
    no_wait_for_inclusion: bool,
}

/// A stage at which waiting ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    /// It is signed and in the daemon's journal
    None,
    /// The chain's pool took it
    Submitted,
    /// It stands in a block, which may still be replaced; what failed there is told as an error
    InBlock,
    /// It stands in a finalized block
    Finalized,
}

/// Which orders of an account come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Priority {
    /// Before all others
    Urgent,
    /// In the order in which they come
    Normal,
    /// When nobody else of the account waits
    Bulk,
}

/// As the SDKs round it. The parser takes none whose power of two is beyond what the chain can honour.
const fn rounded(era: u32) -> u32 {
    era.next_power_of_two()
}

// === impl Terms ===

impl Terms {
    /// Whether an idempotency key was given.
    pub(crate) const fn is_keyed(&self) -> bool {
        self.idempotency_key.is_some()
    }

    /// The key that was given.
    pub(crate) const fn key(&self) -> Option<&IdempotencyKey> {
        self.idempotency_key.as_ref()
    }

    /// As where nothing is typed about it.
    pub(crate) const fn usual() -> Self {
        Self {
            dry_run: false,
            wait: Until::Finalized,
            idempotency_key: None,
            proxy: None,
            announce_only: false,
            era: None,
            tip: None,
            lane: Priority::Normal,
            deadline: None,
            wait_for_inclusion: false,
            wait_for_finalization: false,
            no_wait_for_finalization: false,
            no_wait_for_inclusion: false,
        }
    }

    /// The account that is acted for, where somebody signs as its proxy.
    pub(crate) const fn real(&self) -> Option<Coldkey> {
        self.proxy
    }

    /// Whether it is announced in place of being made.
    pub(crate) const fn is_announced(&self) -> bool {
        self.announce_only
    }

    /// The same without an account that is acted for.
    pub(crate) fn without_real(self) -> Self {
        Self { proxy: None, ..self }
    }

    /// Whether nothing is signed.
    pub(crate) const fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// What is said of a lifetime that is no power of two, in which the chain counts; none where it is one.
    pub(super) fn rounding(&self) -> Option<String> {
        let era = self.era.filter(|era| !era.is_power_of_two())?;
        Some(format!("note: it can be included for {} blocks: {era} is rounded up to a power of two", rounded(era)))
    }

    /// The same as the daemon is told it.
    pub(super) fn manner(&self) -> Manner {
        let wait = match self.wait {
            _ if self.wait_for_finalization => Wait::Finalized,
            _ if self.wait_for_inclusion => Wait::InBlock,
            _ if self.no_wait_for_inclusion => Wait::Submitted,
            _ if self.no_wait_for_finalization => Wait::InBlock,
            Until::None => Wait::None,
            Until::Submitted => Wait::Submitted,
            Until::InBlock => Wait::InBlock,
            Until::Finalized => Wait::Finalized,
        };
        Manner {
            dry_run: self.dry_run,
            wait,
            idempotency_key: self.idempotency_key.clone(),
            tip: self.tip.unwrap_or(Tao::ZERO),
            era: self.era.map(rounded),
            proxy: self.proxy,
            announce_only: self.announce_only,
            lane: match self.lane {
                Priority::Urgent => Lane::Urgent,
                Priority::Normal => Lane::Normal,
                Priority::Bulk => Lane::Bulk,
            },
            // A part of a second is a second: none would be no time at all.
            deadline_s: self.deadline.map(|limit| u32::try_from(limit.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)),
            // Nobody has been shown a plan yet.
            bounds: Vec::new(),
            makes: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn only_what_a_proxy_does_is_announced() {
        #[derive(Parser)]
        struct Just {
            #[command(flatten)]
            terms: Terms,
        }
        let parsed = |words: &str| Just::try_parse_from(format!("x {words}").split_whitespace());
        let proxy = "--proxy 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        for (words, expected) in
            [(String::new(), false), (proxy.to_owned(), false), (format!("{proxy} --announce-only"), true)]
        {
            assert_eq!(parsed(&words).unwrap().terms.manner().announce_only, expected, "{words}");
        }
        assert!(parsed("--announce-only").is_err());
    }

    #[test]
    fn a_lifetime_is_rounded_up_to_a_power_of_two_and_that_is_told() {
        #[derive(Parser)]
        struct Just {
            #[command(flatten)]
            terms: Terms,
        }
        let terms = |words: &str| Just::parse_from(format!("x {words}").split_whitespace()).terms;
        for (words, era) in [("--period 100", 128), ("--era 20", 32), ("--era 2047", 2048), ("--era 5", 8)] {
            let terms = terms(words);
            assert_eq!(terms.manner().era, Some(era), "{words}");
            let told = terms.rounding().unwrap();
            assert!(told.contains(&format!("for {era} blocks")), "{told}");
        }
        for (words, era) in [("--era 64", Some(64)), ("--era 4", Some(4)), ("", None)] {
            assert_eq!((terms(words).manner().era, terms(words).rounding()), (era, None), "{words}");
        }
        for words in ["--era 3", "--period 2049"] {
            assert!(Just::try_parse_from(format!("x {words}").split_whitespace()).is_err(), "{words}");
        }
    }
}
