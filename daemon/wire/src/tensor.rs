//! `bittensor.Tensor` on the wire: an object of a base64 buffer, a dtype name and a shape.
//!
//! The buffer is what msgpack-numpy-opentensor writes: a msgpack map of `nd`, `type`, `kind`,
//! `shape` and `data`, keys as bin, elements little-endian in C order. Two dialects share it and
//! differ in the dtype's name, `float32` (numpy) and `torch.float32` (torch); a tensor keeps the
//! one in which it came, because a peer of one does not read the other.
//!
//! Reading is strict: the outer dtype and shape must be those of the buffer, and the data must
//! have exactly the bytes that they ask for, so that no length in it makes anybody allocate. The
//! data of a tensor is a slice of the decoded buffer. Arithmetic is `btd_tensor`'s.

mod msgpack;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use indexmap::IndexMap;

use self::msgpack::Reader;
use crate::python::Value;

/// Dimensions at most; numpy has 64 since version 2 and 32 before.
pub const MAX_DIMENSIONS: usize = 32;

/// Types of elements that travel. The peers refuse every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// `float16`
    F16,
    /// `float32`
    F32,
    /// `float64`
    F64,
    /// `uint8`
    U8,
    /// `int8`
    I8,
    /// `int16`
    I16,
    /// `int32`
    I32,
    /// `int64`
    I64,
    /// `bool`: one byte, 0 or 1.
    Bool,
}

/// Which library's names a tensor uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// `float32`: bittensor 7 and later, unless `USE_TORCH` is set.
    #[default]
    Numpy,
    /// `torch.float32`: bittensor 6, and later ones with `USE_TORCH=1`.
    Torch,
}

/// A tensor: elements as they travel, little-endian in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    dialect: Dialect,
    dtype: DType,
    shape: Vec<usize>,
    data: Bytes,
}

/// Why something is no tensor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// A member is missing or of the wrong kind.
    #[error("a tensor is an object of `buffer` (base64), `dtype` and `shape`: {0}")]
    NoTensor(&'static str),
    /// A dtype that does not travel.
    #[error("dtype `{0}` does not travel: float16, float32, float64, uint8, int8, int16, int32, int64 and bool do")]
    DType(String),
    /// The buffer is not base64.
    #[error("the buffer is not base64")]
    Base64,
    /// The buffer is not what msgpack-numpy writes.
    #[error("the buffer is no msgpack-numpy array: {0}")]
    Msgpack(&'static str),
    /// The outer dtype or shape is not that of the buffer.
    #[error("the {0} beside the buffer is not the one in it")]
    Contradiction(&'static str),
    /// More dimensions than a tensor may have.
    #[error("a tensor of more than {MAX_DIMENSIONS} dimensions")]
    Dimensions,
    /// The data has another length than dtype and shape ask for.
    #[error("{found} bytes of data, where dtype and shape ask for {wanted}")]
    Length {
        /// Bytes that there are.
        found: usize,
        /// Bytes that there should be; `usize::MAX` when nobody could hold them.
        wanted: usize,
    },
    /// A byte of a bool that is neither 0 nor 1.
    #[error("a bool that is neither 0 nor 1")]
    Bool,
}

// === impl DType ===

impl DType {
    const ALL: [Self; 9] =
        [Self::F16, Self::F32, Self::F64, Self::U8, Self::I8, Self::I16, Self::I32, Self::I64, Self::Bool];

    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::F16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// numpy's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::Bool => "bool",
        }
    }

    /// numpy's type string.
    fn code(self) -> &'static str {
        match self {
            Self::F16 => "<f2",
            Self::F32 => "<f4",
            Self::F64 => "<f8",
            Self::U8 => "|u1",
            Self::I8 => "|i1",
            Self::I16 => "<i2",
            Self::I32 => "<i4",
            Self::I64 => "<i8",
            Self::Bool => "|b1",
        }
    }
}

// === impl Tensor ===

impl Tensor {
    /// A tensor of little-endian elements in C order.
    ///
    /// # Errors
    /// When there are too many dimensions, `data` has another length than `dtype` and `shape` ask
    /// for, or holds a bool that is none.
    pub fn new(dialect: Dialect, dtype: DType, shape: Vec<usize>, data: Bytes) -> Result<Self, TensorError> {
        if shape.len() > MAX_DIMENSIONS {
            return Err(TensorError::Dimensions);
        }
        let elements = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
        let wanted = elements.and_then(|elements| elements.checked_mul(dtype.size())).unwrap_or(usize::MAX);
        if data.len() != wanted {
            return Err(TensorError::Length { found: data.len(), wanted });
        }
        if dtype == DType::Bool && data.iter().any(|byte| *byte > 1) {
            return Err(TensorError::Bool);
        }
        Ok(Self { dialect, dtype, shape, data })
    }

    /// Whose names it uses.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The type of its elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Its shape; none for a single number.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its elements, little-endian in C order.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Reads the object that a synapse's field holds.
    ///
    /// # Errors
    /// When it is not exactly what a peer writes.
    pub fn from_value(value: &Value) -> Result<Self, TensorError> {
        let text = |name, missing| value.get(name).and_then(Value::as_str).ok_or(TensorError::NoTensor(missing));
        let (dialect, dtype) = dtype(text("dtype", "no `dtype`")?)?;
        let Some(Value::List(outer)) = value.get("shape") else { return Err(TensorError::NoTensor("no `shape`")) };
        if outer.len() > MAX_DIMENSIONS {
            return Err(TensorError::Dimensions);
        }
        let outer = outer.iter().map(dimension).collect::<Option<Vec<_>>>();
        let outer = outer.ok_or(TensorError::NoTensor("`shape` is a list of lengths"))?;
        let buffer = text("buffer", "no `buffer`")?;
        let buffer = Bytes::from(STANDARD.decode(buffer).map_err(|_| TensorError::Base64)?);
        let (code, shape, data) = array(&buffer)?;
        if code != dtype.code() {
            return Err(TensorError::Contradiction("dtype"));
        }
        // A single number has the shape [0] outside and none inside.
        if shape != outer && !(shape.is_empty() && outer == [0]) {
            return Err(TensorError::Contradiction("shape"));
        }
        Self::new(dialect, dtype, shape, data)
    }

    /// The object that a synapse's field holds.
    pub fn to_value(&self) -> Value {
        let mut buffer = Vec::with_capacity(self.data.len() + 64 + 5 * self.shape.len());
        buffer.push(0x85);
        msgpack::bin(&mut buffer, b"nd");
        buffer.push(0xc3);
        msgpack::bin(&mut buffer, b"type");
        msgpack::str(&mut buffer, self.dtype.code());
        msgpack::bin(&mut buffer, b"kind");
        msgpack::bin(&mut buffer, b"");
        msgpack::bin(&mut buffer, b"shape");
        msgpack::lengths(&mut buffer, &self.shape);
        msgpack::bin(&mut buffer, b"data");
        msgpack::bin(&mut buffer, &self.data);
        let outer: &[usize] = if self.shape.is_empty() { &[0] } else { &self.shape };
        let outer = outer.iter().map(|length| Value::from(i64::try_from(*length).unwrap_or(i64::MAX))).collect();
        let name = match self.dialect {
            Dialect::Numpy => self.dtype.name().to_owned(),
            Dialect::Torch => format!("torch.{}", self.dtype.name()),
        };
        Value::from(IndexMap::from([
            ("buffer".to_owned(), STANDARD.encode(&buffer).into()),
            ("dtype".to_owned(), name.into()),
            ("shape".to_owned(), Value::List(outer)),
        ]))
    }
}

fn dtype(name: &str) -> Result<(Dialect, DType), TensorError> {
    let (dialect, plain) = match name.strip_prefix("torch.") {
        Some(plain) => (Dialect::Torch, plain),
        None => (Dialect::Numpy, name),
    };
    let known = DType::ALL.into_iter().find(|dtype| dtype.name() == plain);
    known.map(|dtype| (dialect, dtype)).ok_or_else(|| TensorError::DType(name.chars().take(32).collect()))
}

fn dimension(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(number.to_i128()?).ok(),
        _ => None,
    }
}

/// The array in a buffer: type string, shape, data.
fn array(buffer: &Bytes) -> Result<(String, Vec<usize>, Bytes), TensorError> {
    let mut reader = Reader::new(buffer);
    if reader.map()? != 5 {
        return Err(TensorError::Msgpack("not a map of five"));
    }
    let (mut marked, mut code, mut kind, mut shape, mut data) = (false, None, false, None, None);
    for _ in 0..5 {
        match reader.bin()? {
            b"nd" => marked = reader.truth()?,
            b"type" => code = Some(reader.str()?.to_owned()),
            b"kind" => kind = reader.bin()?.is_empty(),
            b"shape" => shape = Some(reader.lengths(MAX_DIMENSIONS)?),
            b"data" => data = Some(buffer.slice_ref(reader.bin()?)),
            _ => return Err(TensorError::Msgpack("an unknown key")),
        }
    }
    reader.end()?;
    match (code, shape, data) {
        (Some(code), Some(shape), Some(data)) if marked && kind => Ok((code, shape, data)),
        _ => Err(TensorError::Msgpack("a key is missing, or says that it is something else")),
    }
}
