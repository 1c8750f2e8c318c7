//! `btctl`, the command line of btd: it reads what was typed, asks the daemon one thing on a local
//! socket, and shows the answer.
//!
//! It holds no key, knows no chain and decides nothing: amounts, addresses and rights are checked
//! again by the daemon. What it links of this project is the contract alone, [`btd_api`].
//!
//! | file | what |
//! | --- | --- |
//! | [`args`] | what can be typed |
//! | [`preferences`], [`settings`] | what follows from it, from the environment and from files |
//! | [`network`], [`wallets`] | whether the daemon follows the network, and holds the wallets, that are asked for |
//! | [`session`] | one request on the socket |
//! | [`wallet`], [`stake`], [`subnets`], [`sudo`], [`weights`], [`root`], [`proxy`], [`multisig`], [`crowd`], [`tx`], [`axon`], [`dendrite`], [`devnet`], [`node`], [`chain`], [`config`], [`addr`], [`misc`], [`legacy`], [`rpc`] | a noun each: its arguments, its question, its display |
//! | [`spend`] | plan, card, consent, then the real call: the same for all that signs an extrinsic |
//! | [`prompt`] | questions to a person, and only where there is one |
//! | [`interrupt`] | Ctrl-C, where the system does not see to it any more |
//! | [`output`] | the only place that prints |
//! | [`failure`], [`exit`] | what went wrong, in words and as an exit code |

mod addr;
mod args;
mod axon;
mod chain;
mod config;
mod crowd;
mod dendrite;
mod devnet;
mod exit;
mod explain;
mod failure;
mod interrupt;
mod legacy;
mod live;
mod misc;
mod multisig;
mod network;
mod node;
mod output;
mod preferences;
mod prompt;
mod proxy;
mod root;
mod rpc;
mod session;
mod settings;
mod shell;
mod spend;
mod stake;
mod subnets;
mod sudo;
mod tx;
mod wallet;
mod wallets;
mod weights;

use std::process::ExitCode;

use crate::{
    args::Cli,
    output::Output,
    preferences::{Key, Preferences},
    session::Session,
    settings::Settings,
};

fn main() -> ExitCode {
    let preferences = Preferences::load(&settings::environment);
    let mut person = prompt::Terminal;
    // What is asked depends on the file that is named, and the file on what was typed; that it is bad is said below.
    let named =
        |preferences: &Preferences| preferences.clone().with(args::config_of(std::env::args_os()).as_deref()).ok();
    let early = preferences.as_ref().ok().and_then(named);
    let typed = match args::parse(std::env::args_os(), interview(early.as_ref(), &mut person)) {
        Ok(typed) => typed,
        Err(refusal) => return output::refusal(&refusal),
    };
    let mut cli = typed.cli;
    let preferences = preferences.and_then(|preferences| preferences.with(cli.global.config.as_deref()));
    let preferences = match preferences {
        Ok(preferences) => preferences,
        Err(failure) => return Output::new(&cli.global, &settings::environment).end(Err(failure)),
    };
    cli.global.json |= preferences.is_set(Key::Json) == Some(true);
    cli.global.quiet |= preferences.is_set(Key::Quiet) == Some(true);
    let output = Output::new(&cli.global, &settings::environment);
    match Settings::resolve(&cli.global, &settings::environment, &preferences) {
        Ok(settings) => {
            let session = Session::new(settings, output, typed.words);
            for word in typed.idle {
                session.out.note(format!("note: {word} has no meaning for this command"));
            }
            if let Some(meant) = typed.assumed {
                session.out.note(format!("note: {meant}"));
            }
            if typed.asked {
                session.was_asked();
            }
            let ended = run(cli, &session);
            if ended.is_ok() {
                session.tell_unasked();
            }
            session.out.end(ended)
        }
        Err(failure) => output.end(Err(failure)),
    }
}

/// Whoever can be asked for what was not typed: a person at a terminal, unless answers are set to be JSON.
fn interview<'p>(preferences: Option<&Preferences>, person: &'p mut prompt::Terminal) -> Option<args::Interview<'p>> {
    let preferences = preferences?;
    if !prompt::has_person() || preferences.is_set(Key::Json) == Some(true) {
        return None;
    }
    let is_set = |key| preferences.effective(key, &settings::environment).0.is_some();
    let set = args::Defaults { wallet: is_set(Key::WalletName), hotkey: is_set(Key::WalletHotkey) };
    Some(args::Interview::new(person, set))
}

fn run(cli: Cli, session: &Session) -> Result<exit::Exit, failure::Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| failure::Failure::System { what: "an event loop", source })?;
    let ended = runtime.block_on(cli.command.run(session));
    // A task that still holds the socket must not delay the end.
    runtime.shutdown_background();
    ended
}
