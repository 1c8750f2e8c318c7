//! A chain in memory, driven through the runtime as a node drives it.

use btd_devnet_runtime::{
    Executive, GenesisSpec, Hash, Header, Nonce, Runtime, RuntimeCall, SignedPayload, System, UncheckedExtrinsic,
    extensions, genesis,
};
use codec::Encode;
use frame_support::{
    dispatch::Pays,
    storage::{TransactionOutcome, with_transaction},
    weights::Weight,
};
use sp_core::{Pair, sr25519};
use sp_runtime::{
    ApplyExtrinsicResult, Digest, DigestItem, DispatchError, MultiSignature, MultiSigner,
    generic::Era,
    traits::{Header as _, IdentifyAccount},
    transaction_validity::{TransactionSource, TransactionValidity},
};

/// Slot of block 0 in the recordings.
const FIRST_SLOT: u64 = 150_000_000;
const SLOT: u64 = 12_000;

/// The hash of every block but the first. Automatic root claims are drawn by it, and the recordings do not hold theirs:
/// this one draws both of two stakers, as happened in almost all recorded blocks.
const LATER_PARENT: Hash = Hash::repeat_byte(1);

/// Of two stakers, whom a block draws where it draws one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawn {
    /// The one who staked later.
    Second,
}

impl Drawn {
    /// A hash that draws so.
    fn hash(self) -> Hash {
        match self {
            // Counting starts with the greatest number, which is odd, and goes on in even steps.
            Self::Second => {
                let mut hash = [0; 32];
                hash[0] = 0x80;
                hash.into()
            }
        }
    }
}

/// The chain and the hash that its next block stands on.
pub(crate) struct Chain {
    externalities: sp_io::TestExternalities,
    parent: Hash,
    number: u32,
    /// Blocks that draw one staker alone.
    draws: &'static [(u32, Drawn)],
}

impl Chain {
    /// The chain the recordings start from.
    pub(crate) fn new(draws: &'static [(u32, Drawn)]) -> Self {
        let externalities = sp_io::TestExternalities::new(genesis(&GenesisSpec::localnet()).unwrap());
        Self { externalities, parent: Hash::repeat_byte(7), number: 0, draws }
    }

    /// Height of the best block.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Reads the state of the best block.
    pub(crate) fn read<V>(&mut self, read: impl FnOnce() -> V) -> V {
        self.externalities.execute_with(read)
    }

    /// What the pool would say.
    pub(crate) fn validate(&mut self, extrinsic: UncheckedExtrinsic) -> TransactionValidity {
        let parent = self.parent;
        self.externalities.execute_with(|| {
            with_transaction(|| {
                let verdict = Executive::validate_transaction(TransactionSource::External, extrinsic, parent);
                TransactionOutcome::Rollback(Ok::<_, DispatchError>(verdict))
            })
            .unwrap()
        })
    }

    /// Builds a block out of what `fill` applies. Gives back besides what it began with, encoded.
    pub(crate) fn block<V>(&mut self, fill: impl FnOnce() -> V) -> (V, Vec<Vec<u8>>) {
        self.number += 1;
        let (number, parent) = (self.number, self.parent);
        let value = self.externalities.execute_with(|| {
            let slot = FIRST_SLOT + u64::from(number);
            let digest = Digest { logs: vec![DigestItem::PreRuntime(*b"aura", slot.encode())] };
            let header = Header::new(number, Hash::zero(), Hash::zero(), parent, digest);
            Executive::initialize_block(&header);
            let now = slot * SLOT;
            let timestamp = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
            apply(UncheckedExtrinsic::new_bare(timestamp)).unwrap().unwrap();
            let value = fill();
            Executive::finalize_block();
            let begun = System::read_events_no_consensus()
                .filter(|record| record.phase == frame_system::Phase::Initialization)
                .map(|record| record.event.encode())
                .collect();
            (value, begun)
        });
        // What the block changed moves from the overlay into the trie: later roots cost the less.
        self.externalities.commit_all().unwrap();
        let drawn = self.draws.iter().find(|(block, _)| *block == self.number + 1);
        self.parent = drawn.map_or(LATER_PARENT, |(_, drawn)| drawn.hash());
        value
    }
}

/// Applies an extrinsic inside a block; one that is refused leaves no trace.
pub(crate) fn apply(extrinsic: UncheckedExtrinsic) -> ApplyExtrinsicResult {
    with_transaction(|| {
        let result = Executive::apply_extrinsic(extrinsic);
        let outcome = Ok::<_, DispatchError>(result);
        if result.is_ok() { TransactionOutcome::Commit(outcome) } else { TransactionOutcome::Rollback(outcome) }
    })
    .unwrap()
}

/// The account of a development key.
pub(crate) fn account(uri: &str) -> btd_devnet_runtime::AccountId {
    MultiSigner::from(pair(uri).public()).into_account()
}

fn pair(uri: &str) -> sr25519::Pair {
    sr25519::Pair::from_string(uri, None).unwrap()
}

/// Signs a call; call this where state can be read.
pub(crate) fn sign(uri: &str, call: RuntimeCall, nonce: Nonce, tip: u64) -> UncheckedExtrinsic {
    let extensions = extensions::signed(Era::Immortal, nonce, tip);
    let payload = SignedPayload::new(call.clone(), extensions.clone()).unwrap();
    let signature = payload.using_encoded(|bytes| pair(uri).sign(bytes));
    UncheckedExtrinsic::new_signed(call, account(uri).into(), MultiSignature::Sr25519(signature), extensions)
}

/// The nonce an account's next extrinsic has.
pub(crate) fn nonce(uri: &str) -> Nonce {
    System::account_nonce(account(uri))
}

/// What an extrinsic left among the events of the block being built.
pub(crate) struct Outcome {
    /// Weight it was charged for.
    pub(crate) weight: Weight,
    /// Whether it paid.
    pub(crate) pays: Pays,
    /// Fee and tip.
    pub(crate) fee: u64,
    /// All other events, encoded.
    pub(crate) events: Vec<Vec<u8>>,
}

/// Reads what the extrinsic with this index in the block left.
pub(crate) fn outcome(index: u32) -> Outcome {
    use btd_devnet_runtime::RuntimeEvent as Event;
    let mut outcome = Outcome { weight: Weight::zero(), pays: Pays::Yes, fee: 0, events: Vec::new() };
    for record in System::read_events_no_consensus() {
        if record.phase != frame_system::Phase::ApplyExtrinsic(index) {
            continue;
        }
        match record.event {
            Event::System(
                frame_system::Event::ExtrinsicSuccess { dispatch_info }
                | frame_system::Event::ExtrinsicFailed { dispatch_info, .. },
            ) => {
                outcome.weight = dispatch_info.weight;
                outcome.pays = dispatch_info.pays_fee;
            }
            Event::TransactionPayment(pallet_transaction_payment::Event::<Runtime>::TransactionFeePaid {
                actual_fee,
                ..
            }) => outcome.fee = actual_fee,
            event => outcome.events.push(event.encode()),
        }
    }
    outcome
}
