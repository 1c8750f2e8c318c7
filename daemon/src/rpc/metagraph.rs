//! The noun `metagraph`: everything that the chain keeps of a subnet's neurons, at any block.
//!
//! Read from the chain when somebody asks; identical reads at one block cost one answer. Nothing is
//! written to the disk on behalf of callers: files travel as bytes.

use std::sync::Arc;

use btd_api::{
    ErrorKind, MechId, NetUid, Uid,
    chain::{At, BlockId},
    metagraph::{
        Change, Column, ColumnParams, ColumnReply, Diff, DiffParams, DiffReply, FigureChange, FileFormat, Get, Load,
        LoadParams, MetagraphParams, MetagraphTable, Neuron, NeuronParams, NeuronReply, Save, SaveParams, SaveReply,
    },
};

use super::{Caller, Failure, chain::raw, receipt, table::Table as Methods};
use crate::{
    daemon::Parts,
    metagraph::{Table, file},
    stamp::Stamp,
};

pub(super) fn register(methods: &mut Methods, parts: &Arc<Parts>) {
    methods
        .noun(parts)
        .method::<Get>(get)
        .method::<Neuron>(neuron)
        .method::<Column>(column)
        .method::<Diff>(diff)
        .method::<Save>(save)
        .method::<Load>(load)
        .done();
}

/// The metagraph at a block, and that block.
async fn read(parts: &Parts, netuid: NetUid, mechid: MechId, block: Option<BlockId>) -> Result<(Table, At), Failure> {
    let (view, at) = raw::view(&parts.link, block).await?;
    let stamp = Stamp::of(view.block(), &parts.link);
    let table = Table::read(&view, netuid, mechid, stamp).await?;
    let absent = || {
        let message = format!("there is no mechanism {mechid} of a subnet {netuid} at block {}", at.block.number);
        Failure::new(ErrorKind::NotFound, message)
    };
    Ok((table.ok_or_else(absent)?, at))
}

async fn get(parts: Arc<Parts>, params: MetagraphParams, _: Caller) -> Result<MetagraphTable, Failure> {
    let (table, at) = read(&parts, params.netuid, params.mechid, params.block).await?;
    Ok(whole(table, at))
}

fn whole(table: Table, at: At) -> MetagraphTable {
    MetagraphTable {
        at,
        netuid: table.netuid,
        mechid: table.mechid,
        neurons: table.neurons,
        figures: table.figures,
        columns: table.columns.iter().map(|(name, column)| (name.clone(), column.values())).collect(),
        weights: table.weights,
        bonds: table.bonds,
    }
}

async fn neuron(parts: Arc<Parts>, params: NeuronParams, _: Caller) -> Result<NeuronReply, Failure> {
    let NeuronParams { netuid, uid, hotkey, mechid, block } = params;
    let (table, at) = read(&parts, netuid, mechid, block).await?;
    let found = match (uid, hotkey) {
        (Some(uid), None) => Some(uid),
        (None, Some(hotkey)) => table.uid(hotkey.0).map(Uid),
        _ => {
            return Err(Failure::new(
                ErrorKind::InvalidParams,
                "name the neuron by its uid or by its hotkey, not both",
            ));
        }
    };
    let neuron = found.and_then(|uid| table.neuron(uid.0));
    let absent = || {
        let who =
            hotkey.map_or_else(|| format!("uid {}", uid.unwrap_or_default()), |hotkey| format!("hotkey {hotkey}"));
        Failure::new(ErrorKind::NotFound, format!("{who} is no neuron of subnet {netuid} at block {}", at.block.number))
    };
    Ok(NeuronReply { at, neuron: neuron.ok_or_else(absent)? })
}

async fn column(parts: Arc<Parts>, params: ColumnParams, _: Caller) -> Result<ColumnReply, Failure> {
    let (table, at) = read(&parts, params.netuid, params.mechid, params.block).await?;
    let unknown = || {
        let known = table.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        Failure::new(ErrorKind::InvalidParams, format!("there is no column `{}`; there are: {known}", params.column))
    };
    Ok(ColumnReply { at, values: table.column(&params.column).ok_or_else(unknown)?.values() })
}

async fn diff(parts: Arc<Parts>, params: DiffParams, _: Caller) -> Result<DiffReply, Failure> {
    let DiffParams { netuid, from, to, mechid } = params;
    let (before, from) = read(&parts, netuid, mechid, Some(from)).await?;
    let (after, to) = read(&parts, netuid, mechid, to).await?;
    let changes = before.changes(&after).into_iter().map(|change| Change {
        uid: Uid(change.uid),
        column: change.column,
        before: change.before,
        after: change.after,
    });
    let figures = before.figure_changes(&after).into_iter();
    Ok(DiffReply {
        from,
        to,
        figures: figures.map(|(name, before, after)| FigureChange { name, before, after }).collect(),
        changes: changes.collect(),
    })
}

async fn save(parts: Arc<Parts>, params: SaveParams, _: Caller) -> Result<SaveReply, Failure> {
    let SaveParams { netuid, format, mechid, block } = params;
    let (table, at) = read(&parts, netuid, mechid, block).await?;
    // Up to 4096 by 4096 numbers are no work for a thread that serves others.
    let written = tokio::task::spawn_blocking(move || match format {
        FileFormat::Btd => file::write(&table),
        FileFormat::Npz => file::npz(&table),
    });
    let broke_off = |_| Failure::new(ErrorKind::Internal, "writing the file broke off");
    let bytes = written.await.map_err(broke_off)?;
    Ok(SaveReply { at, bytes: format!("0x{}", hex::encode(bytes)) })
}

async fn load(parts: Arc<Parts>, params: LoadParams, _: Caller) -> Result<MetagraphTable, Failure> {
    let refused = |words: String| Failure::new(ErrorKind::InvalidParams, words);
    let digits = params.bytes.strip_prefix("0x").unwrap_or(&params.bytes);
    let bytes = hex::decode(digits).map_err(|error| refused(format!("the bytes are not hex: {error}")))?;
    let table = file::read(&bytes).map_err(|error| refused(error.to_string()))?;
    let at = At { stale: false, ..receipt::at(table.at, &parts.link) };
    Ok(whole(table, at))
}
