//! Keys: listing, unlocking, locking, signing, verifying.

use std::time::Duration;

use btd_api::{
    AccountId, HotkeyName, WalletName,
    wallet::{
        HotkeyEntry, KeyName, KeyState, List, ListParams, Lock, LockParams, Locked, Registration, Secret, Sign,
        SignParams, SignedMessage, Unlock, UnlockParams, Unlocked, Verified, Verify, VerifyParams, Wallets,
        keyfiles::{Scheme, Use},
    },
};
use clap::{Args, ValueEnum};

use super::{file::SchemeName, public::public_key};
use crate::{
    addr,
    args::{WalletArg, duration},
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    prompt::{PasswordArgs, SecretSource},
    session::{Reply, Session},
    settings::Settings,
};

/// `btctl wallet list`
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Leave the hotkeys out
    #[arg(long, alias = "coldkeys_only")]
    coldkeys_only: bool,
}

/// Which key of the wallet: its coldkey, unless a hotkey is named.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct KeyArg {
    /// The hotkey of this name, in place of the coldkey
    #[arg(
        long = "wallet-hotkey",
        short = 'H',
        value_name = "NAME",
        visible_alias = "hotkey",
        aliases = ["wallet.hotkey", "wallet_hotkey", "hotkey-name"]
    )]
    hotkey: Option<HotkeyName>,
}

/// `btctl wallet unlock`
#[derive(Args, Debug)]
pub(crate) struct UnlockArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    key: KeyArg,
    #[command(flatten)]
    password: PasswordArgs,
    /// For how long: `300`, `5m`; at most 15m, unless the daemon's configuration says otherwise [default: 5m]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, visible_alias = "seconds")]
    time: Option<Duration>,
    /// For what alone it may be used; more than once for several [default: everything]
    #[arg(long = "use", value_enum, ignore_case = true, value_name = "USE", visible_alias = "purpose")]
    uses: Vec<UseName>,
}

/// What an unlocked key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum UseName {
    /// Whatever goes to the chain: spending, staking, registering, weights
    Extrinsics,
    /// Weights and commits to them alone: what moves no funds
    Weights,
    /// Requests to axons, and replies of this host's
    Synapses,
    /// Signing and decrypting texts
    Messages,
}

impl From<UseName> for Use {
    fn from(name: UseName) -> Self {
        match name {
            UseName::Extrinsics => Self::Extrinsics,
            UseName::Weights => Self::Weights,
            UseName::Synapses => Self::Synapses,
            UseName::Messages => Self::Messages,
        }
    }
}

/// `btctl wallet lock`: without a wallet, every key
#[derive(Args, Debug)]
pub(crate) struct LockArgs {
    /// One wallet
    #[arg(
        long,
        short = 'w',
        value_name = "NAME",
        visible_alias = "wallet-name",
        aliases = ["wallet.name", "wallet_name", "name"]
    )]
    wallet: Option<WalletName>,
    /// One hotkey of the wallet
    #[arg(
        long = "wallet-hotkey",
        short = 'H',
        value_name = "NAME",
        requires = "wallet",
        visible_alias = "hotkey",
        aliases = ["wallet.hotkey", "wallet_hotkey", "hotkey-name"]
    )]
    hotkey: Option<HotkeyName>,
}

/// `btctl wallet sign`
#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    key: KeyArg,
    /// Sign with the hotkey that is named, or with the usual one
    #[arg(long, alias = "use_hotkey")]
    use_hotkey: bool,
    /// The message
    #[arg(long, short = 'm', allow_hyphen_values = true)]
    message: String,
}

/// `btctl wallet verify`
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The message
    #[arg(long, short = 'm', allow_hyphen_values = true)]
    message: String,
    /// The signature, 128 hex digits
    #[arg(long, short = 's', value_name = "HEX")]
    signature: String,
    /// Who should have signed, by address or public key
    #[arg(long, short = 'a', value_name = "SS58", visible_alias = "address", aliases = ["ss58", "public-key", "public_key"], short_alias = 'p', value_parser = signer)]
    signer: AccountId,
    /// Under which scheme [default: either]
    #[arg(long, value_enum, ignore_case = true, aliases = ["crypto-type", "crypto_type"])]
    scheme: Option<SchemeName>,
}

fn signer(text: &str) -> Result<AccountId, String> {
    public_key(text).or_else(|_| addr::account(text))
}

// === impl KeyArg ===

impl KeyArg {
    pub(crate) fn resolve(self) -> KeyName {
        self.hotkey.map_or(KeyName::Coldkey, KeyName::Hotkey)
    }

    /// The usual hotkey where a hotkey was asked for and none is named, else [`Self::resolve`].
    pub(crate) fn or_usual(self, use_hotkey: bool, settings: &Settings) -> KeyName {
        if use_hotkey && self.hotkey.is_none() {
            return KeyName::Hotkey(settings.hotkey.clone().unwrap_or_default());
        }
        self.resolve()
    }
}

// === the commands ===

impl ListArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let reply = session.call::<List>(&ListParams {}).await?;
        let shown = if self.coldkeys_only { Shown::Coldkeys } else { Shown::Everything };
        session.out.reply(&reply, |wallets, page| list(wallets, shown, page)).map(|()| Exit::Success)
    }
}

impl UnlockArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (wallet, key) = (self.wallet.resolve(&session.settings), self.key.resolve());
        let source = self.password.resolve_key(session, &wallet, &key).await?;
        // Less than a second is still one.
        let seconds = self.time.map(|time| u32::try_from(time.as_secs().max(1)).unwrap_or(u32::MAX));
        let uses = (!self.uses.is_empty()).then(|| self.uses.into_iter().map(Use::from).collect());
        let asked = UnlockParams { wallet, key, password: Secret::new(""), seconds, uses, beside: false };
        let reply = unlock(session, &source, &asked).await?;
        session.out.reply(&reply, unlocked).map(|()| Exit::Success)
    }
}

impl LockArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = LockParams { wallet: self.wallet, key: self.hotkey.map(KeyName::Hotkey) };
        let reply = session.call::<Lock>(&params).await?;
        session.out.reply(&reply, |reply, _| locked(*reply)).map(|()| Exit::Success)
    }
}

impl SignArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let key = self.key.or_usual(self.use_hotkey, &session.settings);
        let params = SignParams { wallet: self.wallet.resolve(&session.settings), key, message: self.message };
        let reply = session.call::<Sign>(&params).await?;
        session.out.reply(&reply, signed).map(|()| Exit::Success)
    }
}

impl VerifyArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self { message, signature, signer, scheme } = self;
        let params = VerifyParams { message, signature, signer, scheme: scheme.map(Scheme::from) };
        let reply = session.call::<Verify>(&params).await?;
        let valid = reply.read()?.valid;
        session.out.reply(&reply, verified)?;
        Ok(if valid { Exit::Success } else { Exit::Failure })
    }
}

/// Unlocks a key as `asked` says, with the password from `source` in place of the one in it.
///
/// # Errors
/// As [`SecretSource::tried`].
pub(crate) async fn unlock(
    session: &Session,
    source: &SecretSource,
    asked: &UnlockParams,
) -> Result<Reply<Unlock>, Failure> {
    let question = format!("Password of the {}: ", called(&asked.wallet, &asked.key));
    let attempt = async |password| session.call_deriving::<Unlock>(&UnlockParams { password, ..asked.clone() }).await;
    source.tried(&session.out, &question, attempt).await
}

// === what is shown ===

pub(crate) fn called(wallet: &WalletName, key: &KeyName) -> String {
    match key {
        KeyName::Coldkey => format!("coldkey of `{wallet}`"),
        KeyName::Hotkey(name) => format!("hotkey `{name}` of `{wallet}`"),
    }
}

pub(super) const fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Plain => "plain",
        KeyState::Locked => "locked",
        KeyState::Unlocked => "unlocked",
        KeyState::Public => "public only",
        KeyState::Absent => "not here",
        KeyState::Unreadable => "unreadable",
    }
}

/// A scheme in words.
pub(super) const fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Sr25519 => "sr25519",
        Scheme::Ed25519 => "ed25519",
    }
}

/// `1/0 2/7`: subnet and slot.
pub(super) fn places(registered: &[Registration]) -> String {
    let places = registered.iter().map(|place| format!("{}/{}", place.netuid, place.uid));
    places.collect::<Vec<_>>().join(" ")
}

/// How much of a wallet is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Everything,
    Coldkeys,
}

/// A tree: a line for each coldkey, and below it one for each of its hotkeys.
fn list(wallets: &Wallets, shown: Shown, page: Page) -> String {
    if wallets.wallets.is_empty() {
        return format!("no wallets in {}\n", text::visible(&wallets.path));
    }
    let mut table = Table::new(&[
        Column::text("WALLET"),
        Column::address("ADDRESS"),
        Column::text("STATE"),
        Column::text("SCHEME").leaves(1),
        Column::text("NETUID/UID"),
    ]);
    let scheme = |scheme: &Option<String>| scheme.clone().unwrap_or_else(|| "?".to_owned());
    for wallet in &wallets.wallets {
        table.row(&[
            wallet.name.to_string(),
            wallet.coldkey.map_or_else(|| "?".to_owned(), |key| key.to_string()),
            state(wallet.state).to_owned(),
            scheme(&wallet.scheme),
            String::new(),
        ]);
        let hotkeys: &[HotkeyEntry] = if shown == Shown::Coldkeys { &[] } else { &wallet.hotkeys };
        for (at, hotkey) in hotkeys.iter().enumerate() {
            let branch = if at + 1 == hotkeys.len() { "└── " } else { "├── " };
            table.row(&[
                format!("{branch}{}", hotkey.name),
                hotkey.address.map_or_else(|| "?".to_owned(), |key| key.to_string()),
                state(hotkey.state).to_owned(),
                scheme(&hotkey.scheme),
                places(&hotkey.registered),
            ]);
        }
    }
    let hotkeys = wallets.wallets.iter().map(|wallet| wallet.hotkeys.len()).sum();
    let count = format!("{} with {}", text::count(wallets.wallets.len(), "wallet"), text::count(hotkeys, "hotkey"));
    let problems = wallets.wallets.iter().filter_map(|wallet| Some((&wallet.name, wallet.problem.as_ref()?)));
    let problems = problems.fold(String::new(), |lines, (name, problem)| {
        format!("{lines}{} {name}: {}\n", page.warn("warning:"), text::visible_lines(problem))
    });
    format!("{}{problems}{count} in {}\n", table.render(page), text::visible(&wallets.path))
}

fn unlocked(unlocked: &Unlocked, _: Page) -> String {
    let what = called(&unlocked.wallet, &unlocked.key);
    match unlocked.seconds.map(|seconds| text::duration(Duration::from_secs(seconds.into()))) {
        Some(time) => format!("unlocked the {what}, {}, for {time}\n", unlocked.address),
        None => format!(
            "the {what}, {}, needs no unlocking, and no time or use bounds it: it is plain on disk, where \
             `btctl wallet convert --to nacl` gives it a password, or the service manager hands it over\n",
            unlocked.address
        ),
    }
}

fn locked(locked: Locked) -> String {
    let said = match locked.locked {
        0 => "nothing was unlocked\n".to_owned(),
        count => format!("locked {}\n", text::count(count as usize, "key")),
    };
    match locked.plain {
        None => format!(
            "{said}how many keys lie plain on disk or are handed over cannot be told: no lock applies to those\n"
        ),
        Some(0) => said,
        Some(plain) => format!(
            "{said}{} plain on disk or handed over by the service manager, to which no lock applies: see `btctl wallet \
             convert --to nacl`\n",
            text::count(plain as usize, "key"),
        ),
    }
}

fn signed(signed: &SignedMessage, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add("signer", signed.signer);
    facts.add("message", &signed.message);
    facts.add("signature", &signed.signature);
    facts.render(page)
}

fn verified(verified: &Verified, page: Page) -> String {
    match (&verified.scheme, verified.valid) {
        (Some(scheme), true) => format!("{} ({})\n", page.good("valid"), text::visible(scheme)),
        (None, true) => format!("{}\n", page.good("valid")),
        (_, false) => format!("{}: not the signer's signature over this message\n", page.bad("not valid")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::Cli;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn a_list_names_every_key_and_where_it_is_registered() {
        let wallets: Wallets = serde_json::from_value(json!({
            "path": "/w",
            "wallets": [{
                "name": "alice", "coldkey": ALICE, "scheme": "sr25519", "state": "locked",
                "hotkeys": [
                    { "name": "default", "address": ALICE, "scheme": "sr25519", "state": "plain",
                      "registered": [{ "netuid": 1, "uid": 0 }, { "netuid": 2, "uid": 7 }] },
                    { "name": "torn", "address": null, "scheme": null, "state": "unreadable", "registered": [] },
                ],
            }],
        }))
        .unwrap();
        let expected = format!(
            "\
WALLET       ADDRESS                                           STATE       SCHEME   NETUID/UID
alice        {ALICE}  locked      sr25519
├── default  {ALICE}  plain       sr25519  1/0 2/7
└── torn     ?                                                 unreadable  ?
1 wallet with 2 hotkeys in /w
"
        );
        assert_eq!(list(&wallets, Shown::Everything, Page::default()), expected);
        assert!(!list(&wallets, Shown::Coldkeys, Page::default()).contains("torn"));
    }

    #[test]
    fn no_wallets_is_an_answer() {
        assert_eq!(
            list(&Wallets { path: "/w".into(), wallets: vec![] }, Shown::Everything, Page::default()),
            "no wallets in /w\n"
        );
    }

    #[test]
    fn the_spellings_of_the_python_command_lines_work() {
        let parses = |words: &str| Cli::try_parse_from(format!("btctl wallet {words}").split(' ')).is_ok();
        for good in [
            "unlock --wallet.name alice --for 10m".to_owned(),
            "unlock -w alice --seconds 60 --password-stdin".to_owned(),
            "unlock -w alice --use extrinsics --use messages".to_owned(),
            "list --coldkeys-only".to_owned(),
            "lock".to_owned(),
            "lock --wallet alice --wallet-hotkey m1".to_owned(),
            "sign --wallet-name alice --message hi --use-hotkey".to_owned(),
            "sign --wallet-name alice --message hi --use-hotkey --wallet-hotkey h".to_owned(),
            format!("verify -m hi -s 00 --address {ALICE}"),
            format!("verify -m hi -s 00 -p 0x{} --crypto-type ed25519", "0f".repeat(32)),
        ] {
            assert!(parses(&good), "{good}");
        }
        assert!(!parses("lock --wallet-hotkey m1"), "a hotkey without its wallet");
        assert!(!parses("sign --wallet alice"), "nothing to sign");
    }
}
