//! What a runtime has, in words: for people who look for a name, and for programs that show one.
//!
//! Signatures are in the runtime's own type names; they are for reading and are parsed by nobody.

use scale_info::{Field, PortableRegistry, TypeDef, form::PortableForm};

use super::{Runtime, undescribed::Undescribed};
use crate::error::{Absent, Item};

/// Something that a runtime has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// `pallet`, `api`, `call`, `event`, `error`, `storage`, `constant` or `method`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Arguments, keys and value: `(netuid: NetUid) -> u16`.
    pub signature: String,
}

fn described(kind: &'static str, name: &str, signature: String) -> Description {
    Description { kind, name: name.to_owned(), signature }
}

// === impl Runtime ===

impl Runtime {
    /// The names of the pallets and of the runtime APIs.
    pub fn describe_all(&self) -> Vec<Description> {
        let metadata = self.metadata();
        let pallets = metadata.pallets().map(|pallet| {
            let calls = pallet.call_variants().map_or(0, <[_]>::len);
            let items = pallet.storage().map_or(0, |storage| storage.entries().len());
            described("pallet", pallet.name(), format!("{calls} calls, {items} storage items"))
        });
        let apis = metadata.runtime_api_traits().map(|api| {
            let methods = api.methods().map(|method| method.name().to_owned()).collect::<Vec<_>>().join(", ");
            described("api", api.name(), methods)
        });
        let mut all: Vec<Description> = pallets.chain(apis).collect();
        for method in self.inner.undescribed.iter().flat_map(Undescribed::methods) {
            match all.last_mut() {
                Some(last) if last.kind == "api" && last.name == method.api => {
                    last.signature = format!("{}, {}", last.signature, method.name);
                }
                _ => all.push(described("api", method.api, method.name.to_owned())),
            }
        }
        all
    }

    /// Everything that the pallet or runtime API `name` has.
    pub fn describe(&self, name: &str) -> Result<Vec<Description>, Absent> {
        let (metadata, types) = (self.metadata(), self.types());
        if let Some(api) = metadata.runtime_api_trait_by_name(name) {
            let methods = api.methods().map(|method| {
                let inputs = method.inputs().map(|input| (input.name.to_string(), input.id));
                described("method", method.name(), method_text(inputs, method.output_ty(), types))
            });
            return Ok(methods.collect());
        }
        if let Some(undescribed) = &self.inner.undescribed {
            let methods = undescribed.methods().iter().filter(|method| method.api == name).map(|method| {
                let inputs = method.arguments.iter().map(|(name, id)| ((*name).to_owned(), *id));
                let output = method.outputs.first().copied().unwrap_or_default();
                described("method", method.name, method_text(inputs, output, undescribed.types()))
            });
            let methods: Vec<Description> = methods.collect();
            if !methods.is_empty() {
                return Ok(methods);
            }
        }
        let pallet = metadata.pallet_by_name(name).ok_or_else(|| self.absent(Item::Pallet, name, ""))?;
        let mut all = Vec::new();
        for call in pallet.call_variants().unwrap_or_default() {
            all.push(described("call", &call.name, fields_text(&call.fields, types)));
        }
        for entry in pallet.storage().map_or(&[][..], |storage| storage.entries()) {
            let Ok(info) = self.storage_info(name, entry.name()) else { continue };
            let keys = info.keys.iter().map(|key| type_text(key.key_id, types, DEPTH)).collect::<Vec<_>>().join(", ");
            all.push(described(
                "storage",
                entry.name(),
                format!("({keys}) -> {}", type_text(info.value_id, types, DEPTH)),
            ));
        }
        for constant in pallet.constants() {
            all.push(described("constant", constant.name(), type_text(constant.ty(), types, DEPTH)));
        }
        for event in pallet.event_variants().unwrap_or_default() {
            all.push(described("event", &event.name, fields_text(&event.fields, types)));
        }
        for error in pallet.error_variants().unwrap_or_default() {
            all.push(described("error", &error.name, error.docs.join(" ").trim().to_owned()));
        }
        Ok(all)
    }
}

/// How deep a type is spelt out.
const DEPTH: u8 = 4;

fn method_text(inputs: impl Iterator<Item = (String, u32)>, output: u32, types: &PortableRegistry) -> String {
    let inputs = inputs.map(|(name, id)| format!("{name}: {}", type_text(id, types, DEPTH)));
    format!("({}) -> {}", inputs.collect::<Vec<_>>().join(", "), type_text(output, types, DEPTH))
}

fn fields_text(fields: &[Field<PortableForm>], types: &PortableRegistry) -> String {
    let field = |field: &Field<PortableForm>| {
        let text = type_text(field.ty.id, types, DEPTH);
        field.name.as_ref().map_or_else(|| text.clone(), |name| format!("{name}: {text}"))
    };
    format!("({})", fields.iter().map(field).collect::<Vec<_>>().join(", "))
}

/// A type's name as the runtime's source has it, nearly.
fn type_text(id: u32, types: &PortableRegistry, depth: u8) -> String {
    let (Some(ty), Some(depth)) = (types.resolve(id), depth.checked_sub(1)) else { return "…".to_owned() };
    let list = |ids: &[u32]| ids.iter().map(|id| type_text(*id, types, depth)).collect::<Vec<_>>().join(", ");
    if let Some(name) = ty.path.ident() {
        let parameters: Vec<u32> = ty.type_params.iter().filter_map(|parameter| parameter.ty.map(|ty| ty.id)).collect();
        let is_container =
            matches!(name.as_str(), "Option" | "Result" | "BoundedVec" | "BTreeMap" | "BTreeSet" | "MultiAddress");
        return if is_container && !parameters.is_empty() { format!("{name}<{}>", list(&parameters)) } else { name };
    }
    match &ty.type_def {
        TypeDef::Primitive(primitive) => format!("{primitive:?}").to_lowercase(),
        TypeDef::Compact(inner) => format!("Compact<{}>", type_text(inner.type_param.id, types, depth)),
        TypeDef::Sequence(sequence) => format!("Vec<{}>", type_text(sequence.type_param.id, types, depth)),
        TypeDef::Array(array) => format!("[{}; {}]", type_text(array.type_param.id, types, depth), array.len),
        TypeDef::Tuple(tuple) => format!("({})", list(&tuple.fields.iter().map(|field| field.id).collect::<Vec<_>>())),
        TypeDef::Composite(_) | TypeDef::Variant(_) | TypeDef::BitSequence(_) => "…".to_owned(),
    }
}
