//! Asking for everything: what is to be done with which stake, how much of it, and where it goes. What is asked can be
//! said in one command of another name, which is told in the end.

use std::str::FromStr;

use btd_api::{
    AlphaAmount, HotkeyRef, NetUid, WalletName,
    stake::{List, Move, MoveParams, Position, Remove, RemoveParams, Swap, SwapParams, Transfer, TransferParams},
    unsent,
};
use clap::Args;

use super::{ProtectionArgs, pick, target};
use crate::{
    addr,
    args::{WalletArg, number},
    exit::Exit,
    failure::Failure,
    prompt,
    session::Session,
    spend::{self, Terms},
};

/// The commands that ask nothing.
const HINT: &str = "`stake remove`, `move`, `swap` and `transfer` say it with flags";

/// `btctl stake wizard`
#[derive(Args, Debug)]
pub(crate) struct WizardArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    protection: ProtectionArgs,
    #[command(flatten)]
    terms: Terms,
}

/// What is done with a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Remove,
    Move,
    Swap,
    Transfer,
}

// === impl Deed, WizardArgs ===

impl FromStr for Deed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_lowercase().as_str() {
            "remove" | "unstake" => Ok(Self::Remove),
            "move" => Ok(Self::Move),
            "swap" => Ok(Self::Swap),
            "transfer" => Ok(Self::Transfer),
            _ => Err(format!("`{text}` is none of remove, move, swap and transfer")),
        }
    }
}

impl Deed {
    /// The command that does it.
    const fn verb(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Move => "move",
            Self::Swap => "swap",
            Self::Transfer => "transfer",
        }
    }
}

impl WizardArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        prompt::require_person("what to do with which stake", HINT)?;
        let wallet = self.wallet.clone().resolve(&session.settings);
        let stakes = session.call::<List>(&target::owner(&wallet, self.terms.real())).await?.read()?;
        if stakes.positions.is_empty() {
            return Err(Failure::usage(format!(
                "coldkey {} has no stake: `stake add` is the first step",
                stakes.coldkey
            )));
        }
        let deed: Deed = asked("What to do: remove, move, swap or transfer", str::parse).await?;
        session.out.show(|page| pick::numbered(&stakes.positions, page));
        let one = |told: &str| match pick::chosen(told, &stakes.positions)?.as_slice() {
            [one] => Ok((*one).clone()),
            _ => Err("it goes one position at a time: name one number".to_owned()),
        };
        let position = asked("Which of them", one).await?;
        let read = |told: &str| AlphaAmount::from_tokens(told).map_err(|error| error.to_string());
        let amount = asked("How much of it, or all", read).await?;
        self.done(session, deed, (wallet, position, amount)).await
    }

    async fn done(
        self,
        session: &Session,
        deed: Deed,
        (wallet, position, amount): (WalletName, Position, AlphaAmount),
    ) -> Result<Exit, Failure> {
        let (origin_netuid, hotkey) = (position.netuid, HotkeyRef::Address(position.hotkey));
        let told = |more: Option<(&str, String)>| {
            session.stands_for(command(session.words(), deed, (&position, amount), more));
        };
        match deed {
            Deed::Remove => {
                let (protection, fill) = self.protection.resolve((session.settings.protection, session.settings.fill));
                told(None);
                let netuid = origin_netuid;
                let params = unsent!(RemoveParams { amount, netuid, hotkey, wallet, protection, fill });
                spend::sign::<Remove>(session, params, self.terms).await
            }
            Deed::Move => {
                self.protection.require_none((origin_netuid, None), "moved")?;
                let dest_hotkey = asked("Behind which hotkey, by name or address", addr::hotkey_ref).await?;
                told(Some(("--to", dest_hotkey.to_string())));
                let (origin_hotkey, dest_netuid) = (hotkey, None);
                let params =
                    unsent!(MoveParams { amount, origin_netuid, dest_hotkey, dest_netuid, origin_hotkey, wallet });
                spend::sign::<Move>(session, params, self.terms).await
            }
            Deed::Swap => {
                let (protection, fill) = self.protection.resolve((session.settings.protection, session.settings.fill));
                let dest_netuid = asked("To which subnet", number::<NetUid>).await?;
                told(Some(("--dest-netuid", dest_netuid.to_string())));
                let params =
                    unsent!(SwapParams { amount, origin_netuid, dest_netuid, hotkey, wallet, protection, fill });
                spend::sign::<Swap>(session, params, self.terms).await
            }
            Deed::Transfer => {
                self.protection.require_none((origin_netuid, None), "given away")?;
                let dest = asked("To which coldkey", addr::coldkey).await?;
                told(Some(("--dest", dest.to_string())));
                let dest_netuid = None;
                let params = unsent!(TransferParams { amount, dest, origin_netuid, dest_netuid, hotkey, wallet });
                spend::sign::<Transfer>(session, params, self.terms).await
            }
        }
    }
}

async fn asked<T>(question: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Failure> {
    read(prompt::line(question, HINT).await?.trim()).map_err(Failure::usage)
}

/// The command line that asks nothing: the wizard's own words, with `deed` for its name and the answers as flags.
fn command(
    words: Vec<String>,
    deed: Deed,
    (position, amount): (&Position, AlphaAmount),
    more: Option<(&str, String)>,
) -> Vec<String> {
    let (netuid, hotkey) = match deed {
        Deed::Remove => ("--netuid", "--hotkey"),
        Deed::Move => ("--origin-netuid", "--from"),
        Deed::Swap | Deed::Transfer => ("--origin-netuid", "--hotkey"),
    };
    // The name of the command, and not of a wallet: the first behind its noun.
    let mut words = words;
    let noun = words.iter().position(|word| word == "stake").unwrap_or(0);
    if let Some(name) = words.iter_mut().skip(noun).find(|word| *word == "wizard") {
        deed.verb().clone_into(name);
    }
    let flags = [
        (netuid, position.netuid.to_string()),
        (hotkey, position.hotkey.to_string()),
        ("--amount", pick::said(amount)),
    ];
    let flags = flags.into_iter().chain(more).flat_map(|(flag, value)| [flag.to_owned(), value]);
    words.into_iter().chain(flags).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{args::Cli, stake::pick::tests::positions};
    use clap::Parser;

    #[test]
    fn what_is_asked_can_be_said_in_one_command() {
        let bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        let position = &positions()[1];
        for (deed, more) in [
            (Deed::Remove, None),
            (Deed::Move, Some(("--to", bob.to_owned()))),
            (Deed::Swap, Some(("--dest-netuid", "3".to_owned()))),
            (Deed::Transfer, Some(("--dest", bob.to_owned()))),
        ] {
            // A wallet may have the command's name.
            let words = ["stake", "wizard", "--wallet", "wizard"].map(str::to_owned).to_vec();
            let words = command(words, deed, (position, AlphaAmount::All), more);
            assert_eq!((words[1].as_str(), words[3].as_str()), (deed.verb(), "wizard"));
            let words = ["btctl".to_owned()].into_iter().chain(words);
            assert!(Cli::try_parse_from(words).is_ok(), "{deed:?}");
            assert_eq!(deed.verb().parse(), Ok(deed));
        }
        assert!("wizard".parse::<Deed>().is_err());
    }
}
