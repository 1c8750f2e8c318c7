//! What a caller holds: a set of the contract's roles.

use std::fmt;

use btd_api::{ApiError, ErrorKind, Role, Tao, signing::Manner};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    read: bool,
    operate: bool,
    spend: bool,
    admin: bool,
}

// === impl Rights ===

impl Rights {
    /// Every right: btd's own user and root.
    pub const ALL: Self = Self { read: true, operate: true, spend: true, admin: true };

    /// Exactly these.
    pub fn of(roles: &[Role]) -> Self {
        let has = |role| roles.contains(&role);
        Self { read: has(Role::Read), operate: has(Role::Operate), spend: has(Role::Spend), admin: has(Role::Admin) }
    }

    /// The roles held.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        [(self.read, Role::Read), (self.operate, Role::Operate), (self.spend, Role::Spend), (self.admin, Role::Admin)]
            .into_iter()
            .filter_map(|(held, role)| held.then_some(role))
    }

    /// Whether a method that asks for `needed` may be called.
    pub fn allow(self, needed: Role) -> bool {
        self.roles().any(|role| role.allows(needed))
    }

    /// Refuses what a method that does not ask for spending would spend beside its own call, to whoever may not spend.
    pub(super) fn require_for(self, manner: &Manner) -> Result<(), ApiError> {
        let spent = [
            ("tip", "a tip is paid beside the fee", manner.tip > Tao::ZERO),
            ("announce_only", "a deposit is held for what is announced", manner.announce_only),
            ("proxy", "what is done in another account's name may be paid for by that", manner.proxy.is_some()),
        ];
        match spent.into_iter().find(|(.., is_asked)| *is_asked) {
            Some((parameter, why, _)) if !self.allow(Role::Spend) => {
                let words = format!(
                    "{why}, for which a caller needs the role spend; this one holds: {self}: leave `{parameter}` out"
                );
                let refused = ApiError::new(ErrorKind::PermissionDenied, words);
                Err(refused.with("needed", Role::Spend).with("parameter", parameter))
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing may be called.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Both together.
    pub fn union(self, other: Self) -> Self {
        Self {
            read: self.read | other.read,
            operate: self.operate | other.operate,
            spend: self.spend | other.spend,
            admin: self.admin | other.admin,
        }
    }
}

const fn name(role: Role) -> &'static str {
    match role {
        Role::Read => "read",
        Role::Operate => "operate",
        Role::Spend => "spend",
        Role::Admin => "admin",
    }
}

fn role(text: &str) -> Result<Role, String> {
    [Role::Read, Role::Operate, Role::Spend, Role::Admin]
        .into_iter()
        .find(|role| name(*role) == text)
        .ok_or_else(|| format!("`{text}` is not a role: write read, operate, spend or admin"))
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.roles().map(name).collect();
        f.write_str(&names.join(", "))
    }
}

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.roles().map(name))
    }
}

impl<'de> Deserialize<'de> for Rights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

/// Takes a list of roles, or one text with commas.
struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Rights;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of the roles read, operate, spend, admin")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rights, E> {
        let roles: Result<Vec<Role>, String> = text.split(',').map(|part| role(part.trim())).collect();
        roles.map(|roles| Rights::of(&roles)).map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Rights, A::Error> {
        let mut roles = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            roles.push(role(&text).map_err(de::Error::custom)?);
        }
        Ok(Rights::of(&roles))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_allow_what_any_of_their_roles_allows() {
        let both = Rights::of(&[Role::Operate, Role::Admin]);
        for (needed, want) in [(Role::Read, true), (Role::Operate, true), (Role::Admin, true), (Role::Spend, false)] {
            assert_eq!(both.allow(needed), want, "{needed:?}");
        }
        assert!(!Rights::default().allow(Role::Read));
        assert!(Rights::ALL.allow(Role::Spend) && Rights::ALL.allow(Role::Admin));
    }

    #[test]
    fn whoever_may_not_spend_gives_no_tip_and_leaves_no_deposit() {
        let proxy = Some(btd_api::Coldkey(btd_api::AccountId([1; 32])));
        let spending = [
            ("tip", Manner { tip: Tao::from_rao(1), ..Manner::default() }),
            ("announce_only", Manner { announce_only: true, proxy, ..Manner::default() }),
            ("proxy", Manner { proxy, ..Manner::default() }),
        ];
        let [operator, spender] = [Role::Operate, Role::Spend].map(|role| Rights::of(&[role]));
        assert!(operator.require_for(&Manner { era: Some(8), ..Manner::default() }).is_ok());
        for (parameter, manner) in spending {
            let refused = operator.require_for(&manner).unwrap_err();
            assert_eq!(
                (refused.kind(), refused.data["parameter"].as_str()),
                (Some(ErrorKind::PermissionDenied), Some(parameter))
            );
            assert!(spender.require_for(&manner).is_ok(), "{parameter}");
        }
    }

    #[test]
    fn rights_are_written_as_a_list_or_with_commas() {
        let list: Rights = serde_json::from_str(r#"["read", "spend"]"#).unwrap();
        let text: Rights = serde_json::from_str(r#""read, spend""#).unwrap();
        assert_eq!((list, text.to_string().as_str()), (text, "read, spend"));
        let error = serde_json::from_str::<Rights>(r#"["root"]"#).unwrap_err().to_string();
        assert!(error.contains("`root` is not a role"), "{error}");
    }
}
