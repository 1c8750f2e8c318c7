//! Who may do what on the unix socket, by the user and the groups of the process at the other end.
//!
//! btd's own user and root hold every right; everyone else holds what the settings say, which is
//! nothing unless they say something. Whoever holds nothing is disconnected before a byte is read.
//! The kernel names a connection's user, once, at the time that it connected.

use std::{collections::BTreeMap, ffi::CString};

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use serde::{Deserialize, Serialize};

use super::Rights;

/// Settings: rights by user and by group. Names or numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// Rights of users.
    pub users: BTreeMap<String, Rights>,
    /// Rights of the members of groups, by primary and supplementary group.
    pub groups: BTreeMap<String, Rights>,
}

/// The rights of numbered users and groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peers {
    /// btd's own user and root.
    masters: [u32; 2],
    users: BTreeMap<u32, Rights>,
    groups: BTreeMap<u32, Rights>,
}

/// A name that the host does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`rpc.roles.{table}.{name}`: this host has no such {what}")]
pub struct UnknownName {
    table: &'static str,
    name: String,
    what: &'static str,
}

// === impl Peers ===

impl Peers {
    /// Looks the names up on this host; btd itself runs as `own`.
    pub(super) fn resolve(roles: &Roles, own: u32) -> Result<Self, UnknownName> {
        let user = |name: &str| User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
        let group = |name: &str| Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw());
        Ok(Self {
            masters: [own, 0],
            users: numbered(&roles.users, user, "users", "user")?,
            groups: numbered(&roles.groups, group, "groups", "group")?,
        })
    }

    /// Whether `uid` is btd's own user or root.
    pub(super) fn masters(&self, uid: u32) -> bool {
        self.masters.contains(&uid)
    }

    /// Nobody holds any right, whoever runs this.
    #[cfg(test)]
    pub(super) fn nobody() -> Self {
        Self { masters: [u32::MAX; 2], users: BTreeMap::new(), groups: BTreeMap::new() }
    }

    /// The rights of `uid`, whose groups are looked up only if some group holds rights. May block.
    pub(super) fn rights(&self, uid: u32, gid: u32) -> Rights {
        let groups = if self.needs_groups(uid) { groups_of(uid, gid) } else { Vec::new() };
        self.decide(uid, &groups)
    }

    /// Whether the rights of `uid` depend on its groups.
    pub(super) fn needs_groups(&self, uid: u32) -> bool {
        !self.groups.is_empty() && !self.holds_all(uid)
    }

    fn holds_all(&self, uid: u32) -> bool {
        self.masters.contains(&uid)
    }

    fn decide(&self, uid: u32, groups: &[u32]) -> Rights {
        if self.holds_all(uid) {
            return Rights::ALL;
        }
        let by_user = self.users.get(&uid).copied().unwrap_or_default();
        groups.iter().filter_map(|gid| self.groups.get(gid)).fold(by_user, |held, more| held.union(*more))
    }
}

/// By number. One who is named and numbered holds both.
fn numbered(
    rights: &BTreeMap<String, Rights>,
    look_up: impl Fn(&str) -> Option<u32>,
    table: &'static str,
    what: &'static str,
) -> Result<BTreeMap<u32, Rights>, UnknownName> {
    let mut numbered = BTreeMap::<u32, Rights>::new();
    for (name, rights) in rights {
        let number = name.parse().ok().or_else(|| look_up(name));
        let number = number.ok_or_else(|| UnknownName { table, name: name.clone(), what })?;
        let held = numbered.entry(number).or_default();
        *held = held.union(*rights);
    }
    Ok(numbered)
}

/// Every group of a user: the one that its process has, and those that the host's database lists.
fn groups_of(uid: u32, gid: u32) -> Vec<u32> {
    let listed = User::from_uid(Uid::from_raw(uid))
        .ok()
        .flatten()
        .and_then(|user| getgrouplist(&CString::new(user.name).ok()?, Gid::from_raw(gid)).ok());
    let mut groups: Vec<u32> = listed.unwrap_or_default().into_iter().map(Gid::as_raw).collect();
    groups.push(gid);
    groups
}

#[cfg(test)]
mod tests {
    use btd_api::Role;

    use super::*;

    fn peers() -> Peers {
        let read = Rights::of(&[Role::Read]);
        let spend = Rights::of(&[Role::Spend]);
        Peers {
            masters: [1000, 0],
            users: BTreeMap::from([(1001, read)]),
            groups: BTreeMap::from([(50, spend), (51, read)]),
        }
    }

    #[test]
    fn own_user_and_root_hold_everything_and_strangers_nothing() {
        let peers = peers();
        assert_eq!(peers.decide(1000, &[]), Rights::ALL);
        assert_eq!(peers.decide(0, &[]), Rights::ALL);
        assert!(peers.decide(1002, &[1002]).is_empty());
        assert!(Peers::resolve(&Roles::default(), 1000).unwrap().decide(1001, &[50]).is_empty());
    }

    #[test]
    fn rights_of_user_and_groups_add_up() {
        let peers = peers();
        assert_eq!(peers.decide(1001, &[1001]), Rights::of(&[Role::Read]));
        assert_eq!(peers.decide(1001, &[1001, 50]), Rights::of(&[Role::Read, Role::Spend]));
        assert_eq!(peers.decide(1002, &[51]), Rights::of(&[Role::Read]));
    }

    #[test]
    fn names_are_looked_up_and_unknown_ones_named() {
        let roles = Roles { users: BTreeMap::from([("root".into(), Rights::ALL)]), groups: BTreeMap::new() };
        assert_eq!(Peers::resolve(&roles, 1000).unwrap().users, BTreeMap::from([(0, Rights::ALL)]));
        let (read, spend) = (Rights::of(&[Role::Read]), Rights::of(&[Role::Spend]));
        let users = BTreeMap::from([("root".into(), read), ("0".into(), spend)]);
        let both = Peers::resolve(&Roles { users, groups: BTreeMap::new() }, 1000).unwrap();
        assert_eq!(both.users, BTreeMap::from([(0, read.union(spend))]));
        let roles = Roles { groups: BTreeMap::from([("no-such-group".into(), Rights::ALL)]), ..Roles::default() };
        let error = Peers::resolve(&roles, 1000).unwrap_err().to_string();
        assert_eq!(error, "`rpc.roles.groups.no-such-group`: this host has no such group");
    }
}
