//! What of a metagraph does not stand in its neurons' rows: the other columns, and the subnet's figures.
//!
//! It changes with an epoch, or when somebody sets or announces something, while rows change with every stake: so it is
//! written apart from them, and without its block, which stands elsewhere: what the store has already it does not write. A
//! metagraph that would not be put together again as it was is not written.

use std::sync::Arc;

use btd_api::{Alpha, BlockHash, BlockNumber};
use btd_chain::BlockRef;

use crate::{
    metagraph::{
        file,
        snapshot::Neuron,
        table::{Column, Table},
    },
    stamp::Stamp,
};

/// In the place of the block.
const NO_BLOCK: Stamp = Stamp { block: BlockRef { number: BlockNumber(0), hash: BlockHash([0; 32]) }, learnt_ms: 0 };

/// The column `name` as far as rows hold it.
fn of_rows(name: &str, neurons: &[Neuron]) -> Option<Column> {
    let flags = |value: fn(&Neuron) -> bool| Column::Flags(neurons.iter().map(value).collect());
    let shorts = |value: fn(&Neuron) -> u16| Column::Shorts(neurons.iter().map(value).collect());
    let longs = |value: fn(&Neuron) -> u64| Column::Longs(neurons.iter().map(value).collect());
    // Where the runtime keeps no such column, no row has an entry of it.
    let kept = |value: fn(&Neuron) -> Option<u16>| {
        Column::Shorts(neurons.iter().map(value).collect::<Option<_>>().unwrap_or_default())
    };
    Some(match name {
        "hotkeys" => Column::Accounts(neurons.iter().map(|neuron| neuron.hotkey.0).collect()),
        "coldkeys" => Column::Accounts(neurons.iter().map(|neuron| neuron.coldkey.0).collect()),
        "active" => flags(|neuron| neuron.active),
        "validator_permit" => flags(|neuron| neuron.validator_permit),
        "last_update" => longs(|neuron| neuron.last_update),
        "emission" => longs(|neuron| neuron.emission.rao()),
        "dividends" => shorts(|neuron| neuron.dividends),
        "incentives" => shorts(|neuron| neuron.incentive),
        "consensus" => shorts(|neuron| neuron.consensus),
        "trust" => kept(|neuron| neuron.trust),
        "rank" => kept(|neuron| neuron.rank),
        "validator_trust" => kept(|neuron| neuron.validator_trust),
        "block_at_registration" => longs(|neuron| neuron.registered_at),
        "alpha_stake" => {
            let stakes = neurons.iter().map(|neuron| neuron.alpha_stake.map(Alpha::rao));
            Column::Longs(stakes.collect::<Option<_>>().unwrap_or_default())
        }
        "tao_stake" => longs(|neuron| neuron.tao_stake.rao()),
        "total_stake" => longs(|neuron| neuron.stake.rao()),
        "axon_ip" => {
            let address = |neuron: &Neuron| neuron.axon.map_or("0.0.0.0".to_owned(), |axon| axon.ip.to_string());
            Column::Texts(neurons.iter().map(address).collect())
        }
        "axon_port" => shorts(|neuron| neuron.axon.map_or(0, |axon| axon.port)),
        "axon_version" => longs(|neuron| neuron.axon.map_or(0, |axon| axon.version.into())),
        "axon_block" => longs(|neuron| neuron.axon.map_or(0, |axon| axon.block)),
        _ => return None,
    })
}

/// What does not stand in rows, to be written, the same for as long as nothing of it changes; none where rows and that do
/// not make `table` again.
pub(super) fn write(table: &Table, neurons: &[Neuron]) -> Option<Vec<u8>> {
    let apart = table.columns.iter().map(|(name, column)| {
        let column = of_rows(name, &[]).map_or_else(|| Arc::clone(column), Arc::new);
        (name.clone(), column)
    });
    let rest =
        Table { at: NO_BLOCK, columns: apart.collect(), figures: Arc::clone(&table.figures), rows: None, ..*table };
    let bytes = file::write(&rest);
    let again = completed(rest, table.at, neurons);
    (again.columns == table.columns).then_some(bytes)
}

/// The metagraph of which that was written, with these rows; none where it was another one's, or is damaged.
pub(super) fn read(bytes: &[u8], at: Stamp, neurons: &[Neuron]) -> Option<Table> {
    let rest = file::read(bytes).ok()?;
    let is_its = usize::from(rest.neurons) == neurons.len();
    is_its.then(|| completed(rest, at, neurons))
}

fn completed(rest: Table, at: Stamp, neurons: &[Neuron]) -> Table {
    let column = |(name, column): (Arc<str>, Arc<Column>)| {
        let column = of_rows(&name, neurons).map_or(column, Arc::new);
        (name, column)
    };
    let columns = rest.columns.into_iter().map(column).collect();
    Table { at, columns, ..rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metagraph::{figure::Figures, sample};

    /// The metagraph of so many made-up neurons.
    fn table(neurons: u16) -> (Table, Vec<Neuron>) {
        let snapshot = sample(neurons);
        let neurons = snapshot.neurons().to_vec();
        let names = ["hotkeys", "active", "rank", "alpha_stake", "validator_trust", "axon_ip", "axon_port"];
        let mut columns: Vec<_> =
            names.iter().map(|name| (Arc::from(*name), Arc::new(of_rows(name, &neurons).unwrap()))).collect();
        columns.push(("axon_protocol".into(), Arc::new(Column::Shorts(vec![4; neurons.len()]))));
        let figures = Arc::new(Figures::from_iter([("rho".to_owned(), serde_json::json!(10).into())]));
        let (at, netuid, count) = (snapshot.at, snapshot.subnet.netuid, snapshot.subnet.neurons);
        (Table { at, netuid, mechid: btd_api::MechId(0), neurons: count, figures, columns, rows: None }, neurons)
    }

    #[test]
    fn with_its_rows_it_is_what_it_was() {
        let (table, neurons) = table(5);
        assert!(table.column("rank").is_some_and(Column::is_empty), "the runtime does not keep it");
        let bytes = write(&table, &neurons).unwrap();
        assert_eq!(read(&bytes, table.at, &neurons), Some(table.clone()));
        assert_eq!(read(&bytes, table.at, &neurons[..4]), None, "it has another size");
        assert_eq!(read(&bytes[1..], table.at, &neurons), None);
        // What rows do not hold is never made up.
        let mut other = table.clone();
        other.columns[1].1 = Column::Flags(vec![]).into();
        assert_eq!(write(&other, &neurons), None);
    }

    #[test]
    fn it_is_the_same_where_rows_and_the_block_alone_are_others() {
        let (one, neurons) = table(5);
        let idle: Vec<Neuron> = neurons.iter().map(|neuron| Neuron { active: false, ..neuron.clone() }).collect();
        let mut other = one.clone();
        other.at.block.number.0 += 1;
        other.columns[1].1 = of_rows("active", &idle).unwrap().into();
        assert_ne!(one.columns, other.columns);
        let written = write(&one, &neurons);
        assert!(written.is_some());
        assert_eq!(write(&other, &idle), written);
        assert_eq!(read(&written.unwrap(), other.at, &idle), Some(other.clone()));
        other.columns[7].1 = Column::Shorts(vec![1; 5]).into();
        assert_ne!(write(&other, &idle), write(&one, &neurons));
        let mut other = one.clone();
        Arc::make_mut(&mut other.figures).insert("rho".to_owned(), serde_json::json!(11).into());
        assert_ne!(write(&other, &neurons), write(&one, &neurons));
    }
}
