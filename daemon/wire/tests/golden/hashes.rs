//! Texts and numbers: `str()`, the body hash and its headers, the freshness window, versions.

use btd_wire::{
    admission::python_window,
    outgoing::{Callee, Caller, Unsigned},
    python::{Value, python_str, read_json},
    synapse::{FieldSpec, FieldType, HashFields, Synapse, SynapseSpec, sha3_hex},
    version::{PROTOCOL_VERSION, version_as_int, version_as_int_before_7_2},
};
use serde_json::Value as Json;

use crate::support::{Key, cases, text, vectors};

/// `str(value)` of JSON-born values by CPython 3.10.
#[test]
fn python_str_of_every_value() {
    let file = vectors("python_str.json");
    for case in cases(&file) {
        let value = read_json(text(case, "json").as_bytes()).unwrap();
        assert_eq!(python_str(&value), text(case, "str"), "{case}");
        assert_eq!(sha3_hex(&python_str(&value)), text(case, "sha3_256_of_str"), "{case}");
    }
    assert_eq!(cases(&file).len(), 45, "the file is whole");
}

/// The classes of the file, whose field types are given as Python prints them.
fn declared(printed: &str) -> FieldType {
    let nested = || {
        FieldType::Model(vec![
            FieldSpec::required("k", FieldType::Str),
            FieldSpec::with_default("v", FieldType::optional(FieldType::Float), Value::None),
        ])
    };
    match printed {
        "<class 'int'>" => FieldType::Int,
        "<class 'float'>" => FieldType::Float,
        "<class 'bool'>" => FieldType::Bool,
        "<class 'str'>" => FieldType::Str,
        "<class 'list'>" => FieldType::list(FieldType::Any),
        "<class 'dict'>" => FieldType::dict(FieldType::Any),
        "List[int]" => FieldType::list(FieldType::Int),
        "List[float]" => FieldType::list(FieldType::Float),
        "List[str]" => FieldType::list(FieldType::Str),
        "Optional[int]" => FieldType::optional(FieldType::Int),
        "Tuple[int, int]" => FieldType::Tuple(vec![FieldType::Int, FieldType::Int]),
        "Union[int, str]" => FieldType::Union(vec![FieldType::Int, FieldType::Str]),
        "<class '__main__.Nested'>" => nested(),
        "List[__main__.Nested]" => FieldType::list(nested()),
        "Dict[str, __main__.Nested]" => FieldType::dict(nested()),
        "Optional[bittensor.core.tensor.Tensor]" => FieldType::optional(FieldType::tensor()),
        other => panic!("type {other}"),
    }
}

/// `Synapse.body_hash` and the header map of `to_headers()`.
#[test]
fn body_hash_and_headers_of_every_class() {
    let file = vectors("body_hash.json");
    for case in cases(&file) {
        let id = text(case, "id");
        let required: Vec<&str> =
            case["required_fields"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        let fields = case["fields"].as_object().unwrap();
        let fields = fields.iter().map(|(name, of)| {
            let of = declared(of.as_str().unwrap());
            if required.contains(&name.as_str()) {
                FieldSpec::required(name, of)
            } else {
                FieldSpec::with_default(name, of, Value::None)
            }
        });
        let order = case["required_hash_fields_order"].as_array().unwrap();
        let order: Vec<String> = order.iter().map(|f| f.as_str().unwrap().to_owned()).collect();
        let hash = match id {
            // Declared in reverse, as the old model field was.
            "legacy-field-order" => HashFields::DeclaredOrder(order.into_iter().rev().collect()),
            _ => HashFields::Listed(order),
        };
        let spec = SynapseSpec::new(text(case, "class"), fields.collect(), hash).unwrap();
        let values = read_json(case["values"].to_string().as_bytes()).unwrap();
        let synapse = Synapse::from_body(&spec, values).unwrap();
        assert_eq!(spec.body_hash(&synapse.fields), text(case, "body_hash"), "{id}");

        let headers = synapse.to_headers(&spec, 0);
        let headers: Vec<(&str, &str)> =
            headers.iter().filter(|(name, _)| !matches!(*name, "header_size" | "total_size")).collect();
        let expected = case["headers"].as_object().unwrap();
        let expected: Vec<(&str, &str)> =
            expected.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        assert_eq!(headers, expected, "{id}");
    }
    assert_eq!(cases(&file).len(), 9, "the file is whole");
}

/// Freshness arithmetic of `axon_utils`.
#[test]
fn freshness_window_of_every_case() {
    let file = vectors("nonce_rules.json");
    for case in cases(&file) {
        let number = |key: &str| -> i128 { text(case, key).parse().unwrap() };
        let timeout = case["timeout"].as_f64().unwrap_or(0.0);
        let too_old = number("nonce") <= python_window(number("now_ns"), timeout);
        assert_eq!(Json::Bool(too_old), case["too_old_on_first_contact"], "{case}");
    }
    assert_eq!(cases(&file).len(), 64, "the file is whole");
}

#[test]
fn version_integers() {
    let file = vectors("net.json");
    for case in file["version_as_int"].as_array().unwrap() {
        let parts: Vec<u16> = text(case, "version").split('.').map(|part| part.parse().unwrap()).collect();
        let [major, minor, patch] = parts[..] else { panic!("{case}") };
        assert_eq!(version_as_int(major, minor, patch), case["new_formula_since_7_2_0"], "{case}");
        assert_eq!(version_as_int_before_7_2(major, minor, patch), case["old_formula_before_7_2_0"], "{case}");
    }
    assert_eq!(PROTOCOL_VERSION, file["this_sdk_version_as_int"]);
}

/// The request that a dendrite makes: headers in order, and the body byte for byte.
#[test]
fn our_ping_is_the_captured_ping() {
    let file = vectors("http_sdk10.json");
    let capture = &cases(&file)[0]["connections"][0];
    let headers = capture["request"]["headers"].as_array().unwrap();
    let header = |name: &str| headers.iter().find(|pair| pair[0] == name).unwrap()[1].as_str().unwrap();
    let caller = Caller {
        hotkey: header("bt_header_dendrite_hotkey"),
        uuid: header("bt_header_dendrite_uuid"),
        ip: Some(header("bt_header_dendrite_ip")),
    };
    let callee = Callee {
        hotkey: header("bt_header_axon_hotkey").parse().unwrap(),
        ip: header("bt_header_axon_ip").to_owned(),
        port: header("bt_header_axon_port").parse().unwrap(),
    };
    let spec = SynapseSpec::base();
    let mut synapse = Synapse::new(&spec, indexmap::IndexMap::new());
    synapse.total_size = header("total_size").parse().unwrap();
    let nonce = header("bt_header_dendrite_nonce").parse().unwrap();
    let unsigned = Unsigned::new(&spec, synapse, (caller, callee), 12.0, nonce);
    assert_eq!(unsigned.message().text(), text(&capture["signed"], "signed_message"));
    let mut signature = [0; 64];
    hex::decode_to_slice(&header("bt_header_dendrite_signature")[2..], &mut signature).unwrap();
    let outgoing = unsigned.sign(&spec, &signature);
    assert_eq!(outgoing.path, "/Synapse");
    assert_eq!(std::str::from_utf8(&outgoing.body).unwrap(), text(&capture["request"], "body_utf8"));
    let ours: Vec<(&str, &str)> = outgoing
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .filter(|(name, _)| !name.ends_with("_size") && !name.starts_with("content-"))
        .collect();
    let theirs: Vec<(&str, &str)> = headers
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .filter(|(name, _)| {
            !name.ends_with("_size")
                && !matches!(
                    *name,
                    "Host" | "Accept" | "Accept-Encoding" | "User-Agent" | "Content-Length" | "Content-Type"
                )
        })
        .collect();
    assert_eq!(ours, theirs);
    // A key of our own signs the same text, and the text is what an axon checks.
    let key = Key::new(1);
    let message = "1.2.3";
    assert!(btd_wire::admission::verify_sr25519(&key.account, message.as_bytes(), &key.sign(message)));
}
