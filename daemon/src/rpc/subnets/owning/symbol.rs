//! Symbols of subnets' alpha: which of them an owner may choose.
//!
//! The chain takes symbols of a table in its code alone, which it does not tell: letters of many alphabets, one at a time.
//! What can be no letter of such a table is refused; of any other it is said that the chain may not know it.

use btd_chain::{ReadError, View};

use crate::{
    rpc::{receipt::foreseen, root::text, stake::SUBTENSOR},
    submit::{Draft, SubmissionError},
};

/// The only letter of ASCII in the table.
const PLAIN: &str = "t";
/// More subnets than there can be.
const ALL: usize = 1 << 16;

/// Whether the chain's table could have it: one letter, with marks on it at most, and none of ASCII but one.
fn is_possible(symbol: &str) -> bool {
    let letters = symbol.chars().count();
    symbol == PLAIN || ((1..=4).contains(&letters) && !symbol.chars().any(|letter| letter.is_ascii()))
}

/// Refuses a symbol that cannot be chosen, and warns of what the chain may not know.
pub(super) async fn check(view: &View, symbol: &str, draft: Draft) -> Result<Draft, SubmissionError> {
    if !is_possible(symbol) {
        let words = format!("`{symbol}` is no symbol of the chain's table: those are single letters, such as β or ש");
        return foreseen("SymbolDoesNotExist", words);
    }
    let used = match view.storage_entries(SUBTENSOR, "TokenSymbol", &[], ALL).await {
        Ok(used) => used,
        Err(ReadError::Absent(_)) => return Ok(draft),
        Err(error) => return Err(error.into()),
    };
    if let Some(entry) = used.iter().find(|entry| text(&entry.value) == symbol) {
        let netuid = entry.keys.first().map(ToString::to_string).unwrap_or_default();
        return foreseen(
            "SymbolAlreadyInUse",
            format!("subnet {netuid} has the symbol {symbol} already: pick another"),
        );
    }
    Ok(draft.warning("the chain takes symbols of its own table alone: one that it does not know costs the fee in vain"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_single_letters_of_some_alphabet() {
        for possible in ["t", "β", "ש", "𝜏", "ก", "ᚠ"] {
            assert!(is_possible(possible), "{possible}");
        }
        for impossible in ["", "X", "tt", "SN1", "βx", "β γ", "αβγδε"] {
            assert!(!is_possible(impossible), "{impossible}");
        }
    }
}
