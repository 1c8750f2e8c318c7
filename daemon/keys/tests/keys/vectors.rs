//! Derivation, signatures, keystores and environment passwords against what the Python packages
//! gave for the same input.

use std::path::Path;

use btd_keys::{
    Key, KeyFileError, KeyId, Mnemonic, Password, PublicKey, Scheme,
    environment::{self, Found, Variables},
};
use serde_json::Value;

use crate::{golden, hex_bytes, text};

const SCHEMES: [Scheme; 2] = [Scheme::Sr25519, Scheme::Ed25519];

fn assert_key(key: &Key, expected: &Value, what: &str) {
    assert_eq!(key.public().account.to_string(), text(expected, "ss58"), "{what}");
    let private = hex_bytes(text(expected, "private_key"));
    // Soft derivation of sr25519 makes a random nonce, the second half of the private key.
    let compared = if what.replace("//", "").contains('/') { 32 } else { private.len() };
    assert_eq!(key.pair().private_key()[..compared], private[..compared], "{what}");
    assert_eq!(key.public().account.as_bytes().as_slice(), hex_bytes(text(expected, "public_key")), "{what}");
}

#[test]
fn mnemonics_give_the_same_keys() {
    let vectors = golden("key_derivation.json");
    for case in vectors["mnemonics"].as_array().unwrap() {
        for scheme in SCHEMES {
            let expected = &case[scheme.name()];
            let key = Key::from_mnemonic(scheme, Mnemonic::parse(text(case, "mnemonic")).unwrap(), None);
            assert_key(&key, expected, text(case, "mnemonic"));
            assert_eq!(key.seed().unwrap().expose().as_slice(), hex_bytes(text(expected, "secret_seed")));
            let again = Key::from_private_key(scheme, &key.pair().private_key()).unwrap();
            assert_key(&again, expected, text(case, "mnemonic"));
        }
    }
}

#[test]
fn secret_uris_give_the_same_keys_or_are_refused() {
    let vectors = golden("key_derivation.json");
    let mut refused = 0;
    for case in vectors["uris"].as_array().unwrap() {
        for scheme in SCHEMES {
            let expected = &case[scheme.name()];
            let key = Key::from_uri(scheme, text(case, "uri"));
            if expected["error"].is_string() {
                assert!(key.is_err(), "{scheme} {case}");
                refused += 1;
            } else {
                assert_key(&key.unwrap(), expected, text(case, "uri"));
            }
        }
    }
    assert!(refused >= 4, "{refused}");
}

#[test]
fn signatures_verify_as_everywhere() {
    let vectors = golden("signatures.json");
    for case in vectors["cases"].as_array().unwrap() {
        let scheme = if text(case, "scheme") == "sr25519" { Scheme::Sr25519 } else { Scheme::Ed25519 };
        let key = Key::from_uri(scheme, text(case, "uri")).unwrap();
        let public = key.public();
        let message = hex_bytes(text(case, "message_hex"));
        let signature = |field| <[u8; 64]>::try_from(hex_bytes(text(case, field))).unwrap();
        let (plain, wrapped, bad) =
            (signature("signature"), signature("signature_over_wrapped"), signature("bad_signature"));
        assert!(public.verify(&message, &plain) && public.verify(&message, &wrapped));
        assert!(public.verify_exact(&message, &plain) && !public.verify_exact(&message, &wrapped));
        assert!(!public.verify(&message, &bad));
        let other =
            PublicKey { scheme: if scheme == Scheme::Sr25519 { Scheme::Ed25519 } else { Scheme::Sr25519 }, ..public };
        assert!(!other.verify(&message, &plain));
        assert_eq!(PublicKey::verify_any(public.account, &message, &plain), Some(scheme));
        assert_eq!(PublicKey::verify_any(public.account, &message, &bad), None);

        let ours = key.pair().sign(&message);
        assert!(public.verify_exact(&message, &ours.bytes));
        match scheme {
            Scheme::Ed25519 => assert_eq!(ours.bytes, plain),
            Scheme::Sr25519 => assert_ne!(ours.bytes, plain, "sr25519 signatures are randomised"),
        }
    }
}

#[test]
fn signatures_of_btcli_verify() {
    let vectors = golden("btcli_sign.json");
    let mut seen = 0;
    for case in vectors["cases"].as_array().unwrap() {
        for generation in ["btcli_9", "btcli_11"] {
            let Some(signed) = case[generation]["json"]["signed_message"].as_str() else { continue };
            let signer = text(&case[generation]["json"], "signer_address").parse().unwrap();
            let signature = hex_bytes(signed).try_into().unwrap();
            let scheme = PublicKey::verify_any(signer, &hex_bytes(text(case, "message_utf8_hex")), &signature).unwrap();
            assert_eq!(scheme.name(), text(case, "scheme"));
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn sealed_boxes_of_btcli_open() {
    for case in golden("sealed_box.json")["cases"].as_array().unwrap() {
        let key = Key::from_uri(Scheme::Ed25519, text(case, "uri")).unwrap();
        assert_eq!(key.public().account.to_string(), text(case, "ed25519_ss58"));
        let opened = key.pair().open_sealed(&hex_bytes(text(case, "ciphertext_hex"))).unwrap();
        assert_eq!(*opened, hex_bytes(text(case, "plaintext_hex")));
        let sealed = btd_keys::sealed_box::seal(&key.public(), &opened).unwrap();
        assert_eq!(key.pair().open_sealed(&sealed).unwrap(), opened);
    }
}

fn assert_imported(case: &Value) {
    let key =
        Key::from_polkadot_js(case["json"].to_string().as_bytes(), &Password::new(text(case, "passphrase"))).unwrap();
    assert_key(&key, &case["expected"], text(case, "id"));
    assert_eq!(u64::from(key.public().scheme as u8), case["expected"]["crypto_type"]);
    assert!(key.seed().is_none() && key.mnemonic().is_none());
}

/// Three scrypt derivations with N = 32768, seconds each without optimisation.
#[test]
fn every_golden_keystore_is_imported() {
    golden("keystore_json.json")["cases"].as_array().unwrap().iter().for_each(assert_imported);
}

/// The golden keystores sealed again with an N of 16, so that many can be opened.
fn light_keystores() -> Vec<Value> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use crypto_secretbox::{KeyInit, XSalsa20Poly1305, aead::Aead};
    let mut cases = golden("keystore_json.json")["cases"].as_array().unwrap().clone();
    cases.retain(|case| case["pkcs8_plain_hex"].is_string());
    for case in &mut cases {
        if !case["json"]["encoding"]["type"].to_string().contains("scrypt") {
            continue;
        }
        let (salt, nonce) = ([1; 32], [2; 24]);
        let mut key = [0; 32];
        let params = scrypt::Params::new(4, 8, 1, 32).unwrap();
        scrypt::scrypt(text(case, "passphrase").as_bytes(), &salt, &params, &mut key).unwrap();
        let plain = hex_bytes(text(case, "pkcs8_plain_hex"));
        let sealed = XSalsa20Poly1305::new(&key.into()).encrypt(&nonce.into(), plain.as_slice()).unwrap();
        let numbers = [16_u32, 1, 8].map(u32::to_le_bytes).concat();
        let encoded = [salt.as_slice(), &numbers, &nonce, &sealed].concat();
        case["json"]["encoded"] = STANDARD.encode(encoded).into();
    }
    assert_eq!(cases.len(), 3);
    cases
}

#[test]
fn polkadot_js_keystores_are_imported() {
    for case in light_keystores() {
        let what = text(&case, "id");
        assert_imported(&case);
        let import = |json: &Value, passphrase: &str| {
            Key::from_polkadot_js(json.to_string().as_bytes(), &Password::new(passphrase))
        };
        let right = text(&case, "passphrase");
        assert_eq!(import(&case["json"], "not it").unwrap_err(), KeyFileError::WrongPassword, "{what}");
        let mut json = case["json"].clone();
        for member in ["address", "meta"] {
            json.as_object_mut().unwrap().remove(member);
        }
        assert_key(&import(&json, right).unwrap(), &case["expected"], what);
        json["address"] = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".into();
        assert!(matches!(import(&json, right), Err(KeyFileError::AddressMismatch { .. })), "{what}");
        json["encoding"]["version"] = "2".into();
        assert!(matches!(import(&json, right), Err(KeyFileError::Damaged(_))), "{what}");
    }
    let nothing = Key::from_polkadot_js(b"{}", &Password::new("x"));
    assert!(matches!(nothing, Err(KeyFileError::NotAKeyFile(_))));
}

#[test]
fn a_hostile_keystore_cannot_ask_for_all_memory() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let vectors = golden("keystore_json.json");
    let mut json = vectors["cases"][0]["json"].clone();
    let good = STANDARD.decode(text(&json, "encoded")).unwrap();
    // N, p, r in this order, little-endian.
    for (at, value) in [(32, 1_u32 << 19), (32, 3), (32, 0), (32, 1), (36, 2), (36, 0), (40, 9), (40, 0)] {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        json["encoded"] = STANDARD.encode(bytes).into();
        let refused = Key::from_polkadot_js(json.to_string().as_bytes(), &Password::new("json pass 1"));
        assert!(matches!(refused, Err(KeyFileError::Damaged(_))), "{at} {value}: {refused:?}");
    }
}

#[test]
fn environment_passwords_are_named_and_hidden_as_everywhere() {
    let vectors = golden("env_password.json");
    let id = KeyId::coldkey("default".parse().unwrap());
    for case in vectors["cases"].as_array().unwrap() {
        let path = Path::new(text(case, "keyfile_path"));
        let password = Password::new(text(case, "password"));
        let name = environment::variable_name(path);
        assert_eq!(name, text(case, "env_var_name"));
        assert_eq!(environment::obfuscate(&name, &password), text(case, "env_var_value"));
        let variables = Variables::from([(name, text(case, "env_var_value").to_owned())]);
        assert_eq!(environment::find(&variables, &id, path).unwrap(), Some(Found::Password(password)));
    }
    for case in vectors["sdk11"]["cases"].as_array().unwrap() {
        assert_eq!(environment::variable_name(Path::new(text(case, "keyfile_path"))), text(case, "env_var_name"));
    }
    for case in vectors["sdk6_BT_COLD_PW"]["cases"].as_array().unwrap() {
        let variables: Variables = serde_json::from_value(case["env"].clone()).unwrap();
        let id = KeyId::coldkey(text(case, "coldkey_name").parse().unwrap());
        let found = environment::find(&variables, &id, Path::new("/w/coldkey")).unwrap();
        assert_eq!(found, case["result"].as_str().map(|password| Found::Password(Password::new(password))));
    }
}

#[test]
fn environment_passwords_are_looked_up_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let id = KeyId::coldkey("w".parse().unwrap());
    let path = Path::new("/w/coldkey");
    let name = environment::variable_name(path);
    let value = environment::obfuscate(&name, &Password::new("hidden"));
    let own = dir.path().join("wallet-password.w");
    let any = dir.path().join("wallet-password");
    std::fs::write(&any, " any \n").unwrap();
    let mut variables: Variables = [
        ("BT_WALLET_PASSWORD", "plain"),
        (name.as_str(), value.as_str()),
        ("BT_WALLET_PASSWORD_FILE", "/some/file"),
        ("BT_COLD_PW_xw", "suffix"),
        ("BT_COLD_PW_W", "old"),
        ("CREDENTIALS_DIRECTORY", dir.path().to_str().unwrap()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    let password = |text: &str| Some(Found::Password(Password::new(text)));
    for (drop, expected) in [
        ("BT_WALLET_PASSWORD", password("plain")),
        (name.as_str(), password("hidden")),
        ("BT_WALLET_PASSWORD_FILE", Some(Found::File("/some/file".into()))),
        ("BT_COLD_PW_W", password("old")),
        ("BT_COLD_PW_xw", password("suffix")),
    ] {
        assert_eq!(environment::find(&variables, &id, path).unwrap(), expected, "{drop}");
        variables.remove(drop);
    }
    assert_eq!(environment::find(&variables, &id, path).unwrap(), Some(Found::File(any.clone())));
    std::fs::write(&own, "own\n").unwrap();
    assert_eq!(environment::find(&variables, &id, path).unwrap(), Some(Found::File(own)));
    assert_eq!(environment::read_file(&any).unwrap(), Password::new("any"));
    variables.clear();
    assert_eq!(environment::find(&variables, &id, path).unwrap(), None);

    for bad in ["not base64!", "/////w=="] {
        let variables = Variables::from([(name.clone(), bad.to_owned())]);
        let error = environment::find(&variables, &id, path).unwrap_err().to_string();
        assert!(error.contains(&name) && !error.contains(bad), "{error}");
    }
}
