//! The weights or bonds of a subnet, as a list of the entries that are not zero.

use btd_api::{
    MechId,
    metagraph::{Matrix, MatrixName, MatrixParams, MatrixReply},
};
use clap::{Args, ValueEnum};

use crate::{
    args::NetUidArg,
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
    #[arg(long, value_enum, default_value_t = Which::Weights)]
    matrix: Which,
    /// The mechanism; 0 is the main one
    #[arg(long, value_name = "MECHID", default_value = "0")]
    mechid: MechId,
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
        let params = MatrixParams { netuid, matrix, mechid: self.mechid, block };
        let reply = session.call::<Matrix>(&params).await?;
        session.out.reply(&reply, render).map(|()| Exit::Success)
    }
}

fn render(reply: &MatrixReply, page: Page) -> String {
    let mut table = Table::new(&[Column::number("VALIDATOR"), Column::number("UID"), Column::number("VALUE")]);
    let mut entries = 0;
    for (validator, row) in reply.rows.iter().enumerate() {
        for (uid, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            table.row(&[validator.to_string(), uid.to_string(), format!("{value:.6}")]);
            entries += 1;
        }
    }
    let shown = if entries == 0 { String::new() } else { table.render(page) };
    format!("{shown}{} by {} with {entries} other than zero, {}\n", reply.n, reply.n, text::at(&reply.at, page))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn zeros_are_left_out() {
        let reply: MatrixReply = serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false },
            "n": 2, "rows": [[0.0, 1.0], [0.25, 0.0]],
        }))
        .unwrap();
        let expected = "\
VALIDATOR  UID     VALUE
        0    1  1.000000
        1    0  0.250000
2 by 2 with 2 other than zero, at block #9, just now
";
        assert_eq!(render(&reply, Page::default()), expected);
    }
}
