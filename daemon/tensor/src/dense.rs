//! Tensors of any rank and element as bytes, to and from burn.
//!
//! Bytes are little-endian and in C order, as they travel; what travels around them is
//! `btd_wire::tensor`'s. Sixteen-bit floats are computed with as such.

use burn::tensor::{BoolStore, DType, Device, Int, Tensor, TensorCreationOptions, TensorData};

/// The type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Half a float.
    F16,
    /// A float.
    F32,
    /// A double.
    F64,
    /// A byte.
    U8,
    /// A signed byte.
    I8,
    /// Two bytes, signed.
    I16,
    /// Four bytes, signed.
    I32,
    /// Eight bytes, signed.
    I64,
    /// A byte of 0 or 1.
    Bool,
}

/// A tensor as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dense {
    element: Element,
    shape: Vec<usize>,
    data: Vec<u8>,
}

/// Why bytes are no tensor, or nothing can be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElementsError {
    /// The bytes are not as many as the shape asks for.
    #[error("{found} bytes are no tensor of shape {shape:?}")]
    Length {
        /// Bytes that there are.
        found: usize,
        /// The shape.
        shape: Vec<usize>,
    },
    /// The rank of the shape is not the one that was asked for.
    #[error("a tensor of rank {found} where rank {wanted} is asked for")]
    Rank {
        /// Its rank.
        found: usize,
        /// The rank asked for.
        wanted: usize,
    },
    /// Elements that do not go into a tensor of that kind.
    #[error("elements of type {0:?} do not go there")]
    Kind(Element),
    /// More are wanted than there are.
    #[error("{wanted} elements are wanted of a dimension of {length}")]
    TooMany {
        /// How many.
        wanted: usize,
        /// Of how many.
        length: usize,
    },
    /// The backend failed, which on the CPU means that it ran out of memory.
    #[error("the tensor backend gave up: {0}")]
    Backend(String),
}

// === impl Element ===

impl Element {
    /// Bytes of one.
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::F16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    fn dtype(self) -> DType {
        match self {
            Self::F16 => DType::F16,
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
            Self::U8 => DType::U8,
            Self::I8 => DType::I8,
            Self::I16 => DType::I16,
            Self::I32 => DType::I32,
            Self::I64 => DType::I64,
            Self::Bool => DType::Bool(BoolStore::Native),
        }
    }

    fn of(dtype: DType) -> Option<Self> {
        Some(match dtype {
            DType::F16 => Self::F16,
            DType::F32 => Self::F32,
            DType::F64 => Self::F64,
            DType::U8 => Self::U8,
            DType::I8 => Self::I8,
            DType::I16 => Self::I16,
            DType::I32 => Self::I32,
            DType::I64 => Self::I64,
            DType::Bool(BoolStore::Native | BoolStore::U8) => Self::Bool,
            _ => return None,
        })
    }

    fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }
}

// === impl Dense ===

impl Dense {
    /// A tensor of little-endian elements in C order.
    ///
    /// # Errors
    /// When `data` has another length than the shape asks for.
    pub fn new(element: Element, shape: Vec<usize>, data: Vec<u8>) -> Result<Self, ElementsError> {
        let wanted = shape.iter().try_fold(element.size(), |product, length| product.checked_mul(*length));
        if wanted == Some(data.len()) {
            Ok(Self { element, shape, data })
        } else {
            Err(ElementsError::Length { found: data.len(), shape })
        }
    }

    /// The type of its elements.
    pub fn element(&self) -> Element {
        self.element
    }

    /// Its shape and its bytes.
    pub fn into_parts(self) -> (Vec<usize>, Vec<u8>) {
        (self.shape, self.data)
    }

    /// Its floats as a tensor of rank `D` on the CPU, without a copy.
    ///
    /// # Errors
    /// When it holds no floats or has another rank.
    pub fn into_float<const D: usize>(self) -> Result<Tensor<D>, ElementsError> {
        if !self.element.is_float() {
            return Err(ElementsError::Kind(self.element));
        }
        let options = self.checked::<D>()?;
        Ok(Tensor::from_data(self.into_data(), options))
    }

    /// Its integers as a tensor of rank `D` on the CPU, without a copy.
    ///
    /// # Errors
    /// When it holds no integers or has another rank.
    pub fn into_int<const D: usize>(self) -> Result<Tensor<D, Int>, ElementsError> {
        if self.element.is_float() || self.element == Element::Bool {
            return Err(ElementsError::Kind(self.element));
        }
        let options = self.checked::<D>()?;
        Ok(Tensor::from_data(self.into_data(), options))
    }

    /// What burn computed, with a shape of its own rank.
    ///
    /// # Errors
    /// When it has elements of a type that is not among [`Element`].
    pub fn from_data(data: &TensorData) -> Result<Self, ElementsError> {
        let element = Element::of(data.dtype())
            .ok_or_else(|| ElementsError::Backend(format!("it computed elements of type {:?}", data.dtype())))?;
        let shape = data.shape().to_vec();
        Self::new(element, shape, data.as_bytes().to_vec())
    }

    /// The `count` largest elements of the last dimension, largest first, and their places.
    ///
    /// # Errors
    /// When there are not so many, or its elements are truths.
    pub fn topk(self, count: usize) -> Result<(Self, Self), ElementsError> {
        let last = self.shape.last().copied().unwrap_or(1);
        if count > last {
            return Err(ElementsError::TooMany { wanted: count, length: last });
        }
        if self.element == Element::Bool {
            return Err(ElementsError::Kind(self.element));
        }
        let mut shape = self.shape.clone();
        if let Some(length) = shape.last_mut() {
            *length = count;
        }
        let rows = self.data.len() / self.element.size() / last.max(1);
        let element = self.element;
        if rows == 0 || count == 0 {
            let empty = |element| Self { element, shape: shape.clone(), data: Vec::new() };
            return Ok((empty(element), empty(Element::I64)));
        }
        let flat = Self { shape: vec![rows, last], ..self };
        let (values, indices) = if element.is_float() {
            let (values, indices) = flat.into_float::<2>()?.topk_with_indices(count, 1);
            (values.try_into_data(), indices)
        } else {
            let (values, indices) = flat.into_int::<2>()?.topk_with_indices(count, 1);
            (values.try_into_data(), indices)
        };
        let backend = |error: &dyn std::fmt::Debug| ElementsError::Backend(format!("{error:?}"));
        let values = values.map_err(|error| backend(&error))?;
        let indices = indices.try_into_data().map_err(|error| backend(&error))?.convert::<i64>();
        let reshaped = |data: TensorData| Self::from_data(&data).map(|dense| Self { shape: shape.clone(), ..dense });
        Ok((reshaped(values)?, reshaped(indices)?))
    }

    fn checked<const D: usize>(&self) -> Result<TensorCreationOptions, ElementsError> {
        if self.shape.len() == D {
            Ok((&Device::flex(), self.element.dtype()).into())
        } else {
            Err(ElementsError::Rank { found: self.shape.len(), wanted: D })
        }
    }

    fn into_data(self) -> TensorData {
        let dtype = self.element.dtype();
        TensorData::from_bytes_vec(self.data, self.shape, dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(element: Element, shape: &[usize], data: Vec<u8>) -> Dense {
        Dense::new(element, shape.to_vec(), data).unwrap()
    }

    #[test]
    fn bytes_go_to_burn_and_back_unchanged() {
        let floats: Vec<u8> = [1.5_f32, -2.0, 3.0, 4.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        let tensor = dense(Element::F32, &[2, 2], floats.clone()).into_float::<2>().unwrap();
        let back = Dense::from_data(&tensor.into_data()).unwrap();
        assert_eq!(back, dense(Element::F32, &[2, 2], floats));
        for (element, bytes) in
            [(Element::I64, 8), (Element::I32, 4), (Element::U8, 1), (Element::I8, 1), (Element::I16, 2)]
        {
            let data: Vec<u8> = (0..4 * bytes).map(|number| u8::try_from(number).unwrap()).collect();
            let tensor = dense(element, &[4], data.clone()).into_int::<1>().unwrap();
            assert_eq!(Dense::from_data(&tensor.into_data()).unwrap(), dense(element, &[4], data), "{element:?}");
        }
        for (element, bytes) in [(Element::F16, 2), (Element::F64, 8)] {
            let data = vec![0; 3 * bytes];
            let tensor = dense(element, &[3, 1], data.clone()).into_float::<2>().unwrap();
            assert_eq!(Dense::from_data(&tensor.into_data()).unwrap(), dense(element, &[3, 1], data), "{element:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(Dense::new(Element::F32, vec![2], vec![0; 7]), Err(ElementsError::Length { .. })));
        assert!(Dense::new(Element::F32, vec![usize::MAX, 2], vec![]).is_err());
        let one = || dense(Element::I32, &[1], vec![0; 4]);
        assert_eq!(one().into_float::<1>().unwrap_err(), ElementsError::Kind(Element::I32));
        assert_eq!(one().into_int::<2>().unwrap_err(), ElementsError::Rank { found: 1, wanted: 2 });
        assert_eq!(one().topk(2).unwrap_err(), ElementsError::TooMany { wanted: 2, length: 1 });
    }

    #[test]
    fn the_largest_elements_of_integers_are_found_in_any_rank() {
        let data: Vec<u8> = [5_i16, 9, 7, 1, 2, 3, 0, -1].iter().flat_map(|number| number.to_le_bytes()).collect();
        let (values, indices) = dense(Element::I16, &[2, 1, 4], data).topk(2).unwrap();
        let (shape, bytes) = values.into_parts();
        assert_eq!(shape, [2, 1, 2]);
        let numbers: Vec<i16> = bytes.chunks(2).map(|chunk| i16::from_le_bytes([chunk[0], chunk[1]])).collect();
        assert_eq!(numbers, [9, 7, 3, 2]);
        let (_, places) = indices.into_parts();
        assert_eq!(places.iter().step_by(8).copied().collect::<Vec<_>>(), [1, 2, 1, 0]);
    }
}
