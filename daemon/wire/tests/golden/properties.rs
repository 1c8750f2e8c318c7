//! Foreign bytes never panic, and what is written reads back as it was.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use btd_wire::{
    admission::{AnyHotkey, Gate, Memory, MemoryLimits, RequestHead, Rules, admit},
    btauth::{AuthGate, AuthHead, AuthRules, Seen, authenticate},
    outgoing::{Answer, merge},
    python::{Integer, JsonStyle, Value, float_repr, python_str, read_float, read_int, read_json, write_json},
    synapse::{Synapse, SynapseSpec, header_value, latin1},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::{collection::vec, prelude::*};

use crate::support::{Key, now};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(|number| Value::Int(Integer::from(number))),
        "-?[1-9][0-9]{40,80}".prop_map(|digits| Value::Int(digits.parse().unwrap())),
        any::<f64>().prop_filter("JSON has it", |number| number.is_finite()).prop_map(Value::Float),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::List),
            vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Dict(Box::new(members.into_iter().collect()))),
        ]
    })
}

/// Header blocks with known names, odd values and doubles.
fn headers() -> impl Strategy<Value = HeaderMap> {
    let name = prop::sample::select(vec![
        "name",
        "timeout",
        "computed_body_hash",
        "content-length",
        "transfer-encoding",
        "content-type",
        "bt_header_axon_port",
        "bt_header_axon_status_code",
        "bt_header_dendrite_hotkey",
        "bt_header_dendrite_nonce",
        "bt_header_dendrite_signature",
        "bt_header_dendrite_uuid",
        "bt_header_dendrite_version",
        "x-bittensor-version",
        "x-bittensor-hotkey",
        "x-bittensor-nonce",
        "x-bittensor-signature",
        "x-bittensor-crypto",
    ]);
    let text = prop_oneof![
        any::<String>(),
        "[0-9._+-]{0,40}",
        Just("1".to_owned()),
        Just("inf".to_owned()),
        Just(Key::new(3).account.to_string()),
        Just(format!("0x{}", "5a".repeat(64))),
        any::<i128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
    ];
    vec((name, text), 0..14).prop_map(|block| {
        let mut map = HeaderMap::new();
        for (name, text) in block {
            map.append(HeaderName::from_static(name), header_value(&text));
        }
        map
    })
}

proptest! {
    #[test]
    fn json_reads_back_as_it_was(value in value()) {
        for style in [JsonStyle::Spaced, JsonStyle::Compact] {
            let text = write_json(&value, style);
            let back = read_json(text.as_bytes()).unwrap();
            prop_assert_eq!(&back, &value);
            prop_assert_eq!(python_str(&back), python_str(&value));
        }
        prop_assert!(write_json(&value, JsonStyle::Spaced).is_ascii());
        // Another reader understands it too.
        prop_assert!(serde_json::from_str::<serde_json::Value>(&write_json(&value, JsonStyle::Compact)).is_ok());
    }

    #[test]
    fn numbers_read_back_as_they_were(number in any::<f64>(), whole in any::<i128>()) {
        let back = read_float(&float_repr(number)).unwrap();
        prop_assert!(back.to_bits() == number.to_bits() || number.is_nan());
        prop_assert_eq!(read_int(&whole.to_string()).unwrap().to_i128(), Some(whole));
    }

    #[test]
    fn any_bytes_are_json_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let _ = read_json(&bytes);
    }

    #[test]
    fn nearly_json_is_json_or_an_error(text in "[\\[\\]{}\":,0-9eE.+\\-untrfalsINy\\\\ \\n]{0,60}") {
        if let Ok(value) = read_json(text.as_bytes()) {
            let _ = python_str(&value);
        }
    }

    #[test]
    fn any_text_is_a_header_value(text in any::<String>()) {
        let value = header_value(&text);
        prop_assert_eq!(latin1(&value).chars().count(), text.chars().count());
        prop_assert!(HeaderValue::from_bytes(value.as_bytes()).is_ok());
    }

    #[test]
    fn nothing_unsigned_is_admitted(headers in headers(), body in vec(any::<u8>(), 0..100), clock in any::<i64>()) {
        let memory = Arc::new(Memory::new(i128::from(i64::MIN), Duration::ZERO, MemoryLimits::default()));
        let specs = vec![Arc::new(SynapseSpec::base())];
        let gate = Gate::new(Key::new(1).account, specs, Rules::default(), Arc::new(AnyHotkey), Arc::clone(&memory));
        let head =
            RequestHead { method: &Method::POST, target: "/Synapse", headers: &headers, peer: SocketAddr::from(([1, 2, 3, 4], 5)) };
        prop_assert!(now(admit(&gate, head, Bytes::from(body.clone()), clock.into())).is_err());
        prop_assert!(memory.is_empty());

        let seen = Arc::new(Seen::new(i128::from(i64::MIN), Duration::ZERO));
        let gate = AuthGate::new(Key::new(1).account, AuthRules::default(), Arc::new(AnyHotkey), Arc::clone(&seen));
        let head = AuthHead { method: "POST", target: "/x", headers: &headers };
        prop_assert!(now(authenticate(&gate, head, Bytes::from(body), clock.into())).is_err());
        prop_assert!(seen.is_empty());
    }

    #[test]
    fn any_answer_is_merged_or_reported(headers in headers(), value in value(), status in 200_u16..600) {
        let spec = SynapseSpec::base();
        let mut synapse = Synapse::new(&spec, indexmap::IndexMap::new());
        let body = Bytes::from(write_json(&value, JsonStyle::Compact));
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: &headers, body: &body, url: "http://x/Synapse" };
        if merge(&spec, &mut synapse, &answer).is_err() {
            prop_assert_eq!(synapse.dendrite.status_code, Some(422));
        }
    }
}
