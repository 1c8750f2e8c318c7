//! Choosing on a terminal which stake is taken out, and how much of each.

use btd_api::{
    AlphaAmount, HotkeyRef, WalletName,
    stake::{Fill, List, Position, Protection, Remove, RemoveParams},
    unsent,
};

use super::target;
use crate::{
    exit::Exit,
    failure::Failure,
    output::{
        Format, Page,
        table::{Column, Table},
        text,
    },
    prompt,
    session::{Reply, Session},
    spend::{self, Planning, Terms},
};

/// The flags that leave nothing to be asked.
const HINT: &str = "--netuid, --hotkey and --amount say it";

/// Shows what is staked, asks which and how much, and takes each out by an extrinsic of its own.
pub(super) async fn remove(
    session: &Session,
    wallet: WalletName,
    bounds: (Protection, Fill),
    terms: Terms,
) -> Result<Exit, Failure> {
    prompt::require_person("which stake to take out", HINT)?;
    let stakes = session.call::<List>(&target::owner(&wallet, terms.real())).await?.read()?;
    if stakes.positions.is_empty() {
        return Err(Failure::usage(format!("coldkey {} has no stake", stakes.coldkey)));
    }
    session.out.show(|page| numbered(&stakes.positions, page));
    let told = prompt::line("Which, such as 1,3, or all", HINT).await?;
    let chosen = chosen(&told, &stakes.positions).map_err(Failure::usage)?;
    if chosen.len() > 1 && terms.is_keyed() {
        return Err(Failure::usage("one idempotency key is for one extrinsic: choose one position, or leave it out"));
    }
    let mut amounts = Vec::new();
    for position in &chosen {
        session.out.show(|_| format!("subnet {}, hotkey {}: {}", position.netuid, position.hotkey, staked(position)));
        let told = prompt::line("How much of it, or all", HINT).await?;
        amounts.push(AlphaAmount::from_tokens(&told).map_err(|error| Failure::usage(error.to_string()))?);
    }
    let words = without_question(session.words());
    let mut done = Vec::new();
    for (position, amount) in chosen.into_iter().zip(amounts) {
        let (netuid, hotkey) = (position.netuid, position.hotkey);
        let flags = [("--netuid", netuid.to_string()), ("--hotkey", hotkey.to_string()), ("--amount", said(amount))];
        let flags = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        session.stands_for(words.iter().cloned().chain(flags).collect());
        let (protection, fill) = bounds;
        let hotkey = HotkeyRef::Address(hotkey);
        let params = unsent!(RemoveParams { amount, netuid, hotkey, wallet: wallet.clone(), protection, fill });
        let settled = Box::pin(spend::settle::<Remove>(session, params, terms.clone(), Planning::Reads)).await;
        // What was done before a failure is told all the same.
        let settled = match settled {
            Ok(settled) => settled,
            Err(failure) => return document(session, &done).and(Err(failure)),
        };
        match session.out.format() {
            Format::Json => done.push(settled.into_reply()),
            Format::Human => spend::show(session, &settled, spend::layout::receipt)?,
        }
    }
    document(session, &done).map(|()| Exit::Success)
}

/// All receipts in one JSON document; nothing where they were shown to a person, or there are none.
fn document(session: &Session, done: &[Reply<Remove>]) -> Result<(), Failure> {
    if done.is_empty() {
        return Ok(());
    }
    let receipts: Vec<&str> = done.iter().map(Reply::text).collect();
    session.out.document(&format!("{{\"receipts\":[{}]}}", receipts.join(",")))
}

/// An amount as `--amount` takes it.
pub(super) fn said(amount: AlphaAmount) -> String {
    match amount {
        AlphaAmount::Exactly(alpha) => alpha.to_string(),
        AlphaAmount::All => "all".to_owned(),
    }
}

/// The command line without the flag that made it ask.
fn without_question(mut words: Vec<String>) -> Vec<String> {
    words.retain(|word| !matches!(word.as_str(), "--interactive" | "-i"));
    words
}

pub(super) fn numbered(positions: &[Position], page: Page) -> String {
    let mut table = Table::new(&[
        Column::number("NO"),
        Column::number("NETUID"),
        Column::text("NAME").leaves(1),
        Column::address("HOTKEY"),
        Column::number("STAKE"),
        Column::number("VALUE (τ)"),
    ]);
    for (number, position) in (1_u32..).zip(positions) {
        table.row(&[
            number.to_string(),
            position.netuid.to_string(),
            position.name.clone(),
            position.hotkey.to_string(),
            staked(position),
            text::known(position.value),
        ]);
    }
    table.render(page)
}

/// What stands there, with the sign of what it is counted in.
pub(super) fn staked(position: &Position) -> String {
    format!("{}{}", position.netuid.stake_sign(), position.stake)
}

/// The rows whose numbers are named, counted from 1, each once.
pub(crate) fn chosen<'p, T>(told: &str, rows: &'p [T]) -> Result<Vec<&'p T>, String> {
    if told.trim().eq_ignore_ascii_case("all") {
        return Ok(rows.iter().collect());
    }
    let mut chosen: Vec<usize> = Vec::new();
    for word in told.split([',', ' ']).filter(|word| !word.is_empty()) {
        let place = word.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match place.filter(|place| *place < rows.len()) {
            Some(place) if chosen.contains(&place) => {}
            Some(place) => chosen.push(place),
            None => return Err(format!("`{word}` is none of the numbers from 1 to {}", rows.len())),
        }
    }
    if chosen.is_empty() {
        return Err("nothing was chosen: nothing was signed".to_owned());
    }
    Ok(chosen.into_iter().filter_map(|place| rows.get(place)).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn positions() -> Vec<Position> {
        let position = |netuid: u16| {
            serde_json::from_value(json!({
                "netuid": netuid, "name": "apex", "symbol": "α", "hotkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
                "stake": "5000000000", "locked": "0", "price": "1000000000", "value": "5000000000", "registered": true,
                "emission": "0", "emission_tao": "0", "claimable": "0",
            }))
            .unwrap()
        };
        (1..=3).map(position).collect()
    }

    #[test]
    fn positions_are_chosen_by_their_numbers() {
        let positions = positions();
        let chosen =
            |told: &str| chosen(told, &positions).map(|found| found.iter().map(|one| one.netuid.0).collect::<Vec<_>>());
        assert_eq!(chosen("3, 1,3"), Ok(vec![3, 1]));
        assert_eq!(chosen(" ALL "), Ok(vec![1, 2, 3]));
        for bad in ["", "0", "4", "1,x", ","] {
            assert!(chosen(bad).is_err(), "{bad}");
        }
        let table = numbered(&positions, Page::default());
        assert!(table.lines().nth(2).unwrap().trim_start().starts_with("2       2  apex"), "{table}");
    }

    #[test]
    fn what_was_chosen_is_said_with_flags() {
        assert_eq!(said(AlphaAmount::from_tokens("1.5").unwrap()), "1.500000000");
        assert_eq!(said(AlphaAmount::All), "all");
        let words = ["stake", "remove", "-i", "--unsafe"].map(str::to_owned).to_vec();
        assert_eq!(without_question(words), ["stake", "remove", "--unsafe"]);
    }
}
