//! Extrinsics against runtimes made by hand: old ones, and ones that ask for too much.

use btd_api::{AccountId, BlockHash, BlockNumber, Tao};
use scale_info::meta_type;

use super::*;
use crate::{
    block::{self, RawBlock},
    handmade::{Extension, extensions_of_2024, runtime},
};

fn context(era: Era) -> Context {
    Context { genesis: BlockHash([1; 32]), birth: BlockHash([2; 32]), era, nonce: 5, tip: Tao::from_rao(9) }
}

fn mortal() -> Era {
    Era::starting_at(BlockNumber(100), Mortality::Blocks(64)).unwrap()
}

fn stake() -> Call {
    Call::new("Subtensor", "add_stake").arg("hotkey", AccountId([3; 32])).arg("amount_staked", 7u8)
}

fn call_bytes() -> Vec<u8> {
    [&[7, 2][..], &[3; 32], &7u64.to_le_bytes()].concat()
}

fn assembled(extensions: Vec<Extension>, era: Era) -> Result<(SigningPayload, Envelope), PrepareError> {
    assemble(&stake(), AccountId([4; 32]), &context(era), &runtime(extensions, 4))
}

#[test]
fn the_extrinsic_of_2024_is_byte_for_byte() {
    let (payload, envelope) = assembled(extensions_of_2024(), mortal()).unwrap();
    // Era 64 with phase 36, nonce 5 and tip 9 as compacts.
    let extra = [0x45, 0x02, 5 << 2, 9 << 2];
    let implicit = [&150u32.to_le_bytes()[..], &1u32.to_le_bytes(), &[1; 32], &[2; 32]].concat();
    assert_eq!(payload.message, [&call_bytes()[..], &extra, &implicit].concat());
    assert_eq!(payload.call_data, call_bytes());
    let body = [&[0x84, 0][..], &[4; 32], &[1], &[5; 64], &extra, &call_bytes()].concat();
    let length = u64::try_from(body.len()).unwrap();
    assert_eq!(envelope.seal(&Signature::Sr25519([5; 64])), [Compact(length).encode(), body].concat());
}

#[test]
fn an_immortal_one_signs_the_genesis() {
    let (payload, _) = assembled(extensions_of_2024(), Era::Immortal).unwrap();
    assert!(payload.message.ends_with(&[[1; 32], [1; 32]].concat()));
}

#[test]
fn the_fee_extension_goes_by_two_names_and_the_metadata_hash_is_off() {
    let mut extensions = extensions_of_2024();
    extensions[7].0 = "ChargeTransactionPaymentWrapper";
    extensions.push(("CheckMetadataHash", meta_type::<u8>(), meta_type::<Option<[u8; 32]>>()));
    let (renamed, _) = assembled(extensions, mortal()).unwrap();
    let (usual, _) = assembled(extensions_of_2024(), mortal()).unwrap();
    let mut expected = usual.message.clone();
    // The mode behind the tip, and no hash at the end.
    expected.insert(call_bytes().len() + 4, 0);
    expected.push(0);
    assert_eq!(renamed.message, expected);
}

#[test]
fn an_extension_that_carries_data_unknown_to_us_is_refused_by_name() {
    let mut harmless = extensions_of_2024();
    harmless.push(("SomethingNew", meta_type::<()>(), meta_type::<[(); 3]>()));
    assert!(assembled(harmless, mortal()).is_ok());
    for (travels, signed) in [(meta_type::<u8>(), meta_type::<()>()), (meta_type::<()>(), meta_type::<u8>())] {
        let mut extensions = extensions_of_2024();
        extensions.push(("SomethingNew", travels, signed));
        match assembled(extensions, mortal()) {
            Err(PrepareError::UnknownExtension { spec_version: 150, name }) => assert_eq!(name, "SomethingNew"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn another_version_of_extrinsics_is_refused() {
    let error = assemble(&stake(), AccountId([4; 32]), &context(mortal()), &runtime(extensions_of_2024(), 5));
    assert!(matches!(error, Err(PrepareError::UnsupportedVersion { spec_version: 150, .. })));
}

#[test]
fn long_payloads_are_hashed() {
    let mut extensions = extensions_of_2024();
    extensions.extend(vec![("CheckGenesis", meta_type::<()>(), meta_type::<[u8; 32]>()); 6]);
    assert_eq!(assembled(extensions, mortal()).unwrap().0.message.len(), 32);
}

#[test]
fn what_is_sealed_reads_back() {
    let runtime = runtime(extensions_of_2024(), 4);
    let (_, envelope) = assemble(&stake(), AccountId([4; 32]), &context(mortal()), &runtime).unwrap();
    let bytes = envelope.seal(&Signature::Ed25519([5; 64]));
    let at = BlockRef { number: BlockNumber(101), hash: BlockHash([0; 32]) };
    let raw = RawBlock {
        block: at,
        parent: BlockHash([2; 32]),
        extrinsics: vec![bytes.clone(), vec![4, 5]],
        events: Ok(None),
    };
    let decoded = block::decode(&raw, &runtime);
    let first = &decoded.extrinsics[0];
    assert_eq!((first.signer, first.hash), (Some(AccountId([4; 32])), ExtrinsicHash::of(&bytes)));
    let call = first.call.as_ref().unwrap();
    assert_eq!((call.call.as_str(), &call.args["amount_staked"]), ("add_stake", &serde_json::json!("7")));
    // Bytes that are no extrinsic lose only themselves.
    let lost = decoded.illegible.iter().filter(|part| matches!(part, block::Illegible::Extrinsic(_))).count();
    assert_eq!((decoded.extrinsics[1].call.as_ref(), lost), (None, 1));
}

#[test]
fn a_signed_extrinsic_survives_the_journal() {
    let bytes = vec![4, 0x84, 1, 2, 3];
    let signed = SignedExtrinsic {
        hash: ExtrinsicHash::of(&bytes),
        bytes,
        signer: AccountId([7; 32]),
        nonce: 3,
        era: Era::starting_at(BlockNumber(1000), Mortality::Blocks(64)).unwrap(),
        spec_version: 425,
    };
    let text = serde_json::to_string(&signed).unwrap();
    assert_eq!(serde_json::from_str::<SignedExtrinsic>(&text).unwrap(), signed);
    assert_eq!(signed.hash.to_string().parse::<ExtrinsicHash>().unwrap(), signed.hash);
    assert_eq!(signed.era_end(), Some(BlockNumber(1063)));
}

/// BLAKE2b-256 of no bytes, a published test vector of the function.
#[test]
fn the_hash_is_blake2b_256() {
    assert_eq!(
        ExtrinsicHash::of(b"").to_string(),
        "0x0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
    );
}
