//! What a wallet's keys are on the chain: identities, ownership, and the exchange of keys. Their neurons are [`super::overview`]'s.

use btd_api::{
    HotkeyRef, NetUid, WalletName,
    stake::ColdkeyParams,
    unsent,
    wallet::onchain::{
        AnnouncementReply, AssociateHotkey, AssociateHotkeyParams, GetIdentity, Identity, IdentityChange,
        IdentityReply, SetIdentity, SetIdentityParams, SwapColdkeyAnnounce, SwapColdkeyCheck, SwapColdkeyClear,
        SwapColdkeyDispute, SwapColdkeyEndParams, SwapColdkeyExecute, SwapColdkeyParams, SwapHotkey, SwapHotkeyParams,
    },
};
use clap::{Args, Subcommand};

use super::named::NamedColdkey;
use crate::{
    addr,
    args::{ColdkeyArg, ColdkeysArg, WalletArg, number},
    exit::Exit,
    failure::Failure,
    output::{Page, facts::Facts, text},
    session::{Field, Session},
    spend::{self, Terms},
    stake::HotkeyRefArg,
};

/// `btctl wallet set-identity`
#[derive(Args, Debug)]
pub(crate) struct SetIdentityArgs {
    /// The name
    #[arg(long, value_name = "TEXT", visible_alias = "id-name", aliases = ["display", "id_name"])]
    display_name: Option<String>,
    /// The web page
    #[arg(long, value_name = "URL", aliases = ["web", "web-url", "web_url"])]
    url: Option<String>,
    /// The source repository
    #[arg(long, value_name = "URL", aliases = ["github", "github_repo"])]
    github_repo: Option<String>,
    /// The picture
    #[arg(long, value_name = "URL", aliases = ["image-url", "image_url"])]
    image: Option<String>,
    /// Discord
    #[arg(long, value_name = "TEXT")]
    discord: Option<String>,
    /// The description
    #[arg(long, value_name = "TEXT", alias = "info")]
    description: Option<String>,
    /// Anything else
    #[arg(long, value_name = "TEXT")]
    additional: Option<String>,
    #[command(flatten)]
    gone: GoneArgs,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// What identities had when the sixth Python command line was current, and have no more.
#[derive(Args, Debug)]
struct GoneArgs {
    #[arg(long, hide = true)]
    legal: Option<String>,
    #[arg(long, hide = true)]
    riot: Option<String>,
    #[arg(long, hide = true)]
    email: Option<String>,
    #[arg(long, hide = true, alias = "pgp_fingerprint")]
    pgp_fingerprint: Option<String>,
    #[arg(long, hide = true)]
    twitter: Option<String>,
}

/// `btctl wallet associate-hotkey`
#[derive(Args, Debug)]
pub(crate) struct AssociateHotkeyArgs {
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl wallet swap-hotkey`
#[derive(Args, Debug)]
pub(crate) struct SwapHotkeyArgs {
    /// The hotkey that takes over, by name or address
    #[arg(value_name = "NEW", required_unless_present = "new_hotkey", conflicts_with = "new_hotkey", value_parser = addr::hotkey_ref)]
    new: Option<HotkeyRef>,
    /// The same, as a flag
    #[arg(long, value_name = "NAME|SS58", aliases = ["wallet.hotkey_b", "wallet.hotkey-b", "new_hotkey"], value_parser = addr::hotkey_ref)]
    new_hotkey: Option<HotkeyRef>,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    /// The one subnet on which it is exchanged; everywhere without it [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUID", value_parser = number::<NetUid>)]
    netuid: Option<NetUid>,
    /// Everywhere, which is the default
    #[arg(long, hide = true, alias = "all_netuids", conflicts_with = "netuid")]
    all_netuids: bool,
    /// Let stake stay behind the old hotkey; without --netuid that one is nobody's afterwards, and its stake stuck
    /// until `wallet associate-hotkey` claims it
    #[arg(long, alias = "keep_stake")]
    keep_stake: bool,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl wallet swap-coldkey ...`
#[derive(Debug, Subcommand)]
pub(crate) enum SwapColdkeyCommand {
    /// Announce that another coldkey will take over everything
    Announce(NewColdkeyArgs),
    /// Let the announced coldkey take over everything
    Execute(NewColdkeyArgs),
    /// Freeze the account because somebody else has announced the exchange
    Dispute(EndArgs),
    /// Take an announced exchange back
    Clear(EndArgs),
    /// What is announced
    Check(ColdkeysArg),
}

/// The coldkey that takes over.
#[derive(Args, Debug)]
pub(crate) struct NewColdkeyArgs {
    /// The coldkey that takes over: its address, its name in the address book, or the wallet of this host that has it
    #[arg(
        long,
        value_name = "SS58|WALLET",
        visible_alias = "new",
        aliases = ["new-coldkey-ss58", "new_coldkey"],
        required_unless_present = "new_wallet",
        value_parser = NamedColdkey::of_coldkey
    )]
    new_coldkey: Option<NamedColdkey>,
    /// The same: of a name that the address book has too, the wallet
    #[arg(
        long,
        value_name = "WALLET|SS58",
        alias = "new_wallet",
        conflicts_with = "new_coldkey",
        value_parser = NamedColdkey::of_wallet
    )]
    new_wallet: Option<NamedColdkey>,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// The wallet alone.
#[derive(Args, Debug)]
pub(crate) struct EndArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

// === running ===

impl SetIdentityArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Self { display_name, url, github_repo, image, discord, description, additional, gone, wallet, terms } =
            self;
        for flag in gone.named() {
            session.out.note(format!(
                "note: {flag} is left out: identities have no such field any more; --additional takes any text"
            ));
        }
        let mut identity =
            IdentityChange { name: display_name, url, github_repo, image, discord, description, additional };
        let wallet = wallet.resolve(&session.settings);
        if identity == IdentityChange::default() && session.may_ask() {
            let real = terms.real();
            let params = ColdkeyParams { wallet: real.is_none().then(|| wallet.clone()), address: real };
            let now = session.call::<GetIdentity>(&params).await?.read()?.identity.unwrap_or_default();
            ask_for(&mut identity, &now, session).await?;
        }
        if identity == IdentityChange::default() {
            return Err(Failure::usage(
                "nothing was said: give --id-name or another field; what is left out stays as it is, and `--url ''` clears one",
            ));
        }
        let params = unsent!(SetIdentityParams { identity, wallet });
        spend::sign::<SetIdentity>(session, params, terms).await
    }
}

impl GoneArgs {
    /// Those that were given.
    fn named(&self) -> impl Iterator<Item = &'static str> {
        [
            ("--legal", &self.legal),
            ("--riot", &self.riot),
            ("--email", &self.email),
            ("--pgp-fingerprint", &self.pgp_fingerprint),
            ("--twitter", &self.twitter),
        ]
        .into_iter()
        .filter_map(|(flag, given)| given.as_ref().map(|_| flag))
    }
}

/// Asks for each field where somebody can answer; what says something `now` keeps it where the answer is empty.
async fn ask_for(identity: &mut IdentityChange, now: &Identity, session: &Session) -> Result<(), Failure> {
    if *now != Identity::default() {
        session.out.note("an empty answer keeps what stands in brackets, a blank clears it");
    }
    let fields = [
        ("--id-name", "The name", now.name.as_str(), &mut identity.name),
        ("--url", "The web page", now.url.as_str(), &mut identity.url),
        ("--github-repo", "The source repository", now.github_repo.as_str(), &mut identity.github_repo),
        ("--image", "The picture's URL", now.image.as_str(), &mut identity.image),
        ("--discord", "Discord", now.discord.as_str(), &mut identity.discord),
        ("--description", "The description", now.description.as_str(), &mut identity.description),
        ("--additional", "Anything else", now.additional.as_str(), &mut identity.additional),
    ];
    session.ask_fields(fields.map(|(flag, question, now, said)| Field { flag, question, now, said })).await
}

/// Offers to say who a coldkey is where it has said nothing yet, and sets what is answered. What was done before is
/// done all the same, so that this fails is told and no more.
pub(crate) async fn offer_identity(session: &Session, wallet: WalletName) {
    let params = ColdkeyParams { wallet: Some(wallet.clone()), address: None };
    let said = session.call::<GetIdentity>(&params).await.and_then(|reply| reply.read());
    // Whoever gives up says no: the command has done what it was for.
    if !said.is_ok_and(|reply| reply.identity.is_none())
        || !session.offer("Set how its coldkey describes itself as well?").await.unwrap_or(false)
    {
        return;
    }
    session.stands_for_another(&["wallet", "set-identity", "--wallet", wallet.as_str()]);
    let mut identity = IdentityChange::default();
    if ask_for(&mut identity, &Identity::default(), session).await.is_err() {
        session.out.note("nothing was set");
        return;
    }
    if identity == IdentityChange::default() {
        session.out.note("nothing was said, and nothing was set");
        return;
    }
    let params = unsent!(SetIdentityParams { identity, wallet });
    match spend::sign::<SetIdentity>(session, params, Terms::usual()).await {
        Ok(_) => {}
        Err(Failure::Declined) => session.out.note("its description was left as it is"),
        Err(failure) => session.out.show(|_| format!("its description was not set: {failure}")),
    }
}

pub(super) async fn get_identity(args: ColdkeyArg, session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<GetIdentity>(&args.resolve(&session.settings)).await?;
    session.out.reply(&reply, identity).map(|()| Exit::Success)
}

impl AssociateHotkeyArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (hotkey, wallet) = (self.hotkey.resolve(session), self.wallet.resolve(&session.settings));
        let params = unsent!(AssociateHotkeyParams { hotkey, wallet });
        spend::sign::<AssociateHotkey>(session, params, self.terms).await
    }
}

impl SwapHotkeyArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = unsent!(SwapHotkeyParams {
            // The parser asks for one of the two.
            new_hotkey: self.new.or(self.new_hotkey).unwrap_or_default(),
            hotkey: self.hotkey.resolve(session),
            wallet: self.wallet.resolve(&session.settings),
            netuid: self.netuid,
            keep_stake: self.keep_stake,
        });
        spend::sign::<SwapHotkey>(session, params, self.terms).await
    }
}

impl NewColdkeyArgs {
    /// Asks btd for the coldkey of a wallet that is named.
    async fn resolve(self, session: &Session) -> Result<(SwapColdkeyParams, Terms), Failure> {
        // The parser asks for one of the two.
        let successor = self.new_coldkey.or(self.new_wallet).unwrap_or_default();
        let new_coldkey = successor.resolve("--new-coldkey", session).await?;
        let wallet = self.wallet.resolve(&session.settings);
        Ok((unsent!(SwapColdkeyParams { new_coldkey, wallet }), self.terms))
    }
}

impl SwapColdkeyCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        let end = |args: EndArgs| {
            let wallet = args.wallet.resolve(settings);
            (unsent!(SwapColdkeyEndParams { wallet }), args.terms)
        };
        match self {
            Self::Announce(args) => {
                let (params, terms) = args.resolve(session).await?;
                spend::sign::<SwapColdkeyAnnounce>(session, params, terms).await
            }
            Self::Execute(args) => {
                let (params, terms) = args.resolve(session).await?;
                spend::sign::<SwapColdkeyExecute>(session, params, terms).await
            }
            Self::Dispute(args) => {
                let (params, terms) = end(args);
                spend::sign::<SwapColdkeyDispute>(session, params, terms).await
            }
            Self::Clear(args) => {
                let (params, terms) = end(args);
                spend::sign::<SwapColdkeyClear>(session, params, terms).await
            }
            Self::Check(args) => args.show::<SwapColdkeyCheck>(session, announcement).await,
        }
    }
}

// === showing ===

fn identity(reply: &IdentityReply, page: Page) -> String {
    let IdentityReply { at, coldkey, identity } = reply;
    let Some(identity) = identity else {
        return format!("coldkey {coldkey} says nothing of itself\n{}\n", text::at(at, page));
    };
    let mut facts = Facts::default();
    facts.add_said([
        ("name", &identity.name),
        ("url", &identity.url),
        ("github", &identity.github_repo),
        ("image", &identity.image),
        ("discord", &identity.discord),
        ("description", &identity.description),
        ("additional", &identity.additional),
    ]);
    format!("{}coldkey {coldkey}, {}\n", facts.render(page), text::at(at, page))
}

fn announcement(reply: &AnnouncementReply, page: Page) -> String {
    let AnnouncementReply { at, coldkey, announcement } = reply;
    let words = match announcement {
        None => format!("no exchange of coldkey {coldkey} is announced"),
        Some(one) => {
            let frozen = if one.disputed { ", and disputed: the account is frozen" } else { "" };
            format!(
                "coldkey {coldkey} is to be exchanged from block #{} on for one of the hash {}{frozen}",
                one.executable_from, one.new_coldkey_hash
            )
        }
    };
    format!("{words}\n{}\n", text::at(at, page))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Cli;

    #[test]
    fn the_spellings_of_the_python_command_lines_are_taken() {
        const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        for good in [
            "wallet overview --all --netuids 1,2 --sort_by stake --sort-order ascend".to_owned(),
            "wallet overview --sort_order descending".to_owned(),
            "wallet overview --sort-by name --sort-order reverse".to_owned(),
            "wallet overview --sort-by COLDKEY --sort-order DESC".to_owned(),
            "w set_identity --display x --web y --discord z".to_owned(),
            "w set_identity --display x --legal l --riot r --email e --pgp_fingerprint p --image i --info d --twitter t".to_owned(),
            "wallet set-identity --id-name x --github g --wallet-name alice".to_owned(),
            format!("wallet get_identity --key {BOB}"),
            "wallet associate_hotkey --wallet-hotkey h1".to_owned(),
            "wallet swap_hotkey h2 --wallet.hotkey h1 --netuid 1".to_owned(),
            "wallet swap_hotkey --wallet.hotkey h1 --wallet.hotkey_b h2".to_owned(),
            format!("wallet swap-coldkey announce --new-coldkey {BOB}"),
            "wallet swap-coldkey execute --new-wallet cold".to_owned(),
            "wallet swap-coldkey execute --new-coldkey cold".to_owned(),
            "wallet swap-coldkey execute --new cold".to_owned(),
            "wallet swap-coldkey execute --new-coldkey-ss58 cold".to_owned(),
            format!("wallet swap-coldkey announce --new-wallet {BOB}"),
            "wallet swap-coldkey check".to_owned(),
            "wallet swap-check".to_owned(),
            "wallet faucet".to_owned(),
        ] {
            let parsed = Cli::try_parse_from(format!("btctl {good}").split(' '));
            assert!(parsed.is_ok(), "{good}: {}", parsed.unwrap_err());
        }
        // A mistyped address is no wallet's name.
        for flag in ["--new-coldkey", "--new-wallet"] {
            let bad = format!("btctl wallet swap-coldkey announce {flag} {}", BOB.replace("94ty", "94tz"));
            assert!(Cli::try_parse_from(bad.split(' ')).is_err(), "{bad}");
        }
    }
}
