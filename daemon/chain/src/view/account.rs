//! Accounts: balances, and what keeps an account alive.

use btd_api::{AccountId, Tao};

use super::View;
use crate::{error::ReadError, runtime::ApiProblem, scale::read::record};

/// What an account holds. Stake is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// What can be spent, but for what is frozen and what keeps the account alive.
    pub free: Tao,
    /// Held for deposits; not spendable.
    pub reserved: Tao,
    /// The part of the whole balance that must stay.
    pub frozen: Tao,
    /// How many extrinsics of the account were included so far: its next nonce on the chain.
    pub nonce: u32,
}

record! {
    /// `frame_system::AccountInfo`.
    struct AccountInfo {
        nonce: u32,
        data: AccountData,
    }
}

record! {
    /// `pallet_balances::AccountData`; before 2023 the frozen part was told apart by purpose.
    struct AccountData {
        free: Tao,
        reserved: Tao,
        frozen: Option<Tao> = None,
        misc_frozen: Option<Tao> = None,
        fee_frozen: Option<Tao> = None,
    }
}

impl From<AccountInfo> for Balance {
    fn from(AccountInfo { nonce, data }: AccountInfo) -> Self {
        let frozen = data.frozen.max(data.misc_frozen).max(data.fee_frozen).unwrap_or(Tao::ZERO);
        Self { free: data.free, reserved: data.reserved, frozen, nonce }
    }
}

// === impl Balance ===

#[cfg(test)]
impl Balance {
    /// What the bytes of an account's record say.
    pub(crate) fn from_account(
        bytes: &[u8],
        id: u32,
        types: &scale_info::PortableRegistry,
    ) -> Result<Self, crate::scale::Mismatch> {
        crate::scale::read::whole::<AccountInfo>(bytes, id, types).map(Self::from)
    }
}

// === impl View ===

impl View {
    /// What `account` holds. An account that the chain does not know holds nothing.
    pub async fn balance(&self, account: AccountId) -> Result<Balance, ReadError> {
        let info: Option<AccountInfo> = self.storage("System", "Account", &[account.into()]).await?;
        Ok(info.map_or_else(Balance::default, Balance::from))
    }

    /// The smallest balance that an account may have; below it the account is removed.
    pub fn existential_deposit(&self) -> Result<Tao, ReadError> {
        self.runtime().constant("Balances", "ExistentialDeposit").map_err(|problem| match problem {
            ApiProblem::Absent(absent) => ReadError::Absent(absent),
            ApiProblem::Argument(reason) => self.decode_error("Balances.ExistentialDeposit", reason),
        })
    }
}
