//! Which hotkeys are meant: the wallet's own, or others that are named beside it.
//!
//! The Python command lines keep the two apart: `--wallet-hotkey`, which stands in every command line of a script, is
//! part of the wallet, and gives way where a command is told in so many words which hotkey it is about. So does `--hotkey`
//! to one that is named; beside all hotkeys, or a slot, it could be meant itself, and is refused.

use btd_api::{HotkeyName, HotkeyRef, stake::Hotkeys};
use clap::{ArgAction, Args};

use crate::{addr, failure::Failure, session::Session};

/// A hotkey by its name in the wallet or by its address.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HotkeyRefArg {
    /// The hotkey, by name or address [env: BT_WALLET_HOTKEY] [default: default]
    #[arg(
        long = "hotkey",
        short = 'H',
        value_name = "NAME|SS58",
        visible_alias = "wallet-hotkey",
        aliases = [
            "wallet.hotkey", "wallet_hotkey", "hotkey-name", "hotkey-ss58", "hotkey_ss58", "wallet-hotkey-ss58",
            "wallet_hotkey_ss58",
        ],
        value_parser = addr::hotkey_ref
    )]
    hotkey: Option<HotkeyRef>,
    /// The same, in place of the wallet's own
    #[arg(
        long = "hotkey-ss58-address",
        value_name = "NAME|SS58",
        hide = true,
        aliases = [
            "hotkey_ss58address", "include-hotkeys", "include_hotkeys", "hotkeys", "delegate-ss58", "delegate_ss58key",
            "child-hotkey-ss58",
        ],
        value_parser = addr::hotkey_ref
    )]
    named_hotkey: Option<HotkeyRef>,
}

/// Several hotkeys, by their names in the wallet or by their addresses.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HotkeysArg {
    /// The hotkeys, by name or address, several with commas [env: BT_WALLET_HOTKEY] [default: default]
    #[arg(
        long = "hotkey",
        short = 'H',
        value_name = "NAME|SS58",
        aliases = ["hotkey-name", "hotkey-ss58", "hotkey_ss58"],
        // Two of them would be two hotkeys, where the Python command lines go by one.
        action = ArgAction::Set,
        value_delimiter = ',',
        value_parser = addr::hotkey_ref
    )]
    hotkeys: Vec<HotkeyRef>,
    /// The same as part of the wallet: beside --all-hotkeys or --uid it decides nothing
    #[arg(
        long = "wallet-hotkey",
        value_name = "NAME|SS58",
        aliases = ["wallet.hotkey", "wallet_hotkey", "wallet-hotkey-ss58", "wallet_hotkey_ss58"],
        conflicts_with = "hotkeys",
        action = ArgAction::Set,
        value_delimiter = ',',
        value_parser = addr::hotkey_ref
    )]
    wallet_hotkeys: Vec<HotkeyRef>,
    /// These hotkeys and no others, whichever the wallet's own is
    #[arg(
        long = "include-hotkeys",
        value_name = "NAME|SS58",
        aliases = ["include_hotkeys", "hotkeys", "wallet.hotkeys"],
        value_delimiter = ',',
        value_parser = addr::hotkey_ref
    )]
    named_hotkeys: Vec<HotkeyRef>,
    /// The same, of one
    #[arg(
        long = "hotkey-ss58-address",
        value_name = "NAME|SS58",
        hide = true,
        aliases = ["hotkey_ss58address", "delegate-ss58", "delegate_ss58key"],
        conflicts_with = "named_hotkeys",
        value_parser = addr::hotkey_ref
    )]
    named_hotkey: Option<HotkeyRef>,
    /// All hotkeys of the wallet
    #[arg(
        long,
        aliases = ["all_hotkeys", "wallet.all_hotkeys"],
        conflicts_with_all = ["hotkeys", "named_hotkeys", "named_hotkey"]
    )]
    all_hotkeys: bool,
    /// All hotkeys of the wallet but these
    #[arg(
        long,
        value_name = "NAME|SS58",
        aliases = ["exclude_hotkeys", "wallet.exclude_hotkeys"],
        conflicts_with_all = ["named_hotkeys", "named_hotkey"],
        value_delimiter = ',',
        value_parser = addr::hotkey_ref
    )]
    exclude_hotkeys: Vec<HotkeyRef>,
}

/// What is meant, and which that was typed is not.
type Meant<T> = (T, Vec<HotkeyRef>);

/// Says which hotkeys decide nothing beside what else was typed. They can be among those that are meant all the same.
fn tell(session: &Session, passed_over: &[HotkeyRef]) {
    for hotkey in passed_over {
        session.out.note(format!("note: hotkey {hotkey} does not decide which is meant: what else was said does"));
    }
}

// === impl HotkeyRefArg, HotkeysArg ===

impl HotkeyRefArg {
    /// The hotkey that is meant; what gives way to it is told.
    pub(crate) fn resolve(self, session: &Session) -> HotkeyRef {
        let (hotkey, passed_over) = self.meant(session.settings.hotkey.clone());
        tell(session, &passed_over);
        hotkey
    }

    /// `usual` is meant where nothing is typed.
    fn meant(self, usual: Option<HotkeyName>) -> Meant<HotkeyRef> {
        match (self.named_hotkey, self.hotkey) {
            (Some(named), own) => {
                let passed_over = own.into_iter().filter(|own| *own != named).collect();
                (named, passed_over)
            }
            (None, Some(own)) => (own, Vec::new()),
            (None, None) => (usual.map(HotkeyRef::Name).unwrap_or_default(), Vec::new()),
        }
    }
}

impl HotkeysArg {
    /// All that are meant, or the one that has the slot that was named; what gives way to them is told.
    ///
    /// # Errors
    /// When it cannot be told which are meant.
    pub(super) fn resolve(self, by_slot: Option<HotkeyRef>, session: &Session) -> Result<Hotkeys, Failure> {
        let (hotkeys, passed_over) = self.meant(by_slot, session.settings.hotkey.clone())?;
        tell(session, &passed_over);
        Ok(hotkeys)
    }

    /// `usual` is meant where nothing is typed.
    fn meant(self, by_slot: Option<HotkeyRef>, usual: Option<HotkeyName>) -> Result<Meant<Hotkeys>, Failure> {
        let Self { mut hotkeys, wallet_hotkeys, mut named_hotkeys, named_hotkey, all_hotkeys, exclude_hotkeys } = self;
        // The parser takes one of the two, and one of the three that name others.
        hotkeys.extend(wallet_hotkeys);
        let own = hotkeys;
        named_hotkeys.extend(by_slot.into_iter().chain(named_hotkey));
        if !named_hotkeys.is_empty() {
            let passed_over = own.into_iter().filter(|own| !named_hotkeys.contains(own)).collect();
            return Ok((Hotkeys::Only(named_hotkeys), passed_over));
        }
        if all_hotkeys {
            return Ok((Hotkeys::AllBut(exclude_hotkeys), own));
        }
        match (exclude_hotkeys.is_empty(), own.is_empty()) {
            (true, true) => Ok((Hotkeys::Only(vec![usual.map(HotkeyRef::Name).unwrap_or_default()]), Vec::new())),
            (true, false) => Ok((Hotkeys::Only(own), Vec::new())),
            (false, true) => Ok((Hotkeys::AllBut(exclude_hotkeys), Vec::new())),
            // btcli 9 goes by the wallet's hotkey alone: what is done behind more than one is not left to a guess.
            (false, false) => Err(Failure::usage(
                "--hotkey names one and --exclude-hotkeys means all but some: leave one of the two out; --wallet-hotkey can \
                 stay where --all-hotkeys is said beside it",
            )),
        }
    }
}

/// The one that is meant; none where it may be several.
pub(super) fn only(hotkeys: &Hotkeys) -> Option<HotkeyRef> {
    let Hotkeys::Only(hotkeys) = hotkeys else { return None };
    let [only] = hotkeys.as_slice() else { return None };
    Some(only.clone())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    #[derive(Parser)]
    struct One {
        #[command(flatten)]
        hotkey: HotkeyRefArg,
    }

    #[derive(Parser)]
    struct Several {
        #[command(flatten)]
        hotkeys: HotkeysArg,
    }

    fn refs(names: &[&str]) -> Vec<HotkeyRef> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn usual() -> HotkeyName {
        "usual".parse().unwrap()
    }

    fn meant(words: &str, by_slot: Option<&str>) -> Result<Meant<Hotkeys>, String> {
        let typed =
            Several::try_parse_from(format!("x {words}").split_whitespace()).map_err(|error| error.to_string())?;
        let by_slot = by_slot.map(|name| name.parse().unwrap());
        typed.hotkeys.meant(by_slot, Some(usual())).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_hotkey_that_is_named_stands_in_place_of_the_wallets() {
        for flag in ["--wallet.hotkey", "--wallet-hotkey", "--wallet_hotkey", "--hotkey", "-H"] {
            for named in ["--include-hotkeys", "--hotkeys", "--hotkey-ss58-address", "--hotkey_ss58address"] {
                for words in [format!("{flag} own {named} {BOB}"), format!("{named} {BOB} {flag} own")] {
                    assert_eq!(meant(&words, None), Ok((Hotkeys::Only(refs(&[BOB])), refs(&["own"]))), "{words}");
                }
            }
        }
        let several = meant("--wallet.hotkey own --include-hotkeys own,h2", None);
        assert_eq!(several, Ok((Hotkeys::Only(refs(&["own", "h2"])), Vec::new())), "what is named too is not told of");
    }

    #[test]
    fn all_hotkeys_and_a_slot_stand_in_place_of_the_wallets() {
        let own = refs(&["own"]);
        for flag in ["--wallet.hotkey", "--wallet-hotkey", "--wallet_hotkey", "--wallet-hotkey-ss58"] {
            for (more, but) in [("", refs(&[])), ("--exclude-hotkeys h2", refs(&["h2"]))] {
                let words = format!("{flag} own --all-hotkeys {more}");
                assert_eq!(meant(&words, None), Ok((Hotkeys::AllBut(but), own.clone())), "{words}");
            }
        }
        assert_eq!(meant("--wallet.hotkey own", Some(BOB)), Ok((Hotkeys::Only(refs(&[BOB])), own)));
        assert_eq!(meant("", Some(BOB)), Ok((Hotkeys::Only(refs(&[BOB])), Vec::new())));
    }

    #[test]
    fn the_wallets_hotkey_is_meant_where_nothing_else_is_named() {
        for (words, hotkeys) in [
            ("", Hotkeys::Only(refs(&["usual"]))),
            ("--wallet.hotkey own", Hotkeys::Only(refs(&["own"]))),
            ("--hotkey h1,h2", Hotkeys::Only(refs(&["h1", "h2"]))),
            ("--include-hotkeys h1 --include-hotkeys h2", Hotkeys::Only(refs(&["h1", "h2"]))),
            ("--exclude-hotkeys h1", Hotkeys::AllBut(refs(&["h1"]))),
            ("--all-hotkeys", Hotkeys::AllBut(Vec::new())),
        ] {
            assert_eq!(meant(words, None), Ok((hotkeys, Vec::new())), "{words}");
        }
    }

    #[test]
    fn what_could_mean_one_or_more_is_refused() {
        for (words, why) in [
            ("--wallet.hotkey own --exclude-hotkeys h1", "--all-hotkeys"),
            ("--wallet.hotkey own --hotkey h1", "cannot be used with"),
            ("--wallet.hotkey own --wallet-hotkey h1", "cannot be used multiple times"),
            ("--hotkey h1 --all-hotkeys", "cannot be used with"),
            ("-H h1 --all-hotkeys --exclude-hotkeys h2", "cannot be used with"),
            ("--all-hotkeys --hotkey-ss58 h1", "cannot be used with"),
            ("--hotkey own --exclude-hotkeys h1", "leave one of the two out"),
            ("--include-hotkeys h1 --hotkey-ss58-address h2", "cannot be used with"),
            ("--include-hotkeys h1 --all-hotkeys", "cannot be used with"),
            ("--include-hotkeys h1 --exclude-hotkeys h2", "cannot be used with"),
        ] {
            let refused = meant(words, None).unwrap_err();
            assert!(refused.contains(why), "{words}: {refused}");
        }
    }

    #[test]
    fn of_one_hotkey_too_the_named_one_is_meant() {
        let meant = |words: &str| One::parse_from(format!("x {words}").split_whitespace()).hotkey.meant(Some(usual()));
        let hotkey = |name: &str| -> HotkeyRef { name.parse().unwrap() };
        for named in ["--child-hotkey-ss58", "--hotkey-ss58-address", "--include-hotkeys", "--delegate-ss58"] {
            assert_eq!(meant(&format!("{named} {BOB} --wallet-hotkey own")), (hotkey(BOB), refs(&["own"])), "{named}");
            assert_eq!(meant(&format!("{named} {BOB}")), (hotkey(BOB), Vec::new()), "{named}");
        }
        assert_eq!(meant("--wallet-hotkey own"), (hotkey("own"), Vec::new()));
        assert_eq!(meant(&format!("--hotkey-ss58 {BOB}")), (hotkey(BOB), Vec::new()));
        assert_eq!(meant(""), (hotkey("usual"), Vec::new()));
    }

    #[test]
    fn only_one_hotkey_is_the_only_one() {
        assert_eq!(only(&Hotkeys::Only(refs(&["h1"]))), Some("h1".parse().unwrap()));
        for several in [Hotkeys::Only(refs(&["h1", "h2"])), Hotkeys::Only(Vec::new()), Hotkeys::AllBut(Vec::new())] {
            assert_eq!(only(&several), None, "{several:?}");
        }
    }
}
