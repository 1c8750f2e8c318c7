//! The noun `wallet`: keys on this host, balances, transfers.

mod balance;
mod create;
mod keys;
mod transfer;

use clap::Subcommand;

use crate::{exit::Exit, failure::Failure, session::Session};

/// `btctl wallet ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a wallet: a coldkey and its first hotkey, from new mnemonics
    Create(create::CreateArgs),
    /// List the wallets of this host with their hotkeys and where those are registered
    List(keys::ListArgs),
    /// Free balance and stake of a wallet, an address, or every wallet of this host
    Balance(balance::BalanceArgs),
    /// Send tao from a wallet's coldkey
    Transfer(transfer::TransferArgs),
    /// Unlock a key for a limited time
    Unlock(keys::UnlockArgs),
    /// Lock a key, a wallet, or everything, at once
    Lock(keys::LockArgs),
    /// Sign a message that cannot be mistaken for an extrinsic
    Sign(keys::SignArgs),
    /// Check a signature over a message
    Verify(keys::VerifyArgs),
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::Create(args) => args.run(session).await,
            Self::List(args) => args.run(session).await,
            Self::Balance(args) => args.run(session).await,
            Self::Transfer(args) => args.run(session).await,
            Self::Unlock(args) => args.run(session).await,
            Self::Lock(args) => args.run(session).await,
            Self::Sign(args) => args.run(session).await,
            Self::Verify(args) => args.run(session).await,
        }
    }
}
