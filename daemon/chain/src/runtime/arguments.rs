//! What a call takes, as far as the metadata tells: for what a person writes a value of.

use scale_info::{Field, TypeDef, TypeDefPrimitive, form::PortableForm};

use super::Runtime;
use crate::scale::{definition, ident, peel};

/// An argument of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallArgument {
    /// Its name.
    pub name: String,
    /// Its type, as the runtime's source names it.
    pub type_name: String,
    /// What its values are.
    pub form: ArgumentForm,
}

/// What the values of an argument are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentForm {
    /// True or false.
    Flag,
    /// A whole number that is not negative: at most this, where it has no more than 64 bits.
    Unsigned(Option<u64>),
    /// A whole number.
    Signed,
    /// Rao of tao.
    Tao,
    /// A share, as a part of this whole.
    Share(u64),
    /// A fraction with 64 bits behind the point, in a record of `bits`.
    Binary,
    /// A fraction with 18 decimal places behind the point.
    Decimal,
    /// One of these words.
    Word(Vec<String>),
    /// An account.
    Account,
    /// Something else.
    Other,
}

// === impl Runtime ===

impl Runtime {
    /// The arguments of `call` of `pallet`, in order; none where the runtime has no such call.
    pub fn call_arguments(&self, pallet: &str, call: &str) -> Option<Vec<CallArgument>> {
        let call = self.metadata().pallet_by_name(pallet)?.call_variant_by_name(call)?;
        Some(call.fields.iter().map(|field| self.argument(field)).collect())
    }

    /// What the runtime's source says of `call` of `pallet`, up to its first heading, on one line; none where it says
    /// nothing.
    pub fn call_docs(&self, pallet: &str, call: &str) -> Option<String> {
        let call = self.metadata().pallet_by_name(pallet)?.call_variant_by_name(call)?;
        let lines = call.docs.iter().map(|line| line.trim()).take_while(|line| !line.starts_with('#'));
        let said = lines.collect::<Vec<_>>().join(" ");
        let plain: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = plain.trim_start_matches('-').trim_start();
        (!plain.is_empty()).then(|| plain.to_owned())
    }

    fn argument(&self, field: &Field<PortableForm>) -> CallArgument {
        let id = field.ty.id;
        let type_name = field.type_name.clone().unwrap_or_else(|| ident(id, self.types()).to_owned());
        let form = self.form(&type_name, id);
        CallArgument { name: field.name.clone().unwrap_or_default(), type_name, form }
    }

    fn form(&self, type_name: &str, id: u32) -> ArgumentForm {
        use TypeDefPrimitive as P;
        let types = self.types();
        // What a number counts is in the source's name of its type alone on some runtimes, in its path on others.
        match (type_name, ident(id, types)) {
            ("TaoBalance" | "TaoCurrency" | "Tao", _) | (_, "TaoBalance" | "TaoCurrency") => return ArgumentForm::Tao,
            ("U64F64", _) => return ArgumentForm::Binary,
            (_, "PerU16") => return ArgumentForm::Share(u16::MAX.into()),
            (_, "Percent") => return ArgumentForm::Share(100),
            (_, "Permill") => return ArgumentForm::Share(1_000_000),
            (_, "Perbill") => return ArgumentForm::Share(1_000_000_000),
            (_, "AccountId32") => return ArgumentForm::Account,
            (_, "FixedU128") if self.is_of(id, "sp_arithmetic") => return ArgumentForm::Decimal,
            (_, "FixedU128" | "FixedI128" | "FixedU64" | "FixedI64") => return ArgumentForm::Other,
            _ => {}
        }
        let Ok(TypeDef::Primitive(primitive)) = peel(id, types).and_then(|id| definition(id, types)) else {
            return self.words(id).map_or(ArgumentForm::Other, ArgumentForm::Word);
        };
        match primitive {
            P::Bool => ArgumentForm::Flag,
            P::U8 => ArgumentForm::Unsigned(Some(u8::MAX.into())),
            P::U16 => ArgumentForm::Unsigned(Some(u16::MAX.into())),
            P::U32 => ArgumentForm::Unsigned(Some(u32::MAX.into())),
            P::U64 => ArgumentForm::Unsigned(Some(u64::MAX)),
            P::U128 => ArgumentForm::Unsigned(None),
            P::I8 | P::I16 | P::I32 | P::I64 | P::I128 => ArgumentForm::Signed,
            P::Str | P::Char | P::U256 | P::I256 => ArgumentForm::Other,
        }
    }

    /// Whether type `id` is one of the source's crate `name`.
    fn is_of(&self, id: u32, name: &str) -> bool {
        self.types().resolve(id).and_then(|ty| ty.path.segments.first()).is_some_and(|first| first == name)
    }

    /// The names of the variants of type `id`, where none has any content.
    fn words(&self, id: u32) -> Option<Vec<String>> {
        match definition(id, self.types()) {
            Ok(TypeDef::Variant(def)) if def.variants.iter().all(|variant| variant.fields.is_empty()) => {
                Some(def.variants.iter().map(|variant| variant.name.clone()).collect())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_2026: &[u8] = include_bytes!("../../../../tests/vectors/metadata/metadata-425-v14.scale");

    #[test]
    fn the_metadata_tells_what_a_call_takes() {
        let runtime = Runtime::decode(425, 1, Vec::new(), OF_2026).unwrap();
        let form = |call: &str| runtime.call_arguments("AdminUtils", call).unwrap().pop().unwrap().form;
        assert_eq!(form("sudo_set_subnet_emission_enabled"), ArgumentForm::Flag);
        assert_eq!(form("sudo_set_min_non_immune_uids"), ArgumentForm::Unsigned(Some(65_535)));
        assert_eq!(form("sudo_set_rao_recycled"), ArgumentForm::Tao);
        assert_eq!(form("sudo_set_burn_increase_mult"), ArgumentForm::Binary);
        assert_eq!(form("sudo_set_alpha_sigmoid_steepness"), ArgumentForm::Signed);
        assert_eq!(form("sudo_set_sn_owner_hotkey"), ArgumentForm::Account);
        assert_eq!(form("sudo_set_recycle_or_burn"), ArgumentForm::Word(vec!["Burn".to_owned(), "Recycle".to_owned()]));
        assert_eq!(form("sudo_set_mechanism_emission_split"), ArgumentForm::Other);
        assert_eq!(form("sudo_set_tao_flow_cutoff"), ArgumentForm::Other);
        let names: Vec<String> = runtime
            .call_arguments("AdminUtils", "sudo_set_alpha_values")
            .unwrap()
            .into_iter()
            .map(|argument| argument.name)
            .collect();
        assert_eq!(names, ["netuid", "alpha_low", "alpha_high"]);
        assert_eq!(runtime.call_arguments("AdminUtils", "sudo_set_maximal"), None);
    }

    #[test]
    fn what_the_source_says_of_a_call_is_told_on_one_line() {
        let runtime = Runtime::decode(425, 1, Vec::new(), OF_2026).unwrap();
        let docs = |pallet: &str, call: &str| runtime.call_docs(pallet, call);
        assert_eq!(
            docs("SubtensorModule", "sudo_set_root_claim_threshold").as_deref(),
            Some("Sets root claim threshold for subnet (sudo or owner origin).")
        );
        // Nothing but headings.
        assert_eq!(docs("AdminUtils", "sudo_set_ema_price_halving_period"), None);
        assert_eq!(docs("AdminUtils", "sudo_set_maximal"), None);
    }
}
