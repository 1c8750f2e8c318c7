//! The noun `proxy`: accounts that may sign for others.

use btd_api::{
    BlockHash, Coldkey,
    proxy::{
        Add, AddParams, Announce, AnnounceParams, Announcement, AnyCall, Create, CreateParams, CreatedProxy, Execute,
        ExecuteParams, Kill, KillParams, List, Proxies, Remove, RemoveParams,
    },
    unsent,
};
use clap::{Args, Subcommand};

use crate::{
    addr,
    args::{ColdkeyArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        facts::Facts,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend::{self, Terms},
    wallet::NamedColdkey,
};

/// `btctl proxy ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Who may sign for a coldkey, and what it has announced on behalf of others
    List(ColdkeyArg),
    /// Let an account sign for a coldkey
    Add(AddArgs),
    /// Take the right to sign for a coldkey away
    Remove(RemoveArgs),
    /// Create an account without a key, for which a coldkey signs
    Create(CreateArgs),
    /// Give an account without a key up, with all that it holds; name it with --proxy
    Kill(KillArgs),
    /// Announce a call on another's behalf, which can be made after the proxy's delay
    Announce(AnnounceArgs),
    /// Make a call that was announced
    Execute(ExecuteArgs),
}

/// For what, and how late.
#[derive(Args, Clone, Debug)]
struct KindArgs {
    /// For what: a proxy type of the runtime, such as `Staking` or `NonTransfer`
    #[arg(long, value_name = "TYPE", default_value = "Any", alias = "proxy_type")]
    proxy_type: String,
    /// Blocks between an announcement and the call
    #[arg(long, value_name = "BLOCKS", default_value_t = 0)]
    delay: u32,
}

/// `btctl proxy add`
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Who may sign
    #[arg(long, value_name = "SS58", value_parser = addr::coldkey)]
    delegate: Coldkey,
    #[command(flatten)]
    kind: KindArgs,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl proxy remove`
#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    /// Who may not sign any more
    #[arg(long, value_name = "SS58", required_unless_present = "all", value_parser = addr::coldkey)]
    delegate: Option<Coldkey>,
    /// Nobody may any more
    #[arg(long, conflicts_with = "delegate")]
    all: bool,
    #[command(flatten)]
    kind: KindArgs,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl proxy create`
#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    kind: KindArgs,
    /// Tells accounts of one block apart
    #[arg(long, value_name = "N", default_value_t = 0)]
    index: u16,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl proxy kill`
#[derive(Args, Debug)]
pub(crate) struct KillArgs {
    /// Who created it; without it, the wallet's coldkey
    #[arg(long, value_name = "SS58", value_parser = addr::coldkey)]
    spawner: Option<Coldkey>,
    /// The block of its creation
    #[arg(long, value_name = "BLOCK")]
    height: u32,
    /// The index in that block of the extrinsic that created it
    #[arg(long, value_name = "N", alias = "ext_index")]
    ext_index: u32,
    /// The type it was created with
    #[arg(long, value_name = "TYPE", default_value = "Any", alias = "proxy_type")]
    proxy_type: String,
    /// The index it was created with
    #[arg(long, value_name = "N", default_value_t = 0)]
    index: u16,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl proxy announce`
#[derive(Args, Debug)]
pub(crate) struct AnnounceArgs {
    /// On whose behalf
    #[arg(long, value_name = "SS58", value_parser = addr::coldkey)]
    real: Coldkey,
    #[command(flatten)]
    call: AnnouncedArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl proxy execute`
#[derive(Args, Debug)]
pub(crate) struct ExecuteArgs {
    /// On whose behalf; without it, that of --proxy, as in btcli 9
    #[arg(long, value_name = "SS58", required_unless_present = "proxy", value_parser = addr::coldkey)]
    real: Option<Coldkey>,
    /// Who announced it; the signing coldkey without it
    #[arg(long, value_name = "SS58", value_parser = addr::coldkey)]
    delegate: Option<Coldkey>,
    /// The call as JSON; btd knows what it announced itself
    #[arg(long, value_name = "JSON", value_parser = call, conflicts_with_all = ["call_hex", "call_hash"])]
    call: Option<AnyCall>,
    /// The call as the runtime's bytes
    #[arg(long, value_name = "HEX", alias = "call_hex")]
    call_hex: Option<String>,
    /// Its hash; without it and the call, the only one that is announced
    #[arg(long, value_name = "HASH", alias = "call_hash")]
    call_hash: Option<BlockHash>,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    terms: Terms,
}

/// What is announced.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
struct AnnouncedArg {
    /// The call as JSON, which btd remembers for as far back as `tx list` goes
    #[arg(long, value_name = "JSON", value_parser = call)]
    call: Option<AnyCall>,
    /// BLAKE2b-256 of the call's bytes, without the call
    #[arg(long, value_name = "HASH", alias = "call_hash")]
    call_hash: Option<BlockHash>,
}

/// Any call of the runtime.
#[derive(Args, Clone, Debug)]
pub(crate) struct CallArg {
    /// The call as JSON: `{"pallet": "Balances", "call": "transfer_keep_alive", "args": {...}}`; so are calls in it
    #[arg(long, value_name = "JSON", value_parser = call)]
    pub(crate) call: AnyCall,
}

/// A call that was proposed.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProposedArg {
    /// The call as JSON; without it, btd looks for it where it was proposed, and in what it signed
    #[arg(long, value_name = "JSON", value_parser = call, conflicts_with = "call_hash")]
    pub(crate) call: Option<AnyCall>,
    /// Its hash; without it and the call, the only one that is proposed
    #[arg(long, value_name = "HASH", alias = "call_hash")]
    pub(crate) call_hash: Option<BlockHash>,
}

fn call(text: &str) -> Result<AnyCall, String> {
    serde_json::from_str(text).map_err(|error| format!("not a call: {error}"))
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        match self {
            Self::List(args) => {
                let reply = session.call::<List>(&args.resolve(settings)).await?;
                session.out.reply(&reply, list).map(|()| Exit::Success)
            }
            Self::Add(args) => {
                let params = unsent!(AddParams {
                    delegate: args.delegate,
                    proxy_type: args.kind.proxy_type,
                    delay: args.kind.delay,
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<Add>(session, params, args.terms).await
            }
            Self::Remove(args) => {
                let params = unsent!(RemoveParams {
                    all: args.delegate.is_none(),
                    delegate: args.delegate,
                    proxy_type: args.kind.proxy_type,
                    delay: args.kind.delay,
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<Remove>(session, params, args.terms).await
            }
            Self::Create(args) => {
                let params = unsent!(CreateParams {
                    proxy_type: args.kind.proxy_type,
                    delay: args.kind.delay,
                    index: args.index,
                    wallet: args.wallet.resolve(settings),
                });
                spend::spend::<Create>(session, params, args.terms, created).await
            }
            Self::Kill(args) => {
                let wallet = args.wallet.resolve(settings);
                let spawner = match args.spawner {
                    Some(spawner) => spawner,
                    None => NamedColdkey::Wallet(wallet.clone()).resolve("--spawner", session).await?,
                };
                let params = unsent!(KillParams {
                    spawner,
                    height: args.height,
                    ext_index: args.ext_index,
                    proxy_type: args.proxy_type,
                    index: args.index,
                    wallet,
                });
                spend::sign::<Kill>(session, params, args.terms).await
            }
            Self::Announce(args) => {
                let params = unsent!(AnnounceParams {
                    real: args.real,
                    call_hash: args.call.call_hash,
                    call: args.call.call,
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<Announce>(session, params, args.terms).await
            }
            Self::Execute(args) => {
                let (real, terms) = on_behalf(args.real, args.terms)?;
                let params = unsent!(ExecuteParams {
                    real,
                    call: args.call,
                    call_hex: args.call_hex,
                    call_hash: args.call_hash,
                    delegate: args.delegate,
                    wallet: args.wallet.resolve(settings),
                });
                spend::sign::<Execute>(session, params, terms).await
            }
        }
    }
}

/// On whose behalf an announced call is made, and how that is signed. `--proxy` alone names that account, and beside
/// `--real` of the same account says it twice: nobody is the proxy of himself. Of another, the signer acts for that one.
fn on_behalf(real: Option<Coldkey>, terms: Terms) -> Result<(Coldkey, Terms), Failure> {
    match (real, terms.real()) {
        (Some(real), Some(proxy)) if real != proxy => Ok((real, terms)),
        (_, Some(real)) if terms.is_announced() => {
            Err(Failure::usage(format!("what was announced for {real} is made by this: leave --announce-only out")))
        }
        (Some(real), _) | (None, Some(real)) => Ok((real, terms.without_real())),
        (None, None) => Err(Failure::usage("--real names the account on whose behalf the call is made")),
    }
}

fn list(reply: &Proxies, page: Page) -> String {
    let mut table = Table::new(&[Column::address("DELEGATE"), Column::text("TYPE"), Column::number("DELAY (BLOCKS)")]);
    for one in &reply.proxies {
        table.row(&[one.delegate.to_string(), one.proxy_type.clone(), one.delay.to_string()]);
    }
    let Proxies { at, coldkey, deposit, proxies, announced } = reply;
    let rights = if proxies.is_empty() {
        format!("nobody may sign for {coldkey}\n")
    } else {
        format!("{}may sign for {coldkey}; τ{deposit} are held for it\n", table.render(page))
    };
    format!("{rights}{}{}\n", announcements(announced, page), text::at(at, page))
}

fn announcements(announced: &[Announcement], page: Page) -> String {
    if announced.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::address("ON BEHALF OF"),
        Column::text("CALL"),
        Column::number("ANNOUNCED"),
        Column::number("FROM BLOCK"),
        Column::text("HASH"),
    ]);
    let unknown = || "-".to_owned();
    for one in announced {
        table.row(&[
            one.real.to_string(),
            one.call.clone().unwrap_or_else(unknown),
            one.announced_at.to_string(),
            one.executable_from.map_or_else(unknown, |from| from.to_string()),
            one.call_hash.to_string(),
        ]);
    }
    format!("{}announced, and neither made nor taken back\n", table.render(page))
}

fn created(created: &CreatedProxy, page: Page) -> String {
    let mut facts = Facts::default();
    if let Some(account) = created.account {
        facts.add("account", account);
    }
    spend::layout::outcome(&created.receipt, page, &mut facts);
    facts.render(page)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;
    use crate::args::Cli;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    const HASH: &str = "1111111111111111111111111111111111111111111111111111111111111111";

    #[test]
    fn calls_are_json() {
        assert!(call(r#"{"pallet": "System", "call": "remark", "args": {"remark": "x"}}"#).is_ok());
        assert!(call("System.remark").unwrap_err().contains("not a call"));
    }

    #[test]
    fn the_spellings_of_the_python_command_lines_are_taken() {
        for good in [
            format!("proxy add --delegate {BOB} --proxy-type Staking --delay 0 --wallet-name alice"),
            "proxy remove --all".to_owned(),
            "proxy create --index 1".to_owned(),
            format!("proxy kill --height 5 --ext-index 1 --spawner {BOB} --proxy {BOB}"),
            format!("proxy kill --height 5 --ext-index 1 --proxy {BOB} --announce-only"),
            "proxy list".to_owned(),
            format!("proxy announce --real {BOB} --call-hash 0x{HASH}"),
            format!(r#"proxy announce --real {BOB} --call {{"pallet":"System","call":"remark"}}"#),
            format!("proxy execute --real {BOB} --delegate {BOB} --call-hash 0x{HASH} --call-hex 0x0000"),
            format!("proxy execute --real {BOB}"),
            format!("proxy execute --proxy {BOB} --call-hash 0x{HASH}"),
        ] {
            assert!(Cli::try_parse_from(format!("btctl {good}").split(' ')).is_ok(), "{good}");
        }
        for bad in [
            format!("proxy announce --real {BOB}"),
            format!("proxy execute --call-hash 0x{HASH}"),
            format!(r#"proxy execute --real {BOB} --call-hash 0x{HASH} --call {{"pallet":"System","call":"remark"}}"#),
        ] {
            assert!(Cli::try_parse_from(format!("btctl {bad}").split(' ')).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_proxy_of_an_announced_call_is_the_account_it_is_made_for() {
        #[derive(Parser)]
        struct Just {
            #[command(flatten)]
            args: ExecuteArgs,
        }
        const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let address = |text: &str| -> Coldkey { text.parse().unwrap() };
        for (words, real, proxy) in [
            (format!("--proxy {BOB}"), BOB, None),
            (format!("--real {BOB}"), BOB, None),
            (format!("--real {BOB} --proxy {BOB}"), BOB, None),
            (format!("--real {BOB} --proxy {ALICE}"), BOB, Some(ALICE)),
        ] {
            let Just { args } = Just::parse_from(format!("x {words}").split(' '));
            let (on_behalf_of, terms) = on_behalf(args.real, args.terms).unwrap();
            assert_eq!((on_behalf_of, terms.real()), (address(real), proxy.map(address)), "{words}");
        }
        // Another's proxy may announce that it is to be made; the proxy of the account itself makes it.
        for (words, is_fine) in [
            (format!("--proxy {BOB} --announce-only"), false),
            (format!("--real {BOB} --proxy {BOB} --announce-only"), false),
            (format!("--real {BOB} --proxy {ALICE} --announce-only"), true),
        ] {
            let Just { args } = Just::parse_from(format!("x {words}").split(' '));
            assert_eq!(on_behalf(args.real, args.terms).is_ok(), is_fine, "{words}");
        }
    }

    #[test]
    fn what_waits_is_listed_behind_who_may_sign() {
        let at = json!({ "number": 9, "hash": format!("0x{HASH}"), "age_ms": 100, "stale": false });
        let waits = |call: Value, from: Value| {
            json!({
                "real": BOB, "call_hash": format!("0x{HASH}"), "announced_at": 7, "executable_from": from, "call": call,
            })
        };
        let reply: Proxies = serde_json::from_value(json!({
            "at": at, "coldkey": BOB, "deposit": "0", "proxies": [],
            "announced": [waits(json!("System.remark"), json!(17)), waits(json!(null), json!(null))],
        }))
        .unwrap();
        let text = list(&reply, Page::default());
        assert!(text.starts_with(&format!("nobody may sign for {BOB}\nON BEHALF OF")), "{text}");
        let words: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(words[2], format!("{BOB} System.remark 7 17 0x{HASH}"));
        assert_eq!(words[3], format!("{BOB} - 7 - 0x{HASH}"));
        assert_eq!(words[4], "announced, and neither made nor taken back");
    }
}
