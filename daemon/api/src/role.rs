//! What a caller may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The right that a method asks of its caller.
///
/// `Read` < `Operate` < `Spend`; `Admin` (stopping the daemon, say) stands apart: it implies
/// reading, and neither operating nor spending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks, and changes nothing.
    Read,
    /// Acts with a hotkey, or manages this host's keys and endpoints. What that spends beside the call (a tip, the
    /// deposit of an announcement, what is done in another account's name) asks for `Spend` all the same.
    Operate,
    /// Signs with a coldkey: moves money or ownership.
    Spend,
    /// Manages the daemon itself.
    Admin,
}

impl Role {
    /// Whether a caller who holds this role may call a method that asks for `needed`.
    pub fn allows(self, needed: Self) -> bool {
        match self {
            Self::Admin => matches!(needed, Self::Read | Self::Admin),
            Self::Spend => matches!(needed, Self::Read | Self::Operate | Self::Spend),
            Self::Operate => matches!(needed, Self::Read | Self::Operate),
            Self::Read => needed == Self::Read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Role::{Admin, Operate, Read, Spend};

    #[test]
    fn roles_allow_what_they_say() {
        let all = [Read, Operate, Spend, Admin];
        let allowed = |role: super::Role| all.into_iter().filter(|needed| role.allows(*needed)).collect::<Vec<_>>();
        assert_eq!(allowed(Read), [Read]);
        assert_eq!(allowed(Operate), [Read, Operate]);
        assert_eq!(allowed(Spend), [Read, Operate, Spend]);
        assert_eq!(allowed(Admin), [Read, Admin]);
    }
}
