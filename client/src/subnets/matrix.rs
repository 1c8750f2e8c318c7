//! The weights or bonds of a subnet, as a list of the entries that are not zero.

use btd_api::{
    MechId, Uid,
    metagraph::{Matrix, MatrixForm, MatrixName, MatrixParams, MatrixReply},
};
use clap::{Args, ValueEnum};

use crate::{
    args::{NetUidArg, number},
    chain::query::BlockArg,
    exit::Exit,
    failure::Failure,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl subnets matrix`
#[derive(Args, Debug)]
pub(crate) struct MatrixArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    /// Which matrix
    #[arg(long, value_enum, ignore_case = true, default_value_t = Which::Weights)]
    matrix: Which,
    /// The mechanism; 0 is the main one
    #[arg(long, value_name = "MECHID", default_value = "0")]
    mechid: MechId,
    /// The validator whose row is shown; without it, all of them
    #[arg(long, value_name = "UID", value_parser = number::<Uid>)]
    uid: Option<Uid>,
    /// With --json: every number of every row, zeros too. Of thousands of neurons that is more than a reply may hold
    #[arg(long)]
    dense: bool,
    #[command(flatten)]
    at: BlockArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// What each validator gives each neuron
    Weights,
    /// What each validator holds of each neuron
    Bonds,
}

// === impl MatrixArgs ===

impl MatrixArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let matrix = match self.matrix {
            Which::Weights => MatrixName::Weights,
            Which::Bonds => MatrixName::Bonds,
        };
        let (netuid, block) = (self.netuid.resolve(), self.at.block);
        let form = if self.dense { MatrixForm::Dense } else { MatrixForm::Sparse };
        let params = MatrixParams { netuid, matrix, mechid: self.mechid, block, form, uid: self.uid };
        let reply = session.call::<Matrix>(&params).await?;
        session.out.reply(&reply, |reply, page| render(reply, self.uid, page)).map(|()| Exit::Success)
    }
}

/// The entries that are not zero; `only` is the one validator that was asked for.
fn render(reply: &MatrixReply, only: Option<Uid>, page: Page) -> String {
    let mut table = Table::new(&[Column::number("VALIDATOR"), Column::number("UID"), Column::number("VALUE")]);
    let mut entries = 0;
    let mut row = |validator: Uid, uid: Uid, value: f32| {
        if value != 0.0 {
            table.row(&[validator.to_string(), uid.to_string(), format!("{value:.6}")]);
            entries += 1;
        }
    };
    for (validator, shares) in reply.entries.iter().flatten() {
        for (uid, value) in shares {
            row(*validator, *uid, *value);
        }
    }
    for (validator, values) in (only.map_or(0, |uid| uid.0)..).map(Uid).zip(reply.rows.iter().flatten()) {
        for (uid, value) in (0..).map(Uid).zip(values) {
            row(validator, uid, *value);
        }
    }
    let shown = if entries == 0 { String::new() } else { table.render(page) };
    let whole = || format!("{} by {}", reply.n, reply.n);
    let what = only.map_or_else(whole, |uid| format!("row {uid} of {}", reply.n));
    format!("{shown}{what} with {entries} other than zero, {}\n", text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn zeros_are_left_out() {
        let reply = |name: &str, numbers: serde_json::Value| -> MatrixReply {
            serde_json::from_value(json!({
                "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false },
                "n": 2, name: numbers,
            }))
            .unwrap()
        };
        let expected = "\
VALIDATOR  UID     VALUE
        0    1  1.000000
        1    0  0.250000
2 by 2 with 2 other than zero, at block #9, just now
";
        assert_eq!(render(&reply("rows", json!([[0.0, 1.0], [0.25, 0.0]])), None, Page::default()), expected);
        let sparse = reply("entries", json!([[0, [[1, 1.0]]], [1, [[0, 0.25]]]]));
        assert_eq!(render(&sparse, None, Page::default()), expected);
        let second = render(&reply("rows", json!([[0.25, 0.0]])), Some(Uid(1)), Page::default());
        let expected = "\
VALIDATOR  UID     VALUE
        1    0  0.250000
row 1 of 2 with 1 other than zero, at block #9, just now
";
        assert_eq!(second, expected);
    }
}
