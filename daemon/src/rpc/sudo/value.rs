//! Values of hyperparameters, from what a person or a program writes to what the chain takes.

use btd_api::{
    Hotkey, Ratio, Tao,
    sudo::{
        Notation,
        hyperparameters::{Hyperparameter, Unit},
    },
};
use btd_chain::Value;

/// One argument, and how it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Argument {
    pub(super) value: Value,
    pub(super) shown: String,
}

/// Reads the value of `known`: as many parts as its call takes, with commas between them.
pub(super) fn read(known: &Hyperparameter, text: &str, notation: Notation) -> Result<Vec<Argument>, String> {
    let parts = parts(known.name, text, known.arguments.len().max(1))?;
    parts.into_iter().map(|part| one((known.name, known.unit), part, notation)).collect()
}

/// The parts of a value of `name`, of which so many are `wanted`.
pub(super) fn parts<'t>(name: &str, text: &'t str, wanted: usize) -> Result<Vec<&'t str>, String> {
    let trimmed = text.trim().trim_start_matches('[').trim_end_matches(']');
    let parts: Vec<&str> = trimmed.split(',').map(str::trim).collect();
    if parts.len() != wanted {
        return Err(format!("{name} takes {wanted} values, {} were given: `{text}`", parts.len()));
    }
    Ok(parts)
}

/// Whether `text` is written as a person does.
pub(super) fn is_human(text: &str, notation: Notation) -> bool {
    match notation {
        Notation::Human => true,
        Notation::Raw => false,
        Notation::Either => text.contains(['.', '%', 'τ']),
    }
}

/// Reads one value of `name`, which is counted in `unit`.
pub(super) fn one((name, unit): (&str, Unit), text: &str, notation: Notation) -> Result<Argument, String> {
    let is_human = is_human(text, notation);
    let wrong = |expected: &str| format!("`{text}` is no value of {name}: expected {expected}");
    let number = |raw: u128| Argument {
        value: Value::from(raw),
        shown: i128::try_from(raw).map_or_else(|_| raw.to_string(), |raw| unit.shown(raw)),
    };
    let raw = || match whole(text) {
        Some(raw) => u128::try_from(raw)
            .map_or_else(|_| Ok(Argument { value: Value::from(raw), shown: raw.to_string() }), |raw| Ok(number(raw))),
        None => Err(wrong("a whole number")),
    };
    match unit {
        Unit::Flag => {
            let flag = match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => true,
                "false" | "no" | "off" | "0" => false,
                // `yuma_version` 3 and 2 are names of the flag's two values.
                "3" if name == "yuma3_enabled" => true,
                "2" if name == "yuma3_enabled" => false,
                _ => return Err(wrong("true or false")),
            };
            Ok(Argument { value: flag.into(), shown: flag.to_string() })
        }
        Unit::Tao if is_human => {
            let tao = Tao::from_tokens(text).map_err(|error| error.to_string())?;
            Ok(number(tao.rao().into()))
        }
        Unit::Share(whole) if is_human => {
            let share: Ratio = text.parse().map_err(|error: btd_api::AmountError| error.to_string())?;
            let parts = u16::try_from(whole).map_or_else(|_| share.of(whole), |whole| share.down_to(whole).into());
            Ok(number(parts.into()))
        }
        Unit::Thousandths if is_human => {
            let billionths = Tao::from_tokens(text).map_err(|_| wrong("a multiple, such as `2.5`"))?.rao();
            Ok(number((billionths / 1_000_000).into()))
        }
        Unit::Fixed if notation == Notation::Raw => {
            let bits: u128 = text.parse().map_err(|_| wrong("a whole number"))?;
            let value = Value::Record([("bits".to_owned(), Value::from(bits))].into());
            Ok(Argument { value, shown: text.to_owned() })
        }
        Unit::Fixed => {
            let billionths = Tao::from_tokens(text).map_err(|_| wrong("a decimal, such as `1.26`"))?.rao();
            // Rounded up, as it is shown rounded down: what is set is what is shown.
            let bits = (u128::from(billionths) << 64).div_ceil(1_000_000_000);
            let value = Value::Record([("bits".to_owned(), Value::from(bits))].into());
            Ok(Argument { value, shown: text.to_owned() })
        }
        Unit::Word(words) => {
            let by_number = text.parse::<usize>().ok().and_then(|place| words.get(place));
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text)).or(by_number);
            let word = word.ok_or_else(|| wrong(&words.join(" or ")))?;
            let value = Value::Variant((*word).to_owned(), Box::new(Value::Null));
            Ok(Argument { value, shown: (*word).to_owned() })
        }
        Unit::Hotkey => {
            let hotkey: Hotkey = text.parse().map_err(|_| wrong("an SS58 address"))?;
            Ok(Argument { value: hotkey.into(), shown: hotkey.to_string() })
        }
        Unit::Tao | Unit::Share(_) | Unit::Thousandths | Unit::Count | Unit::Blocks | Unit::Epochs => raw(),
    }
}

/// A whole number, which may be written with a point and nothing behind it, as fractions are shown; with a sign,
/// where the chain has one.
pub(super) fn whole(text: &str) -> Option<i128> {
    let (digits, rest) = text.split_once('.').unwrap_or((text, ""));
    rest.bytes().all(|digit| digit == b'0').then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use btd_api::sudo::hyperparameters::find;

    use super::*;

    fn raw(name: &str, text: &str, notation: Notation) -> Result<Vec<Value>, String> {
        Ok(read(find(name).unwrap(), text, notation)?.into_iter().map(|argument| argument.value).collect())
    }

    fn either(name: &str, text: &str) -> Result<Vec<Value>, String> {
        raw(name, text, Notation::Either)
    }

    #[test]
    fn human_and_raw_values_come_to_the_same() {
        for (name, human, chain) in [
            ("kappa", "0.5", 32_767_u128),
            ("kappa", "50%", 32_767),
            ("min_burn", "τ0.7", 700_000_000),
            ("bonds_moving_avg", "0.9", 900_000),
            ("activity_cutoff_factor", "2.5", 2_500),
        ] {
            assert_eq!(either(name, human).unwrap(), [Value::from(chain)], "{name} {human}");
            assert_eq!(either(name, &chain.to_string()).unwrap(), [Value::from(chain)], "{name}");
        }
        assert_eq!(raw("kappa", "1", Notation::Human).unwrap(), [Value::from(65_535_u128)]);
        assert_eq!(raw("kappa", "1", Notation::Raw).unwrap(), [Value::from(1_u128)]);
    }

    #[test]
    fn pairs_flags_words_and_fractions_are_read() {
        assert_eq!(either("alpha_values", "[0.7, 0.9]").unwrap(), [Value::from(45_874_u128), Value::from(58_981_u128)]);
        assert_eq!(either("yuma_version", "3").unwrap(), [Value::from(true)]);
        for text in ["1000", "1000.0", "1000."] {
            assert_eq!(either("alpha_sigmoid_steepness", text).unwrap(), [Value::from(1_000_u128)], "{text}");
        }
        assert_eq!(either("alpha_sigmoid_steepness", "-5").unwrap(), [Value::from(-5_i128)]);
        assert_eq!(either("alpha_low", "0.7").unwrap(), [Value::from(45_874_u128)]);
        assert_eq!(either("recycle_or_burn", "recycle").unwrap(), either("recycle_or_burn", "1").unwrap());
        let one_and_a_half = Value::Record([("bits".to_owned(), Value::from(3_u128 << 63))].into());
        assert_eq!(either("burn_increase_mult", "1.5").unwrap(), [one_and_a_half]);
    }

    #[test]
    fn what_is_no_value_is_said() {
        for (name, text, why) in [
            ("tempo", "soon", "a whole number"),
            ("alpha_sigmoid_steepness", "1.5", "a whole number"),
            ("alpha_high", "0.7,0.9", "takes 1 values"),
            ("liquid_alpha_enabled", "maybe", "true or false"),
            ("kappa", "1.5", "not a share"),
            ("alpha_values", "0.7", "takes 2 values"),
            ("sn_owner_hotkey", "alice", "SS58"),
            ("recycle_or_burn", "2", "Burn or Recycle"),
        ] {
            let message = either(name, text).unwrap_err();
            assert!(message.contains(why), "{name} {text}: {message}");
        }
    }
}
