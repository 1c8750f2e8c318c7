//! What an extrinsic costs and who receives it: linear fees in TAO, or in alpha of stake that is moved or sold, paid to
//! the author of the block.

use codec::Decode;
use frame_support::{
    traits::{
        Imbalance,
        fungible::{Balanced, Credit, Inspect},
        tokens::{Fortitude, Precision, Preservation, WithdrawConsequence},
    },
    weights::{WeightToFeeCoefficient, WeightToFeeCoefficients, WeightToFeePolynomial},
};
use pallet_transaction_payment::{OnChargeTransaction, TxCreditHold};
use sp_consensus_aura::{AURA_ENGINE_ID, Slot};
use sp_core::sr25519;
use sp_runtime::{
    DigestItem, Perbill,
    traits::{DispatchInfoOf, PostDispatchInfoOf, Zero},
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};

use crate::{
    AccountId, Aura, Balance, Balances, Runtime, RuntimeCall, SubtensorModule, System,
    subtensor::alpha_fees::{AlphaFee, Place},
};

/// The block author that a development chain starts with, `//One`.
pub const fn fee_recipient() -> AccountId {
    AccountId::new([
        0xac, 0x85, 0x9f, 0x8a, 0x21, 0x6e, 0xeb, 0x1b, 0x32, 0x0b, 0x4c, 0x76, 0xd1, 0x18, 0xda, 0x3d, 0x74, 0x07,
        0xfa, 0x52, 0x34, 0x84, 0xd0, 0xa9, 0x80, 0x12, 0x6d, 0x3b, 0x4d, 0x0d, 0x22, 0x0a,
    ])
}

/// The account every fee and tip of the block at hand goes to: the authority whose turn its slot is. The node makes blocks
/// for all of them, so that there is an author even where root has named others.
pub fn block_author() -> AccountId {
    author_after(0)
}

/// The authority whose turn it is so many slots after that of the block at hand.
pub(crate) fn author_after(slots: u64) -> AccountId {
    let digest = System::digest();
    let aura = digest.logs.iter().filter_map(DigestItem::as_pre_runtime).find(|(engine, _)| *engine == AURA_ENGINE_ID);
    let slot = aura.and_then(|(_, mut slot)| u64::decode(&mut slot).ok());
    let index = slot.and_then(|slot| Aura::slot_author_index(Slot::from(slot.saturating_add(slots))));
    let authorities = pallet_aura::Authorities::<Runtime>::get();
    let author = index.and_then(|index| authorities.get(usize::try_from(index).ok()?));
    author.map_or_else(fee_recipient, |author| AccountId::from(sr25519::Public::from(author.clone())))
}

/// 0.0005 rao for each picosecond of reference time.
pub struct LinearWeightToFee;

impl WeightToFeePolynomial for LinearWeightToFee {
    type Balance = Balance;

    fn polynomial() -> WeightToFeeCoefficients<Balance> {
        core::iter::once(WeightToFeeCoefficient {
            coeff_integer: 0,
            coeff_frac: Perbill::from_parts(500_000),
            negative: false,
            degree: 1,
        })
        .collect()
    }
}

/// What a payer gave for a fee.
pub enum Paid {
    /// TAO, of which what is not used goes back.
    Tao(Credit<AccountId, Balances>),
    /// Alpha, which has been sold.
    Alpha(AlphaFee),
}

/// Wrappers that are looked into for calls that may be paid for in alpha.
const GREATEST_DEPTH: u8 = 2;

/// The positions out of which a call, or the calls it wraps, may be paid for.
fn places(who: &AccountId, call: &RuntimeCall, depth: u8) -> Vec<Place> {
    match call {
        RuntimeCall::SubtensorModule(call) => SubtensorModule::places_for_fee(who, call),
        _ if depth == 0 => Vec::new(),
        RuntimeCall::Proxy(crate::proxy::Call::proxy { call, .. }) => places(who, call, depth - 1),
        RuntimeCall::Utility(
            crate::utility::Call::batch { calls }
            | crate::utility::Call::batch_all { calls }
            | crate::utility::Call::force_batch { calls },
        ) => calls.iter().flat_map(|call| places(who, call, depth - 1)).collect(),
        _ => Vec::new(),
    }
}

/// Withdraws the fee before dispatch, keeping the payer alive, returns what was not used, and credits the rest to
/// [`block_author`]. Without TAO for it, the fee is paid in alpha where the call allows it.
pub struct FeesToAuthor;

impl OnChargeTransaction<Runtime> for FeesToAuthor {
    type Balance = Balance;
    type LiquidityInfo = Option<Paid>;

    fn withdraw_fee(
        who: &AccountId,
        call: &RuntimeCall,
        _info: &DispatchInfoOf<RuntimeCall>,
        fee_with_tip: Balance,
        _tip: Balance,
    ) -> Result<Self::LiquidityInfo, TransactionValidityError> {
        if fee_with_tip.is_zero() {
            return Ok(None);
        }
        let withdrawn = <Balances as Balanced<AccountId>>::withdraw(
            who,
            fee_with_tip,
            Precision::Exact,
            Preservation::Preserve,
            Fortitude::Polite,
        );
        if let Ok(credit) = withdrawn {
            return Ok(Some(Paid::Tao(credit)));
        }
        let places = places(who, call, GREATEST_DEPTH);
        if places.is_empty() {
            return Err(InvalidTransaction::Payment.into());
        }
        SubtensorModule::pay_in_alpha(who, &places, fee_with_tip)
            .map(|fee| Some(Paid::Alpha(fee)))
            .map_err(|_| InvalidTransaction::Payment.into())
    }

    fn can_withdraw_fee(
        who: &AccountId,
        call: &RuntimeCall,
        _info: &DispatchInfoOf<RuntimeCall>,
        fee_with_tip: Balance,
        _tip: Balance,
    ) -> Result<(), TransactionValidityError> {
        if fee_with_tip.is_zero() {
            return Ok(());
        }
        if let WithdrawConsequence::Success = <Balances as Inspect<AccountId>>::can_withdraw(who, fee_with_tip) {
            return Ok(());
        }
        if SubtensorModule::can_pay_in_alpha(who, &places(who, call, GREATEST_DEPTH), fee_with_tip) {
            return Ok(());
        }
        Err(InvalidTransaction::Payment.into())
    }

    fn correct_and_deposit_fee(
        who: &AccountId,
        _info: &DispatchInfoOf<RuntimeCall>,
        _post_info: &PostDispatchInfoOf<RuntimeCall>,
        corrected_fee_with_tip: Balance,
        _tip: Balance,
        paid: Self::LiquidityInfo,
    ) -> Result<(), TransactionValidityError> {
        let withdrawn = match paid {
            None => return Ok(()),
            Some(Paid::Alpha(fee)) => {
                SubtensorModule::tell_of_alpha_fee(who, fee);
                return Ok(());
            }
            Some(Paid::Tao(credit)) => credit,
        };
        let (mut earned, unused) = withdrawn.split(corrected_fee_with_tip);
        // The real chain deposits even an empty refund, and clients see that event.
        if let Err(unused) = <Balances as Balanced<AccountId>>::resolve(who, unused) {
            // The dispatch closed the account: what it did not use cannot go back.
            earned.subsume(unused);
        }
        if earned.peek().is_zero() {
            return Ok(());
        }
        // A dropped credit only lowers the issuance; it can happen when the author's account would be dust.
        drop(<Balances as Balanced<AccountId>>::resolve(&block_author(), earned));
        Ok(())
    }
}

impl TxCreditHold<Runtime> for FeesToAuthor {
    type Credit = ();
}
