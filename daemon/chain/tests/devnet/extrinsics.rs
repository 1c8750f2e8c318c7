//! Extrinsics: prepared, signed, submitted and followed; refused by the pool; failed in a block.

use std::time::Duration;

use btd_api::{AccountId, BlockNumber, Tao};
use btd_chain::{
    Call, Inclusion, Link, LinkConfig, LinkState, Mortality, PrepareError, PrepareOptions, RefusalReason, Sign,
    SignError, SignedExtrinsic, SubmitError, Tracked, ValidityCode, Value,
};
use btd_devnet::BlockTime;

use crate::{Key, chain, chain_with, config, follow, in_time, live, proxy::Proxy, until};

fn transfer(to: AccountId, amount: u64) -> Call {
    Call::new("Balances", "transfer_keep_alive").arg("dest", to).arg("value", amount)
}

async fn signed(link: &Link, call: &Call, key: &Key, options: PrepareOptions) -> SignedExtrinsic {
    let prepared = link.prepare(call, key.account(), options).await.unwrap();
    prepared.sign(key).await.unwrap()
}

/// Submits, and waits for the block.
async fn included(link: &Link, extrinsic: &SignedExtrinsic, from: BlockNumber) -> Inclusion {
    link.submit(extrinsic).await.unwrap();
    match in_time(link.track(extrinsic.hash, from, extrinsic.era_end())).await.unwrap() {
        Tracked::Included(inclusion) => inclusion,
        other => panic!("{other:?}"),
    }
}

fn refusal(result: Result<(), SubmitError>) -> RefusalReason {
    match result {
        Err(SubmitError::Refused(refusal)) => refusal.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_is_followed_to_its_events() {
    let (_devnet, followed) = live().await;
    let (link, alice, bob) = (&followed.link, Key::named("Alice"), Key::named("Bob").account());
    let before = link.view().unwrap();

    let call = transfer(bob, 1_500_000_000);
    let prepared = link.prepare(&call, alice.account(), PrepareOptions::default()).await.unwrap();
    assert_eq!(prepared.nonce, 0);
    assert_eq!((prepared.preview.pallet.as_str(), prepared.preview.call.as_str()), ("Balances", "transfer_keep_alive"));
    assert_eq!(prepared.preview.args["dest"]["Id"], bob.to_string());
    assert_eq!(prepared.preview.args["value"], "1500000000");
    assert_eq!(
        (prepared.payload().pallet.as_str(), prepared.payload().call.as_str()),
        ("Balances", "transfer_keep_alive")
    );

    let extrinsic = prepared.sign(&alice).await.unwrap();
    let inclusion = included(link, &extrinsic, prepared.at.number).await;
    assert_eq!(inclusion.result, Ok(()));
    assert_eq!(inclusion.fee, Some(prepared.fee), "the estimate is what was paid");
    assert!(prepared.fee > Tao::ZERO);
    let event = inclusion.events.iter().find(|event| event.pallet == "Balances" && event.name == "Transfer").unwrap();
    assert_eq!(event.fields["from"], alice.account().to_string());
    assert_eq!(event.fields["amount"], "1500000000");
    assert_eq!(event.extrinsic, Some(inclusion.index));

    let after = link.view().unwrap();
    assert!(after.block().number > before.block().number);
    let rao = |balance: btd_chain::Balance| balance.free.rao();
    let received = rao(after.balance(bob).await.unwrap()) - rao(before.balance(bob).await.unwrap());
    assert_eq!(received, 1_500_000_000);
    let spent =
        rao(before.balance(alice.account()).await.unwrap()) - rao(after.balance(alice.account()).await.unwrap());
    assert_eq!(spent, 1_500_000_000 + prepared.fee.rao());
    assert_eq!(after.balance(alice.account()).await.unwrap().nonce, 1);

    // After a restart nothing but the bytes is known, and the answer is the same.
    let again = in_time(link.track(extrinsic.hash, prepared.at.number, extrinsic.era_end())).await.unwrap();
    assert_eq!(again, Tracked::Included(inclusion));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_call_is_told_by_name() {
    let (_devnet, followed) = live().await;
    let (link, alice) = (&followed.link, Key::named("Alice"));
    let register = Call::new("SubtensorModule", "burned_register").arg("netuid", 99u16).arg("hotkey", alice.account());
    let extrinsic = signed(link, &register, &alice, PrepareOptions::default()).await;
    let error = included(link, &extrinsic, BlockNumber(0)).await.result.unwrap_err();
    assert_eq!((error.pallet.as_deref(), error.name.as_str()), (Some("SubtensorModule"), "SubnetNotExists"));

    let too_much = transfer(Key::named("Bob").account(), 2_000_000 * 1_000_000_000);
    let extrinsic = signed(link, &too_much, &alice, PrepareOptions::default()).await;
    let error = included(link, &extrinsic, BlockNumber(0)).await.result.unwrap_err();
    assert_eq!((error.pallet, error.name.as_str()), (None, "Token.FundsUnavailable"));

    let not_root = Call::new("Sudo", "set_key").arg("new", alice.account());
    let bob = Key::named("Bob");
    let wrapped = Call::new("Utility", "batch_all").arg("calls", [not_root].into_iter().collect::<Value>());
    let extrinsic = signed(link, &wrapped, &bob, PrepareOptions::default()).await;
    let error = included(link, &extrinsic, BlockNumber(0)).await.result.unwrap_err();
    assert_eq!((error.pallet.as_deref(), error.name.as_str()), (Some("Sudo"), "RequireSudo"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_nest() {
    let (_devnet, followed) = live().await;
    let (link, alice) = (&followed.link, Key::named("Alice"));
    let [bob, dave] = ["Bob", "Dave"].map(|name| Key::named(name).account());
    let both: Value = [transfer(bob, 7), transfer(dave, 8)].into_iter().collect();
    let batch = Call::new("Utility", "batch_all").arg("calls", both);
    let extrinsic = signed(link, &batch, &alice, PrepareOptions::default()).await;
    let inclusion = included(link, &extrinsic, BlockNumber(0)).await;
    assert_eq!(inclusion.result, Ok(()));
    let amounts: Vec<_> =
        inclusion.events.iter().filter(|event| event.name == "Transfer").map(|event| &event.fields["amount"]).collect();
    assert_eq!(amounts, ["7", "8"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pools_refusals_are_typed() {
    let (_devnet, followed) = live().await;
    let (link, alice) = (&followed.link, Key::named("Alice"));
    let bob = Key::named("Bob").account();
    let first = signed(link, &transfer(bob, 1), &alice, PrepareOptions::default()).await;
    included(link, &first, BlockNumber(0)).await;

    let used = PrepareOptions { nonce: Some(0), ..PrepareOptions::default() };
    let outdated = signed(link, &transfer(bob, 2), &alice, used).await;
    assert_eq!(refusal(link.submit(&outdated).await), RefusalReason::Outdated);

    let mut forged = signed(link, &transfer(bob, 3), &alice, PrepareOptions::default()).await;
    // Length (2 bytes), version, address (33), scheme: then the signature.
    forged.bytes[40] ^= 1;
    forged.hash = btd_chain::ExtrinsicHash::of(&forged.bytes);
    assert_eq!(refusal(link.submit(&forged).await), RefusalReason::BadSignature);

    let poor = signed(link, &transfer(bob, 4), &Key::named("Nobody"), PrepareOptions::default()).await;
    assert_eq!(refusal(link.submit(&poor).await), RefusalReason::Payment);

    let serve = Call::new("SubtensorModule", "serve_axon")
        .arg("netuid", 1u16)
        .arg("version", 1u32)
        .arg("ip", u128::from(u32::from_be_bytes([203, 0, 113, 7])))
        .arg("port", 8091u16)
        .arg("ip_type", 4u8)
        .arg("protocol", 4u8)
        .arg("placeholder1", 0u8)
        .arg("placeholder2", 0u8);
    let unregistered = signed(link, &serve, &alice, PrepareOptions::default()).await;
    let RefusalReason::Custom(code) = refusal(link.submit(&unregistered).await) else { panic!("not a custom code") };
    assert_eq!((code, code.name()), (ValidityCode(10), Some("HotKeyNotRegisteredInNetwork")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_may_be_sent_twice() {
    let devnet = chain_with(BlockTime::Every(Duration::from_hours(1)), 1_700_000_000_000).await;
    let followed = follow(config([devnet.address()]));
    let link = &followed.link;
    until(link, LinkState::is_live).await;
    let alice = Key::named("Alice");
    let extrinsic = signed(link, &transfer(Key::named("Bob").account(), 1), &alice, PrepareOptions::default()).await;
    link.submit(&extrinsic).await.unwrap();
    link.submit(&extrinsic).await.unwrap();
    // The pool's extrinsics count for the next nonce.
    let next = link.prepare(&transfer(alice.account(), 1), alice.account(), PrepareOptions::default()).await.unwrap();
    assert_eq!(next.nonce, 1);
    devnet.mine(1).await.unwrap();
    let inclusion = included_already(link, &extrinsic).await;
    assert_eq!(inclusion.result, Ok(()));
    // Once it is in a block, the pool says no, and the block still tells the truth.
    assert!(matches!(link.submit(&extrinsic).await, Err(SubmitError::Refused(_))));
    assert_eq!(included_already(link, &extrinsic).await, inclusion);
}

async fn included_already(link: &Link, extrinsic: &SignedExtrinsic) -> Inclusion {
    match in_time(link.track(extrinsic.hash, BlockNumber(0), extrinsic.era_end())).await.unwrap() {
        Tracked::Included(inclusion) => inclusion,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_ambiguous_and_the_blocks_decide() {
    let devnet = chain().await;
    let proxy = Proxy::before(devnet.address()).await;
    let followed = follow(LinkConfig { request_timeout_ms: 300, ..config([proxy.address()]) });
    let link = &followed.link;
    until(link, LinkState::is_live).await;
    let alice = Key::named("Alice");
    let extrinsic = signed(link, &transfer(Key::named("Bob").account(), 9), &alice, PrepareOptions::default()).await;

    proxy.silence();
    let lost = in_time(link.submit(&extrinsic)).await;
    assert!(matches!(&lost, Err(SubmitError::Ambiguous { hash, .. }) if *hash == extrinsic.hash), "{lost:?}");
    proxy.cut();
    until(link, |state| !state.is_live()).await;
    assert!(matches!(link.submit(&extrinsic).await, Err(SubmitError::NotSent { .. })));
    proxy.open();
    assert_eq!(included_already(link, &extrinsic).await.result, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_sent_expires() {
    let (devnet, followed) = live().await;
    let options = PrepareOptions { mortality: Mortality::Blocks(4), ..PrepareOptions::default() };
    let alice = Key::named("Alice");
    let extrinsic = signed(&followed.link, &transfer(alice.account(), 1), &alice, options).await;
    assert_eq!(extrinsic.era_end(), Some(BlockNumber(3)));
    devnet.mine(3).await.unwrap();
    let fate = in_time(followed.link.track(extrinsic.hash, BlockNumber(0), extrinsic.era_end())).await.unwrap();
    assert_eq!(fate, Tracked::Expired { until: BlockNumber(3) });
    until(&followed.link, |state| state.finalized().is_some_and(|seen| seen.block.number.0 == 3)).await;
    // The pool agrees.
    let refused = refusal(followed.link.submit(&extrinsic).await);
    assert!(
        matches!(refused, RefusalReason::AncientBirth | RefusalReason::BadSignature | RefusalReason::Outdated),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_immortal_extrinsic_with_a_tip_is_taken() {
    let (_devnet, followed) = live().await;
    let (link, alice) = (&followed.link, Key::named("Alice"));
    let options = PrepareOptions { mortality: Mortality::Immortal, tip: Tao::from_rao(1_000), nonce: None };
    let prepared = link.prepare(&transfer(alice.account(), 1), alice.account(), options).await.unwrap();
    let extrinsic = prepared.sign(&alice).await.unwrap();
    assert_eq!(extrinsic.era_end(), None);
    let inclusion = included(link, &extrinsic, BlockNumber(0)).await;
    assert_eq!(inclusion.fee, Some(Tao::from_rao(prepared.fee.rao() + 1_000)), "the tip is paid on top");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_prepared_says_why() {
    let (_devnet, followed) = live().await;
    let (link, alice) = (&followed.link, Key::named("Alice"));
    let prepare =
        |call: Call, options| async move { link.prepare(&call, Key::named("Alice").account(), options).await };
    let usual = PrepareOptions::default();

    let misspelt = prepare(Call::new("SubtensorModule", "burn_register"), usual).await.unwrap_err();
    let PrepareError::Absent(absent) = misspelt else { panic!("{misspelt:?}") };
    assert_eq!(absent.nearest.as_deref(), Some("SubtensorModule.burned_register"));
    let gone = prepare(Call::new("Senate", "vote"), usual).await.unwrap_err().to_string();
    assert!(gone.contains("has no call Senate.vote"), "{gone}");

    let bob = Key::named("Bob").account();
    for (call, said) in [
        (transfer(bob, 1).arg("tip", 1u8), "no argument is named `tip`; the runtime has: dest, value"),
        (Call::new("Balances", "transfer_keep_alive").arg("dest", bob), "the argument `value` is missing"),
        (transfer(bob, 1).arg("value", u128::MAX), "value: "),
        (transfer(bob, 1).arg("dest", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ"), "checksum"),
    ] {
        let error = prepare(call, usual).await.unwrap_err();
        assert!(matches!(error, PrepareError::Argument { .. }) && error.to_string().contains(said), "{error}");
    }

    let odd = PrepareOptions { mortality: Mortality::Blocks(60), ..usual };
    assert!(matches!(prepare(transfer(bob, 1), odd).await, Err(PrepareError::BadPeriod { period: 60 })));

    let prepared = link.prepare(&transfer(bob, 1), alice.account(), usual).await.unwrap();
    let wrong = prepared.sign(&Key::named("Bob")).await;
    assert!(matches!(wrong, Err(SignError::WrongSigner { .. })));
}
