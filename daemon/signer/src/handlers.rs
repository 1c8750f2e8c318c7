//! What each operation does. Called on the thread that the server chose for it.
//!
//! An operation's function takes custody and the operation and gives its reply or a refusal. The
//! log lines of what changed are here; none has a secret.

use btd_api::wallet::Secret;
use btd_keys::{
    Encryption, ExtrinsicPayload, KeyId, MadeKey, MadeWallet, Password, PublicKey, PublicKeyFile, Shape, Signature,
    SynapseMessage, TextMessage, WalletSummary,
    environment::{self, Found, Variables},
};
use btd_signer_protocol::{
    Refusal, VERSION,
    operations::{
        CountPlain, Earlier, Export, Hello, KeyStatus, Lock, LockAll, MakeKey, MakeWallet, OpenSealed, OpenedMessage,
        PublicHotkey, PublicRecord, Reprotect, Reprotected, SignExtrinsic, SignSynapse, SignText, Summary, Unlock,
        UnlockFromEnvironment, Watch, Watched, Welcome,
    },
};

use crate::{
    custody::{Custody, CustodyError, UnlockRequest, Unlocking},
    log,
};

type Handled<T> = Result<T, Refusal>;

/// The password as key files take it.
pub(crate) fn password(secret: &Secret) -> Password {
    Password::new(secret.expose())
}

pub(crate) fn hello(custody: &Custody, _: Hello) -> Welcome {
    Welcome { version: VERSION, wallets: custody.store().root().to_owned() }
}

pub(crate) fn make_wallet(custody: &Custody, ask: &MakeWallet) -> Handled<MadeWallet> {
    let MakeWallet { coldkey, hotkey } = ask;
    custody.check_free(&hotkey.key)?;
    let made =
        custody.derive(|| btd_keys::make_wallet(custody.store(), coldkey, hotkey)).map_err(CustodyError::from)?;
    written(custody, &made.coldkey);
    match &made.hotkey {
        Ok(hotkey) => written(custody, hotkey),
        Err(error) => log::error(format_args!("could not write {}: {error}", hotkey.key)),
    }
    Ok(made)
}

pub(crate) fn make_key(custody: &Custody, ask: &MakeKey) -> Handled<MadeKey> {
    custody.check_free(&ask.new.key)?;
    let made = custody.derive(|| btd_keys::make_key(custody.store(), &ask.new)).map_err(CustodyError::from)?;
    written(custody, &made);
    Ok(made)
}

/// What was unlocked under that name is another key now.
fn written(custody: &Custody, made: &MadeKey) {
    custody.lock(&made.key);
    log::info(format_args!("wrote {}; copies kept of replaced files: {}", made.key, made.kept.len()));
}

pub(crate) fn list(custody: &Custody) -> Handled<Vec<WalletSummary>> {
    Ok(custody.wallets()?)
}

pub(crate) fn summary(custody: &Custody, ask: &Summary) -> Handled<WalletSummary> {
    Ok(custody.wallet(&ask.wallet)?)
}

/// Public halves come from the files; what no file tells is left out.
pub(crate) fn export(custody: &Custody, ask: &Export) -> Handled<Vec<PublicRecord>> {
    let store = custody.store();
    let wallets = match &ask.wallet {
        Some(name) => vec![custody.wallet(name)?],
        None => custody.wallets()?,
    };
    let mut records = Vec::new();
    for wallet in wallets {
        for (key, summary) in wallet.into_keys() {
            let Some(public) = summary.public else { continue };
            let path = store.wallet(&key.wallet).public_path(&key.role);
            let file = path.strip_prefix(store.root()).unwrap_or(&path).to_owned();
            let content = PublicKeyFile(public).render(Shape::Compact);
            records.push(PublicRecord { key, public, file, content: String::from_utf8_lossy(&content).into_owned() });
        }
    }
    Ok(records)
}

pub(crate) fn watch(custody: &Custody, ask: &Watch) -> Handled<Watched> {
    let Watch { key, public, existing } = ask;
    let wallet = custody.store().wallet(&key.wallet);
    let kept = wallet.write_public(&key.role, public, *existing).map_err(CustodyError::from)?;
    log::info(format_args!("wrote the public half of {key}"));
    Ok(Watched { path: wallet.public_path(&key.role), kept })
}

pub(crate) fn reprotect(custody: &Custody, ask: &Reprotect) -> Handled<Reprotected> {
    let Reprotect { key, password: secret, protect } = ask;
    let done = custody.reprotect(key, secret.as_ref().map(password).as_ref(), protect);
    match &done {
        Ok(done) => log::info(format_args!("wrote {key} under another protection; it was {}", done.from)),
        Err(CustodyError::WrongPassword { key, .. }) => {
            log::warn(format_args!("refused a wrong password for {key}"));
        }
        Err(_) => {}
    }
    Ok(done?)
}

pub(crate) fn open_sealed(custody: &Custody, ask: &OpenSealed) -> Handled<OpenedMessage> {
    let (opened, to) = custody.open_sealed(&ask.key, &ask.sealed)?;
    log::info(format_args!("opened a message with {}", ask.key));
    let message = Secret::new(match std::str::from_utf8(&opened) {
        Ok(text) => text.to_owned(),
        Err(_) => opened.iter().fold("0x".to_owned(), |hex, byte| hex + &format!("{byte:02x}")),
    });
    Ok(OpenedMessage { message, to })
}

pub(crate) fn public(custody: &Custody, key: &KeyId) -> Handled<PublicKey> {
    Ok(custody.public(key)?)
}

pub(crate) fn public_hotkey(custody: &Custody, ask: PublicHotkey) -> Handled<PublicKey> {
    Ok(custody.public(&KeyId::hotkey(ask.wallet, ask.hotkey))?)
}

/// The part of unlocking that is done when the call arrives.
pub(crate) fn begin_unlock(custody: &Custody, ask: Unlock) -> Handled<Unlocking> {
    let Unlock { key, password: secret, window, purposes, earlier } = ask;
    let password = secret.as_ref().map(password);
    Ok(custody.begin_unlock(UnlockRequest { key, password, window, purposes, earlier })?)
}

/// The part that takes long.
pub(crate) fn finish_unlock(unlocking: Unlocking) -> Handled<KeyStatus> {
    match unlocking.finish() {
        Ok(status) => {
            let seconds = status.remaining.map_or_else(|| "good".to_owned(), |span| format!("{} s", span.as_secs()));
            log::info(format_args!("unlocked {} for {seconds}, for {:?}", status.key, status.purposes));
            Ok(status)
        }
        Err(error) => {
            if let CustodyError::WrongPassword { key, .. } = &error {
                log::warn(format_args!("refused a wrong password for {key}"));
            }
            Err(error.into())
        }
    }
}

pub(crate) fn unlock_from_environment(custody: &Custody, ask: UnlockFromEnvironment) -> Handled<Option<KeyStatus>> {
    let UnlockFromEnvironment { key, variables, window, purposes } = ask;
    let Some(password) = announced_password(custody, &key, &variables)? else { return Ok(None) };
    let earlier = Earlier::Stays;
    let request = UnlockRequest { key, password: Some(password), window, purposes, earlier };
    finish_unlock(custody.begin_unlock(request)?).map(Some)
}

/// The password of an encrypted key from the daemon's variables or the signer's own credentials.
fn announced_password(
    custody: &Custody,
    key: &KeyId,
    announced: &std::collections::BTreeMap<String, Secret>,
) -> Result<Option<Password>, CustodyError> {
    if matches!(custody.encryption(key)?, None | Some(Encryption::None)) {
        return Ok(None);
    }
    let wallet = custody.store().wallet(&key.wallet);
    let mut variables: Variables =
        announced.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
    if let Some(directory) = custody.credentials() {
        variables.insert("CREDENTIALS_DIRECTORY".to_owned(), directory.to_string_lossy().into_owned());
    }
    let found = environment::find(&variables, key, &wallet.path(&key.role));
    variables.values_mut().for_each(zeroize::Zeroize::zeroize);
    Ok(match found? {
        None => None,
        Some(Found::Password(password)) => Some(password),
        Some(Found::File(file)) => Some(environment::read_file(&file)?),
    })
}

pub(crate) fn lock(custody: &Custody, ask: &Lock) -> usize {
    let was = custody.lock(&ask.key);
    if was {
        log::info(format_args!("locked {}", ask.key));
    }
    usize::from(was)
}

pub(crate) fn lock_all(custody: &Custody, ask: &LockAll) -> usize {
    let count = custody.lock_all(ask.wallet.as_ref());
    log::info(format_args!("locked keys: {count}"));
    count
}

pub(crate) fn count_plain(custody: &Custody, ask: &CountPlain) -> Handled<usize> {
    Ok(custody.plain(ask.wallet.as_ref(), ask.role.as_ref())?)
}

pub(crate) fn sign_extrinsic(custody: &Custody, ask: SignExtrinsic) -> Handled<Signature> {
    let SignExtrinsic { key, pallet, call, payload } = ask;
    let payload = ExtrinsicPayload::new(pallet, call, payload).map_err(CustodyError::from)?;
    let signature = custody.sign_extrinsic(&key, &payload)?;
    log::info(format_args!("signed {}.{} with {key}", payload.pallet(), payload.call()));
    Ok(signature)
}

pub(crate) fn sign_text(custody: &Custody, ask: SignText) -> Handled<Signature> {
    let text = TextMessage::new(ask.text).map_err(CustodyError::from)?;
    let signature = custody.sign_message(&ask.key, &text)?;
    log::info(format_args!("signed a text with {}", ask.key));
    Ok(signature)
}

pub(crate) fn sign_synapse(custody: &Custody, ask: SignSynapse) -> Handled<Signature> {
    let message = SynapseMessage::parse(ask.message).map_err(CustodyError::from)?;
    Ok(custody.sign_synapse(&ask.wallet, &ask.hotkey, &message)?)
}
