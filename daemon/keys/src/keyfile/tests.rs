//! Golden files of seven wallet releases, opened; and our own, compared with theirs byte for byte
//! where theirs have a fixed order of fields.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{mnemonic::WordCount, secret::decode_hex};

fn vectors(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

/// Every file of every golden wallet, with the wallet's name for messages.
fn golden_files() -> Vec<(String, Value)> {
    let wallets = vectors("wallets.json");
    let mut files = Vec::new();
    for wallet in wallets["wallets"].as_array().unwrap() {
        for file in wallet["files"].as_array().unwrap() {
            files.push((format!("{} {}", text(wallet, "id"), text(file, "relpath")), file.clone()));
        }
    }
    assert!(files.len() > 60);
    files
}

fn data(file: &Value) -> Vec<u8> {
    hex::decode(text(file, "data_hex")).unwrap()
}

fn assert_is(key: &Key, expected: &Value, what: &str) {
    let public = key.public();
    assert_eq!(public.account.to_string(), text(expected, "ss58"), "{what}");
    assert_eq!(u64::from(public.scheme as u8), expected["crypto_type"], "{what}");
    let hex0x = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
    assert_eq!(hex0x(public.account.as_bytes()), text(expected, "public_key"), "{what}");
    assert_eq!(hex0x(&key.pair().private_key()), text(expected, "private_key"), "{what}");
    assert_eq!(key.seed().map(|seed| hex0x(seed.expose())).as_deref(), expected["secret_seed"].as_str(), "{what}");
    let phrase = key.mnemonic().map(|mnemonic| mnemonic.expose().to_string());
    assert_eq!(phrase.as_deref(), expected["secret_phrase"].as_str(), "{what}");
}

#[test]
fn every_golden_plain_file_opens_and_is_written_again() {
    let mut exact = 0;
    for (what, file) in golden_files() {
        if text(&file, "encryption") != "none" {
            continue;
        }
        let bytes = data(&file);
        let shape = if bytes.starts_with(b"{\"accountId\": ") { Shape::Spaced } else { Shape::Compact };
        let expected = &file["expected"];
        let written = if text(&file, "relpath").ends_with("pub.txt") {
            let public = PublicKeyFile::parse(&bytes).unwrap();
            assert_eq!(public.0.account.to_string(), text(expected, "ss58"), "{what}");
            assert_eq!(u64::from(public.0.scheme as u8), expected["crypto_type"], "{what}");
            public.render(shape)
        } else {
            let file = KeyFile::from_bytes(bytes.clone());
            assert_eq!(file.encryption(), Encryption::None, "{what}");
            let key = file.open(None).unwrap();
            assert_is(&key, expected, &what);
            KeyFile::plain(&key, shape).as_bytes().to_vec()
        };
        if shape == Shape::Spaced {
            assert_eq!(written, bytes, "{what}");
            exact += 1;
        }
        // The other writers shuffle the fields and add cryptoType 1.
        let mut theirs: Value = serde_json::from_slice(&bytes).unwrap();
        if theirs["cryptoType"] == 1 {
            theirs.as_object_mut().unwrap().remove("cryptoType");
        }
        let ours: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(ours, theirs, "{what}");
    }
    assert!(exact >= 8, "{exact} files of fixed order");
}

#[test]
fn every_golden_encrypted_file_opens_under_its_derived_key() {
    let mut seen = (0, 0, 0);
    for (what, file) in golden_files() {
        let bytes = data(&file);
        let detected = KeyFile::from_bytes(bytes.clone());
        let intermediate = &file["intermediate"];
        let plain = match text(&file, "encryption") {
            "none" => continue,
            "nacl" => {
                assert_eq!(detected.encryption(), Encryption::Nacl, "{what}");
                seen.0 += 1;
                let key = decode_hex::<32>(text(intermediate, "argon2i_key_hex")).unwrap();
                let plain = nacl::Sealed::parse(&bytes).unwrap().open(&key).unwrap();
                // And what we seal opens again, under a fresh nonce.
                let sealed = nacl::seal(&plain, &key).unwrap();
                assert_eq!(sealed.len(), bytes.len(), "{what}");
                assert_ne!(sealed, bytes, "{what}");
                assert_eq!(nacl::Sealed::parse(&sealed).unwrap().open(&key).unwrap(), plain, "{what}");
                plain
            }
            "ansible-vault" => {
                assert_eq!(detected.encryption(), Encryption::AnsibleVault, "{what}");
                seen.1 += 1;
                assert_eq!(
                    detected.open(Some(&Password::new("not it"))).unwrap_err(),
                    KeyFileError::WrongPassword,
                    "{what}"
                );
                ansible::decrypt(&bytes, &Password::new(text(&file, "password"))).unwrap()
            }
            "fernet" => {
                assert_eq!(detected.encryption(), Encryption::Fernet, "{what}");
                seen.2 += 1;
                let key = decode_hex::<32>(text(intermediate, "pbkdf2_key_hex")).unwrap();
                assert_eq!(fernet::Token::parse(&bytes).unwrap().open(&[7; 32]), Err(KeyFileError::WrongPassword));
                fernet::Token::parse(&bytes).unwrap().open(&key).unwrap()
            }
            other => panic!("{what}: {other}"),
        };
        assert_eq!(plain.as_slice(), text(intermediate, "plaintext_utf8").as_bytes(), "{what}");
        assert_is(&json::parse_secret(&plain).unwrap(), &file["expected"], &what);
        assert_eq!(detected.open(None).unwrap_err(), KeyFileError::PasswordRequired(detected.encryption()));
        assert_eq!(detected.stated(), None);
    }
    assert_eq!(seen, (6, 2, 1));
}

/// The light cost goes through the same code as the usual one, which takes seconds.
#[test]
fn native_files_open_as_the_key_they_name() {
    let key = Key::generate(Scheme::Ed25519, WordCount::Twelve);
    let other = Key::generate(Scheme::Sr25519, WordCount::Twelve);
    let password = Password::new("native");
    let cost = native::Cost { memory: 64, passes: 1, lanes: 1 };
    let plain = json::render(&key, Shape::Compact);
    let file = KeyFile::from_bytes(native::seal(&plain, &key.public(), &password, cost).unwrap());
    assert_eq!(file.encryption(), Encryption::Native);
    assert_eq!(file.stated(), Some(key.public()));
    assert_eq!(file.open(None).unwrap_err(), KeyFileError::PasswordRequired(Encryption::Native));
    let opened = file.open(Some(&password)).unwrap();
    assert_eq!((opened.public(), opened.seed()), (key.public(), key.seed()));
    assert_eq!(*opened.mnemonic().unwrap().expose(), *key.mnemonic().unwrap().expose());
    // Whoever writes the file can lie in the header, but not unnoticed.
    let lie = KeyFile::from_bytes(native::seal(&plain, &other.public(), &password, cost).unwrap());
    assert!(matches!(lie.open(Some(&password)), Err(KeyFileError::AddressMismatch { .. })));
}

#[test]
fn a_protected_file_opens_under_its_password() {
    let key = Key::generate(Scheme::Sr25519, WordCount::Twelve);
    let password = Password::new("pässword");
    for protection in [Protection::Plain, Protection::AnsibleVault(&password)] {
        let file = KeyFile::protected(&key, Shape::Compact, protection).unwrap();
        assert_eq!(file.encryption(), protection.encryption());
        assert_eq!(KeyFile::from_bytes(file.as_bytes().to_vec()).encryption(), protection.encryption());
        assert_eq!(file.open(Some(&password)).unwrap().public(), key.public());
    }
}

#[test]
fn a_golden_file_opens_with_its_password() {
    let (what, file) = golden_files().into_iter().find(|(what, _)| what.starts_with("v10-nacl-cold-24 ")).unwrap();
    let key = KeyFile::from_bytes(data(&file)).open(Some(&Password::new(text(&file, "password")))).unwrap();
    assert_is(&key, &file["expected"], &what);
}

/// The file written again as its writer would: for formats with a fresh salt or nonce in every file,
/// under the salt or the derived key of the golden one.
fn written_again(file: &Value, bytes: &[u8]) -> Option<&'static str> {
    let intermediate = &file["intermediate"];
    let plain = intermediate["plaintext_utf8"].as_str().unwrap_or_default().as_bytes();
    match text(file, "encryption") {
        "none" => {
            let shape = if bytes.starts_with(b"{\"accountId\": ") { Shape::Spaced } else { Shape::Compact };
            let written = if text(file, "relpath").ends_with("pub.txt") {
                PublicKeyFile::parse(bytes).unwrap().render(shape)
            } else {
                KeyFile::plain(&KeyFile::from_bytes(bytes.to_vec()).open(None).unwrap(), shape).as_bytes().to_vec()
            };
            if written == bytes {
                return Some("the same bytes");
            }
            let mut theirs: Value = serde_json::from_slice(bytes).unwrap();
            let theirs = theirs.as_object_mut().unwrap();
            let scheme = theirs.get("cryptoType").cloned();
            if scheme == Some(1.into()) {
                theirs.remove("cryptoType");
            }
            assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), Value::Object(theirs.clone()));
            // Without a fixed order of fields there are no same bytes.
            Some(if scheme == Some(1.into()) { "the same fields, no cryptoType 1" } else { "the same fields" })
        }
        "nacl" => {
            let key = decode_hex::<32>(text(intermediate, "argon2i_key_hex")).unwrap();
            let sealed = nacl::seal(plain, &key).unwrap();
            assert_eq!(*nacl::Sealed::parse(&sealed).unwrap().open(&key).unwrap(), plain);
            (sealed.len() == bytes.len()).then_some("the same but for the nonce")
        }
        "ansible-vault" => {
            let salt = hex::decode(text(intermediate, "salt_hex")).unwrap().try_into().unwrap();
            let again = ansible::encrypt_salted(plain, &Password::new(text(file, "password")), salt);
            (again == bytes).then_some("the same bytes under the same salt")
        }
        "fernet" => Some("read only"),
        other => panic!("{other}"),
    }
}

/// Every golden file with its own password, and written again: six derivations of 512 MiB and one of
/// ten million rounds. Prints what it saw beside what the Python packages made of the same file.
#[test]
fn every_golden_file_is_read_and_written() {
    let mut table = vec![["file", "encryption", "read", "written by us", "read by Python"].map(str::to_owned)];
    for (what, file) in golden_files() {
        let bytes = data(&file);
        let expected = &file["expected"];
        if text(&file, "relpath").ends_with("pub.txt") {
            let public = PublicKeyFile::parse(&bytes).unwrap().0;
            assert_eq!(public.account.to_string(), text(expected, "ss58"), "{what}");
        } else {
            let password = file["password"].as_str().map(Password::new);
            let key = KeyFile::from_bytes(bytes.clone()).open(password.as_ref()).unwrap();
            assert_is(&key, expected, &what);
        }
        let written = written_again(&file, &bytes).unwrap_or_else(|| panic!("{what}: written differently"));
        let mut readers: Vec<_> = file["readers"].as_object().into_iter().flatten().collect();
        readers.retain(|(_, verdict)| *verdict == "ok");
        let readers: Vec<_> = readers.into_iter().map(|(name, _)| name.replace("bittensor", "bt")).collect();
        let row =
            [what, text(&file, "encryption").to_owned(), "yes".to_owned(), written.to_owned(), readers.join(", ")];
        table.push(row);
    }
    for [file, encryption, read, written, readers] in table {
        println!("{file:46} {encryption:14} {read:5} {written:36} {readers}");
    }
}

/// Which verdict of the peers we follow, where they differ or where ours is stricter.
#[test]
fn odd_files_are_read_as_decided() {
    let cases = vectors("wallet_tolerance.json");
    let mut seen = 0;
    for case in cases["cases"].as_array().unwrap() {
        let id = text(case, "id");
        let file = KeyFile::from_bytes(data(case));
        // A wrong password costs a derivation and is tested above without one.
        if id.starts_with("nacl-") && id != "nacl-truncated" {
            assert_eq!(file.encryption(), Encryption::Nacl, "{id}");
            assert!(nacl::Sealed::parse(file.as_bytes()).unwrap().open(&Zeroizing::new([7; 32])).is_err(), "{id}");
            continue;
        }
        seen += 1;
        let opened = file.open(case["password"].as_str().map(Password::new).as_ref());
        let address = |opened: Result<Key, KeyFileError>| opened.unwrap().public().account.to_string();
        match id {
            "no-cryptotype"
            | "cryptotype-int-1"
            | "cryptotype-string-1"
            | "cryptotype-null"
            | "nulls"
            | "extra-string-field"
            | "extra-number-field"
            | "phrase-only"
            | "seed-only-0x"
            | "seed-only-no-0x"
            | "privkey-only"
            | "trailing-newline"
            | "pretty"
            | "raw-mnemonic" => {
                assert_eq!(address(opened), text(case, "expected_ss58_if_accepted"), "{id}");
            }
            // By its address, as SDK 11; the others take it for another key.
            "ed-no-cryptotype" => {
                let key = opened.unwrap();
                assert_eq!(key.public().scheme, Scheme::Ed25519);
                assert_eq!(key.public().account.to_string(), text(case, "expected_ss58_if_accepted"));
            }
            // The phrase wins, as in all but the oldest.
            "phrase-vs-seed" => assert_eq!(address(opened), text(&case["readers"]["bittensor-wallet 4.1.0"], "ss58")),
            // By file name: in place of a secret it is a seed, in a public file a public key.
            "raw-hex-64-pubkey" => {
                assert_eq!(address(opened), text(&case["readers"]["bittensor-core 0.1.5"], "ss58"));
                let public = PublicKeyFile::parse(file.as_bytes()).unwrap().0.account;
                assert_eq!(public.to_string(), text(&case["readers"]["bittensor 6.12.4"], "ss58"));
            }
            "phrase-vs-address" => assert!(matches!(opened, Err(KeyFileError::AddressMismatch { .. })), "{id}"),
            "publickey-only" | "raw-ss58" | "empty" | "empty-object" => {
                assert!(matches!(opened, Err(KeyFileError::NotAKeyFile(_))), "{id}: {opened:?}");
            }
            "upper-mnemonic" => assert!(matches!(opened, Err(KeyFileError::Key(KeyError::UnknownWord(1)))), "{id}"),
            "bad-checksum-mnemonic" => assert_eq!(opened.unwrap_err(), KeyFileError::Key(KeyError::Checksum)),
            "mnemonic-with-junction" => assert!(matches!(opened, Err(KeyFileError::Key(_))), "{id}"),
            "ss58-format-0" => {
                let public = PublicKeyFile::parse(file.as_bytes()).unwrap().0.account;
                assert_eq!(public.to_string(), text(&case["readers"]["bittensor-core 0.1.5"], "ss58"));
                assert_eq!(opened.unwrap_err(), KeyFileError::PublicOnly(public));
            }
            "polkadot-js" => assert_eq!(opened.unwrap_err(), KeyFileError::PolkadotJs),
            "nacl-truncated" => assert!(matches!(opened, Err(KeyFileError::Damaged(_))), "{id}"),
            other => panic!("no decision about {other}"),
        }
    }
    assert_eq!(seen, 28);
}

#[test]
fn addresses_of_any_network_are_read_as_wallets_read_them() {
    let vectors = vectors("ss58.json");
    for case in vectors["encode"].as_array().unwrap() {
        let account = parse_address(text(case, "ss58")).unwrap();
        assert_eq!(format!("0x{}", hex::encode(account.0)), text(case, "public_key"), "{case}");
    }
    for case in vectors["decode"].as_array().unwrap() {
        assert_eq!(parse_address(text(case, "text")).is_some(), case["wallet_is_valid"], "{case}");
    }
}

#[test]
fn a_damaged_file_is_not_quoted() {
    let secret = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    for json in [
        format!("{{\"secretPhrase\":\"{secret}\""),
        format!("{{\"secretPhrase\":[\"{secret}\"]}}"),
        format!("{{\"secretPhrase\":{{\"a\":\"{secret}\"}}}}"),
        format!("{{\"cryptoType\":\"{secret}\",\"secretPhrase\":\"{secret}\"}}"),
        format!("{{\"{secret}\":}}"),
        "{\"privateKey\":1111122222sausage}".to_owned(),
        format!("{secret} yellow"),
    ] {
        let error = KeyFile::from_bytes(json.into_bytes()).open(None).unwrap_err();
        for message in [error.to_string(), format!("{error:?}")] {
            assert!(!message.contains("sausage"), "{message}");
        }
    }
}

#[test]
fn a_changed_vault_or_token_is_noticed() {
    for (what, file) in golden_files() {
        let mut bytes = data(&file);
        let at = bytes.len() - 40;
        bytes[at] = if bytes[at] == b'3' { b'4' } else { b'3' };
        let changed = match text(&file, "encryption") {
            "ansible-vault" => ansible::decrypt(&bytes, &Password::new(text(&file, "password"))),
            "fernet" => {
                let key = decode_hex::<32>(text(&file["intermediate"], "pbkdf2_key_hex")).unwrap();
                fernet::Token::parse(&bytes).and_then(|token| token.open(&key))
            }
            _ => continue,
        };
        assert!(changed.is_err(), "{what}");
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    let scheme = prop_oneof![Just(Scheme::Sr25519), Just(Scheme::Ed25519)];
    (scheme, any::<[u8; 32]>(), 0..4_u8).prop_map(|(scheme, seed, origin)| match origin {
        0 => Key::generate(scheme, WordCount::Twelve),
        1 => Key::generate(scheme, WordCount::TwentyFour),
        2 => Key::from_seed(scheme, crate::secret::Seed::new(seed)),
        _ => Key::from(Key::from_seed(scheme, crate::secret::Seed::new(seed)).into_pair()),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(key in any_key(), spaced: bool) {
        let shape = if spaced { Shape::Spaced } else { Shape::Compact };
        let file = KeyFile::plain(&key, shape);
        let again = KeyFile::from_bytes(file.as_bytes().to_vec()).open(None).unwrap();
        prop_assert_eq!(again.public(), key.public());
        prop_assert_eq!(again.pair().private_key(), key.pair().private_key());
        prop_assert_eq!(again.seed(), key.seed());
        let rewritten = KeyFile::plain(&again, shape);
        prop_assert_eq!(rewritten.as_bytes(), file.as_bytes());
        prop_assert_eq!(file.stated(), Some(key.public()));
        prop_assert_eq!(PublicKeyFile::parse(&PublicKeyFile(key.public()).render(shape)).unwrap().0, key.public());
    }

    /// Whatever lies there: an error or a key, never a panic.
    #[test]
    fn foreign_bytes_do_no_harm(bytes: Vec<u8>, prefix in 0..6_usize) {
        let prefixes: [&[u8]; 6] = [b"", b"{", b"$ANSIBLE_VAULT;1.1;AES256\n", b"gAAAAA", b"$NACL", b"0x"];
        let bytes = [prefixes[prefix], &bytes].concat();
        let file = KeyFile::from_bytes(bytes.clone());
        let _ = file.stated();
        let _ = PublicKeyFile::parse(&bytes);
        match file.encryption() {
            Encryption::Nacl => { let _ = nacl::Sealed::parse(&bytes).map(|sealed| sealed.open(&Zeroizing::new([0; 32]))); }
            Encryption::Fernet => { let _ = fernet::Token::parse(&bytes).map(|token| token.open(&[0; 32])); }
            Encryption::Native => { let _ = native::Sealed::parse(&bytes).map(|sealed| sealed.open(&Zeroizing::new([0; 32]))); }
            Encryption::None | Encryption::AnsibleVault => { let _ = file.open(Some(&Password::new("x"))); }
        }
    }

    #[test]
    fn addresses_are_read_back_and_a_changed_one_is_not(account: [u8; 32], at in 0..48_usize, by in 1..58_usize) {
        const ALPHABET: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let mut address = AccountId(account).to_string();
        prop_assert_eq!(parse_address(&address), Some(AccountId(account)));
        let old = ALPHABET.find(&address[at..=at]).unwrap();
        let new = (old + by) % 58;
        address.replace_range(at..=at, &ALPHABET[new..=new]);
        // Two bytes of checksum let one in 65,536 changes pass, but never as the same account.
        prop_assert_ne!(parse_address(&address), Some(AccountId(account)));
    }

    #[test]
    fn foreign_addresses_do_no_harm(text in "\\PC{0,64}") {
        let _ = parse_address(&text);
    }

    /// One changed character of a good file: an error, or still exactly this key.
    #[test]
    fn a_changed_character_never_gives_another_key(key in any_key(), at: prop::sample::Index, byte: u8) {
        let mut bytes = KeyFile::plain(&key, Shape::Compact).as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(opened) = KeyFile::from_bytes(bytes).open(None) {
            // Unless the change removed the address by renaming its field, it vouches for the key.
            prop_assert_eq!(opened.public().account, key.public().account);
        }
    }
}
