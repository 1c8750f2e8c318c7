//! What metagraphs cost: `cargo bench -p btd --bench metagraph`.
//!
//! Subnets of 256 and of 4,096 neurons on a busy development chain: reading what the chain answers,
//! making of it what is served, and saving and loading it. `-- --python PATH` adds the same reads by
//! the `bittensor` 10 of that interpreter, from the same chain in the same run. Times are of this
//! process's processor, the median of the rounds; Python's are its own processor's, and with them
//! goes what it takes to ask and to be answered.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails is no measurement")]

use std::{
    hint::black_box,
    process::Command,
    time::{Duration, Instant},
};

use btd::{
    metagraph::{Snapshot, Table, file},
    stamp::Stamp,
};
use btd_api::{MechId, NetUid};
use btd_chain::{LinkConfig, LinkState, MetagraphFields, NeuronLite};
use btd_devnet::{BlockTime, Busy, Devnet, Profile};
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 21;
const NETUID: NetUid = NetUid(1);

/// The median of what `work` takes, and how it is called.
fn measure(what: &str, target: &str, mut work: impl FnMut()) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("{what:44} {:>12.3?}   {target}", times[times.len() / 2]);
}

fn main() {
    let python = std::env::args().skip_while(|word| word != "--python").nth(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for neurons in [256, 4_096] {
        runtime.block_on(of_size(neurons, python.as_deref()));
    }
}

async fn of_size(neurons: u16, python: Option<&str>) {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        profile: Profile::Busy(Busy { subnets: 1, neurons, seed: 0 }),
        ..Default::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let endpoint = format!("ws://{}", devnet.address());
    let config = LinkConfig { endpoints: vec![endpoint.clone().into()], stale_after_ms: 0, ..LinkConfig::default() };
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
    let table = Table::read(&view, NETUID, MechId(0), at).await.unwrap().unwrap();
    let saved = file::write(&table);
    let small = neurons == 256;
    let target = |of_small: &'static str, of_large: &'static str| if small { of_small } else { of_large };

    println!(
        "\n{neurons} neurons: metagraph {} bytes, neurons lite {} bytes, file {} bytes",
        whole.len(),
        lite.len(),
        saved.len()
    );
    measure("decode neurons lite", target("at most 0.1 ms", "at most 1.5 ms"), || {
        black_box(NeuronLite::decode_all(black_box(&lite)).unwrap());
    });
    measure("decode the metagraph by its metadata", target("at most 0.3 ms", "at most 4 ms"), || {
        black_box(MetagraphFields::decode(black_box(&whole), view.runtime()).unwrap());
    });
    measure("make of it what is served", "", || {
        black_box(Snapshot::read(black_box(&raw), at));
    });
    measure("save", target("", "at most 3 ms"), || {
        black_box(file::write(black_box(&table)));
    });
    measure("load", target("", "at most 3 ms"), || {
        black_box(file::read(black_box(&saved)).unwrap());
    });
    measure("export for NumPy", "", || {
        black_box(file::npz(black_box(&table)));
    });
    if let Some(python) = python {
        let script = format!(
            "import statistics, time, bittensor\n\
             chain = bittensor.Subtensor('{endpoint}')\n\
             def timed(what, read):\n\
             \x20   read()\n\
             \x20   times = []\n\
             \x20   for _ in range(5):\n\
             \x20       start = time.process_time(); read(); times.append(time.process_time() - start)\n\
             \x20   print(f'{{what:44}} {{statistics.median(times) * 1000:>10.3f}}ms')\n\
             timed('bittensor 10: neurons_lite', lambda: chain.neurons_lite(1))\n\
             timed('bittensor 10: metagraph', lambda: chain.metagraph(1))\n"
        );
        let output = Command::new(python).args(["-c", &script]).output().unwrap();
        print!("{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    token.cancel();
    following.await.unwrap();
    devnet.stop().await.unwrap();
}
