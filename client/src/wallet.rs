//! The noun `wallet`: keys on this host, balances, transfers.

mod balance;
mod convert;
mod create;
mod file;
mod history;
mod inspect;
mod keys;
mod made;
mod message;
mod named;
mod onchain;
mod origin;
mod overview;
mod public;
mod transfer;
mod work;

use btd_api::{
    Method,
    stake::ColdkeyParams,
    wallet::{List, ListParams},
};
use clap::Subcommand;

pub(crate) use self::{
    inspect::detail,
    keys::{called, unlock},
    named::NamedColdkey,
    onchain::offer_identity,
    work::{FaucetArgs, WorkArgs, faucet},
};
use crate::{
    args::{ColdkeyArg, ColdkeysArg},
    exit::Exit,
    failure::Failure,
    output::{Format, Page},
    session::Session,
};

/// `btctl wallet ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a wallet: a coldkey and its first hotkey, from new mnemonics
    Create(create::CreateArgs),
    /// Make a coldkey from a new mnemonic
    #[command(alias = "new_coldkey")]
    NewColdkey(made::NewColdkeyArgs),
    /// Make a hotkey from a new mnemonic
    #[command(alias = "new_hotkey")]
    NewHotkey(made::NewHotkeyArgs),
    /// Restore a coldkey from words, a seed, a private key or a polkadot.js keystore
    #[command(alias = "regen_coldkey")]
    RegenColdkey(made::RegenColdkeyArgs),
    /// Restore a hotkey from words, a seed, a private key or a polkadot.js keystore
    #[command(alias = "regen_hotkey")]
    RegenHotkey(made::RegenHotkeyArgs),
    /// Watch a coldkey whose secret lies elsewhere
    #[command(alias = "regen_coldkeypub")]
    RegenColdkeypub(public::RegenColdkeypubArgs),
    /// Watch a hotkey whose secret lies elsewhere
    #[command(alias = "regen_hotkeypub")]
    RegenHotkeypub(public::RegenHotkeypubArgs),
    /// List the wallets of this host with their hotkeys and where those are registered
    List(keys::ListArgs),
    /// Show one wallet: its files, their protection, what is wrong with them, and its money
    #[command(visible_alias = "show")]
    Inspect(inspect::InspectArgs),
    /// The public halves of keys, to be taken to a host without the secrets
    Export(public::ExportArgs),
    /// Free balance and stake of a wallet, an address, or every wallet of this host
    Balance(balance::BalanceArgs),
    /// Send tao from a wallet's coldkey
    Transfer(transfer::TransferArgs),
    /// The neurons of this host's wallets
    Overview(overview::OverviewArgs),
    /// What happened to an account of this host, from the blocks that btd followed
    History(history::HistoryArgs),
    /// Set how a coldkey describes itself
    #[command(alias = "set_identity")]
    SetIdentity(onchain::SetIdentityArgs),
    /// How a coldkey describes itself
    #[command(alias = "get_identity")]
    GetIdentity(ColdkeyArg),
    /// Make a coldkey the owner of a hotkey that nobody owns
    #[command(alias = "associate_hotkey")]
    AssociateHotkey(onchain::AssociateHotkeyArgs),
    /// Exchange a hotkey for another, on one subnet or everywhere
    #[command(alias = "swap_hotkey")]
    SwapHotkey(onchain::SwapHotkeyArgs),
    /// Let another coldkey take over everything, in two steps
    #[command(subcommand, alias = "swap_coldkey")]
    SwapColdkey(onchain::SwapColdkeyCommand),
    /// The same as `swap-coldkey check`
    #[command(hide = true, alias = "swap_check")]
    SwapCheck(ColdkeysArg),
    /// Ask a development chain for tao
    Faucet(work::FaucetArgs),
    /// Unlock a key for a limited time
    Unlock(keys::UnlockArgs),
    /// Lock a key, a wallet, or everything, at once
    Lock(keys::LockArgs),
    /// The keys that can be used now
    Status(inspect::StatusArgs),
    /// Sign a message that cannot be mistaken for an extrinsic
    Sign(keys::SignArgs),
    /// Check a signature over a message
    Verify(keys::VerifyArgs),
    /// Encrypt a message to an ed25519 key
    Encrypt(message::EncryptArgs),
    /// Decrypt a message that was encrypted to an ed25519 key of this host
    Decrypt(message::DecryptArgs),
    /// Bring a key file of an old encryption to the current one
    Update(convert::UpdateArgs),
    /// Write a key file anew under another protection or password
    Convert(convert::ConvertArgs),
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Create(args) => args.run(session).await,
            Self::NewColdkey(args) => args.run(session).await,
            Self::NewHotkey(args) => args.run(session).await,
            Self::RegenColdkey(args) => args.run(session).await,
            Self::RegenHotkey(args) => args.run(session).await,
            Self::RegenColdkeypub(args) => args.run(session).await,
            Self::RegenHotkeypub(args) => args.run(session).await,
            Self::List(args) => args.run(session).await,
            Self::Inspect(args) => args.run(session).await,
            Self::Export(args) => args.run(session).await,
            Self::Balance(args) => args.run(session).await,
            Self::Transfer(args) => args.run(session).await,
            Self::Overview(args) => args.run(session).await,
            Self::History(args) => args.run(session).await,
            Self::SetIdentity(args) => args.run(session).await,
            Self::GetIdentity(args) => onchain::get_identity(args, session).await,
            Self::AssociateHotkey(args) => args.run(session).await,
            Self::SwapHotkey(args) => args.run(session).await,
            Self::SwapColdkey(command) => command.run(session).await,
            Self::SwapCheck(args) => onchain::SwapColdkeyCommand::Check(args).run(session).await,
            Self::Faucet(args) => work::faucet(args, session).await,
            Self::Unlock(args) => args.run(session).await,
            Self::Lock(args) => args.run(session).await,
            Self::Status(args) => args.run(session).await,
            Self::Sign(args) => args.run(session).await,
            Self::Verify(args) => args.run(session).await,
            Self::Encrypt(args) => args.run(session).await,
            Self::Decrypt(args) => args.run(session).await,
            Self::Update(args) => args.run(session).await,
            Self::Convert(args) => args.run(session).await,
        }
    }
}

/// Asks `M` of the coldkey of every wallet on this host. In JSON the answers are one document, by wallet.
pub(crate) async fn every<M>(session: &Session, render: fn(&M::Reply, Page) -> String) -> Result<Exit, Failure>
where
    M: Method<Params = ColdkeyParams>,
{
    let wallets = session.call::<List>(&ListParams {}).await?.read()?.wallets;
    let (mut answers, mut text) = (serde_json::Map::new(), Vec::new());
    for wallet in wallets.into_iter().filter(|wallet| wallet.coldkey.is_some()) {
        let params = ColdkeyParams { wallet: Some(wallet.name.clone()), address: None };
        let reply = session.call::<M>(&params).await?;
        match session.out.format() {
            Format::Json => {
                let answer = serde_json::from_str(reply.text());
                let answer = answer.map_err(|source| Failure::Misunderstood { method: M::NAME, source })?;
                answers.insert(wallet.name.to_string(), answer);
            }
            Format::Human => {
                let page = session.out.page();
                let answer = render(&reply.read()?, page);
                text.push(format!("{}\n{answer}", page.bold(format!("wallet {}", wallet.name))));
            }
        }
    }
    match session.out.format() {
        Format::Json => session.out.document(&serde_json::json!({ "wallets": answers }).to_string())?,
        Format::Human if text.is_empty() => session.out.note("there is no wallet with a coldkey on this host"),
        Format::Human => session.out.data(&text.join("\n"))?,
    }
    Ok(Exit::Success)
}
