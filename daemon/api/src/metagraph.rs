//! The noun `metagraph`: everything that the chain keeps of a subnet's neurons, at any block.
//!
//! The noun `subnets` serves what is always warm, in units for people. This one has every column
//! and figure under the chain's own names and in its own units: ratios of 65535, amounts in rao.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    BlockNumber, Hotkey, MechId, NetUid, Uid,
    chain::{At, BlockId, BlockRef},
    method::methods,
};

/// Parameters that name one metagraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetagraphParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// One validator's weights or bonds: its uid, then pairs of uid and value, of 65535.
pub type Row = (Uid, Vec<(Uid, u16)>);

/// Reply of [`Get`] and [`Load`]: a whole metagraph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetagraphTable {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// The mechanism.
    pub mechid: MechId,
    /// How many neurons.
    pub neurons: u16,
    /// The subnet's own figures: pool, price, hyperparameters, owner, identity. Null is what the runtime does not tell,
    /// and, while the chain is out of reach, what is not known of the very block that the columns are of.
    pub figures: Map<String, Value>,
    /// The columns, each with a value per uid; empty where the runtime does not keep it.
    pub columns: BTreeMap<String, Vec<Value>>,
    /// What validators give to whom, as the chain keeps it.
    pub weights: Vec<Row>,
    /// What validators hold of whom, as the chain keeps it.
    pub bonds: Vec<Row>,
    /// Whether weights and bonds were read. Where they were not, the two are empty: of a block that only
    /// the history has, and that was recorded without them, and in a file that was saved of such a one; and
    /// while the chain is out of reach, unless they are kept. A
    /// file of a btd before layout 4 does not tell: where it has no row of either, they count as not read.
    #[serde(default = "known")]
    pub matrices: bool,
}

/// What a btd that did not tell yet means.
const fn known() -> bool {
    true
}

/// Parameters of [`Neuron`]: a slot or a hotkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NeuronParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The slot.
    #[serde(default)]
    pub uid: Option<Uid>,
    /// The hotkey, in place of the slot.
    #[serde(default)]
    pub hotkey: Option<Hotkey>,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// Reply of [`Neuron`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NeuronReply {
    /// The block at which it was read.
    pub at: At,
    /// The neuron's value in every column.
    pub neuron: Map<String, Value>,
}

/// How a column is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnForm {
    /// As the chain keeps it: ratios of 65535, amounts in rao.
    #[default]
    Chain,
    /// What each neuron has as its share of what all have, as consensus takes stake.
    Shares,
}

/// Parameters of [`Column`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The column, by the chain's name or by the letter of the Python packages: S, R, T, C, I, E, D, Tv.
    #[schemars(example = &"S")]
    pub column: String,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
    /// How it is written. There are shares of stake, emission, incentive, dividends, ranks, trust and consensus.
    #[serde(default)]
    pub form: ColumnForm,
}

/// Reply of [`Column`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnReply {
    /// The block at which it was read.
    pub at: At,
    /// A value per uid, as the chain keeps it; none where shares are asked for.
    pub values: Vec<Value>,
    /// Where they are asked for, the shares per uid: they sum to 1, or to 0 where nobody has anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Vec<f32>>,
}

/// Parameters of [`Diff`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The earlier block.
    pub from: BlockId,
    /// The later block; without it, the newest finalized one.
    #[serde(default)]
    pub to: Option<BlockId>,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
}

/// A neuron's value that is another one at the later block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The neuron's slot.
    pub uid: Uid,
    /// The column.
    pub column: String,
    /// The value before; null where the slot was empty.
    pub before: Value,
    /// The value after; null where the slot is empty.
    pub after: Value,
}

/// A figure of the subnet that is another one at the later block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureChange {
    /// Its name.
    pub name: String,
    /// The value before.
    pub before: Value,
    /// The value after.
    pub after: Value,
}

/// Reply of [`Diff`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DiffReply {
    /// The earlier block.
    pub from: At,
    /// The later block.
    pub to: At,
    /// The subnet's figures that changed.
    pub figures: Vec<FigureChange>,
    /// The neurons' values that changed, by uid. Weights and bonds are not compared: `metagraph_matrix` tells those of
    /// each block.
    pub changes: Vec<Change>,
}

/// A form of file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// btd's own, which [`Load`] reads.
    #[default]
    Btd,
    /// NumPy's, which `numpy.load` reads.
    Npz,
}

/// Parameters of [`Save`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The form of the file.
    #[serde(default)]
    pub format: FileFormat,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// Reply of [`Save`]: the caller writes the file, for btd writes none on behalf of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SaveReply {
    /// The block at which it was read.
    pub at: At,
    /// The file's bytes as `0x` hex.
    pub bytes: String,
    /// Whether weights and bonds are in it: not those of a block that only the history has, and that
    /// was recorded without them, nor those that are not kept while the chain is out of reach.
    #[serde(default = "known")]
    pub matrices: bool,
}

/// The most bytes of a file that [`Load`] takes. As hex they fit into a request of the largest size
/// that btd takes by itself (`rpc.max_request_bytes`, 16 MiB).
pub const LARGEST_FILE: usize = (8 << 20) - 1_024;

/// Parameters of [`Load`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadParams {
    /// The bytes of a file in btd's own form, as `0x` hex; at most 8387584 of them.
    #[schemars(example = &"0x00")]
    pub bytes: String,
}

/// Parameters of [`History`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
    /// The first block; without it, the first that is kept.
    #[serde(default)]
    pub from: Option<BlockNumber>,
    /// The last block; without it, the last that is kept.
    #[serde(default)]
    pub to: Option<BlockNumber>,
    /// The most records, 20 without it and 500 at most: the last ones up to `to`.
    #[serde(default)]
    pub limit: Option<u16>,
    /// The columns whose values are told, by the chain's names; none without it.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The neuron whose values are told; without it, those of all.
    #[serde(default)]
    pub uid: Option<Uid>,
}

/// A metagraph as it was kept, one per epoch as a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryRecord {
    /// The block at which it was read.
    pub block: BlockRef,
    /// When btd learnt of that block, in milliseconds since 1970.
    pub learnt_ms: u64,
    /// Whether the record is known to be the chain's: it was read from it, or compared with it, since
    /// btd last began to follow it. It begins at its start, and anew after it has lost blocks or the chain
    /// was taken back; until all was compared again, in a moment as a rule, nothing is certain. Nor is what
    /// is of a block that a lagging node has not got to.
    #[serde(default)]
    pub certain: bool,
    /// How many neurons there were.
    pub neurons: u16,
    /// The slots whose hotkey is another one than in the record before.
    pub replaced: Vec<Uid>,
    /// How many neurons have another value in any column than in the record before.
    pub changed: u32,
    /// The columns that were asked for, each with a value per uid, or with the one neuron's alone.
    pub values: BTreeMap<String, Vec<Value>>,
}

/// Reply of [`History`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReply {
    /// The subnet.
    pub netuid: NetUid,
    /// The mechanism.
    pub mechid: MechId,
    /// The records, in order.
    pub records: Vec<HistoryRecord>,
    /// The first block of which there is a record.
    pub first: Option<BlockNumber>,
    /// The last one.
    pub last: Option<BlockNumber>,
    /// How many records there are.
    pub kept: u32,
    /// The bytes that they take.
    pub bytes: u64,
    /// What of the past that was asked about was recorded once and is not kept any more, because the store was damaged:
    /// without it, records between two that are told were never made. It is read again where an endpoint still has that
    /// state, and is gone from here once it was.
    #[serde(default)]
    pub lost: Vec<LostRecords>,
}

/// Records that were lost, with none between them that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LostRecords {
    /// The block of the first.
    pub first: BlockNumber,
    /// The block of the last one.
    pub last: BlockNumber,
    /// How many there are.
    pub records: u32,
    /// Why they could not be read again when that was tried last, in words; none before it was.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// Parameters of [`Sync`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The block, of any time: an archive endpoint is asked for what others have thrown away.
    pub block: BlockId,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
}

/// Reply of [`Sync`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SyncReply {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// The mechanism.
    pub mechid: MechId,
    /// How many neurons it had.
    pub neurons: u16,
    /// Whether the history has it from now on; not where no history is kept.
    pub kept: bool,
    /// Whether the history had it already. Then the chain is not asked, and what it has stays as it is.
    #[serde(default)]
    pub already: bool,
}

/// Which matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatrixName {
    /// What each validator gives each neuron; rows sum to 1.
    Weights,
    /// What each validator holds of each neuron; columns sum to 1.
    Bonds,
}

/// How a matrix is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatrixForm {
    /// Every number of every row. Of thousands of neurons that is more than a reply may hold.
    #[default]
    Dense,
    /// The numbers other than zero.
    Sparse,
}

/// Parameters of [`Matrix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatrixParams {
    /// The subnet.
    pub netuid: NetUid,
    /// Which matrix.
    pub matrix: MatrixName,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
    /// The block; without it, the newest one up to which metagraphs are kept current. Weights and bonds of that are
    /// read once, and kept until something may have changed them.
    #[serde(default)]
    pub block: Option<BlockId>,
    /// How it is written.
    #[serde(default)]
    pub form: MatrixForm,
    /// The validator whose row is told; without it, all of them.
    #[serde(default)]
    pub uid: Option<Uid>,
}

/// One validator's part of a normalised matrix: its uid, then pairs of uid and number.
pub type Shares = (Uid, Vec<(Uid, f32)>);

/// Reply of [`Matrix`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixReply {
    /// The block at which it was read.
    pub at: At,
    /// How many neurons: the matrix is `n` by `n`.
    pub n: u16,
    /// In the dense form: rows by validator uid, each of `n` numbers, normalised; the one row, where a
    /// validator is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Vec<f32>>>,
    /// In the sparse form: of each validator that has any, the numbers other than zero, normalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<Shares>>,
}

methods! {
    /// A whole metagraph: every column and figure, weights and bonds, at any block
    Get = "metagraph_get" (Read): MetagraphParams => MetagraphTable;
    /// One neuron's value in every column
    Neuron = "metagraph_neuron" (Read): NeuronParams => NeuronReply;
    /// One column of a metagraph, as the chain keeps it or as shares of the whole
    Column = "metagraph_column" (Read): ColumnParams => ColumnReply;
    /// The weights or bonds of a mechanism as a normalised matrix, dense or sparse
    Matrix = "metagraph_matrix" (Read): MatrixParams => MatrixReply;
    /// What is another value at a later block, neuron by neuron
    Diff = "metagraph_diff" (Read): DiffParams => DiffReply;
    /// A metagraph as a file, in btd's own form or in NumPy's
    Save = "metagraph_save" (Read): SaveParams => SaveReply;
    /// What a file that btd saved holds
    Load = "metagraph_load" (Read): LoadParams => MetagraphTable;
    /// The past of a metagraph: a record per epoch, what changed, and who
    History = "metagraph_history" (Read): HistoryParams => HistoryReply;
    /// Reads a metagraph at a block of the past, through an archive if need be, into the history
    Sync = "metagraph_sync" (Operate): SyncParams => SyncReply;
}
