//! How a call that was included failed: the runtime's `DispatchError`, by name.
//!
//! Indices of errors move between runtimes; names and the documentation beside them come from the
//! metadata of the block, so nothing here lists errors.

use std::fmt;

use scale_info::TypeDef;
use serde::{Deserialize, Serialize};

use crate::{
    runtime::Runtime,
    scale::{Mismatch, json, read::record},
};

/// Why a call failed after it was included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub struct DispatchError {
    /// The pallet whose error it is; none for errors of the runtime itself (`BadOrigin`, `Token`).
    pub pallet: Option<String>,
    /// The error's name, such as `NotEnoughBalanceToStake`, `BadOrigin` or `Token.FundsUnavailable`.
    pub name: String,
    /// What the runtime's authors say about it; may be empty.
    pub docs: String,
}

impl fmt::Display for DispatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pallet) = &self.pallet {
            write!(f, "{pallet}.")?;
        }
        f.write_str(&self.name)?;
        if self.docs.is_empty() { Ok(()) } else { write!(f, ": {}", self.docs) }
    }
}

record! {
    /// `sp_runtime::ModuleError`: the first byte of `error` is the index; older runtimes have one byte.
    struct ModuleError {
        index: u8,
        error: ErrorIndex,
    }
}

/// The error's index, from one byte or from the first of four.
struct ErrorIndex(u8);

impl crate::scale::read::FromScale for ErrorIndex {
    fn from_scale(input: &mut &[u8], id: u32, types: &scale_info::PortableRegistry) -> Result<Self, Mismatch> {
        let mut four = *input;
        if let Ok([first, ..]) = <[u8; 4]>::from_scale(&mut four, id, types) {
            *input = four;
            return Ok(Self(first));
        }
        u8::from_scale(input, id, types).map(Self)
    }
}

// === impl DispatchError ===

impl DispatchError {
    /// Reads an error of type `id`, the runtime's `DispatchError`.
    pub(crate) fn read(input: &mut &[u8], id: u32, runtime: &Runtime) -> Result<Self, Mismatch> {
        let types = runtime.types();
        let module = types.resolve(id).and_then(|ty| match &ty.type_def {
            TypeDef::Variant(def) => def.variants.iter().find(|variant| variant.name == "Module"),
            _ => None,
        });
        match (module, *input) {
            (Some(module), [index, rest @ ..]) if module.index == *index => {
                let mut rest = rest;
                let error = Self::read_module(&mut rest, &module.fields, runtime)?;
                *input = rest;
                Ok(error)
            }
            _ => json::decode(input, id, types).map(|value| Self {
                pallet: None,
                name: dotted(&value),
                docs: String::new(),
            }),
        }
    }

    /// Reads the failure in a value of type `id`: a `DispatchError`, or a `Result` that holds one.
    pub(crate) fn read_failure(input: &mut &[u8], id: u32, runtime: &Runtime) -> Result<Option<Self>, Mismatch> {
        let result = runtime.types().resolve(id).and_then(|ty| match &ty.type_def {
            TypeDef::Variant(def) if ty.path.segments == ["Result"] => Some(&def.variants),
            _ => None,
        });
        let Some(variants) = result else { return Self::read(input, id, runtime).map(Some) };
        let (index, rest) = input.split_first().ok_or_else(|| Mismatch::new("the bytes end before a result"))?;
        let failed = variants.iter().find(|variant| variant.name == "Err" && variant.index == *index);
        match failed.and_then(|variant| variant.fields.first()) {
            Some(field) => {
                *input = rest;
                Self::read(input, field.ty.id, runtime).map(Some)
            }
            None => Ok(None),
        }
    }

    fn read_module(
        input: &mut &[u8],
        fields: &[scale_info::Field<scale_info::form::PortableForm>],
        runtime: &Runtime,
    ) -> Result<Self, Mismatch> {
        use crate::scale::read::FromScale;
        let types = runtime.types();
        let (pallet, error) = match fields {
            // `Module(ModuleError)` today, `Module { index, error }` in old runtimes.
            [only] => {
                let ModuleError { index, error: ErrorIndex(error) } =
                    ModuleError::from_scale(input, only.ty.id, types)?;
                (index, error)
            }
            [index, error, ..] => {
                let index = u8::from_scale(input, index.ty.id, types)?;
                (index, ErrorIndex::from_scale(input, error.ty.id, types)?.0)
            }
            [] => return Err(Mismatch::new("a module error without content")),
        };
        Ok(Self::named(pallet, error, runtime))
    }

    fn named(pallet_index: u8, error_index: u8, runtime: &Runtime) -> Self {
        let pallet = runtime.metadata().pallet_by_error_index(pallet_index);
        let variant = pallet.and_then(|pallet| pallet.error_variant_by_index(error_index));
        Self {
            pallet: Some(pallet.map_or_else(|| format!("pallet {pallet_index}"), |pallet| pallet.name().to_owned())),
            name: variant.map_or_else(|| format!("error {error_index}"), |variant| variant.name.clone()),
            docs: variant.map(|variant| variant.docs.join(" ").trim().to_owned()).unwrap_or_default(),
        }
    }

    /// A failure whose reason the runtime did not state.
    pub(crate) fn unknown() -> Self {
        Self { pallet: None, name: "Unknown".to_owned(), docs: String::new() }
    }
}

/// `{"Token": "FundsUnavailable"}` as `Token.FundsUnavailable`.
fn dotted(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(name) => name.clone(),
        serde_json::Value::Object(members) => members
            .iter()
            .map(|(name, inner)| if inner.is_null() { name.clone() } else { format!("{name}.{}", dotted(inner)) })
            .collect(),
        other => other.to_string(),
    }
}
