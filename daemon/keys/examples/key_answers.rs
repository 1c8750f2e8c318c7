//! Answers questions about keys, as the Python packages answer the same ones.
//!
//! A JSON array of questions on standard input, an array of answers on standard output, in the same
//! order: an object, or `{"error": …}` where the question is refused, or `{"absent": …}` where
//! there is no function for it. `tests/interop/key_answers.py` is the counterpart, and
//! `tests/interop/key_vectors.py` asks both. Test keys only: this prints secrets.

use std::{
    error::Error,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use btd_keys::{
    Encryption, Existing, Key, KeyFile, KeyRole, Mnemonic, Password, Protection, PublicKey, PublicKeyFile, Scheme,
    Seed, Wallet, WalletStore, WordCount, environment, sealed_box,
};
use serde::Deserialize;
use serde_json::{Value, json};

type Answer = Result<Value, Box<dyn Error>>;

/// Where a key comes from.
#[derive(Deserialize)]
struct Source {
    crypto_type: u8,
    mnemonic: Option<String>,
    uri: Option<String>,
    seed: Option<String>,
    private_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Question {
    /// The key in the file at `path`, which lies in a wallets directory.
    Open {
        path: PathBuf,
        password: Option<String>,
    },
    /// The key written there, or, of `ss58`, its public half.
    Write {
        path: PathBuf,
        key: Option<Source>,
        ss58: Option<String>,
        crypto_type: u8,
        protection: String,
        password: Option<String>,
    },
    /// The key of a mnemonic, URI, seed or private key.
    Derive {
        key: Source,
    },
    /// New words.
    Words {
        count: u8,
    },
    /// The key in a keystore of polkadot.js.
    Keystore {
        keystore: Value,
        passphrase: String,
    },
    ExportKeystore,
    Sign {
        key: Source,
        message: String,
    },
    Verify {
        ss58: String,
        crypto_type: u8,
        message: String,
        signature: String,
    },
    Seal {
        ss58: String,
        plain: String,
    },
    Unseal {
        key: Source,
        sealed: String,
    },
    /// The public key of an address.
    Decode {
        text: String,
    },
    /// The address of a public key, in the format of a network.
    Encode {
        public_key: String,
        format: u16,
    },
    /// The variable that has the password of a key file.
    Hide {
        path: PathBuf,
        password: String,
    },
    /// The password in a variable, `password` being what it should be.
    Reveal {
        name: String,
        value: String,
        password: String,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let questions: Vec<Question> = serde_json::from_str(&input)?;
    let answers = questions
        .into_iter()
        .map(|question| answer(question).unwrap_or_else(|error| json!({ "error": error.to_string() })));
    writeln!(std::io::stdout(), "{}", Value::Array(answers.collect()))?;
    Ok(())
}

fn answer(question: Question) -> Answer {
    match question {
        Question::Open { path, password } => open(&path, password.map(Password::new).as_ref()),
        Question::Write { path, key, ss58, crypto_type, protection, password } => {
            let (wallet, role) = place(&path)?;
            if let Some(ss58) = ss58 {
                let public = public(&ss58, crypto_type)?;
                // With its secret, if that was written before.
                if wallet.public(&role).ok() != Some(public) {
                    wallet.write_public(&role, &public, Existing::Refuse)?;
                }
                return Ok(json!({}));
            }
            let (key, password) = (key.ok_or("no key")?.key()?, password.map(Password::new));
            let protection = match (protection.as_str(), &password) {
                ("none", _) => Protection::Plain,
                ("nacl", Some(password)) => Protection::Nacl(password),
                ("ansible-vault", Some(password)) => Protection::AnsibleVault(password),
                (other, _) => return Ok(json!({ "absent": format!("{other} is not written") })),
            };
            wallet.write(&role, &key, protection, Existing::Refuse)?;
            Ok(json!({}))
        }
        Question::Derive { key } => Ok(facts(&key.key()?)),
        Question::Words { count } => {
            Ok(json!({ "mnemonic": Mnemonic::generate(WordCount::try_from(count)?).expose().as_str() }))
        }
        Question::Keystore { keystore, passphrase } => {
            Ok(facts(&Key::from_polkadot_js(keystore.to_string().as_bytes(), &Password::new(passphrase))?))
        }
        Question::ExportKeystore => Ok(json!({ "absent": "keystores are imported only" })),
        Question::Sign { key, message } => {
            let signature = key.key()?.pair().sign(&hex::decode(message)?);
            Ok(json!({ "signature": signature.to_string().trim_start_matches("0x") }))
        }
        Question::Verify { ss58, crypto_type, message, signature } => {
            let signature = hex::decode(signature)?.try_into().map_err(|_| "no 64 bytes")?;
            Ok(json!({ "valid": public(&ss58, crypto_type)?.verify(&hex::decode(message)?, &signature) }))
        }
        Question::Seal { ss58, plain } => {
            Ok(json!({ "sealed": hex::encode(sealed_box::seal(&public(&ss58, 0)?, &hex::decode(plain)?)?) }))
        }
        Question::Unseal { key, sealed } => {
            Ok(json!({ "plain": hex::encode(&*key.key()?.pair().open_sealed(&hex::decode(sealed)?)?) }))
        }
        // Key files have addresses of any network; everything else here has Bittensor's only.
        Question::Decode { text } => {
            let file = PublicKeyFile::parse(json!({ "ss58Address": text }).to_string().as_bytes())?;
            Ok(json!({ "public_key": format!("0x{}", hex::encode(file.0.account.as_bytes())) }))
        }
        Question::Encode { public_key, format: 42 } => {
            let bytes = hex::decode(public_key.trim_start_matches("0x"))?.try_into().map_err(|_| "no 32 bytes")?;
            Ok(json!({ "ss58": btd_api::AccountId(bytes) }))
        }
        Question::Encode { .. } => Ok(json!({ "absent": "addresses are written in Bittensor's format 42 only" })),
        Question::Hide { path, password } => {
            let name = environment::variable_name(&path);
            let value = environment::obfuscate(&name, &Password::new(password));
            Ok(json!({ "name": name, "value": value }))
        }
        Question::Reveal { name, value, password } => {
            // A password does not come out of its type again, but can be compared.
            let same = environment::reveal(&name, &value)? == Password::new(password.as_str());
            if same { Ok(json!({ "password": password })) } else { Err("another password".into()) }
        }
    }
}

fn open(path: &Path, password: Option<&Password>) -> Answer {
    let (wallet, role) = place(path)?;
    if path.to_string_lossy().ends_with("pub.txt") {
        let public = PublicKeyFile::parse(&std::fs::read(path)?)?.0;
        return Ok(json!({ "ss58": public.account, "crypto_type": public.scheme as u8 }));
    }
    // By the file alone first: whether the store finds it depends on what lies beside it.
    let key = KeyFile::from_bytes(std::fs::read(path)?);
    if key.encryption() == Encryption::None && password.is_some() {
        return Err("a password for a plain file".into());
    }
    Ok(facts(&wallet.open(&role, password)?))
}

/// Which key of which wallet lies at `ROOT/WALLET/coldkey` or `ROOT/WALLET/hotkeys/NAME`.
fn place(path: &Path) -> Result<(Wallet, KeyRole), Box<dyn Error>> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("no file name")?;
    let dir = path.parent().ok_or("no directory")?;
    let (dir, role) = if dir.ends_with("hotkeys") {
        let hotkey = name.strip_suffix("pub.txt").unwrap_or(name).parse()?;
        (dir.parent().ok_or("no wallet")?, KeyRole::Hotkey(hotkey))
    } else {
        (dir, KeyRole::Coldkey)
    };
    let wallet = dir.file_name().and_then(|name| name.to_str()).ok_or("no wallet")?.parse()?;
    Ok((WalletStore::new(dir.parent().ok_or("no root")?).wallet(&wallet), role))
}

fn scheme(crypto_type: u8) -> Scheme {
    if crypto_type == 0 { Scheme::Ed25519 } else { Scheme::Sr25519 }
}

fn public(ss58: &str, crypto_type: u8) -> Result<PublicKey, Box<dyn Error>> {
    Ok(PublicKey { scheme: scheme(crypto_type), account: ss58.parse()? })
}

/// Everything that a key file of this key tells.
fn facts(key: &Key) -> Value {
    json!({
        "ss58": key.public().account,
        "crypto_type": key.public().scheme as u8,
        "public_key": format!("0x{}", hex::encode(key.public().account.as_bytes())),
        "private_key": format!("0x{}", hex::encode(key.pair().private_key().as_slice())),
        "secret_seed": key.seed().map(|seed| format!("0x{}", hex::encode(seed.expose()))),
        "secret_phrase": key.mnemonic().map(|words| words.expose().as_str().to_owned()),
    })
}

impl Source {
    fn key(&self) -> Result<Key, Box<dyn Error>> {
        let scheme = scheme(self.crypto_type);
        Ok(match self {
            Self { mnemonic: Some(words), .. } => Key::from_mnemonic(scheme, Mnemonic::parse(words)?, None),
            Self { uri: Some(uri), .. } => Key::from_uri(scheme, uri)?,
            Self { seed: Some(seed), .. } => Key::from_seed(scheme, Seed::from_hex(seed).ok_or("no seed")?),
            Self { private_key: Some(private), .. } => {
                Key::from_private_key(scheme, &hex::decode(private.trim_start_matches("0x"))?)?
            }
            _ => return Err("no source".into()),
        })
    }
}
