//! What a coldkey has staked, with what it is worth and earns.

use btd_api::{
    Alpha, Tao,
    stake::{List, Position, Stakes},
};

use clap::Args;

use crate::{
    args::ColdkeysArg,
    exit::Exit,
    failure::Failure,
    live::LiveArgs,
    output::{
        Page,
        table::{Column, Table},
        text,
    },
    session::Session,
};

/// `btctl stake list`
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    coldkeys: ColdkeysArg,
    #[command(flatten)]
    live: LiveArgs,
}

pub(super) async fn run(args: ListArgs, session: &Session) -> Result<Exit, Failure> {
    if !args.live.is_wanted(None)? {
        return args.coldkeys.show::<List>(session, render).await;
    }
    let Some(params) = args.coldkeys.only(session) else {
        return Err(Failure::usage("one coldkey can be followed at a time: leave --all or --live out"));
    };
    // It is read from the chain, at the newest block.
    args.live.follow::<List>(session, |_| params.clone(), render).await
}

/// The positions in a table, with what they are worth.
pub(crate) fn render(stakes: &Stakes, page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("NETUID"),
        Column::text("NAME").leaves(3),
        Column::address("HOTKEY"),
        Column::number("STAKE"),
        Column::number("PRICE (τ/α)").leaves(1),
        Column::number("VALUE (τ)"),
        Column::text("REGISTERED").leaves(2),
        Column::number("EMISSION (α/block)").leaves(5),
        Column::number("EMISSION (τ/block)").leaves(4),
        Column::number("CLAIMABLE (α)").leaves(6),
        Column::number("LOCKED (α)").leaves(7),
    ]);
    for position in &stakes.positions {
        table.row(&row(position));
    }
    // Of those that are shown, which may be some of them only.
    let mut values = stakes.positions.iter().map(|position| position.value);
    let shown = values.try_fold(Tao::ZERO, |sum, value| Some(sum.saturating_add(value?)));
    table.row(&[
        "total".into(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        text::known(shown),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ]);
    let with_stake = stakes.value.map(|value| format!("τ{}", stakes.free.saturating_add(value)));
    format!(
        "{}coldkey {}, free τ{}, with stake {}; value at the prices now, slippage not counted\n{}\n",
        table.render(page),
        stakes.coldkey,
        stakes.free,
        with_stake.as_deref().unwrap_or("not known"),
        text::at(&stakes.at, page)
    )
}

fn row(position: &Position) -> [String; 11] {
    let some = |alpha: Alpha| if alpha == Alpha::ZERO { "-".to_owned() } else { alpha.to_string() };
    [
        position.netuid.to_string(),
        [position.name.as_str(), position.symbol.as_str()].join(" ").trim().to_owned(),
        position.hotkey.to_string(),
        super::pick::staked(position),
        text::known(position.price),
        text::known(position.value),
        position.registered.map_or("-", |is| if is { "yes" } else { "no" }).to_owned(),
        some(position.emission_per_block.unwrap_or(Alpha::ZERO)),
        match position.emission_tao_per_block {
            Some(tao) if tao > Tao::ZERO => tao.to_string(),
            _ => "-".to_owned(),
        },
        some(position.claimable),
        some(position.locked),
    ]
}

#[cfg(test)]
mod tests {
    use btd_api::NetUid;
    use serde_json::json;

    use super::*;

    #[test]
    fn positions_have_a_total() {
        let hotkey = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        let stakes: Stakes = serde_json::from_value(json!({
            "at": { "number": 9, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 100, "stale": false },
            "coldkey": hotkey, "free": "1000000000", "value": "500000000",
            "positions": [{
                "netuid": 1, "name": "apex", "symbol": "α", "hotkey": hotkey, "stake": "1000000000", "locked": "0",
                "price": "500000000", "value": "500000000", "registered": true, "emission": "200",
                "emission_tao": "0", "emission_per_block": "2", "emission_tao_per_block": "0", "claimable": "7",
            }],
        }))
        .unwrap();
        let text = render(&stakes, Page::default());
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("apex α") && lines[1].contains("0.000000007"), "{text}");
        assert!(lines[0].contains("EMISSION (α/block)") && lines[1].contains(" 0.000000002 "), "{text}");
        assert!(lines[1].contains("α1.000000000"), "{text}");
        let root =
            Stakes { positions: vec![Position { netuid: NetUid::ROOT, ..stakes.positions[0].clone() }], ..stakes };
        assert!(render(&root, Page::default()).contains("τ1.000000000"), "stake on root is tao");
        assert!(lines[2].trim_start().starts_with("total") && lines[2].contains("0.500000000"), "{text}");
        assert!(lines[3].contains("free τ1.000000000, with stake τ1.500000000"), "{text}");
        let unpriced = Position { price: None, value: None, ..root.positions[0].clone() };
        let unpriced = Stakes { value: None, positions: vec![root.positions[0].clone(), unpriced], ..root };
        let text = render(&unpriced, Page::default());
        let lines: Vec<&str> = text.lines().collect();
        assert!(!lines[2].contains("0.500000000") && !lines[3].contains("0.500000000"), "{text}");
        assert_eq!(lines[3].split_whitespace().collect::<Vec<_>>(), ["total", "-"], "{text}");
        assert!(lines[4].contains("free τ1.000000000, with stake not known"), "{text}");
    }
}
