//! What is announced in place of being made: `announce_only` of every method that signs.

use std::sync::Arc;

use btd_api::{Coldkey, ErrorKind};
use btd_chain::call_hash;

use super::announcement;
use crate::{
    rpc::Failure,
    submit::{
        Action, Draft, Ground, Precondition, Recipe, SubmissionError,
        proxied::{self, Chosen},
    },
};

/// The announcement of `action` on behalf of `real`, as another action: who makes it is who signs.
pub(in crate::rpc) fn instead(action: Action, real: Coldkey) -> Result<Action, Failure> {
    let wish = serde_json::to_value(("announced", real, &action)).map_err(|error| {
        Failure::new(ErrorKind::Internal, format!("what is to be announced cannot be compared: {error}"))
    })?;
    let action = Arc::new(action);
    Ok(Action::Drafted(Recipe::new(wish, move |ground| {
        let action = Arc::clone(&action);
        async move { draw(&action, &ground, real).await }
    })))
}

async fn draw(action: &Action, ground: &Ground, real: Coldkey) -> Result<Draft, SubmissionError> {
    let later = action.draft(ground.of(real.account())).await?;
    if let Some(words) = later.not_later() {
        return Err(Precondition::Invalid { parameter: "announce_only", words }.into());
    }
    let hash = call_hash(&later.call, ground.view.runtime())?;
    let draft = announcement(ground, real, (hash, Some(&later.call))).await?;
    let ways = proxied::ways(&ground.view, real.account(), ground.actor).await?;
    if ways.is_empty() {
        return Err(proxied::no_proxy(real.account(), ground.actor));
    }
    let filters = proxied::filters(&ground.view).await?;
    let Some(Chosen { delay, .. }) = proxied::soonest(&ways, &filters, &later.call) else {
        return Err(proxied::filtered((real.account(), ground.actor), &ways, &later.call));
    };
    let draft = draft.promises(later.spends.saturating_add(later.carries)).announces(later.call);
    // Of a repetition it is known by the journal which call was agreed to.
    let draft = later.agrees_to.into_iter().fold(draft, Draft::agrees_to);
    let draft = later.makes.into_iter().fold(draft, Draft::makes);
    let draft = draft.effect(format!("announced is: {}", later.summary)).effect(format!(
        "{delay} blocks after the announcement `btctl proxy execute --real {real} --delegate {} --call-hash {hash}` makes \
         it; until then nothing of it happens",
        ground.actor
    ));
    let draft = later.bounds.into_iter().fold(draft, Draft::bound);
    let draft = later.unlimited.into_iter().fold(draft, Draft::unlimited);
    let draft = later.effects.into_iter().fold(draft, |draft, effect| draft.effect(format!("once made: {effect}")));
    Ok(later.warnings.into_iter().fold(draft, |draft, words| draft.warning(format!("once made: {words}"))))
}
