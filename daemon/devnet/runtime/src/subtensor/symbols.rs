//! Names and symbols that the chain has ready for subnets whose owners chose none.

use super::{Config, Pallet, SubnetIdentitiesV3, types::NetUid};

/// Symbols by subnet: TAO's own, then the Greek, Hebrew, Arabic and other letters in the order they are given out.
const SYMBOLS: &[&str] = &[
    "Τ", "α", "β", "γ", "δ", "ε", "ζ", "η", "θ", "ι", "κ", "λ", "μ", "ν", "ξ", "ο", "π", "ρ", "σ", "t", "υ", "φ", "χ",
    "ψ", "ω", "א", "ב", "ג", "ד", "ה", "ו", "ז", "ח", "ט", "י", "ך", "כ", "ל", "ם", "מ", "ן", "נ", "ס", "ע", "ף", "פ",
    "ץ", "צ", "ק", "ר", "ש", "ת", "ا", "ب", "ت", "ث", "ج", "ح", "خ", "د", "ذ", "ر", "ز", "س", "ش",
];

/// The symbol of a subnet for which none is left.
pub(super) const UNKNOWN: &str = "𝜏";

/// Names by subnet.
const NAMES: &[&str] = &[
    "root",
    "apex",
    "omron",
    "templar",
    "targon",
    "kaito",
    "infinite",
    "subvortex",
    "ptn",
    "pretrain",
    "sturdy",
    "dippy",
    "horde",
    "dataverse",
    "palaidn",
    "deval",
    "bitads",
    "3gen",
    "cortex",
    "inference",
    "bitagent",
    "any-any",
    "meta",
    "social",
    "omega",
    "protein",
    "alchemy",
    "compute",
    "oracle",
    "coldint",
    "bet",
    "naschain",
    "itsai",
    "ready",
    "mind",
    "logic",
    "automata",
    "tuning",
    "distributed",
    "edge",
    "chunk",
    "sportsensor",
    "masa",
    "graphite",
    "score",
    "gen42",
    "neural",
    "condense",
    "nextplace",
    "automl",
    "audio",
    "celium",
    "dojo",
    "frontier",
    "safescan",
    "unknown",
    "gradients",
    "gaia",
    "dippy-speach",
    "agent-arena",
    "unknown",
    "red team",
    "agentao",
    "lean-in",
    "chutes",
];

/// The name of a subnet beyond those that have one.
const NAMELESS: &str = "unknown";

/// The symbol meant for the subnet, then all others in order.
pub(super) fn candidates(netuid: NetUid) -> impl Iterator<Item = &'static str> {
    SYMBOLS.get(usize::from(netuid)).into_iter().chain(SYMBOLS.iter().skip(1)).copied()
}

/// Whether an owner may choose the symbol. The real table goes on after the letters above; of its rest the Thai
/// consonants are taken here.
pub(super) fn exists(symbol: &[u8]) -> bool {
    let is_thai = |text: &str| {
        let mut letters = text.chars();
        matches!((letters.next(), letters.next()), (Some('ก'..='ฮ'), None))
    };
    SYMBOLS.iter().any(|known| known.as_bytes() == symbol) || core::str::from_utf8(symbol).is_ok_and(is_thai)
}

/// The symbol meant for the subnet.
pub(crate) fn of(netuid: NetUid) -> &'static str {
    SYMBOLS.get(usize::from(netuid)).copied().unwrap_or(UNKNOWN)
}

impl<T: Config> Pallet<T> {
    /// The name a subnet goes by: its owner's choice, or the one the chain has for it.
    pub(super) fn subnet_name(netuid: NetUid) -> Vec<u8> {
        SubnetIdentitiesV3::<T>::get(netuid)
            .map(|identity| identity.subnet_name)
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| NAMES.get(usize::from(netuid)).copied().unwrap_or(NAMELESS).as_bytes().to_vec())
    }
}
