//! A subnet's hyperparameters, by whichever generation of the runtime API is there.
//!
//! The third generation is a list of names and values, which may grow; the older two are structs.
//! All become one list by name here, so that a reader need not know the generation.

use btd_api::{NetUid, Tao};
use scale_info::{PortableRegistry, TypeDef, TypeDefPrimitive};

use super::{ApiAnswer, FixedPoint, View};
use crate::{
    error::ReadError,
    scale::{
        Mismatch, json,
        read::{self, FromScale},
    },
};

const API: &str = "SubnetInfoRuntimeApi";
/// The generations, newest first.
const GENERATIONS: [(Generation, &str); 3] = [
    (Generation::V3, "get_subnet_hyperparams_v3"),
    (Generation::V2, "get_subnet_hyperparams_v2"),
    (Generation::V1, "get_subnet_hyperparams"),
];

/// Which runtime API answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// `get_subnet_hyperparams`.
    V1,
    /// `get_subnet_hyperparams_v2`.
    V2,
    /// `get_subnet_hyperparams_v3`, a list by name.
    V3,
}

/// A subnet's hyperparameters in the runtime's order and under its names.
#[derive(Debug, Clone, PartialEq)]
pub struct Hyperparameters {
    /// The subnet.
    pub netuid: NetUid,
    /// Which runtime API answered.
    pub generation: Generation,
    /// Names and values.
    pub entries: Vec<(String, HyperValue)>,
}

/// The value of a hyperparameter.
#[derive(Debug, Clone, PartialEq)]
pub enum HyperValue {
    /// A switch.
    Bool(bool),
    /// A count, a number of blocks, or a ratio in the unit of the parameter.
    Unsigned(u128),
    /// An amount.
    Tao(Tao),
    /// A fraction.
    Fixed(FixedPoint),
    /// Of a kind that is newer than this btd, in the JSON form of its type.
    Other(serde_json::Value),
}

// === impl Hyperparameters ===

impl Hyperparameters {
    /// What an answer of the runtime API `method` holds.
    #[cfg(test)]
    pub(crate) fn read_answer(
        method: &str,
        answer: &[u8],
        output: u32,
        types: &PortableRegistry,
    ) -> Result<Vec<(String, HyperValue)>, Mismatch> {
        let generation = GENERATIONS.into_iter().find(|(_, known)| *known == method).unwrap_or(GENERATIONS[0]).0;
        read_answer(generation, answer, output, types).map(Option::unwrap_or_default)
    }

    /// The value of the parameter `name`.
    pub fn get(&self, name: &str) -> Option<&HyperValue> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

// === impl View ===

impl View {
    /// The hyperparameters of a subnet; none when there is no such subnet.
    pub async fn hyperparameters(&self, netuid: NetUid) -> Result<Option<Hyperparameters>, ReadError> {
        let available = GENERATIONS.into_iter().find(|(_, method)| self.runtime().has_runtime_api(API, method));
        // Without any, asking for the newest tells what is absent.
        let (generation, method) = available.unwrap_or(GENERATIONS[0]);
        let read = |ApiAnswer { bytes, output, types }: ApiAnswer<'_>| read_answer(generation, bytes, output, types);
        let entries = self.api_read(API, method, &[netuid.into()], read).await?;
        Ok(entries.map(|entries| Hyperparameters { netuid, generation, entries }))
    }
}

/// Names and values from the answer of a generation; none when there is no such subnet.
fn read_answer(
    generation: Generation,
    answer: &[u8],
    output: u32,
    types: &PortableRegistry,
) -> Result<Option<Vec<(String, HyperValue)>>, Mismatch> {
    Ok(match generation {
        Generation::V3 => read::whole::<Option<Vec<Entry>>>(answer, output, types)?
            .map(|entries| entries.into_iter().map(|entry| (entry.name, entry.value)).collect()),
        Generation::V2 | Generation::V1 => {
            read::whole::<Option<Struct>>(answer, output, types)?.map(|Struct(entries)| entries)
        }
    })
}

read::record! {
    /// `HyperparamEntry` of the third generation.
    struct Entry {
        name: String,
        value: HyperValue,
    }
}

/// The struct of the older generations, as names and values.
struct Struct(Vec<(String, HyperValue)>);

impl FromScale for Struct {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        let mut entries = Vec::new();
        for field in read::named_fields(id, types)? {
            let name = field.name.as_deref().unwrap_or_default();
            let value = plain(name, input, field.ty.id, types).map_err(|m| m.inside(name))?;
            entries.push((name.to_owned(), value));
        }
        Ok(Self(entries))
    }
}

/// A value whose kind only its name and type tell.
fn plain(name: &str, input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<HyperValue, Mismatch> {
    let ident = types.resolve(id).map(|ty| &ty.type_def);
    if matches!(name, "min_burn" | "max_burn") {
        return Tao::from_scale(input, id, types).map(HyperValue::Tao);
    }
    match ident {
        Some(TypeDef::Primitive(TypeDefPrimitive::Bool)) => bool::from_scale(input, id, types).map(HyperValue::Bool),
        // The only struct among them is a fixed-point number: `alpha_sigmoid_steepness: I32F32`.
        Some(TypeDef::Composite(composite)) if composite.fields.iter().any(|f| f.name.as_deref() == Some("bits")) => {
            i128::from_scale(input, id, types).map(|bits| HyperValue::Fixed(FixedPoint::new(bits, 32)))
        }
        _ => u128::from_scale(input, id, types).map(HyperValue::Unsigned),
    }
}

/// `HyperparamValue`: the variant's name tells the unit.
impl FromScale for HyperValue {
    fn from_scale(input: &mut &[u8], id: u32, types: &PortableRegistry) -> Result<Self, Mismatch> {
        let before = *input;
        let (name, fields) = crate::scale::variant(input, id, types)?;
        let [content] = fields else {
            *input = before;
            return json::decode(input, id, types).map(Self::Other);
        };
        let content = content.ty.id;
        match name {
            "Bool" => bool::from_scale(input, content, types).map(Self::Bool),
            "U8" | "U16" | "U32" | "U64" | "U128" => u128::from_scale(input, content, types).map(Self::Unsigned),
            "TaoBalance" => Tao::from_scale(input, content, types).map(Self::Tao),
            "I32F32" => i128::from_scale(input, content, types).map(|bits| Self::Fixed(FixedPoint::new(bits, 32))),
            "U64F64" => u128::from_scale(input, content, types).and_then(|bits| {
                let bits = i128::try_from(bits).map_err(|_| Mismatch::new("the fraction is too large"))?;
                Ok(Self::Fixed(FixedPoint::new(bits, 64)))
            }),
            _ => {
                *input = before;
                json::decode(input, id, types).map(Self::Other)
            }
        }
    }
}
