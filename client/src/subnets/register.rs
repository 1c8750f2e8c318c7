//! Registering a hotkey.

use btd_api::{
    NetUid, Ratio, Tao,
    root::{self, RegisterParams as OnRoot},
    subnets::{PowRegister, PowRegisterParams, Register, RegisterParams, Registered},
    unsent,
};
use clap::Args;

use crate::{
    args::{HotkeyArg, NetUidArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{Page, facts::Facts},
    session::Session,
    spend::{self, Planning, Terms},
    wallet::WorkArgs,
};

/// `btctl subnets register`
#[derive(Args, Debug)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    /// The most that registering may cost; without it, what it costs now and half a percent more
    #[arg(long, value_name = "TAO", value_parser = Tao::from_tokens, allow_hyphen_values = true)]
    max_cost: Option<Tao>,
    /// How far the price may rise until then: `0.005` or `0.5%`
    #[arg(
        long,
        value_name = "SHARE",
        visible_alias = "rate-tolerance",
        aliases = ["rate_tolerance", "limit"],
        conflicts_with = "max_cost"
    )]
    tolerance: Option<Ratio>,
    /// Register at whatever the price is then
    #[arg(long = "unsafe", aliases = ["unsafe-register", "unsafe_register"], conflicts_with_all = ["max_cost", "tolerance"])]
    unbounded: bool,
    /// Keep to a bound, which is the default
    #[arg(long, hide = true, aliases = ["safe-register", "safe_register"], conflicts_with = "unbounded")]
    safe: bool,
    #[command(flatten)]
    terms: Terms,
}

/// `btctl subnets pow-register`
#[derive(Args, Debug)]
pub(crate) struct PowRegisterArgs {
    #[command(flatten)]
    netuid: NetUidArg,
    #[command(flatten)]
    wallet: WalletArg,
    #[command(flatten)]
    hotkey: HotkeyArg,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    terms: Terms,
}

// === impl RegisterArgs, PowRegisterArgs ===

impl RegisterArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (wallet, hotkey) = (self.wallet.resolve(&session.settings), self.hotkey.resolve(&session.settings));
        let netuid = self.netuid.resolve();
        // Nobody registers there by burning: `root register` is what is meant.
        if netuid == NetUid::ROOT {
            if self.max_cost.is_some() || self.tolerance.is_some() {
                return Err(Failure::usage("a place on root costs nothing but the fee: leave its bound out"));
            }
            let params = unsent!(OnRoot { wallet, hotkey });
            return spend::sign::<root::Register>(session, params, self.terms).await;
        }
        let max_cost = if self.unbounded { Some(Tao::from_rao(u64::MAX)) } else { self.max_cost };
        let params = unsent!(RegisterParams { netuid, wallet, hotkey, max_cost, tolerance: self.tolerance });
        spend::spend::<Register>(session, params, self.terms, render).await
    }
}

impl PowRegisterArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let processors = self.work.resolve(session);
        let (wallet, hotkey) = (self.wallet.resolve(&session.settings), self.hotkey.resolve(&session.settings));
        let params = unsent!(PowRegisterParams { netuid: self.netuid.resolve(), wallet, hotkey, processors });
        spend::spend_after::<PowRegister>(session, params, self.terms, (Planning::Work, render)).await
    }
}

fn render(registered: &Registered, page: Page) -> String {
    let mut facts = Facts::default();
    if let Some(uid) = registered.uid {
        let since = registered.registered_at.map(|block| format!(", since block #{block}")).unwrap_or_default();
        facts.add("uid", format!("{uid}{since}"));
    }
    spend::layout::outcome(&registered.receipt, page, &mut facts);
    facts.render(page)
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockNumber, Uid};

    use super::*;
    use crate::spend::layout::tests::sample;

    #[test]
    fn the_uid_comes_first() {
        let registered = Registered { uid: Some(Uid(3)), registered_at: Some(BlockNumber(8)), receipt: sample() };
        let text = render(&registered, Page::default());
        assert!(text.starts_with("uid        3, since block #8\nstate      finalized\n"), "{text}");
    }
}
