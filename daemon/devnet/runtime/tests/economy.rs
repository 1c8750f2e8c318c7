//! Replays recordings of the real runtime, spec 425, and compares verdicts of the pool, results, fees, weights, events,
//! those with which blocks begin among them, and state.
//!
//! Each story runs to its end, and everything recorded is compared: a call or an item that this chain lacks fails. A
//! recording that is put beside the others is replayed as it is; what is named here is counted besides.
//! Nothing differs; which stakers a block claims for goes by hashes that recordings do not hold, and is given
//! (`story.rs`). Not recorded are events of the empty blocks between two steps, and those with which blocks end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

#[path = "economy/chain.rs"]
mod chain;
#[path = "economy/plain.rs"]
mod plain;
#[path = "economy/story.rs"]
mod story;

macro_rules! stories {
    ($($name:ident: at least $least:literal figures;)*) => {
        /// Those that have a test of their own.
        const NAMED: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                let text = include_str!(concat!("../../../../tests/vectors/economy/", stringify!($name), ".json"));
                let compared = story::replay(stringify!($name), text);
                assert!(compared >= $least, "only {compared} figures were compared");
            }
        )*
    };
}

stories! {
    fees_a: at least 205 figures;
    register_network_a: at least 745 figures;
    burned_register_a: at least 640 figures;
    serving_identity_a: at least 630 figures;
    takes_children_root_a: at least 655 figures;
    staking_amm_a: at least 2_210 figures;
    commit_reveal_a: at least 530 figures;
    hyperparameters_a: at least 1_115 figures;
    epoch_base_a: at least 670 figures;
    epoch_yuma2_a: at least 680 figures;
    epoch_liquid_a: at least 680 figures;
    epoch_child_a: at least 715 figures;
    epoch_late_a: at least 680 figures;
    epoch_inactive_a: at least 715 figures;
    epoch_root_a: at least 890 figures;
    swaps_proxy_batch_lock_a: at least 760 figures;
}

#[test]
fn whatever_lies_beside_them_is_replayed_too() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/vectors/economy");
    let mut named = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else { continue };
        if NAMED.contains(&name) {
            named += 1;
            continue;
        }
        let compared = story::replay(name, &std::fs::read_to_string(&path).unwrap());
        assert!(compared > 0, "{name}: nothing was compared");
    }
    assert_eq!(named, NAMED.len());
}
