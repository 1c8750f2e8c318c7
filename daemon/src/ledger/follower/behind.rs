//! What a node that has fewer blocks than the ledger says about them.

use btd_chain::LinkConfig;
use btd_devnet::{BlockTime, Devnet};

use super::*;

/// A follower over a chain of three blocks, whose ledger has its block 2 and another chain's block 5.
async fn follower(devnet: &Devnet, finality: Finality, directory: &tempfile::TempDir) -> (Follower, BlockHash) {
    let endpoint = format!("ws://{}", devnet.address());
    let config =
        LinkConfig { endpoints: vec![endpoint.into()], finality, stale_after_ms: Some(0), ..LinkConfig::default() };
    let (link, run) = btd_chain::link(config).unwrap();
    tokio::spawn(run.run(CancellationToken::new()));
    reached(&link, 3).await;
    let genesis = link.genesis().unwrap();
    let file = directory.path().join(format!("{finality:?}.db"));
    let ledger = Ledger::open(file, super::super::Config::default()).await.unwrap();
    let of_chain = link.block_hash(BlockNumber(2)).await.unwrap().unwrap();
    for (number, hash) in [(2, of_chain), (5, BlockHash([5; 32]))] {
        let looked = Looked { number: BlockNumber(number), hash, watched: BTreeSet::new(), entries: Vec::new() };
        ledger.append(genesis, looked).await.unwrap();
    }
    (Follower::new(ledger, &link, Custody::in_process(directory.path())), genesis)
}

async fn reached(link: &Link, number: u32) {
    let reached = async {
        while link.finalized().is_none_or(|head| head.number.0 < number) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reached).await.expect("the link does not follow");
}

#[tokio::test]
async fn a_node_that_is_behind_takes_nothing_away() {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        ..Default::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    devnet.mine(3).await.unwrap();
    let directory = tempfile::tempdir().unwrap();

    let (binding, genesis) = follower(&devnet, Finality::Binding, &directory).await;
    let standing = binding.standing(genesis).await;
    assert!(matches!(standing, Err(Unsettled::Behind { block: BlockNumber(5) })), "{standing:?}");
    // A chain that was taken back is another matter.
    let (revocable, _) = follower(&devnet, Finality::Revocable, &directory).await;
    assert_eq!(revocable.standing(genesis).await.unwrap(), Some(BlockNumber(3)));

    // The node has caught up, and has another block there.
    devnet.mine(2).await.unwrap();
    reached(&binding.link, 5).await;
    assert_eq!(binding.standing(genesis).await.unwrap(), Some(BlockNumber(3)));
    devnet.stop().await.unwrap();
}
