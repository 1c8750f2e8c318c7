//! Registering a hotkey.

use btd_api::{
    Tao,
    subnets::{Register, RegisterParams, Registered},
    unsent,
};
use clap::Args;

use crate::{
    args::{HotkeyArg, NetUidArg, WalletArg},
    exit::Exit,
    failure::Failure,
    output::{Page, facts::Facts},
    session::Session,
    spend::{self, Terms},
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
    #[command(flatten)]
    terms: Terms,
}

// === impl RegisterArgs ===

impl RegisterArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let params = unsent!(RegisterParams {
            netuid: self.netuid.resolve(),
            wallet: self.wallet.resolve(&session.settings),
            hotkey: self.hotkey.resolve(&session.settings),
            max_cost: self.max_cost,
        });
        spend::spend::<Register>(session, params, self.terms, render).await
    }
}

fn render(registered: &Registered, page: Page) -> String {
    let mut facts = Facts::default();
    if let Some(uid) = registered.uid {
        let since = registered.registered_at.map(|block| format!(", since block #{block}")).unwrap_or_default();
        facts.add("uid", format!("{uid}{since}"));
    }
    spend::outcome(&registered.receipt, page, &mut facts);
    facts.render(page)
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockNumber, Uid};

    use super::*;
    use crate::spend::tests::sample;

    #[test]
    fn the_uid_comes_first() {
        let registered = Registered { uid: Some(Uid(3)), registered_at: Some(BlockNumber(8)), receipt: sample() };
        let text = render(&registered, Page::default());
        assert!(text.starts_with("uid        3, since block #8\nstate      finalized\n"), "{text}");
    }
}
