//! Messages that only the holder of an ed25519 key can read.

use btd_api::{
    AccountId,
    wallet::{
        Secret,
        keyfiles::{Decrypt, DecryptParams, Decrypted, Encrypt, EncryptParams, Encrypted},
    },
};
use clap::Args;

use super::keys::KeyArg;
use crate::{
    addr,
    args::WalletArg,
    exit::Exit,
    failure::Failure,
    output::{Page, text},
    prompt::SecretSource,
    session::Session,
};

/// `btctl wallet encrypt`
#[derive(Args, Debug)]
pub(crate) struct EncryptArgs {
    /// The ed25519 key that alone can read it
    #[arg(long, short = 't', value_name = "ADDRESS", visible_alias = "recipient", aliases = ["to-ss58", "to_ss58", "ss58"], value_parser = addr::account)]
    to: AccountId,
    /// The message, where every process may read it
    #[arg(long, short = 'm', value_name = "TEXT", required_unless_present = "message_stdin")]
    message: Option<String>,
    /// Take all of standard input as the message
    #[arg(long, conflicts_with = "message")]
    message_stdin: bool,
}

/// `btctl wallet decrypt`
#[derive(Args, Debug)]
pub(crate) struct DecryptArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    key: KeyArg,
    /// Decrypt with the hotkey that is named, or with the usual one
    #[arg(long, alias = "use_hotkey")]
    use_hotkey: bool,
    /// The sealed message, in hex
    #[arg(long, short = 'c', value_name = "HEX")]
    ciphertext: String,
}

// === the commands ===

impl EncryptArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let message = match self.message {
            Some(message) => Secret::new(message),
            None => SecretSource::whole_stdin()?,
        };
        let params = EncryptParams { message, to: self.to };
        let reply = session.call::<Encrypt>(&params).await?;
        if let Some(warning) = &reply.read()?.warning {
            session.out.warn(format_args!("warning: {}", text::visible_lines(warning)));
        }
        session.out.reply(&reply, |sealed: &Encrypted, _: Page| format!("{}\n", sealed.ciphertext))?;
        Ok(Exit::Success)
    }
}

impl DecryptArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let key = self.key.or_usual(self.use_hotkey, &session.settings);
        let params = DecryptParams { ciphertext: self.ciphertext, wallet: self.wallet.resolve(&session.settings), key };
        let reply = session.call::<Decrypt>(&params).await?;
        session.out.reply(&reply, opened)?;
        Ok(Exit::Success)
    }
}

/// The message is anybody's: on a terminal it must not act, elsewhere it is given as it is.
fn opened(opened: &Decrypted, page: Page) -> String {
    let message = opened.message.expose();
    if page.width.is_some() { format!("{}\n", text::visible_lines(message)) } else { format!("{message}\n") }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn a_message_does_not_act_on_a_terminal() {
        let message = Decrypted {
            message: Secret::new("a\u{1b}[2Jb\nc"),
            to: "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu".parse().unwrap(),
        };
        assert_eq!(opened(&message, Page::default()), "a\u{1b}[2Jb\nc\n");
        assert_eq!(opened(&message, Page { width: Some(80), ..Page::default() }), "a\u{fffd}[2Jb\nc\n");
    }

    #[test]
    fn the_spellings_of_the_python_command_lines_work() {
        const ALICE: &str = "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu";
        let parses = |words: &str| Cli::try_parse_from(format!("btctl wallet {words}").split(' ')).is_ok();
        for good in [
            format!("encrypt --to {ALICE} --message hi"),
            format!("encrypt -t {ALICE} -m hi"),
            format!("encrypt --recipient {ALICE} --message hi"),
            format!("encrypt -t {ALICE} --message-stdin"),
            "decrypt -w a --ciphertext 00 --use-hotkey".to_owned(),
            "decrypt -w a -H h --ciphertext 00 --use-hotkey".to_owned(),
            "decrypt -w a -H h -c 0x00".to_owned(),
        ] {
            assert!(parses(&good), "{good}");
        }
        assert!(!parses(&format!("encrypt -t {ALICE}")));
        assert!(!parses(&format!("encrypt -t {ALICE} -m hi --message-stdin")));
        assert!(!parses("encrypt --message hi") && !parses("decrypt -w a"));
    }
}
