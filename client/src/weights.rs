//! The noun `weights`: what a validator thinks of a subnet's neurons.

use btd_api::{
    MechId, Uid, unsent,
    weights::{
        Commit, CommitParams, Committed, Reveal, RevealParams, Set, SetParams, Show, ShowParams, Standing, Weight,
    },
};
use clap::{Args, Subcommand};

use crate::{
    args::{
        HotkeyArg, NetUidArg, WalletArg, number,
        share::{Share, share},
    },
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
    stake::HotkeyRefArg,
};

/// `btctl weights ...`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set a validator's weights at once
    Set(VectorArgs),
    /// Commit a validator's weights without telling them
    Commit(CommitArgs),
    /// Reveal weights that were committed
    Reveal(RevealArgs),
    /// The weights of a validator as they stand, and what waits for its reveal
    #[command(visible_alias = "get")]
    Show(ShowArgs),
}

/// A vector of weights and who has it.
#[derive(Args, Debug)]
#[command(mut_arg("wallet", |wallet| wallet.short(None::<char>)))]
pub(crate) struct VectorArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// The neurons: `0,1,2`
    #[arg(long, short = 'u', value_name = "UIDS", value_delimiter = ',', required = true, value_parser = number::<Uid>)]
    uids: Vec<Uid>,
    /// Their weights, in order; only their proportions count: `0.5,0.3,0.2`. As in btcli 9 `-w` stands for them here, and
    /// not for the wallet
    #[arg(long = "weights", short = 'w', value_name = "WEIGHTS", value_delimiter = ',', required = true, value_parser = share)]
    weights: Vec<Share>,
    /// The mechanism
    #[arg(long, value_name = "MECHID", default_value = "0", aliases = ["mech-id", "mechanism-id"], value_parser = number::<MechId>)]
    mechid: MechId,
    /// The version key that the subnet asks for
    #[arg(long, value_name = "N", default_value_t = 0, alias = "version_key")]
    version_key: u64,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl weights commit`
#[derive(Args, Debug)]
pub(crate) struct CommitArgs {
    #[command(flatten)]
    vector: VectorArgs,
    /// Numbers that hide them, to be kept for the reveal; without it, btd draws and tells them
    #[arg(long, short = 's', value_name = "NUMBERS", value_delimiter = ',')]
    salt: Vec<u16>,
}

/// `btctl weights reveal`
#[derive(Args, Debug)]
pub(crate) struct RevealArgs {
    #[command(flatten)]
    vector: VectorArgs,
    /// The salt of the commit
    #[arg(long, short = 's', value_name = "NUMBERS", value_delimiter = ',', required = true)]
    salt: Vec<u16>,
}

/// `btctl weights show`
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    hotkey: HotkeyRefArg,
    #[command(flatten)]
    wallet: WalletArg,
    /// The mechanism
    #[arg(long, value_name = "MECHID", default_value = "0", aliases = ["mech-id", "mechanism-id"], value_parser = number::<MechId>)]
    mechid: MechId,
}

/// Weights as people write them, scaled so that the largest is 65535, as the SDK sends them.
pub(crate) fn scale(weights: &[Share]) -> Result<Vec<u16>, Failure> {
    let Some(largest) = weights.iter().copied().max().filter(|largest| !largest.is_zero()) else {
        return Err(Failure::usage("all weights are zero: at least one is more"));
    };
    Ok(weights.iter().map(|weight| weight.of(largest, u16::MAX)).collect())
}

impl VectorArgs {
    fn weights(&self) -> Result<Vec<Weight>, Failure> {
        let (uids, weights) = (self.uids.len(), self.weights.len());
        if uids != weights {
            return Err(Failure::usage(format!(
                "{uids} uids and {weights} weights were given: each uid has one weight"
            )));
        }
        let scaled = scale(&self.weights)?;
        Ok(self.uids.iter().zip(scaled).map(|(uid, weight)| Weight { uid: *uid, weight }).collect())
    }
}

// === impl Command ===

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let settings = &session.settings;
        match self {
            Self::Set(args) => {
                let params = unsent!(SetParams {
                    netuid: args.netuid.resolve(),
                    weights: args.weights()?,
                    wallet: args.wallet.resolve(settings),
                    hotkey: args.hotkey.resolve(settings),
                    mechid: args.mechid,
                    version_key: args.version_key,
                });
                spend::sign::<Set>(session, params, args.terms).await
            }
            Self::Commit(CommitArgs { vector: args, salt }) => {
                let params = unsent!(CommitParams {
                    netuid: args.netuid.resolve(),
                    weights: args.weights()?,
                    salt: Some(salt).filter(|salt| !salt.is_empty()),
                    wallet: args.wallet.resolve(settings),
                    hotkey: args.hotkey.resolve(settings),
                    mechid: args.mechid,
                    version_key: args.version_key,
                });
                spend::spend::<Commit>(session, params, args.terms, committed).await
            }
            Self::Reveal(RevealArgs { vector: args, salt }) => {
                let params = unsent!(RevealParams {
                    netuid: args.netuid.resolve(),
                    weights: args.weights()?,
                    salt,
                    wallet: args.wallet.resolve(settings),
                    hotkey: args.hotkey.resolve(settings),
                    mechid: args.mechid,
                    version_key: args.version_key,
                });
                spend::sign::<Reveal>(session, params, args.terms).await
            }
            Self::Show(args) => {
                let params = ShowParams {
                    netuid: args.netuid.resolve(),
                    hotkey: args.hotkey.resolve(session),
                    wallet: args.wallet.resolve(settings),
                    mechid: args.mechid,
                };
                let reply = session.call::<Show>(&params).await?;
                session.out.reply(&reply, standing).map(|()| Exit::Success)
            }
        }
    }
}

fn committed(committed: &Committed, page: Page) -> String {
    let mut facts = Facts::default();
    let salt: Vec<String> = committed.salt.iter().map(ToString::to_string).collect();
    facts.add("commit", committed.commit_hash);
    facts.add("salt", salt.join(","));
    spend::layout::outcome(&committed.receipt, page, &mut facts);
    facts.render(page)
}

fn standing(standing: &Standing, page: Page) -> String {
    let mut table = Table::new(&[Column::number("UID"), Column::number("WEIGHT"), Column::number("SHARE")]);
    for one in &standing.weights {
        table.row(&[one.uid.to_string(), one.weight.to_string(), one.share.to_string()]);
    }
    let Standing { netuid, hotkey, uid, last_update, next_allowed, commit_reveal, .. } = standing;
    let table = if standing.weights.is_empty() { String::new() } else { table.render(page) };
    let how = if *commit_reveal { "committed first" } else { "set openly" };
    let mut lines = vec![
        format!("subnet {netuid}, hotkey {hotkey}, uid {uid}"),
        format!("weights are {how}; last update #{last_update}, next allowed #{next_allowed}"),
    ];
    for commit in &standing.commits {
        lines.push(format!("commit {} of block #{} waits for its reveal", commit.hash, commit.block));
    }
    lines.push(text::at(&standing.at, page));
    format!("{table}{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_largest_weight_is_the_whole() {
        let weights = |texts: &[&str]| {
            let weights: Vec<Share> = texts.iter().map(|text| share(text).unwrap()).collect();
            scale(&weights)
        };
        assert_eq!(weights(&["0.5", "0.25", "0"]).unwrap(), [65_535, 32_768, 0]);
        assert_eq!(weights(&["10", "10"]).unwrap(), [65_535, 65_535]);
        // As a program's floats look.
        assert_eq!(weights(&["0.3333333333333333", "0.6666666666666666"]).unwrap(), [32_768, 65_535]);
        assert_eq!(weights(&["1e-05", "1.0"]).unwrap(), [1, 65_535]);
        assert!(weights(&["0"]).is_err());
    }

    #[test]
    fn vectors_are_lists_with_commas() {
        for good in [
            "weights set --netuid 1 --uids 0,1 --weights 0.5,0.5 --wallet.hotkey h1",
            "wt commit --netuid 1 -u 0 --weights 1 -s 1,2,3",
            "weights reveal --netuid 1 --uids 0 --weights 1 --salt 1,2,3",
            "weights show 1 --hotkey h1 -w alice",
            "weights set 1 -u 0,1 -w 0.5,0.5 --wallet alice",
            "weights commit 1 -u 0,1 -w 0.5,0.5 -s 1,2,3 --wallet-name alice",
            "weights reveal --netuid 1 -u 0,1 -w 0.5,0.5 -s 1,2,3",
        ] {
            assert!(Cli::try_parse_from(format!("btctl {good}").split(' ')).is_ok(), "{good}");
        }
        let cli = Cli::try_parse_from("btctl weights set 1 -u 0 -w 1 --wallet alice".split(' ')).unwrap();
        let crate::args::Command::Weights(crate::args::Below(Command::Set(args))) = cli.command else {
            panic!("another command")
        };
        assert_eq!((args.weights, args.wallet.wallet), (vec![share("1").unwrap()], "alice".parse().ok()));
        assert!(Cli::try_parse_from("btctl weights reveal --netuid 1 --uids 0 --weights 1".split(' ')).is_err());
    }
}
