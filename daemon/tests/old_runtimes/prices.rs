//! What alpha costs, and what makes stake of it worth, before runtimes that tell prices in another way than today's, or
//! not at all: today's own, in whose metadata something is lacking.

use btd_devnet::{Busy, Profile};

use super::{
    lacking::{described, renamed},
    *,
};

/// A btd before a runtime of today that has nothing of these names.
async fn without(names: &[&str]) -> Running {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        profile: Profile::Busy(Busy { subnets: 3, neurons: 12, seed: 7 }),
        clock: Clock::Stepped { start: 1_700_000_000_000 },
        ..btd_devnet::Config::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let direct = view(&format!("ws://{}", devnet.address())).await;
    let told = direct.runtime_api_bytes("Metadata", "metadata_at_version", &[Value::from(15_u32)]).await.unwrap();
    let told = renamed(&told, names);
    let node = FaultyNode::before(devnet.address()).await;
    node.script(move |method, params| described(&told, method, params).map_or(Reaction::Pass, Reaction::Answer));
    Running::before(devnet, node, Arc::default(), Arc::default())
}

fn rao(amount: &Json) -> Option<u128> {
    amount.as_str().and_then(|digits| digits.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_is_the_same_wherever_it_is_told_and_makes_stake_worth_what_it_is() {
    for (lacks, is_known) in [
        // As from spec 283 on, as before, and as one of which nobody knows how to ask it.
        (&["current_alpha_price_all"][..], true),
        (&["SwapRuntimeApi", "Swap"][..], true),
        (&["SwapRuntimeApi"][..], false),
    ] {
        let btd = without(lacks).await;
        btd.ask("wallet_create", json!({ "uri": "//busy//validator//0", "plain": true }));
        let listed = btd.ask("subnets_list", json!({}));
        let lines = listed["subnets"].as_array().unwrap();
        assert_eq!(lines.len(), 4, "{listed}");
        for line in lines {
            let (netuid, price) = (&line["netuid"], &line["price"]);
            let which = format!("subnet {netuid} without {lacks:?}");
            match (rao(price), is_known) {
                (Some(price), _) if *netuid == 0 => assert_eq!(price, 1_000_000_000, "{which}"),
                (Some(price), true) => {
                    // Nothing was traded yet, so that the pool has the price too, but for what is rounded.
                    let of_pool = rao(&line["tao_in"]).unwrap() * 1_000_000_000 / rao(&line["alpha_in"]).unwrap();
                    assert!(price > 0 && price.abs_diff(of_pool) <= 1, "{which}: {price} and {of_pool}");
                }
                (price, is_known) => assert_eq!((price, is_known), (None, false), "{which}"),
            }
            let now = json!({ "netuid": netuid });
            let then = json!({ "netuid": netuid, "block": listed["at"]["number"] });
            for params in [now, then] {
                let told = |method: &str| btd.ask(method, params.clone());
                assert_eq!(&told("subnets_show")["subnet"]["price"], price, "{which}, {params}");
                assert_eq!(&told("subnets_metagraph")["subnet"]["price"], price, "{which}, {params}");
                assert_eq!(&told("metagraph_get")["figures"]["price"], price, "{which}, {params}");
                assert_eq!(&told("subnets_price")["prices"][0]["price"], price, "{which}, {params}");
            }
        }

        let balance = btd.ask("wallet_balance", json!({}))["rows"][0].take();
        let stakes = btd.ask("stake_list", json!({ "address": balance["coldkey"] }));
        let positions = stakes["positions"].as_array().unwrap();
        assert_eq!(positions.len(), 4, "{stakes}");
        for (position, told) in positions.iter().zip(balance["positions"].as_array().unwrap()) {
            let line = lines.iter().find(|line| line["netuid"] == position["netuid"]).unwrap();
            assert_eq!(position["price"], line["price"], "{position}");
            let worth = rao(&line["price"]).map(|price| rao(&position["stake"]).unwrap() * price / 1_000_000_000);
            assert_eq!((rao(&position["value"]), &position["value"]), (worth, &told["value"]), "{position}");
        }
        assert_eq!(stakes["value"], balance["staked"], "without {lacks:?}");
        assert_eq!(rao(&balance["staked"]).is_some_and(|staked| staked > 0), is_known, "{balance}");
        assert_eq!(rao(&balance["total"]).is_some(), is_known, "{balance}");
    }
}
