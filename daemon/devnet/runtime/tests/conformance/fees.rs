//! Fees that clients of the real runtime, spec 425, say they paid.

use btd_devnet_runtime::{
    RuntimeCall, TransactionPayment, UNIT, admin::Call as Admin, crowdloan::Call as Crowdloan, subtensor::Call,
};
use codec::Encode;
use frame_support::dispatch::GetDispatchInfo;

use crate::{key, on_a_chain};

/// Bytes of an extrinsic beside its call, its era and its number: two of length, the version, the signer, the signature,
/// the tip and the mode of the metadata's hash.
const AROUND: usize = 2 + 1 + 33 + 65 + 1 + 1;

/// What the call costs in an extrinsic with an era whose number takes so many bytes.
fn fee(call: impl Into<RuntimeCall>, number: usize) -> u64 {
    fee_in(2 + number, call)
}

/// What the call costs in an extrinsic whose era and number take so many bytes.
fn fee_in(bytes: usize, call: impl Into<RuntimeCall>) -> u64 {
    let call = call.into();
    let length = u32::try_from(AROUND + bytes + call.encoded_size()).unwrap();
    TransactionPayment::compute_fee(length, &call.get_dispatch_info(), 0)
}

/// btcli 11.3 as `//Alice`, who had sent more than 63 extrinsics before, and as `//Bob`, who had not.
#[test]
fn calls_cost_what_btcli_11_paid() {
    on_a_chain(|| {
        let (dest, value) = (key("Dave").into(), 1_500_000_000);
        let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest, value });
        assert_eq!(fee(transfer, 2), 136_250);
        assert_eq!(fee(Admin::sudo_set_min_burn { netuid: 2, min_burn: 2_000_000 }, 2), 198_087);
        assert_eq!(fee(Admin::sudo_set_immunity_period { netuid: 2, immunity_period: 101 }, 2), 183_898);
        assert_eq!(fee(Call::set_coldkey_auto_stake_hotkey { netuid: 2, hotkey: key("hotkey") }, 2), 221_147);
        let identity = Call::set_identity {
            name: b"Bob11".to_vec(),
            url: b"https://bob.example".to_vec(),
            github_repo: vec![],
            image: vec![],
            discord: vec![],
            description: vec![],
            additional: vec![],
        };
        assert_eq!(fee(identity, 1), 157_737);
        assert_eq!(fee(Call::try_associate_hotkey { hotkey: key("hotkey") }, 1), 254_386);
    });
}

/// btcli 9.23 as `//Bob`, who had sent no more than 63 extrinsics before. It signs these two without an era, which is one
/// byte.
#[test]
fn crowdloans_cost_what_btcli_9_paid() {
    on_a_chain(|| {
        assert_eq!(fee_in(2, Crowdloan::contribute { crowdloan_id: 0, amount: 5 * UNIT }), 349_996);
        assert_eq!(fee_in(2, Crowdloan::withdraw { crowdloan_id: 0 }), 334_315);
    });
}
