//! What every block does for the indices of the chain.

use btd_devnet_runtime::{
    Runtime, SubtensorModule, System,
    subtensor::{self as s, Call, types::ROOT},
};
use frame_support::traits::Hooks;

use crate::{FIRST, OK, expect, key, on_a_chain};

fn begin(block: u32) {
    System::set_block_number(block);
    SubtensorModule::on_initialize(block);
}

#[test]
fn exchanges_of_hotkeys_are_forgotten_once_they_bind_nobody() {
    on_a_chain(|| {
        let last = |name: &str| s::LastHotkeySwapOnNetuid::<Runtime>::contains_key(FIRST, key(name));
        s::LastHotkeySwapOnNetuid::<Runtime>::insert(FIRST, key("old"), 100);
        s::LastHotkeySwapOnNetuid::<Runtime>::insert(FIRST, key("young"), 7_201);
        s::LastHotkeySwapOnNetuid::<Runtime>::insert(ROOT, key("old"), 100);
        // The turn of a subnet is the block whose number ends in its netuid, counted in 7,200s.
        begin(14_400);
        assert!(last("old") && last("young"));
        assert!(!s::LastHotkeySwapOnNetuid::<Runtime>::contains_key(ROOT, key("old")), "it was root's turn");
        begin(14_401);
        assert!(!last("old"));
        assert!(last("young"), "7,200 blocks must have passed, and one more");
        begin(21_601);
        assert!(!last("young"));
    });
}

#[test]
fn thirty_positions_of_stake_are_looked_at_in_a_block() {
    on_a_chain(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("hotkey") }, OK);
        let (some, of_genesis) = (s::SafeFloat::from(1_000_u64), s::AlphaV2::<Runtime>::iter_keys().count());
        let coldkey = |number: u32| key(&format!("staker{number}"));
        for number in 0..64 {
            let netuid = if number % 2 == 0 { ROOT } else { FIRST };
            s::AlphaV2::<Runtime>::insert((key("hotkey"), coldkey(number), netuid), some);
        }
        let indexed = || (0..64).filter(|number| s::StakingColdkeys::<Runtime>::contains_key(coldkey(*number))).count();
        assert!(of_genesis < 26, "three blocks see them all");
        assert_eq!(indexed(), 0);
        begin(2);
        let first = indexed();
        assert!(first > 0 && first < 31, "{first}");
        assert!(s::AlphaV2MapLastKey::<Runtime>::get().is_some());
        begin(3);
        assert!(s::AlphaV2MapLastKey::<Runtime>::get().is_some());
        begin(4);
        assert_eq!(s::AlphaV2MapLastKey::<Runtime>::get(), None, "it begins anew");
        assert_eq!(indexed(), 32, "those on root, and nobody else");
        begin(5);
        assert!(s::AlphaV2MapLastKey::<Runtime>::get().is_some());
        assert_eq!(indexed(), 32);
    });
}
