//! Key files of wallets: made, restored, converted, watched, told of. The signer does all of it;
//! this turns the contract's words into its operations and back.

use std::{path::Path, sync::Arc};

use btd_api::{
    AccountId, ErrorKind, Hotkey,
    wallet::{
        self, BalanceParams, KeyName, Secret,
        keyfiles::{
            Convert, ConvertParams, Converted, Decrypt, DecryptParams, Decrypted, Encrypt, EncryptParams, Encrypted,
            Export, ExportParams, Exported, FileOptions, Inspect, InspectParams, KeyDetail, KeyWritten, NewColdkey,
            NewColdkeyParams, NewHotkey, NewHotkeyParams, Origin, Protection, PublicKeyData, PublicWritten,
            RegenColdkey, RegenColdkeyParams, RegenColdkeypub, RegenColdkeypubParams, RegenHotkey, RegenHotkeyParams,
            RegenHotkeypub, RegenHotkeypubParams, Scheme, Status, StatusParams, Update, UpdateParams, Usable,
            UsableKey, Use, WalletDetail,
        },
    },
};
use btd_signer_protocol::{
    Encryption, Existing, KeyId, KeyRole, KeySummary, MadeKey, NewKey, Origin as Source, Protect, PublicKey, Purpose,
    Readers, Scheme as KeyScheme, SealedBoxError, WalletSummary, operations, sealed_box,
};

use super::{Caller, Failure, Table, key_id, registrations, state, summaries};
use crate::{daemon::Parts, rpc::Peer};

/// How a file with a password is protected when nobody says how: as every tool reads it.
pub(super) const DEFAULT: Protection = Protection::Nacl;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<NewColdkey>(new_coldkey)
        .method::<NewHotkey>(new_hotkey)
        .method::<RegenColdkey>(regen_coldkey)
        .method::<RegenHotkey>(regen_hotkey)
        .method::<RegenColdkeypub>(regen_coldkeypub)
        .method::<RegenHotkeypub>(regen_hotkeypub)
        .method::<Convert>(convert)
        .method::<Update>(update)
        .method::<Export>(export)
        .method::<Inspect>(inspect)
        .method::<Encrypt>(encrypt)
        .method::<Decrypt>(decrypt)
        .method::<Status>(status)
        .done();
}

// === words of the contract in those of the signer, and back ===

pub(super) const fn existing(existing: wallet::Existing) -> Existing {
    match existing {
        wallet::Existing::Keep => Existing::Refuse,
        wallet::Existing::Replace => Existing::KeepCopy,
    }
}

pub(super) fn protect(protection: Protection, password: Option<Secret>) -> Result<Protect, Failure> {
    let refused = |message: &str| Failure::new(ErrorKind::InvalidParams, message);
    match (protection, password) {
        (Protection::Plain, None) => Ok(Protect::Plain),
        (Protection::Plain, Some(_)) => Err(refused("a plain file has no password: leave one of the two out")),
        (_, None) => Err(refused("an encrypted file needs a password")),
        (_, Some(password)) if password.expose().is_empty() => Err(refused("an empty password protects nothing")),
        (Protection::Nacl, Some(password)) => Ok(Protect::Nacl(password)),
        (Protection::Native, Some(password)) => Ok(Protect::Native(password)),
        (Protection::AnsibleVault, Some(password)) => Ok(Protect::AnsibleVault(password)),
        (Protection::Fernet, Some(_)) => Err(refused("Fernet files are read, never written: use nacl or native")),
    }
}

pub(super) const fn purpose(one: Use) -> Purpose {
    match one {
        Use::Extrinsics => Purpose::Extrinsic,
        Use::Weights => Purpose::Weights,
        Use::Synapses => Purpose::Synapse,
        Use::Messages => Purpose::Message,
    }
}

const fn protection(encryption: Encryption) -> Protection {
    match encryption {
        Encryption::None => Protection::Plain,
        Encryption::Nacl => Protection::Nacl,
        Encryption::Native => Protection::Native,
        Encryption::AnsibleVault => Protection::AnsibleVault,
        Encryption::Fernet => Protection::Fernet,
    }
}

pub(super) const fn key_scheme(scheme: Scheme) -> KeyScheme {
    match scheme {
        Scheme::Sr25519 => KeyScheme::Sr25519,
        Scheme::Ed25519 => KeyScheme::Ed25519,
    }
}

const fn scheme(scheme: KeyScheme) -> Scheme {
    match scheme {
        KeyScheme::Sr25519 => Scheme::Sr25519,
        KeyScheme::Ed25519 => Scheme::Ed25519,
    }
}

fn key_name(role: KeyRole) -> KeyName {
    match role {
        KeyRole::Coldkey => KeyName::Coldkey,
        KeyRole::Hotkey(name) => KeyName::Hotkey(name),
    }
}

fn source(origin: Origin) -> Source {
    match origin {
        Origin::Mnemonic { words, derivation_password } => Source::Words(words, derivation_password),
        Origin::Seed(seed) => Source::Seed(seed),
        Origin::PrivateKey(private) => Source::PrivateKey(private),
        Origin::Uri(uri) => Source::Uri(uri),
        Origin::Keystore { json, passphrase } => Source::Keystore(json, passphrase),
    }
}

fn fresh(words: Option<u8>, uri: Option<Secret>) -> Source {
    uri.map_or(Source::NewWords(words.unwrap_or(12)), Source::Uri)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

// === making ===

/// New words are told to a program on this host whose user the kernel names, and to nobody else.
pub(super) fn tell_words_to(caller: Caller) -> Result<(), Failure> {
    match caller.peer {
        Peer::Local { .. } => Ok(()),
        Peer::Token => {
            let words = "the words of a new key are told over the unix socket only, not over TCP";
            Err(Failure::new(ErrorKind::PermissionDenied, words))
        }
    }
}

async fn new_coldkey(parts: Arc<Parts>, params: NewColdkeyParams, caller: Caller) -> Result<KeyWritten, Failure> {
    tell_words_to(caller)?;
    let NewColdkeyParams { wallet, words, scheme, uri, file } = params;
    make(&parts, KeyId::coldkey(wallet), fresh(words, uri), scheme, file).await
}

async fn new_hotkey(parts: Arc<Parts>, params: NewHotkeyParams, caller: Caller) -> Result<KeyWritten, Failure> {
    tell_words_to(caller)?;
    let NewHotkeyParams { wallet, hotkey, words, scheme, uri, file } = params;
    make(&parts, KeyId::hotkey(wallet, hotkey), fresh(words, uri), scheme, file).await
}

async fn regen_coldkey(parts: Arc<Parts>, params: RegenColdkeyParams, _: Caller) -> Result<KeyWritten, Failure> {
    let RegenColdkeyParams { origin, wallet, scheme, file } = params;
    make(&parts, KeyId::coldkey(wallet), source(origin), scheme, file).await
}

async fn regen_hotkey(parts: Arc<Parts>, params: RegenHotkeyParams, _: Caller) -> Result<KeyWritten, Failure> {
    let RegenHotkeyParams { origin, wallet, hotkey, scheme, file } = params;
    make(&parts, KeyId::hotkey(wallet, hotkey), source(origin), scheme, file).await
}

async fn make(
    parts: &Parts,
    key: KeyId,
    origin: Source,
    scheme_wanted: Scheme,
    file: FileOptions,
) -> Result<KeyWritten, Failure> {
    let FileOptions { password, protection, existing: in_the_way } = file;
    let protection = match (protection, &password, &key.role) {
        (Some(protection), ..) => protection,
        (None, Some(_), _) => DEFAULT,
        (None, None, KeyRole::Hotkey(_)) => Protection::Plain,
        (None, None, KeyRole::Coldkey) => {
            let message = "a coldkey needs a `password`, unless `protection` is `plain`";
            return Err(Failure::new(ErrorKind::InvalidParams, message));
        }
    };
    let protect = protect(protection, password)?;
    let new = NewKey { key, origin, scheme: key_scheme(scheme_wanted), protect, existing: existing(in_the_way) };
    let MadeKey { key, public, path, mnemonic, kept } = parts.custody.ask(operations::MakeKey { new }).await?;
    Ok(KeyWritten {
        wallet: key.wallet,
        key: key_name(key.role),
        address: public.account,
        scheme: scheme(public.scheme),
        protection,
        path: shown(&path),
        kept: kept.iter().map(|path| shown(path)).collect(),
        mnemonic,
    })
}

// === watching and telling ===

async fn regen_coldkeypub(
    parts: Arc<Parts>,
    params: RegenColdkeypubParams,
    _: Caller,
) -> Result<PublicWritten, Failure> {
    let RegenColdkeypubParams { address, wallet, scheme, existing } = params;
    watch(&parts, KeyId::coldkey(wallet), address, scheme, existing).await
}

async fn regen_hotkeypub(parts: Arc<Parts>, params: RegenHotkeypubParams, _: Caller) -> Result<PublicWritten, Failure> {
    let RegenHotkeypubParams { address, wallet, hotkey, scheme, existing } = params;
    watch(&parts, KeyId::hotkey(wallet, hotkey), address, scheme, existing).await
}

async fn watch(
    parts: &Parts,
    key: KeyId,
    address: AccountId,
    scheme: Scheme,
    in_the_way: wallet::Existing,
) -> Result<PublicWritten, Failure> {
    let public = PublicKey { scheme: key_scheme(scheme), account: address };
    let ask = operations::Watch { key: key.clone(), public, existing: existing(in_the_way) };
    let operations::Watched { path, kept } = parts.custody.ask(ask).await?;
    let (wallet, key) = (key.wallet, key_name(key.role));
    Ok(PublicWritten { wallet, key, address, scheme, path: shown(&path), kept: kept.map(|path| shown(&path)) })
}

async fn export(parts: Arc<Parts>, params: ExportParams, _: Caller) -> Result<Exported, Failure> {
    let records = parts.custody.ask(operations::Export { wallet: params.wallet }).await?;
    let keys = records.into_iter().map(|operations::PublicRecord { key, public, file, content }| PublicKeyData {
        wallet: key.wallet,
        key: key_name(key.role),
        address: public.account,
        public_key: format!("0x{}", hex::encode(public.account.as_bytes())),
        scheme: scheme(public.scheme),
        file: shown(&file),
        content,
    });
    Ok(Exported { keys: keys.collect() })
}

async fn inspect(parts: Arc<Parts>, params: InspectParams, caller: Caller) -> Result<WalletDetail, Failure> {
    let WalletSummary { name, dir, coldkey, hotkeys, problem } =
        parts.custody.ask(operations::Summary { wallet: params.wallet }).await?;
    let unlocked: Vec<KeyId> = parts.custody.status().await?.into_iter().map(|status| status.key).collect();
    let metagraphs = parts.metagraph.current();
    let owner = coldkey.as_ref().and_then(|summary| summary.public);
    let coldkey = coldkey.map(|summary| (KeyId::coldkey(name.clone()), summary));
    let hotkeys = hotkeys.into_iter().map(|(hotkey, summary)| (KeyId::hotkey(name.clone(), hotkey), summary));
    let keys = coldkey.into_iter().chain(hotkeys).map(|(id, summary)| {
        let address = summary.public.map(|public| public.account);
        KeyDetail {
            address,
            scheme: summary.public.map(|public| scheme(public.scheme)),
            state: state(&summary, &id, &unlocked),
            protection: summary.encryption.map(protection),
            path: shown(summary.handed_over.as_ref().unwrap_or(&key_path(&dir, &id.role))),
            warnings: warnings(&id, &summary),
            registered: match (&id.role, address) {
                (KeyRole::Hotkey(_), Some(address)) => registrations(&metagraphs, Hotkey(address)),
                _ => Vec::new(),
            },
            key: key_name(id.role),
        }
    });
    let keys = keys.collect();
    // Files are told of also while there is no chain, with why the rest is not known.
    let balance = match owner {
        Some(owner) => {
            let params = BalanceParams { address: Some(owner.account.into()), ..BalanceParams::default() };
            super::balance(Arc::clone(&parts), params, caller).await.map(Some)
        }
        None => Ok(None),
    };
    let (balance, balance_error) = match balance {
        Ok(balance) => (balance, None),
        Err(Failure(error)) => (None, Some(error)),
    };
    Ok(WalletDetail { wallet: name, path: shown(&dir), keys, problem, balance, balance_error })
}

/// What is wrong with a key's files, or could be better.
fn warnings(id: &KeyId, summary: &KeySummary) -> Vec<String> {
    let mut warnings: Vec<String> = summary.problem.iter().cloned().collect();
    if summary.readers == Readers::Others {
        warnings.push("others on this host can read its file: `chmod 600` it".to_owned());
    }
    let hotkey = match &id.role {
        KeyRole::Coldkey => String::new(),
        KeyRole::Hotkey(name) => format!(" --hotkey {name}"),
    };
    let of = format!("--wallet {}{hotkey}", id.wallet);
    match (summary.encryption, &id.role) {
        (Some(Encryption::Fernet | Encryption::AnsibleVault), _) => {
            warnings.push(format!("its encryption is out of date: `btctl wallet update {of}` renews it"));
        }
        (Some(Encryption::None), KeyRole::Coldkey) => {
            warnings.push(format!("it has no password: `btctl wallet convert --to nacl {of}` gives it one"));
        }
        _ => {}
    }
    warnings
}

async fn status(parts: Arc<Parts>, _: StatusParams, _: Caller) -> Result<Usable, Failure> {
    let keys = parts.custody.status().await?.into_iter().map(|status| UsableKey {
        wallet: status.key.wallet,
        key: key_name(status.key.role),
        address: status.public.account,
        scheme: scheme(status.public.scheme),
        uses: [Use::Extrinsics, Use::Weights, Use::Synapses, Use::Messages]
            .into_iter()
            .filter(|one| status.purposes.contains(purpose(*one)))
            .collect(),
        seconds: status.remaining.map(|left| u32::try_from(left.as_secs()).unwrap_or(u32::MAX)),
    });
    Ok(Usable { keys: keys.collect() })
}

// === converting ===

async fn convert(parts: Arc<Parts>, params: ConvertParams, _: Caller) -> Result<Converted, Failure> {
    let ConvertParams { to, wallet, key, password, new_password } = params;
    let new = match to {
        Protection::Plain => new_password,
        _ => new_password.or_else(|| password.clone()),
    };
    let ask = operations::Reprotect { key: key_id(wallet, key), password, protect: protect(to, new)? };
    reprotect(&parts, ask, to).await
}

async fn update(parts: Arc<Parts>, params: UpdateParams, _: Caller) -> Result<Converted, Failure> {
    let UpdateParams { password, wallet, key } = params;
    let summary = parts.custody.ask(operations::Summary { wallet: wallet.clone() }).await?;
    let id = key_id(wallet.clone(), key.clone());
    let found = match &id.role {
        KeyRole::Coldkey => summary.coldkey,
        KeyRole::Hotkey(name) => summary.hotkeys.into_iter().find(|(known, _)| known == name).map(|(_, found)| found),
    };
    let now = found.as_ref().and_then(|summary| Some((summary.encryption?, summary.public)));
    if let Some((encryption @ (Encryption::Nacl | Encryption::Native), Some(public))) = now {
        let path = shown(&key_path(&summary.dir, &id.role));
        let (from, to, address) = (protection(encryption), protection(encryption), public.account);
        return Ok(Converted { wallet, key, address, from, to, path, kept: None, changed: false });
    }
    if found.is_some_and(|summary| summary.encryption == Some(Encryption::None)) {
        let words = "the key is plain on disk, so there is no old encryption to replace: \
            `btctl wallet convert --to nacl` encrypts it";
        return Err(Failure::new(ErrorKind::InvalidParams, words));
    }
    // A file that is unreadable or not there is the signer's to judge.
    let ask =
        operations::Reprotect { key: id, password: Some(password.clone()), protect: protect(DEFAULT, Some(password))? };
    reprotect(&parts, ask, DEFAULT).await
}

fn key_path(dir: &Path, role: &KeyRole) -> std::path::PathBuf {
    match role {
        KeyRole::Coldkey => dir.join("coldkey"),
        KeyRole::Hotkey(name) => dir.join("hotkeys").join(name.as_str()),
    }
}

async fn reprotect(parts: &Parts, ask: operations::Reprotect, to: Protection) -> Result<Converted, Failure> {
    let KeyId { wallet, role } = ask.key.clone();
    let operations::Reprotected { public, from, path, kept } = parts.custody.ask(ask).await?;
    Ok(Converted {
        wallet,
        key: key_name(role),
        address: public.account,
        from: protection(from),
        to,
        path: shown(&path),
        kept: kept.map(|path| shown(&path)),
        changed: true,
    })
}

// === messages ===

async fn encrypt(parts: Arc<Parts>, params: EncryptParams, _: Caller) -> Result<Encrypted, Failure> {
    let EncryptParams { message, to } = params;
    // An address does not tell its scheme; of a key of this host it is known.
    let warning = match known_scheme(&summaries(&parts).await?, to) {
        Some(KeyScheme::Sr25519) => return Err(SealedBoxError::Scheme.into()),
        Some(KeyScheme::Ed25519) => None,
        None => Some(format!("no key of this host is {to}: if it is not an ed25519 key, nobody can read the message")),
    };
    let public = PublicKey { scheme: KeyScheme::Ed25519, account: to };
    let sealed = sealed_box::seal(&public, message.expose().as_bytes())?;
    Ok(Encrypted { ciphertext: format!("0x{}", hex::encode(sealed)), to, warning })
}

fn known_scheme(wallets: &[WalletSummary], account: AccountId) -> Option<KeyScheme> {
    let keys = wallets.iter().flat_map(|wallet| wallet.coldkey.iter().chain(wallet.hotkeys.iter().map(|(_, key)| key)));
    keys.filter_map(|summary| summary.public).find(|public| public.account == account).map(|public| public.scheme)
}

async fn decrypt(parts: Arc<Parts>, params: DecryptParams, _: Caller) -> Result<Decrypted, Failure> {
    let DecryptParams { ciphertext, wallet, key } = params;
    let digits = ciphertext.strip_prefix("0x").unwrap_or(&ciphertext);
    let sealed = hex::decode(digits.trim())
        .map_err(|_| Failure::new(ErrorKind::InvalidParams, "a sealed message is hex digits, with or without 0x"))?;
    let ask = operations::OpenSealed { key: key_id(wallet, key), sealed };
    let operations::OpenedMessage { message, to } = parts.custody.ask(ask).await?;
    Ok(Decrypted { message, to: to.account })
}

#[cfg(test)]
mod tests {
    use btd_api::WalletName;

    use super::*;

    #[test]
    fn a_protection_and_a_password_go_together_or_not_at_all() {
        let password = || Some(Secret::new("x"));
        assert!(matches!(protect(Protection::Plain, None), Ok(Protect::Plain)));
        assert!(matches!(protect(Protection::Native, password()), Ok(Protect::Native(_))));
        for (protection, password) in [
            (Protection::Plain, password()),
            (Protection::Nacl, None),
            (Protection::Nacl, Some(Secret::new(""))),
            (Protection::Fernet, password()),
        ] {
            assert!(protect(protection, password).is_err(), "{protection:?}");
        }
    }

    #[test]
    fn warnings_name_the_command_that_helps() {
        let summary = |encryption| KeySummary {
            public: None,
            encryption,
            problem: None,
            readers: Readers::Owner,
            handed_over: None,
        };
        let wallet: WalletName = "w".parse().unwrap();
        let hotkey = KeyId::hotkey(wallet.clone(), "h".parse().unwrap());
        let coldkey = KeyId::coldkey(wallet);
        assert!(warnings(&coldkey, &summary(Some(Encryption::Fernet)))[0].contains("update --wallet w`"));
        assert!(warnings(&hotkey, &summary(Some(Encryption::AnsibleVault)))[0].contains("--wallet w --hotkey h`"));
        assert!(warnings(&coldkey, &summary(Some(Encryption::None)))[0].contains("convert --to nacl"));
        assert!(warnings(&hotkey, &summary(Some(Encryption::None))).is_empty());
        assert!(warnings(&coldkey, &summary(Some(Encryption::Nacl))).is_empty());
        let open = KeySummary { readers: Readers::Others, ..summary(Some(Encryption::Nacl)) };
        assert!(warnings(&coldkey, &open)[0].contains("chmod 600"));
    }
}
