//! Submission against a development chain of the test's own: success, failure, repetition, kill -9.

mod agreed;
mod former;
mod in_block;
mod later;
mod out_of_reach;
mod replacing;
mod turned_away;

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use btd_api::{Amount, BlockNumber, Coldkey, Hotkey, NetUid, Tao};
use btd_chain::{LinkConfig, LinkState, SignedExtrinsic};
use btd_devnet::{BlockTime, Devnet};
use btd_keys::{Existing, Key, Password, Protection, Scheme, WalletStore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{turn::wish, worker::Progress, *};
use crate::{
    journal::{Handing, JournalError, NewIntent, Recorded},
    stamp::{millis, since_1970},
};

const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// Blocks on demand only: by an extrinsic, or by `mine`.
fn on_demand() -> BlockTime {
    BlockTime::Every(Duration::from_hours(1))
}

async fn devnet(block_time: BlockTime) -> Devnet {
    let config = btd_devnet::Config { listen: "127.0.0.1:0".parse().unwrap(), block_time, ..Default::default() };
    Devnet::start(config).await.unwrap()
}

fn network() -> ConfiguredNetwork {
    ConfiguredNetwork::new(None, &["ws://node.example"])
}

fn follow(endpoint: String, token: &CancellationToken) -> Link {
    let config = LinkConfig { endpoints: vec![endpoint.into()], stale_after_ms: Some(0), ..LinkConfig::default() };
    let (link, follower) = btd_chain::link(config).unwrap();
    tokio::spawn(follower.run(token.clone()));
    link
}

/// One run of the parts that submit, over a state directory and an endpoint.
struct Run {
    link: Link,
    wallets: WalletStore,
    custody: Custody,
    journal: Journal,
    submitter: Submitter,
    token: CancellationToken,
}

impl Run {
    async fn begin(state: &Path, endpoint: String) -> Self {
        Self::begin_with(state, endpoint, Config::default()).await
    }

    async fn begin_with(state: &Path, endpoint: String, config: Config) -> Self {
        let run = Self::begin_alone(state, endpoint, config).await;
        run.link.state().wait_for(LinkState::is_live).await.unwrap();
        run
    }

    /// The same without waiting for the chain. Whatever the endpoint, it is of one configured network.
    async fn begin_alone(state: &Path, endpoint: String, config: Config) -> Self {
        let token = CancellationToken::new();
        let link = follow(endpoint, &token);
        let wallets = WalletStore::new(state.join("wallets"));
        let custody = Custody::in_process(wallets.root());
        let journal = Journal::open(state.join("journal.db")).await.unwrap();
        let (submitter, worker) =
            submitter(link.clone(), custody.clone(), journal.clone(), Some(network()), config, token.clone());
        tokio::spawn(worker.run(token.clone()));
        Self { link, wallets, custody, journal, submitter, token }
    }

    fn with_wallet(self, name: &str, uri: &str) -> Self {
        let key = |uri: &str| Key::from_uri(Scheme::Sr25519, uri).unwrap();
        let (coldkey, hotkey) = (key(uri), key(&format!("{uri}//hotkey")));
        let name: btd_api::WalletName = name.parse().unwrap();
        write(&self.wallets, &KeyId::coldkey(name.clone()), &coldkey, Protection::Plain);
        let id = KeyId::hotkey(name, "default".parse().unwrap());
        write(&self.wallets, &id, &hotkey, Protection::Plain);
        self
    }

    async fn order(&self, wallet: &str, action: Action) -> Order {
        let key = KeyId::coldkey(wallet.parse().unwrap());
        let signer = self.custody.public(&key).await.unwrap().account;
        let (mode, terms, agreed) = (Mode::UntilFinalized, Terms::default(), Agreed::default());
        Order { action, key, signer, idempotency_key: None, mode, terms, agreed }
    }

    async fn hotkey(&self, wallet: &str) -> Hotkey {
        let key = KeyId::hotkey(wallet.parse().unwrap(), "default".parse().unwrap());
        Hotkey(self.custody.public(&key).await.unwrap().account)
    }

    async fn free(&self, account: AccountId) -> Tao {
        self.link.view().unwrap().balance(account).await.unwrap().free
    }

    async fn pending(&self) -> Vec<Intent> {
        self.journal.pending(self.link.genesis().unwrap()).await.unwrap()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

fn write(wallets: &WalletStore, id: &KeyId, key: &Key, protection: Protection<'_>) {
    wallets.wallet(&id.wallet).write(&id.role, key, protection, Existing::Refuse).unwrap();
}

/// Waits until the journal is free, which it is once every task of the run before has ended.
async fn freed(state: &Path) {
    for _ in 0..1_000 {
        match Journal::open(state.join("journal.db")).await {
            Err(JournalError::InUse { .. }) => sleep(Duration::from_millis(20)).await,
            opened => return drop(opened.unwrap()),
        }
    }
    panic!("tasks of an earlier run keep the journal open");
}

fn endpoint(devnet: &Devnet) -> String {
    format!("ws://{}", devnet.address())
}

fn transfer(rao: u64) -> Action {
    let dest = BOB.parse::<Coldkey>().unwrap();
    Action::Transfer(Transfer { dest, amount: Amount::Exactly(Tao::from_rao(rao)), existence: Existence::KeepAlive })
}

fn keyed(order: &Order, key: &str) -> Order {
    Order { idempotency_key: Some(key.parse().unwrap()), ..order.clone() }
}

#[tokio::test]
async fn a_transfer_does_what_its_plan_says_and_a_repetition_does_nothing() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = keyed(&run.order("alice", transfer(5_000_000_000)).await, "first");
    let bob = BOB.parse::<AccountId>().unwrap();
    let before = run.free(bob).await;

    let dry = run.submitter.submit(Order { mode: Mode::DryRun, ..order.clone() }).await.unwrap();
    assert_eq!((&dry.stage, dry.plan.call.as_str()), (&Stage::Planned, "Balances.transfer_keep_alive"));
    assert_eq!(run.free(bob).await, before);

    let receipt = run.submitter.submit(order.clone()).await.unwrap();
    let Stage::Finalized { included, .. } = &receipt.stage else { panic!("{receipt:?}") };
    assert_eq!(included.fee, Some(receipt.plan.fee));
    assert!(included.events.iter().any(|event| event.pallet == "Balances" && event.name == "Transfer"));
    assert_eq!(run.free(order.signer).await, receipt.plan.balance_after);
    assert_eq!(run.free(bob).await, before.checked_add(Tao::from_rao(5_000_000_000)).unwrap());

    assert_eq!(run.submitter.submit(order.clone()).await.unwrap(), receipt);
    assert_eq!(run.free(order.signer).await, receipt.plan.balance_after);
    let other = keyed(&run.order("alice", transfer(6_000_000_000)).await, "first");
    assert!(matches!(run.submitter.submit(other).await, Err(SubmissionError::DuplicateIntent { .. })));
    assert_eq!(run.pending().await, []);
}

#[tokio::test]
async fn a_repetition_joins_what_is_under_way_and_another_order_takes_the_next_nonce() {
    let (devnet, state) = (devnet(on_demand()).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = keyed(&run.order("alice", transfer(1_000_000)).await, "joined");
    let another = run.order("alice", transfer(2_000_000)).await;
    let submit = |order: Order| {
        let submitter = run.submitter.clone();
        tokio::spawn(async move { submitter.submit(order).await })
    };
    let until_sent = Order { mode: Mode::UntilSubmitted, ..order.clone() };
    let sent = run.submitter.submit(until_sent).await.unwrap();
    assert!(matches!(sent.stage, Stage::Submitted { .. }));
    let (first, second, third) = (submit(order.clone()), submit(order), submit(another));
    // All are in the pool when two intents, and not three, are pending and the third has been sent.
    while run.submitter.shared.active.free_nonce(sent.plan.signer, 0) != 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while run.submitter.shared.lanes.is_taken() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(run.pending().await.len(), 2);
    devnet.mine(1).await.unwrap();
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!(first, second);
    assert_ne!(third.await.unwrap().unwrap().stage, first.stage);
    assert_eq!(run.pending().await, []);
}

#[tokio::test]
async fn what_cannot_be_paid_is_refused_before_signing() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("poor", "//Nobody//at//all");
    let order = keyed(&run.order("poor", transfer(1)).await, "poor");
    let refused = run.submitter.submit(order.clone()).await;
    assert!(matches!(refused, Err(SubmissionError::Precondition(Precondition::Insufficient { .. }))), "{refused:?}");
    let kept = run.journal.find(run.link.genesis().unwrap(), order.idempotency_key.unwrap()).await.unwrap();
    assert_eq!(kept, None);
}

#[tokio::test]
async fn registering_twice_in_one_block_fails_the_second_by_name() {
    let (devnet, state) = (devnet(on_demand()).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let hotkey = run.hotkey("alice").await;
    // Above what the first registration raises the price to.
    let max_cost = Some(Tao::from_rao(1_000_000_000_000));
    let register = |netuid| Action::Register(Register { netuid: NetUid(netuid), hotkey, max_cost, tolerance: None });
    let order = run.order("alice", register(1)).await;
    let sent = Order { mode: Mode::UntilSubmitted, ..order.clone() };
    run.submitter.submit(keyed(&sent, "one")).await.unwrap();
    run.submitter.submit(keyed(&sent, "two")).await.unwrap();
    devnet.mine(1).await.unwrap();

    let first = run.submitter.submit(keyed(&order, "one")).await.unwrap();
    let Stage::Finalized { included, .. } = first.stage else { panic!("{first:?}") };
    assert!(included.events.iter().any(|event| event.name == "NeuronRegistered"), "{:?}", included.events);
    match run.submitter.submit(keyed(&order, "two")).await {
        Err(SubmissionError::Dispatch { error, .. }) => {
            assert_eq!(error.pallet.as_deref(), Some("SubtensorModule"));
            assert_eq!(error.name, "HotKeyAlreadyRegisteredInSubNet");
        }
        other => panic!("{other:?}"),
    }
    let again = run.submitter.submit(order).await;
    assert!(matches!(again, Err(SubmissionError::Precondition(Precondition::AlreadyRegistered { .. }))), "{again:?}");
    let elsewhere = run.submitter.submit(run.order("alice", register(77)).await).await;
    assert!(
        matches!(elsewhere, Err(SubmissionError::Precondition(Precondition::NoSuchSubnet { .. }))),
        "{elsewhere:?}"
    );
}

#[tokio::test]
async fn what_the_pool_refuses_is_over_at_once_and_is_not_sent_again() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let hotkey = run.hotkey("alice").await;
    let register = Action::Register(Register { netuid: NetUid(1), hotkey, max_cost: None, tolerance: None });
    run.submitter.submit(run.order("alice", register).await).await.unwrap();
    let serve = |port| Order {
        action: Action::ServeAxon(ServeAxon {
            netuid: NetUid(1),
            version: 1,
            ip: [8, 8, 8, 8].into(),
            port,
            tls_key: None,
        }),
        key: KeyId::hotkey("alice".parse().unwrap(), "default".parse().unwrap()),
        signer: hotkey.account(),
        idempotency_key: None,
        mode: Mode::UntilFinalized,
        terms: Terms::default(),
        agreed: Agreed::default(),
    };
    run.submitter.submit(serve(8091)).await.unwrap();
    // The runtime takes an endpoint once in a while only, which the plan knows of; of a call that is given as it is, the
    // pool alone.
    let foreseen = run.submitter.submit(serve(8092)).await;
    let name = "ServingRateLimitExceeded";
    assert!(
        matches!(&foreseen, Err(SubmissionError::Precondition(Precondition::Foreseen { error, .. })) if *error == name),
        "{foreseen:?}"
    );
    let recipe = Recipe::new("hasty".into(), |_| async {
        Ok(Draft::new(call::serve_axon(NetUid(1), 1, [8, 8, 8, 8].into(), 8092), "Publish another"))
    });
    let hasty = keyed(&Order { action: Action::Drafted(recipe), ..serve(8092) }, "hasty");
    for _ in 0..2 {
        let refused = run.submitter.submit(hasty.clone()).await;
        let Err(error @ SubmissionError::Refused { .. }) = refused else { panic!("{refused:?}") };
        assert!(error.to_string().ends_with("ask anew with a new idempotency key"), "{error}");
    }
    assert_eq!(run.pending().await, []);

    // As one who read the journal just before the end was written would have it followed.
    let found = run.journal.find(run.link.genesis().unwrap(), "hasty".parse().unwrap()).await.unwrap().unwrap();
    let late = Intent { settlement: None, ..found };
    let mut progress = run.submitter.shared.follow(&late, worker::History::PerhapsSent).await;
    let moved = progress.wait_for(|progress| !matches!(progress, Progress::Recorded)).await.unwrap();
    assert!(matches!(&*moved, Progress::Settled(outcome) if matches!(**outcome, Outcome::Refused(_))), "{moved:?}");
}

#[tokio::test]
async fn an_extrinsic_that_no_block_took_expires() {
    let (devnet, state) = (devnet(on_demand()).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = run.order("alice", transfer(1)).await;
    // A nonce that never comes: the pool keeps it, and no block can take it.
    let (plan, prepared) = run.submitter.prepare(&order, |_| 9).await.unwrap();
    let extrinsic = run.submitter.sign(&order, &prepared).await.unwrap();
    let intent = NewIntent {
        key: Some("late".parse().unwrap()),
        wish: wish(&order),
        genesis: run.link.genesis().unwrap(),
        extrinsic,
        plan: serde_json::to_string(&plan).unwrap(),
        deadline_ms: None,
        handing: Handing::Perhaps,
    };
    let Recorded::New(intent) = run.journal.record(intent).await.unwrap() else { panic!("the key is new") };
    let mut progress = run.submitter.shared.follow(&intent, worker::History::NeverSent).await;
    // What comes after it is not put behind it: the gap is filled first.
    let free = |from| run.submitter.shared.active.free_nonce(order.signer, from);
    assert_eq!([free(0), free(8), free(9)], [0, 8, 10]);
    devnet.mine(70).await.unwrap();
    progress.wait_for(|progress| matches!(progress, Progress::Settled(_))).await.unwrap();
    // Another era and another tip make no other order of it: its key has ended, and a new one leads on.
    let patient = Terms { era_blocks: Some(128), tip: Tao::from_rao(1), ..order.terms };
    for terms in [order.terms, patient] {
        let late = run.submitter.submit(Order { terms, ..keyed(&order, "late") }).await;
        let Err(error @ SubmissionError::Expired { .. }) = late else { panic!("{late:?}") };
        assert!(error.to_string().ends_with("ask anew with a new idempotency key"), "{error}");
    }
    let anew = keyed(&order, "anew");
    run.submitter.submit(Order { mode: Mode::UntilSubmitted, ..anew.clone() }).await.unwrap();
    devnet.mine(1).await.unwrap();
    let receipt = run.submitter.submit(anew).await.unwrap();
    assert!(matches!(receipt.stage, Stage::Finalized { .. }), "{receipt:?}");
}

#[tokio::test]
async fn a_locked_coldkey_signs_nothing() {
    let state = tempfile::tempdir().unwrap();
    let id = KeyId::coldkey("locked".parse().unwrap());
    let alice = Key::from_uri(Scheme::Sr25519, "//Alice").unwrap();
    // Before there is a connection: making a key of the password holds this thread, on which both ends of one run, and
    // where that takes 40 seconds the link takes the chain for lost.
    let wallets = WalletStore::new(state.path().join("wallets"));
    write(&wallets, &id, &alice, Protection::Nacl(&Password::new("secret")));
    let devnet = devnet(BlockTime::Instant).await;
    let run = Run::begin(state.path(), endpoint(&devnet)).await;
    let refused = run.submitter.submit(run.order("locked", transfer(1_000)).await).await;
    let Err(SubmissionError::Key(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.refusal(), Some(RefusalKind::Locked));
    assert_eq!(run.pending().await, []);
}

/// Signs an order and writes it down under `key`, and does not send it.
async fn record(run: &Run, order: &Order, key: &str) -> Intent {
    record_as(run, order, (key, None), Handing::Perhaps).await
}

/// The same, with a nonce of its own where one is named.
async fn record_as(run: &Run, order: &Order, (key, nonce): (&str, Option<u32>), handing: Handing) -> Intent {
    let (plan, prepared) = run.submitter.prepare(order, |counted| nonce.unwrap_or(counted)).await.unwrap();
    let intent = NewIntent {
        key: Some(key.parse().unwrap()),
        wish: wish(order),
        genesis: prepared.payload().genesis,
        extrinsic: run.submitter.sign(order, &prepared).await.unwrap(),
        plan: serde_json::to_string(&plan).unwrap(),
        deadline_ms: None,
        handing,
    };
    let Recorded::New(intent) = run.journal.record(intent).await.unwrap() else { panic!("the key is new") };
    intent
}

const CHILD_STATE: &str = "BTD_TEST_SUBMIT_STATE";
const CHILD_ENDPOINT: &str = "BTD_TEST_SUBMIT_ENDPOINT";

/// Not a test of its own: what the next test runs in a process that it kills.
#[tokio::test]
async fn child_that_signs_and_never_sends() {
    let (Some(state), Some(endpoint)) = (std::env::var_os(CHILD_STATE), std::env::var_os(CHILD_ENDPOINT)) else {
        return;
    };
    let run = Run::begin(&PathBuf::from(state), endpoint.into_string().unwrap()).await;
    let run = run.with_wallet("alice", "//Alice");
    let order = run.order("alice", transfer(3_000_000)).await;
    record(&run, &order, "killed").await;
    let mut out = std::io::stdout();
    writeln!(out, "committed").unwrap();
    out.flush().unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn killed_between_journal_and_broadcast_the_same_bytes_are_sent_after_the_restart() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "submit::tests::child_that_signs_and_never_sends", "--nocapture"])
        .env(CHILD_STATE, state.path())
        .env(CHILD_ENDPOINT, endpoint(&devnet))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    // On a thread of its own: the chain that the child talks to runs on this one.
    let committed = tokio::task::spawn_blocking(|| out.lines().map_while(Result::ok).any(|l| l.contains("committed")));
    assert!(committed.await.unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(devnet.head().number, 0, "nothing was sent");

    let bytes_of = |intent: &Intent| intent.recorded.extrinsic.clone();
    let signed = {
        let journal = Journal::open(state.path().join("journal.db")).await.unwrap();
        let pending = journal.pending(BlockHash(devnet.genesis_hash())).await.unwrap();
        assert_eq!(pending.len(), 1);
        bytes_of(&pending[0])
    };
    let run = Run::begin(state.path(), endpoint(&devnet)).await;
    let order = keyed(&run.order("alice", transfer(3_000_000)).await, "killed");
    let receipt = run.submitter.submit(order).await.unwrap();
    let Stage::Finalized { extrinsic, included } = receipt.stage else { panic!("{receipt:?}") };
    assert_eq!(extrinsic, signed.hash);
    assert_eq!(included.block.number, BlockNumber(1));
    let account = run.link.view().unwrap().balance(receipt.plan.signer).await.unwrap();
    assert_eq!((account.nonce, account.free), (1, receipt.plan.balance_after));
}

#[tokio::test]
async fn what_no_node_has_can_be_taken_back_and_leaves_no_gap() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = run.order("alice", transfer(7)).await;
    let (plan, prepared) = run.submitter.prepare(&order, |counted| counted).await.unwrap();
    let (plan, extrinsic) =
        (serde_json::to_string(&plan).unwrap(), run.submitter.sign(&order, &prepared).await.unwrap());
    let genesis = run.link.genesis().unwrap();
    drop(devnet);
    run.link.state().wait_for(|state| !state.is_live()).await.unwrap();

    let record = async |key: &str, nonce: u32, deadline: Option<Duration>| {
        let extrinsic = SignedExtrinsic { nonce, ..extrinsic.clone() };
        let intent = NewIntent {
            key: Some(key.parse().unwrap()),
            wish: wish(&order),
            genesis,
            extrinsic,
            plan: plan.clone(),
            deadline_ms: deadline.map(|limit| since_1970() + millis(limit)),
            handing: Handing::Never,
        };
        let Recorded::New(intent) = run.journal.record(intent).await.unwrap() else { panic!("the key is new") };
        let mut progress = run.submitter.shared.follow(&intent, worker::History::NeverSent).await;
        progress.wait_for(|progress| matches!(progress, Progress::Unsent)).await.unwrap();
        (intent, progress)
    };
    let (first, _) = record("first", 0, None).await;
    let (second, _) = record("second", 1, None).await;
    assert_eq!(run.submitter.withdraw(&first).await, Err(NotWithdrawn::Awaited { nonce: 1 }));
    run.submitter.withdraw(&second).await.unwrap();
    run.submitter.withdraw(&first).await.unwrap();
    assert_eq!(run.submitter.shared.active.free_nonce(order.signer, 0), 0);
    let (_, mut late) = record("late", 0, Some(Duration::from_millis(1))).await;
    let late = late.wait_for(|progress| matches!(progress, Progress::Settled(_))).await.unwrap().clone();
    let Progress::Settled(outcome) = late else { panic!("{late:?}") };
    assert_eq!(*outcome, Outcome::Withdrawn { why: Withdrawal::Late });
    assert_eq!(run.pending().await, []);
    let again = run
        .submitter
        .follow(&run.journal.find(genesis, "first".parse().unwrap()).await.unwrap().unwrap(), Mode::UntilFinalized)
        .await;
    assert!(matches!(again, Err(SubmissionError::Withdrawn(Withdrawal::Cancelled))), "{again:?}");
}

/// While the journal cannot take down that a node may have the bytes, none gets them.
#[tokio::test]
async fn that_a_node_may_have_the_bytes_is_written_down_before_they_leave() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = run.order("alice", transfer(9)).await;
    let kept = async |key: &str| {
        run.journal.find(run.link.genesis().unwrap(), key.parse().unwrap()).await.unwrap().unwrap().recorded.handing
    };
    run.journal
        .execute(
            "CREATE TRIGGER stuck BEFORE UPDATE OF unsent ON intents
             BEGIN SELECT RAISE(ABORT, 'nothing is written'); END",
        )
        .await;
    let (plan, prepared) = run.submitter.prepare(&order, |counted| counted).await.unwrap();
    let intent = NewIntent {
        key: Some("first".parse().unwrap()),
        wish: wish(&order),
        genesis: run.link.genesis().unwrap(),
        extrinsic: run.submitter.sign(&order, &prepared).await.unwrap(),
        plan: serde_json::to_string(&plan).unwrap(),
        deadline_ms: None,
        handing: Handing::Never,
    };
    let Recorded::New(intent) = run.journal.record(intent).await.unwrap() else { panic!("the key is new") };
    let mut progress = run.submitter.shared.follow(&intent, worker::History::NeverSent).await;
    progress.changed().await.unwrap();
    assert!(matches!(*progress.borrow_and_update(), Progress::Unsent));
    assert_eq!((kept("first").await, devnet.head().number), (Handing::Never, 0));

    run.journal.execute("DROP TRIGGER stuck").await;
    progress.wait_for(|progress| matches!(progress, Progress::Settled(_))).await.unwrap();
    assert_eq!((kept("first").await, devnet.head().number), (Handing::Perhaps, 1));
}

/// Orders with a deadline that no node has, as a daemon leaves them that is stopped while the chain is out of reach.
#[tokio::test]
async fn a_deadline_holds_over_a_restart() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let genesis = BlockHash(devnet.genesis_hash());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = run.order("alice", transfer(9)).await;
    for (key, nonce, deadline_ms, handing) in [
        ("sent", 0, Some(1), Handing::Perhaps),
        ("late", 1, Some(1), Handing::Never),
        ("late-too", 2, Some(1), Handing::Never),
    ] {
        let (plan, prepared) = run.submitter.prepare(&order, |_| nonce).await.unwrap();
        let intent = NewIntent {
            key: Some(key.parse().unwrap()),
            wish: wish(&order),
            genesis,
            extrinsic: run.submitter.sign(&order, &prepared).await.unwrap(),
            plan: serde_json::to_string(&plan).unwrap(),
            deadline_ms,
            handing,
        };
        run.journal.record(intent).await.unwrap();
    }
    drop(run);

    freed(state.path()).await;
    let run = Run::begin(state.path(), endpoint(&devnet)).await;
    let repeat = async |key: &str| run.submitter.submit(keyed(&order, key)).await;
    for key in ["late", "late-too"] {
        let late = repeat(key).await;
        assert!(matches!(late, Err(SubmissionError::Withdrawn(Withdrawal::Late))), "{key}: {late:?}");
    }
    // What a node may have is followed to its end, whatever its deadline was.
    let sent = repeat("sent").await.unwrap();
    assert!(matches!(sent.stage, Stage::Finalized { .. }), "{sent:?}");
    assert_eq!(run.submitter.shared.active.free_nonce(order.signer, 1), 1);
    assert_eq!(devnet.head().number, 1);
}

/// Somebody has the account's turn under a key and comes to no end, as one does whom the signer lets wait.
#[tokio::test]
async fn nobody_waits_longer_for_another_order_than_it_said() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let config = Config { patience_s: 0, ..Config::default() };
    let run = Run::begin_with(state.path(), endpoint(&devnet), config).await.with_wallet("alice", "//Alice");
    let plain = run.order("alice", transfer(7)).await;
    let (key, lanes) = ("held".parse::<IdempotencyKey>().unwrap(), Arc::clone(&run.submitter.shared.lanes));
    let held = lanes.turn(plain.signer, Lane::Normal, Some(key.clone())).await.unwrap();
    let terms = Terms { deadline: Some(Duration::from_millis(1)), ..Terms::default() };

    // A repetition does not know what becomes of its original, and another order is late.
    let repeated = run.submitter.submit(Order { terms, ..keyed(&plain, "held") }).await;
    assert!(matches!(repeated, Err(SubmissionError::UnderWay { .. })), "{repeated:?}");
    for late in [plain.clone(), keyed(&plain, "other")] {
        let late = run.submitter.submit(Order { terms, ..late }).await;
        assert!(matches!(late, Err(SubmissionError::Withdrawn(Withdrawal::Late))), "{late:?}");
    }
    // Whoever calls it off is told that it is not decided, and it is told to stop.
    assert_eq!(run.submitter.call_off(&key).await, Err(NotWithdrawn::Undecided));
    held.called_off().await;
    let intent = record(&run, &plain, "signed").await;
    assert_eq!(run.submitter.withdraw(&intent).await, Err(NotWithdrawn::Undecided));

    assert!(run.submitter.is_under_way(&key));
    drop(held);
    assert!(!run.submitter.is_under_way(&key));
    assert_eq!(run.submitter.call_off(&key).await.unwrap(), CallOff::default());
    assert_eq!(run.submitter.logged_under(key).await.unwrap(), None);
    let again = run.submitter.submit(keyed(&plain, "held")).await.unwrap();
    assert!(matches!(again.stage, Stage::Finalized { .. }), "{again:?}");
}

#[tokio::test]
async fn an_order_that_is_called_off_stops_before_it_is_signed() {
    let (devnet, state) = (devnet(BlockTime::Instant).await, tempfile::tempdir().unwrap());
    let run = Run::begin(state.path(), endpoint(&devnet)).await.with_wallet("alice", "//Alice");
    let order = keyed(&run.order("alice", transfer(7)).await, "called-off");
    let key = order.idempotency_key.clone().unwrap();
    let lanes = Arc::clone(&run.submitter.shared.lanes);
    let submitter = run.submitter.clone();
    let submitted = tokio::spawn(async move { submitter.submit(order).await });
    while !lanes.is_taken() {
        tokio::task::yield_now().await;
    }
    let called = run.submitter.call_off(&key).await.unwrap();
    assert_eq!(called.under_way.len(), 1);
    let ended = submitted.await.unwrap();
    match run.submitter.logged_under(key).await.unwrap() {
        None => assert!(matches!(ended, Err(SubmissionError::Withdrawn(Withdrawal::Cancelled))), "{ended:?}"),
        Some(_) => assert!(ended.is_ok(), "{ended:?}"),
    }
}
