//! The noun `metagraph`: everything that the chain keeps of a subnet's neurons, at any block.
//!
//! Neurons and columns of now are served from memory, and so are weights and bonds once somebody has asked for
//! them (`metagraph/matrix.rs`); those of a block from the history where it has that block; the rest is
//! read from the chain when somebody asks (`metagraph/past.rs`). Identical
//! reads at one block cost one answer. No file is written on behalf of callers: files travel as bytes.

mod matrix;
pub(super) mod past;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use btd_api::{
    BlockNumber, ErrorKind, Uid,
    chain::At,
    metagraph::{
        Change, Column, ColumnForm, ColumnParams, ColumnReply, Diff, DiffParams, DiffReply, FigureChange, FileFormat,
        Get, History, HistoryParams, HistoryRecord, HistoryReply, Load, LoadParams, LostRecords, Matrix,
        MetagraphParams, MetagraphTable, Neuron, NeuronParams, NeuronReply, Save, SaveParams, SaveReply, Sync,
        SyncParams, SyncReply,
    },
};
use btd_chain::ReadError;

use self::past::{Found, recall};
use super::{Caller, Failure, receipt, subnets::no_subnet, table::Table as Methods};
use crate::{
    causes::with_causes,
    daemon::Parts,
    metagraph::{
        List, Rows, Table, figure, file,
        history::{Gap, HistoryError},
    },
};

pub(super) fn register(methods: &mut Methods, parts: &Arc<Parts>) {
    methods
        .noun(parts)
        .method::<Get>(get)
        .method::<Neuron>(neuron)
        .method::<Column>(column)
        .method::<Matrix>(matrix::matrix)
        .method::<Diff>(diff)
        .method::<Save>(save)
        .method::<Load>(load)
        .method::<History>(history)
        .method::<Sync>(sync)
        .done();
}

async fn get(parts: Arc<Parts>, params: MetagraphParams, _: Caller) -> Result<MetagraphTable, Failure> {
    Ok(whole(past::read(&parts, params.netuid, params.mechid, params.block).await?))
}

fn whole(found: Found) -> MetagraphTable {
    let Found { table, at } = found;
    let table = Arc::unwrap_or_clone(table);
    let matrices = table.rows.is_some();
    let Rows { weights, bonds } = table.rows.unwrap_or_default();
    MetagraphTable {
        at,
        netuid: table.netuid,
        mechid: table.mechid,
        neurons: table.neurons,
        figures: figure::to_json(&table.figures),
        columns: table.columns.iter().map(|(name, column)| (name.to_string(), column.values())).collect(),
        weights,
        bonds,
        matrices,
    }
}

async fn neuron(parts: Arc<Parts>, params: NeuronParams, _: Caller) -> Result<NeuronReply, Failure> {
    let NeuronParams { netuid, uid, hotkey, mechid, block } = params;
    let (table, at) = recall(&parts, netuid, mechid, block).await?;
    let found = match (uid, hotkey) {
        (Some(uid), None) => Some(uid),
        (None, Some(hotkey)) => table.uid(hotkey.0).map(Uid),
        (Some(_), Some(_)) | (None, None) => {
            let words = "name the neuron by one of the two: its `uid`, or its `hotkey`";
            return Err(Failure::new(ErrorKind::InvalidParams, words));
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
    let (table, at) = recall(&parts, params.netuid, params.mechid, params.block).await?;
    let column = table.column(&params.column).ok_or_else(|| no_column(&table, &params.column))?;
    match params.form {
        ColumnForm::Chain => Ok(ColumnReply { at, values: column.values(), shares: None }),
        ColumnForm::Shares => {
            let parts = table.parts(&params.column).ok_or_else(|| {
                let words = format!("the column `{}` is nothing of which neurons have shares", params.column);
                Failure::new(ErrorKind::InvalidParams, words)
            })?;
            let shares = btd_tensor::Vector::shares(&parts).into_values();
            let shares = shares.map_err(|error| Failure::new(ErrorKind::Internal, error.to_string()))?;
            Ok(ColumnReply { at, values: Vec::new(), shares: Some(shares) })
        }
    }
}

fn no_column(table: &Table, name: &str) -> Failure {
    let known = table.columns.iter().map(|(name, _)| &**name).collect::<Vec<_>>().join(", ");
    Failure::new(ErrorKind::InvalidParams, format!("there is no column `{name}`; there are: {known}"))
}

async fn diff(parts: Arc<Parts>, params: DiffParams, _: Caller) -> Result<DiffReply, Failure> {
    let DiffParams { netuid, from, to, mechid } = params;
    let (before, from) = recall(&parts, netuid, mechid, Some(from)).await?;
    // Figures change at each block, and of those that are kept some are of the last whole reading.
    let (after, to) = match to {
        Some(to) => recall(&parts, netuid, mechid, Some(to)).await?,
        None => past::of_the_chain(&parts, netuid, mechid, None).await.map(|found| (found.table, found.at))?,
    };
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
    let Found { table, at } = past::read(&parts, netuid, mechid, block).await?;
    let matrices = table.rows.is_some();
    // Up to 4096 by 4096 numbers are no work for a thread that serves others.
    let written = tokio::task::spawn_blocking(move || match format {
        FileFormat::Btd => file::write(&table),
        FileFormat::Npz => file::npz(&table),
    });
    let broke_off = |_| Failure::new(ErrorKind::Internal, "writing the file broke off");
    let bytes = written.await.map_err(broke_off)?;
    Ok(SaveReply { at, bytes: format!("0x{}", hex::encode(bytes)), matrices })
}

async fn load(parts: Arc<Parts>, params: LoadParams, _: Caller) -> Result<MetagraphTable, Failure> {
    let refused = |words: String| Failure::new(ErrorKind::InvalidParams, words);
    let digits = params.bytes.strip_prefix("0x").unwrap_or(&params.bytes);
    let bytes = hex::decode(digits).map_err(|error| refused(format!("the bytes are not hex: {error}")))?;
    let table = file::read(&bytes).map_err(|error| refused(error.to_string()))?;
    let at = At { stale: false, ..receipt::at(table.at, &parts.link) };
    Ok(whole(Found { table: Arc::new(table), at }))
}

/// Records in a reply of [`history`] when nobody says how many, and at most.
const RECORDS: u16 = 20;
const MOST_RECORDS: u16 = 500;

/// What is wrong with the history, in words.
fn unusable(error: &HistoryError) -> Failure {
    Failure::new(ErrorKind::Internal, with_causes(error))
}

async fn history(parts: Arc<Parts>, params: HistoryParams, _: Caller) -> Result<HistoryReply, Failure> {
    let HistoryParams { netuid, mechid, from, to, limit, columns, uid } = params;
    let none = || {
        let message = "no history of metagraphs is kept: cache.history_mib is 0, or it could not be opened";
        Failure::new(ErrorKind::NotFound, message)
    };
    let past = parts.history.as_ref().ok_or_else(none)?;
    let genesis = parts.link.genesis().ok_or_else(|| receipt::warming_up("which chain it is"))?;
    // Records beyond what the chain has reached are of another life of it, or ahead of a node that lags.
    let reached = parts.link.finalized().map_or(BlockNumber(u32::MAX), |block| block.number);
    let (from, to) = (from.unwrap_or_default(), to.unwrap_or(reached));
    if from > to {
        let words = format!("the first block, {from}, comes after the last, {to}: there is nothing between them");
        return Err(Failure::new(ErrorKind::InvalidParams, words));
    }
    let to = to.min(reached);
    let count = usize::from(limit.unwrap_or(RECORDS).min(MOST_RECORDS));
    // One more, to which the first is compared.
    let wanted = past.told_with_gaps(genesis, (netuid, mechid), (from, to), count.saturating_add(1)).await;
    let (tables, lost) = wanted.map_err(|error| unusable(&error))?;
    let surplus = tables.len().saturating_sub(count);
    let before = std::iter::repeat_n(None, 1 - surplus.min(1)).chain(tables.iter().map(|(table, _)| Some(table)));
    let records = tables.iter().skip(surplus).zip(before);
    let told = |((table, certain), before): (&(Table, bool), _)| {
        Ok(HistoryRecord { certain: *certain, ..record(table, before, &columns, uid)? })
    };
    let records = records.map(told).collect::<Result<_, Failure>>()?;
    let kept = past.kept(genesis, (netuid, mechid)).await;
    // Of a subnet that is gone the past is kept; of one that never was there is none.
    let is_unheard_of = |list: &Arc<List>| !list.netuids.contains(&netuid);
    if kept.records == 0 && parts.metagraph.current().list.as_ref().is_some_and(is_unheard_of) {
        return Err(no_subnet(netuid));
    }
    let records_kept = u32::try_from(kept.records).unwrap_or(u32::MAX);
    Ok(HistoryReply {
        netuid,
        mechid,
        records,
        first: kept.first,
        last: kept.last,
        kept: records_kept,
        bytes: kept.bytes,
        lost: lost.iter().map(lost_records).collect(),
    })
}

fn lost_records(gap: &Gap) -> LostRecords {
    LostRecords {
        first: gap.first,
        last: gap.last,
        records: u32::try_from(gap.records).unwrap_or(u32::MAX),
        trouble: gap.trouble.as_deref().map(str::to_owned),
    }
}

/// One record beside the one before it, not yet certain.
fn record(
    table: &Table,
    before: Option<&Table>,
    columns: &[String],
    uid: Option<Uid>,
) -> Result<HistoryRecord, Failure> {
    let mut values = BTreeMap::new();
    for name in columns {
        let column = table.column(name).ok_or_else(|| no_column(table, name))?;
        let all = match uid {
            Some(uid) => column.value(uid.0.into()).into_iter().collect(),
            None => column.values(),
        };
        values.insert(name.clone(), all);
    }
    let changes = before.map(|before| before.changes(table)).unwrap_or_default();
    let changed: BTreeSet<u16> = changes.iter().map(|change| change.uid).collect();
    let replaced = changes.iter().filter(|change| change.column == "hotkeys").map(|change| Uid(change.uid));
    Ok(HistoryRecord {
        block: receipt::block(table.at.block),
        learnt_ms: table.at.learnt_ms,
        certain: false,
        neurons: table.neurons,
        replaced: replaced.collect(),
        changed: u32::try_from(changed.len()).unwrap_or(u32::MAX),
        values,
    })
}

async fn sync(parts: Arc<Parts>, params: SyncParams, _: Caller) -> Result<SyncReply, Failure> {
    let SyncParams { netuid, block, mechid } = params;
    if let Some(Found { table, at }) = past::recorded(&parts, netuid, mechid, Some(block)).await {
        return Ok(SyncReply { at, netuid, mechid, neurons: table.neurons, kept: true, already: true });
    }
    let Found { table, at } = past::of_the_chain(&parts, netuid, mechid, Some(block)).await?;
    let kept = match (&parts.history, parts.link.genesis()) {
        (Some(history), Some(genesis)) => {
            // The chain may have been taken back since it was read.
            if parts.link.block_hash(at.block.number).await? != Some(at.block.hash) {
                let block = format!("{} any more: the chain was taken back while it was read", at.block.hash);
                return Err(ReadError::UnknownBlock { block }.into());
            }
            history.record(genesis, &table).await.map_err(|error| unusable(&error))?;
            true
        }
        _ => false,
    };
    Ok(SyncReply { at, netuid, mechid, neurons: table.neurons, kept, already: false })
}
