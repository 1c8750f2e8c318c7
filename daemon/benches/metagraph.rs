//! What metagraphs cost: `cargo bench -p btd --bench metagraph`.
//!
//! Subnets of 256 and of 4,096 neurons on a busy development chain: reading what the chain answers,
//! making of it what is served, and saving and loading it. `-- --python PATH` adds the same by the
//! `bittensor` 10 or 11 of that interpreter, from the same chain in the same run (`tests/load/metagraph_peer.py`);
//! it may be given again for the other one, and `tests/interop/run environments` makes both. Times are of this
//! thread's processor, the median of the rounds; Python's are its own processor's, and with them
//! goes what it takes to ask and to be answered. Only bittensor 10 has files of metagraphs: pickles,
//! without weights and bonds unless they were asked for. It fails when a time is above its bound: 0.1 ms and
//! 1.5 ms for the lite layout, of a fixed form. A whole metagraph of 4,096 neurons, read by its metadata
//! in about a millisecond, has half a millisecond more for the two megabytes that it takes of the system.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that fails is no measurement"
)]

use std::{
    fs,
    hint::black_box,
    process::{Command, ExitCode},
    sync::Arc,
    time::Duration,
};

use btd::{
    metagraph::{Column, Snapshot, Table, figure::Figure, file},
    stamp::Stamp,
};
use btd_api::{MechId, NetUid};
use btd_chain::{LinkConfig, LinkState, MetagraphFields, NeuronLite};
use btd_devnet::{BlockTime, Busy, Devnet, Profile};
use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 21;
const NETUID: NetUid = NetUid(1);

/// What the thread's processor has spent.
fn spent() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// Tells the median of what `work` takes, and whether that is within `bound`.
fn measure(what: &str, bound: Option<Duration>, mut work: impl FnMut()) -> bool {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = spent();
            work();
            spent().saturating_sub(start)
        })
        .collect();
    times.sort();
    let median = times[times.len() / 2];
    let is_met = bound.is_none_or(|bound| median <= bound);
    let bound = bound.map_or_else(|| "no bound".to_owned(), |bound| format!("at most {bound:?}"));
    println!("{what:44} {median:>12.3?}   {bound}{}", if is_met { "" } else { ": MISSED" });
    is_met
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let pythons: Vec<&str> =
        words.windows(2).filter(|pair| pair[0] == "--python").map(|pair| pair[1].as_str()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut is_met = true;
    for neurons in [256, 4_096] {
        is_met &= runtime.block_on(of_size(neurons, &pythons));
    }
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The metagraph with dividends for every neuron, which take most of a file: a young chain has paid few.
fn paid(mut table: Table) -> Table {
    let Some(Column::Accounts(hotkeys)) = table.column("hotkeys") else {
        panic!("the metagraph has no column of hotkeys: without dividends the figures are of another file")
    };
    let amounts: Vec<_> = hotkeys.iter().zip(1..).map(|(hotkey, rao)| (*hotkey, rao << 32)).collect();
    for name in ["tao_dividends_per_hotkey", "alpha_dividends_per_hotkey"] {
        Arc::make_mut(&mut table.figures).insert(name.to_owned(), Figure::Amounts(amounts.clone()));
    }
    table
}

/// Measures with subnets of so many neurons; whether every time is within its bound.
async fn of_size(neurons: u16, pythons: &[&str]) -> bool {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        profile: Profile::Busy(Busy { subnets: 1, neurons, seed: 0 }),
        ..Default::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let endpoint = format!("ws://{}", devnet.address());
    let config =
        LinkConfig { endpoints: vec![endpoint.clone().into()], stale_after_ms: Some(0), ..LinkConfig::default() };
    let (link, follower) = btd_chain::link(config).unwrap();
    let token = CancellationToken::new();
    let following = tokio::spawn(follower.run(token.clone()));
    link.state().wait_for(LinkState::is_live).await.unwrap();
    let view = link.view().unwrap();
    let asked = [NETUID.into()];
    let whole = view.runtime_api_bytes("SubnetInfoRuntimeApi", "get_metagraph", &asked).await.unwrap();
    let lite = view.runtime_api_bytes("NeuronInfoRuntimeApi", "get_neurons_lite", &asked).await.unwrap();
    let raw = view.metagraph(NETUID).await.unwrap().unwrap();
    let at = Stamp::of(view.block(), &link);
    let table = paid(Table::read(&view, NETUID, MechId(0), at).await.unwrap().unwrap());
    let saved = file::write(&table);
    let small = neurons == 256;
    let bound = |of_small: u64, of_large: u64| Some(Duration::from_micros(if small { of_small } else { of_large }));
    let save_bound = (!small).then_some(Duration::from_millis(3));
    let mut is_met = true;

    println!(
        "\n{neurons} neurons: metagraph {} bytes, neurons lite {} bytes, file {} bytes",
        whole.len(),
        lite.len(),
        saved.len()
    );
    is_met &= measure("decode neurons lite", bound(100, 1_500), || {
        black_box(NeuronLite::decode_all(black_box(&lite)).unwrap());
    });
    // All fields of the subnet and three times as many columns.
    is_met &= measure("decode the metagraph by its metadata", bound(150, 2_000), || {
        black_box(MetagraphFields::decode(black_box(&whole), view.runtime()).unwrap());
    });
    measure("make of it what is served", None, || {
        black_box(Snapshot::read(black_box(&raw), at));
    });
    is_met &= measure("save", save_bound, || {
        black_box(file::write(black_box(&table)));
    });
    is_met &= measure("load", save_bound, || {
        black_box(file::read(black_box(&saved)).unwrap());
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("metagraph.btd");
    measure("save to a file", None, || fs::write(&path, file::write(black_box(&table))).unwrap());
    measure("load of a file", None, || {
        black_box(file::read(&fs::read(&path).unwrap()).unwrap());
    });
    measure("export for NumPy", None, || {
        black_box(file::npz(black_box(&table)));
    });
    for python in pythons {
        let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/load/metagraph_peer.py");
        let output = Command::new(python).args([peer, &endpoint]).output().unwrap();
        print!("{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    token.cancel();
    following.await.unwrap();
    devnet.stop().await.unwrap();
    is_met
}
