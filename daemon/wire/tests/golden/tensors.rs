//! `tensor.json`: what `Tensor.serialize` of bittensor 10.5.0 makes of numpy and torch arrays.

use base64::{Engine, engine::general_purpose::STANDARD};
use btd_wire::{
    python::{Value, read_json},
    tensor::{DType, Dialect, Tensor, TensorError},
};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::support::{text, vectors};

fn value(json: &Json) -> Value {
    read_json(json.to_string().as_bytes()).unwrap()
}

#[test]
fn every_captured_tensor_is_read_and_written_byte_for_byte() {
    let file = vectors("tensor.json");
    let mut seen = 0;
    for (list, dialect) in [("cases", Dialect::Numpy), ("torch_cases", Dialect::Torch)] {
        for case in file[list].as_array().unwrap().iter().filter(|case| case["tensor"].is_object()) {
            let wire = value(&case["tensor"]);
            let tensor = Tensor::from_value(&wire).unwrap_or_else(|error| panic!("{}: {error}", case["id"]));
            assert_eq!(tensor.dialect(), dialect);
            if let Some(data) = case["data_c_order_hex"].as_str() {
                assert_eq!(hex::encode(tensor.data()), data, "{}", case["id"]);
            }
            let shape = case["deserialized"]["shape"].as_array().unwrap();
            let shape: Vec<u64> = shape.iter().map(|length| length.as_u64().unwrap()).collect();
            assert_eq!(tensor.shape().iter().map(|length| *length as u64).collect::<Vec<_>>(), shape);
            assert_eq!(tensor.to_value(), wire, "{}", case["id"]);
            let Some(buffer) = wire.get("buffer").and_then(Value::as_str) else { panic!("no buffer") };
            assert_eq!(hex::encode(STANDARD.decode(buffer).unwrap()), text(case, "msgpack_hex"));
            seen += 1;
        }
    }
    assert_eq!(seen, 26);
}

fn tensor(dtype: &str, shape: &str, buffer: &[u8]) -> Result<Tensor, TensorError> {
    let text = format!(r#"{{"buffer": "{}", "dtype": "{dtype}", "shape": {shape}}}"#, STANDARD.encode(buffer));
    Tensor::from_value(&read_json(text.as_bytes()).unwrap())
}

fn buffer() -> Vec<u8> {
    hex::decode("85c4026e64c3c40474797065a33c6634c4046b696e64c400c4057368617065920101c40464617461c40400000000").unwrap()
}

#[test]
fn what_contradicts_itself_is_refused() {
    let good = buffer();
    assert!(tensor("float32", "[1, 1]", &good).is_ok());
    assert_eq!(tensor("float64", "[1, 1]", &good), Err(TensorError::Contradiction("dtype")));
    assert_eq!(tensor("float32", "[1]", &good), Err(TensorError::Contradiction("shape")));
    assert_eq!(tensor("float32", "[0]", &good), Err(TensorError::Contradiction("shape")));
    assert_eq!(tensor("uint16", "[1, 1]", &good), Err(TensorError::DType("uint16".into())));
    assert!(matches!(tensor("float32", "[-1, 1]", &good), Err(TensorError::NoTensor(_))));
    assert_eq!(tensor("float32", &format!("{:?}", vec![1; 33]), &good), Err(TensorError::Dimensions));
    for end in 0..good.len() {
        assert!(tensor("float32", "[1, 1]", &good[..end]).is_err(), "{end}");
    }
    let longer = [&good[..], &[0]].concat();
    assert_eq!(tensor("float32", "[1, 1]", &longer), Err(TensorError::Msgpack("something follows it")));
    let text = r#"{"buffer": "?", "dtype": "float32", "shape": [1]}"#;
    assert_eq!(Tensor::from_value(&read_json(text.as_bytes()).unwrap()), Err(TensorError::Base64));
    let text = r#"{"buffer": null, "dtype": "float32", "shape": [1]}"#;
    assert!(matches!(Tensor::from_value(&read_json(text.as_bytes()).unwrap()), Err(TensorError::NoTensor(_))));
}

#[test]
fn lengths_beyond_memory_allocate_nothing() {
    // Data of 4 GiB that is not there, and a shape whose product overflows.
    let mut bomb = buffer();
    let at = bomb.len() - 6;
    bomb.splice(at.., [0xc6, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(tensor("float32", "[1, 1]", &bomb), Err(TensorError::Msgpack("it ends early")));
    let huge = usize::MAX / 2;
    let found = Tensor::new(Dialect::Numpy, DType::F32, vec![huge, huge], Bytes::new());
    assert_eq!(found, Err(TensorError::Length { found: 0, wanted: usize::MAX }));
    assert_eq!(Tensor::new(Dialect::Numpy, DType::Bool, vec![2], Bytes::from_static(&[1, 2])), Err(TensorError::Bool));
}

proptest! {
    #[test]
    fn what_is_written_is_read(shape in prop::collection::vec(0_usize..300, 0..4), torch: bool) {
        let elements: usize = shape.iter().product();
        prop_assume!(elements < 200_000);
        let dialect = if torch { Dialect::Torch } else { Dialect::Numpy };
        let tensor = Tensor::new(dialect, DType::I16, shape, Bytes::from(vec![7; elements * 2])).unwrap();
        prop_assert_eq!(Tensor::from_value(&tensor.to_value()).unwrap(), tensor);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = tensor("float32", "[1, 1]", &bytes);
    }
}
