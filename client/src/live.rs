//! Showing the same again at each block, until somebody has seen enough.

use std::num::NonZeroU32;

use btd_api::{
    BlockNumber, Method, Subscription,
    chain::{BlockId, Finalized, SubscribeFinalized, SubscribeParams},
};
use clap::Args;
use serde::de::DeserializeOwned;

use crate::{
    exit::Exit,
    failure::Failure,
    output::{Format, Page},
    session::Session,
};

/// Whether it is shown once, or again and again.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LiveArgs {
    /// Show it again at each block, until interrupted
    #[arg(long)]
    live: bool,
    /// With --live: end after so many times
    #[arg(long, value_name = "N", requires = "live")]
    count: Option<NonZeroU32>,
}

/// Home, and nothing below.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

impl LiveArgs {
    /// Whether it is shown again and again, which is for what is, and not for a `block` of the past.
    pub(crate) fn is_wanted(self, block: Option<BlockId>) -> Result<bool, Failure> {
        if self.live && block.is_some() {
            return Err(Failure::usage("a block of the past does not change: leave --live or --block out"));
        }
        Ok(self.live)
    }

    /// Asks and shows now and at each block; on a terminal in the same place. `params` are those for at least such a
    /// block; at first any will do.
    pub(crate) async fn follow<M>(
        self,
        session: &Session,
        params: impl Fn(Option<BlockNumber>) -> M::Params,
        render: impl Fn(&M::Reply, Page) -> String,
    ) -> Result<Exit, Failure>
    where
        M: Method,
        M::Reply: DeserializeOwned,
    {
        let mut left = self.count.map(NonZeroU32::get);
        let mut following = session.follow::<SubscribeFinalized>(&SubscribeParams { from_block: None }).await?;
        let mut wanted = None;
        loop {
            let reply = session.call::<M>(&params(wanted)).await?;
            if session.out.format() == Format::Json {
                session.out.data(reply.text())?;
            } else {
                let page = session.out.page();
                let clear = if page.width.is_some() { CLEAR } else { "" };
                session.out.data(&format!("{clear}{}", render(&reply.read()?, page)))?;
            }
            left = left.map(|left| left - 1);
            if left == Some(0) {
                return Ok(Exit::Success);
            }
            loop {
                match following.next().await? {
                    Some((_, Finalized::Block(block))) => {
                        wanted = Some(block.block.number);
                        break;
                    }
                    // The last known one stays, and says itself that it is stale.
                    // Those that take the place of what was replaced come behind it.
                    Some((_, Finalized::Waiting { .. } | Finalized::Replaced { .. })) => {}
                    Some((_, Finalized::Lagged { .. })) => {
                        let anew = SubscribeParams { from_block: None };
                        following = session.follow::<SubscribeFinalized>(&anew).await?;
                    }
                    None => {
                        let reason = "btd ended the subscription".to_owned();
                        return Err(Failure::Lost { method: SubscribeFinalized::NAME, reason });
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_shown_once() {
        let args = |live| LiveArgs { live, count: None };
        let past = Some(BlockId::Number(BlockNumber(7)));
        assert!(args(true).is_wanted(None).unwrap() && !args(false).is_wanted(past).unwrap());
        assert!(args(true).is_wanted(past).is_err());
    }
}
