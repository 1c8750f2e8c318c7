//! Root weights: set whole, or nudged for one subnet, and shown.

use btd_api::{
    Method, NetUid, Ratio,
    root::{GetWeights, NudgeParams, RootRows, SubnetWeight, Weights, WeightsParams},
    rpc::Nothing,
    unsent,
    wallet::Receipt,
};
use clap::Args;

use crate::{
    args::{
        HotkeyArg, WalletArg, number,
        share::{Share, share},
    },
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
    spend::{self, Terms},
    weights,
};

/// `btctl root weights`
#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    /// The subnets: `1,2`; asked for without it [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUIDS", visible_alias = "netuid", value_delimiter = ',', value_parser = number::<NetUid>)]
    netuids: Vec<NetUid>,
    /// Their weights, in order; only their proportions count; asked for without it
    #[arg(long = "weights", value_name = "WEIGHTS", value_delimiter = ',', value_parser = share)]
    weights: Vec<Share>,
    /// The version key
    #[arg(long, value_name = "N", default_value_t = 0, alias = "version_key")]
    version_key: u64,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    terms: Terms,
}

/// Which subnet's weight is changed.
#[derive(Args, Clone, Copy, Debug)]
struct TargetArg {
    /// The subnet [btcli 11's -n: --network]
    #[arg(long, short = 'n', value_name = "NETUID", value_parser = number::<NetUid>)]
    netuid: NetUid,
}

/// Whose row it is in, and how it is signed.
#[derive(Args, Debug)]
struct NudgeArgs {
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl root boost`
#[derive(Args, Debug)]
pub(crate) struct BoostArgs {
    #[command(flatten)]
    target: TargetArg,
    /// By how much of the whole: `0.01` or `1%`
    #[arg(long, value_name = "SHARE", visible_alias = "amount", short = 'a')]
    increase: Ratio,
    #[command(flatten)]
    nudge: NudgeArgs,
}

/// `btctl root slash`
#[derive(Args, Debug)]
pub(crate) struct SlashArgs {
    #[command(flatten)]
    target: TargetArg,
    /// By how much of the whole: `0.01` or `1%`
    #[arg(long, value_name = "SHARE", visible_alias = "amount", short = 'a')]
    decrease: Ratio,
    #[command(flatten)]
    nudge: NudgeArgs,
}

// === impl SetArgs, BoostArgs, SlashArgs, NudgeArgs ===

/// A list with commas or spaces, each item read by `read`.
fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Failure> {
    let words = text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| read(word).map_err(Failure::usage)).collect()
}

/// What a person answers; a program is told which flag answers.
async fn asked(session: &Session, question: &'static str, hint: &'static str) -> Result<String, Failure> {
    session.ask(question).await?.ok_or(Failure::NobodyToAsk { question, hint })
}

/// A list as a flag takes it.
fn flag_value<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl SetArgs {
    pub(super) async fn run(mut self, session: &Session) -> Result<Exit, Failure> {
        if self.netuids.is_empty() {
            let told = asked(session, "The subnets, such as 1,2", "--netuids names them").await?;
            self.netuids = list(&told, number::<NetUid>)?;
            session.answered("--netuids", &flag_value(&self.netuids));
        }
        if self.weights.is_empty() {
            let question = "Their weights in the same order, such as 0.5,10";
            let told = asked(session, question, "--weights tells them").await?;
            self.weights = list(&told, share)?;
            session.answered("--weights", &flag_value(&self.weights));
        }
        if self.netuids.len() != self.weights.len() {
            return Err(Failure::usage("each of --netuids has one of --weights, in the same order"));
        }
        let pairs = self.netuids.into_iter().zip(weights::scale(&self.weights)?);
        let params = unsent!(WeightsParams {
            weights: pairs.map(|(netuid, weight)| SubnetWeight { netuid, weight }).collect(),
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
            version_key: self.version_key,
        });
        spend::sign::<Weights>(session, params, self.terms).await
    }
}

impl BoostArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        self.nudge.run::<btd_api::root::Boost>(session, self.target.netuid, self.increase).await
    }
}

impl SlashArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        self.nudge.run::<btd_api::root::Slash>(session, self.target.netuid, self.decrease).await
    }
}

impl NudgeArgs {
    async fn run<M>(self, session: &Session, netuid: NetUid, amount: Ratio) -> Result<Exit, Failure>
    where
        M: Method<Params = NudgeParams, Reply = Receipt>,
    {
        let params = unsent!(NudgeParams {
            netuid,
            amount,
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
        });
        spend::sign::<M>(session, params, self.terms).await
    }
}

pub(super) async fn get(session: &Session) -> Result<Exit, Failure> {
    let reply = session.call::<GetWeights>(&Nothing {}).await?;
    session.out.reply(&reply, rows).map(|()| Exit::Success)
}

/// A line for each weight: there may be more subnets than a table has room for.
fn rows(reply: &RootRows, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("UID"),
        Column::address("HOTKEY"),
        Column::number("NETUID"),
        Column::number("SHARE"),
    ]);
    for row in &reply.rows {
        let hotkey = row.hotkey.map_or_else(|| "-".to_owned(), |hotkey| hotkey.to_string());
        for one in &row.weights {
            table.row(&[row.uid.to_string(), hotkey.clone(), one.netuid.to_string(), one.share.to_string()]);
        }
    }
    let count = text::count(reply.rows.len(), "validator");
    format!("{}{count} with weights, {}\n", table.render(page), text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_people_write_them() {
        assert_eq!(list("1, 2 3,", number::<NetUid>).unwrap(), [NetUid(1), NetUid(2), NetUid(3)]);
        assert!(list("1,x", number::<NetUid>).is_err());
    }
}
