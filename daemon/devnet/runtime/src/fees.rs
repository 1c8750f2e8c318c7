//! What an extrinsic costs and who receives it: linear fees in TAO, paid to the author of the block.
//!
//! Fees in alpha are not taken here: they belong to calls this chain does not have yet.

use frame_support::{
    traits::{
        Imbalance,
        fungible::{Balanced, Credit, Inspect},
        tokens::{Fortitude, Precision, Preservation, WithdrawConsequence},
    },
    weights::{WeightToFeeCoefficient, WeightToFeeCoefficients, WeightToFeePolynomial},
};
use pallet_transaction_payment::{OnChargeTransaction, TxCreditHold};
use sp_runtime::{
    Perbill,
    traits::{DispatchInfoOf, PostDispatchInfoOf, Zero},
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};

use crate::{AccountId, Balance, Balances, Runtime, RuntimeCall};

/// The account every fee and tip goes to: the only block author of a development chain, `//One`.
pub const fn fee_recipient() -> AccountId {
    AccountId::new([
        0xac, 0x85, 0x9f, 0x8a, 0x21, 0x6e, 0xeb, 0x1b, 0x32, 0x0b, 0x4c, 0x76, 0xd1, 0x18, 0xda, 0x3d, 0x74, 0x07,
        0xfa, 0x52, 0x34, 0x84, 0xd0, 0xa9, 0x80, 0x12, 0x6d, 0x3b, 0x4d, 0x0d, 0x22, 0x0a,
    ])
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

/// Withdraws the fee before dispatch, keeping the payer alive, returns what was not used, and credits the rest to
/// [`fee_recipient`].
pub struct FeesToAuthor;

impl OnChargeTransaction<Runtime> for FeesToAuthor {
    type Balance = Balance;
    type LiquidityInfo = Option<Credit<AccountId, Balances>>;

    fn withdraw_fee(
        who: &AccountId,
        _call: &RuntimeCall,
        _info: &DispatchInfoOf<RuntimeCall>,
        fee_with_tip: Balance,
        _tip: Balance,
    ) -> Result<Self::LiquidityInfo, TransactionValidityError> {
        if fee_with_tip.is_zero() {
            return Ok(None);
        }
        <Balances as Balanced<AccountId>>::withdraw(
            who,
            fee_with_tip,
            Precision::Exact,
            Preservation::Preserve,
            Fortitude::Polite,
        )
        .map(Some)
        .map_err(|_| InvalidTransaction::Payment.into())
    }

    fn can_withdraw_fee(
        who: &AccountId,
        _call: &RuntimeCall,
        _info: &DispatchInfoOf<RuntimeCall>,
        fee_with_tip: Balance,
        _tip: Balance,
    ) -> Result<(), TransactionValidityError> {
        if fee_with_tip.is_zero() {
            return Ok(());
        }
        match <Balances as Inspect<AccountId>>::can_withdraw(who, fee_with_tip) {
            WithdrawConsequence::Success => Ok(()),
            _ => Err(InvalidTransaction::Payment.into()),
        }
    }

    fn correct_and_deposit_fee(
        who: &AccountId,
        _info: &DispatchInfoOf<RuntimeCall>,
        _post_info: &PostDispatchInfoOf<RuntimeCall>,
        corrected_fee_with_tip: Balance,
        _tip: Balance,
        withdrawn: Self::LiquidityInfo,
    ) -> Result<(), TransactionValidityError> {
        let Some(withdrawn) = withdrawn else { return Ok(()) };
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
        drop(<Balances as Balanced<AccountId>>::resolve(&fee_recipient(), earned));
        Ok(())
    }
}

impl TxCreditHold<Runtime> for FeesToAuthor {
    type Credit = ();
}
