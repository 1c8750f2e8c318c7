//! Replays recordings of the real runtime, spec 425, and compares verdicts of the pool, results, fees, weights, events
//! and state.
//!
//! Each story runs to its end, and everything recorded is compared: a call or an item that this chain lacks fails.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

#[path = "economy/chain.rs"]
mod chain;
#[path = "economy/plain.rs"]
mod plain;
#[path = "economy/story.rs"]
mod story;

macro_rules! stories {
    ($($name:ident: at least $least:literal figures;)*) => {
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
    fees_a: at least 180 figures;
    register_network_a: at least 720 figures;
    burned_register_a: at least 600 figures;
    serving_identity_a: at least 550 figures;
    takes_children_root_a: at least 600 figures;
    staking_amm_a: at least 2_140 figures;
    commit_reveal_a: at least 480 figures;
    hyperparameters_a: at least 990 figures;
    epoch_base_a: at least 640 figures;
    epoch_yuma2_a: at least 650 figures;
    epoch_liquid_a: at least 650 figures;
    epoch_child_a: at least 680 figures;
    epoch_late_a: at least 650 figures;
    epoch_inactive_a: at least 680 figures;
    epoch_root_a: at least 850 figures;
    swaps_proxy_batch_lock_a: at least 700 figures;
}
