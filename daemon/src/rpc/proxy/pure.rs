//! Whether an account without a key came about as its end claims.
//!
//! The account is a hash of how it came about, so a claim is judged without asking the chain; and where one part of it
//! alone is wrong, that part is found by trying others. Semantics: pallet_proxy, spec 425.

use btd_api::{
    Coldkey,
    proxy::{KillParams, Proxy},
};
use btd_chain::{PureOrigin, pure_account};

use crate::{
    rpc::receipt,
    submit::{Ground, SubmissionError},
};

/// So many numbers are tried in place of one that is wrong, from 0 on, or around it.
const REACH: u32 = 256;

/// Refuses the end of an account that did not come about as `params` say. A runtime that makes such accounts in another
/// way is not judged by it.
pub(super) async fn require(ground: &Ground, params: &KillParams) -> Result<(), SubmissionError> {
    let KillParams { spawner, ref proxy_type, index, height, ext_index, .. } = *params;
    let claimed = PureOrigin { spawner: spawner.account(), proxy_type: proxy_type.clone(), index, height, ext_index };
    let runtime = ground.view.runtime();
    match pure_account(&claimed, runtime) {
        Ok(made) if made != ground.actor => {}
        Ok(_) | Err(_) => return Ok(()),
    }
    let proxies = super::of(&ground.view, Coldkey(ground.actor)).await?;
    if proxies.is_empty() {
        // Nobody can end it in its name, which is said elsewhere.
        return Ok(());
    }
    let is_it = |origin: &PureOrigin| pure_account(origin, runtime).is_ok_and(|made| made == ground.actor);
    let found = others(&claimed, &proxies).find(is_it);
    let right = found.map_or_else(
        || "the event Proxy.PureCreated stands in the extrinsic that made it".to_owned(),
        |right| difference(&claimed, &right),
    );
    let words = format!(
        "{} is not the account that {spawner} made as `{proxy_type}` with index {index} in extrinsic {ext_index} of block \
         {height}: {right}",
        ground.actor
    );
    receipt::foreseen("NoPermission", words)
}

/// Other ways in which it may have come about, the likeliest first: with another spawner or kind of those that may sign for
/// it, or another number. Each is made when it is looked at.
fn others<'a>(claimed: &'a PureOrigin, proxies: &'a [Proxy]) -> impl Iterator<Item = PureOrigin> + 'a {
    let spawner = proxies.iter().map(|proxy| PureOrigin { spawner: proxy.delegate, ..claimed.clone() });
    let kind = proxies.iter().map(|proxy| PureOrigin { proxy_type: proxy.proxy_type.clone(), ..claimed.clone() });
    let both = proxies.iter().map(|proxy| PureOrigin {
        spawner: proxy.delegate,
        proxy_type: proxy.proxy_type.clone(),
        ..claimed.clone()
    });
    let ext_index = (0..REACH).map(|ext_index| PureOrigin { ext_index, ..claimed.clone() });
    let index = (0..REACH).filter_map(|index| u16::try_from(index).ok());
    let index = index.map(|index| PureOrigin { index, ..claimed.clone() });
    // From the nearest on.
    let near = (1..=REACH).flat_map(|off| [claimed.height.checked_sub(off), claimed.height.checked_add(off)]);
    let height = near.flatten().map(|height| PureOrigin { height, ..claimed.clone() });
    spawner.chain(kind).chain(both).chain(ext_index).chain(index).chain(height)
}

/// What is right of an account that came about as `right` says, in place of what is `claimed`.
fn difference(claimed: &PureOrigin, right: &PureOrigin) -> String {
    let PureOrigin { spawner, proxy_type, index, height, ext_index } = right;
    let parts = [
        (claimed.spawner != *spawner, format!("its spawner is {spawner}")),
        (claimed.proxy_type != *proxy_type, format!("its proxy_type is `{proxy_type}`")),
        (claimed.ext_index != *ext_index, format!("its ext_index is {ext_index}")),
        (claimed.index != *index, format!("its index is {index}")),
        (claimed.height != *height, format!("its height is {height}")),
    ];
    let wrong: Vec<String> = parts.into_iter().filter_map(|(is_wrong, words)| is_wrong.then_some(words)).collect();
    wrong.join(", and ")
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;

    fn claimed(height: u32) -> PureOrigin {
        PureOrigin { spawner: AccountId([1; 32]), proxy_type: "Any".to_owned(), index: 0, height, ext_index: 2 }
    }

    fn proxy(kind: &str) -> Proxy {
        Proxy { delegate: AccountId([2; 32]), proxy_type: kind.to_owned(), delay: 0 }
    }

    #[test]
    fn one_wrong_part_is_found_and_named() {
        let (claimed, proxies) = (claimed(100), [proxy("Transfer")]);
        for (right, words) in [
            (PureOrigin { ext_index: 5, ..claimed.clone() }, "its ext_index is 5"),
            (PureOrigin { index: 7, ..claimed.clone() }, "its index is 7"),
            (PureOrigin { height: 356, ..claimed.clone() }, "its height is 356"),
            (PureOrigin { height: 0, ..claimed.clone() }, "its height is 0"),
            (PureOrigin { proxy_type: "Transfer".to_owned(), ..claimed.clone() }, "its proxy_type is `Transfer`"),
        ] {
            assert_eq!(others(&claimed, &proxies).find(|other| *other == right), Some(right.clone()), "{words}");
            assert_eq!(difference(&claimed, &right), words);
        }
        let both = PureOrigin { spawner: AccountId([2; 32]), proxy_type: "Transfer".to_owned(), ..claimed.clone() };
        assert!(others(&claimed, &proxies).any(|other| other == both));
        let words = difference(&claimed, &both);
        assert!(
            words.starts_with("its spawner is ") && words.ends_with(", and its proxy_type is `Transfer`"),
            "{words}"
        );
    }

    #[test]
    fn so_many_are_tried_and_no_more() {
        let proxies = [proxy("Any"), proxy("Transfer")];
        assert_eq!(others(&claimed(10_000), &proxies).count(), 2 * 3 + 4 * 256);
        // Near the ends of the numbers there are fewer.
        assert_eq!(others(&claimed(0), &[]).count(), 3 * 256);
        assert_eq!(others(&claimed(u32::MAX), &[]).count(), 3 * 256);
    }
}
