//! A handler that computes: the largest elements of a tensor, on burn.
//!
//! The class is the one that introductions to Bittensor show: a tensor and how many of the largest
//! elements of its last dimension are wanted. Values and their indices go back as tensors.

use std::sync::Arc;

use btd_tensor::{Dense, Element, ElementsError};
use btd_wire::{
    python::Value,
    synapse::{FieldSpec, FieldType, HashFields, SynapseSpec},
    tensor::{DType, Dialect, Tensor},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Answer, Handler, HandlerError, Request};

/// Answers [`Topk::spec`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Topk;

// === impl Topk ===

impl Topk {
    /// `tensor`, `topk` (-1 asks for all), and for the answer `values` and `indices`.
    pub fn declared() -> SynapseSpec {
        let tensor = || FieldType::optional(FieldType::tensor());
        let fields = vec![
            FieldSpec::with_default("topk", FieldType::Int, -1_i64),
            FieldSpec::with_default("tensor", tensor(), Value::None),
            FieldSpec::with_default("values", tensor(), Value::None),
            FieldSpec::with_default("indices", tensor(), Value::None),
        ];
        // Names and fields are those above.
        SynapseSpec::new("Topk", fields, HashFields::None).unwrap_or_else(|_| SynapseSpec::base())
    }
}

impl Handler for Topk {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::new(Self::declared())
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(async move {
            let mut synapse = request.verified.into_synapse();
            let wanted = match synapse.fields.get("topk") {
                Some(Value::Int(count)) => count.to_i128(),
                _ => None,
            };
            let tensor = synapse.fields.get("tensor").cloned().unwrap_or_default();
            // Numbers in the millions are no work for a thread that serves others.
            let found = tokio::task::spawn_blocking(move || top(&tensor, wanted)).await;
            match found.map_err(|_| HandlerError::Failed("the computation broke off".to_owned()))? {
                Ok((values, indices)) => {
                    synapse.fields.insert("values".to_owned(), values.to_value());
                    synapse.fields.insert("indices".to_owned(), indices.to_value());
                }
                Err(reason) => {
                    synapse.axon.status_code = Some(422);
                    synapse.axon.status_message = Some(reason);
                }
            }
            Ok(synapse.into())
        })
    }
}

/// Values and indices of the largest elements, or what the caller did wrong.
fn top(tensor: &Value, wanted: Option<i128>) -> Result<(Tensor, Tensor), String> {
    let tensor = Tensor::from_value(tensor).map_err(|error| error.to_string())?;
    let dialect = tensor.dialect();
    let dense = dense(&tensor).map_err(|error| error.to_string())?;
    let last = tensor.shape().last().copied().unwrap_or(1);
    let count = match wanted {
        Some(-1) => last,
        Some(count) => usize::try_from(count)
            .ok()
            .filter(|count| *count <= last)
            .ok_or_else(|| format!("topk is -1 or 0 to {last}, the length of the last dimension"))?,
        None => return Err("topk is no number".to_owned()),
    };
    let (values, indices) = dense.topk(count).map_err(|error| error.to_string())?;
    Ok((wire(dialect, values)?, wire(dialect, indices)?))
}

fn element(dtype: DType) -> Element {
    match dtype {
        DType::F16 => Element::F16,
        DType::F32 => Element::F32,
        DType::F64 => Element::F64,
        DType::U8 => Element::U8,
        DType::I8 => Element::I8,
        DType::I16 => Element::I16,
        DType::I32 => Element::I32,
        DType::I64 => Element::I64,
        DType::Bool => Element::Bool,
    }
}

/// A tensor of the wire as one to compute with.
pub(super) fn dense(tensor: &Tensor) -> Result<Dense, ElementsError> {
    Dense::new(element(tensor.dtype()), tensor.shape().to_vec(), tensor.data().to_vec())
}

/// A computed tensor as one of the wire.
pub(super) fn wire(dialect: Dialect, dense: Dense) -> Result<Tensor, String> {
    let dtype = match dense.element() {
        Element::F16 => DType::F16,
        Element::F32 => DType::F32,
        Element::F64 => DType::F64,
        Element::U8 => DType::U8,
        Element::I8 => DType::I8,
        Element::I16 => DType::I16,
        Element::I32 => DType::I32,
        Element::I64 => DType::I64,
        Element::Bool => DType::Bool,
    };
    let (shape, data) = dense.into_parts();
    Tensor::new(dialect, dtype, shape, Bytes::from(data)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(shape: &[usize], numbers: &[f32]) -> Value {
        let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Tensor::new(Dialect::Torch, DType::F32, shape.to_vec(), data.into()).unwrap().to_value()
    }

    fn read<const N: usize>(tensor: &Tensor) -> Vec<[u8; N]> {
        tensor.data().chunks(N).map(|chunk| chunk.try_into().unwrap()).collect()
    }

    #[test]
    fn the_largest_of_each_row_come_first() {
        let asked = floats(&[2, 3], &[1.0, 3.0, 2.0, -1.0, -3.0, -2.0]);
        let (values, indices) = top(&asked, Some(2)).unwrap();
        assert_eq!((values.shape(), values.dialect()), (&[2, 2][..], Dialect::Torch));
        let numbers: Vec<f32> = read::<4>(&values).into_iter().map(f32::from_le_bytes).collect();
        assert_eq!(numbers, [3.0, 2.0, -1.0, -2.0]);
        let places: Vec<i64> = read::<8>(&indices).into_iter().map(i64::from_le_bytes).collect();
        assert_eq!(places, [1, 2, 0, 2]);
        assert_eq!(top(&asked, Some(-1)).unwrap().0.shape(), [2, 3]);
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert!(top(&floats(&[2], &[1.0, 2.0]), Some(3)).unwrap_err().contains("0 to 2"));
        assert!(top(&Value::None, Some(1)).unwrap_err().contains("a tensor is"));
        assert_eq!(top(&floats(&[0], &[]), Some(-1)).unwrap().0.shape(), [0]);
    }
}
