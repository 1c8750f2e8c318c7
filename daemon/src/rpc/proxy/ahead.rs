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
    can_wait(&later)?;
    let hash = call_hash(&later.call, ground.view.runtime())?;
    let draft = announcement(ground, real, (hash, &later.call.to_string())).await?;
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
    let draft = draft.effect(format!("announced is: {}", later.summary)).effect(format!(
        "{delay} blocks after the announcement `btctl proxy execute --real {real} --delegate {} --call-hash {hash}` makes \
         it; until then nothing of it happens",
        ground.actor
    ));
    let draft = later.bounds.into_iter().fold(draft, Draft::bound);
    let draft = later.effects.into_iter().fold(draft, |draft, effect| draft.effect(format!("once made: {effect}")));
    Ok(later.warnings.into_iter().fold(draft, |draft, words| draft.warning(format!("once made: {words}"))))
}

/// Refuses what must not be made later, as it is drawn up now.
fn can_wait(later: &Draft) -> Result<(), SubmissionError> {
    if let Some(inner) = &later.announces {
        // The call inside would be known by its hash alone: to the rules of this daemon, and to whoever makes it.
        let words = format!(
            "this announces {inner} already, and an announcement is not announced again: leave `announce_only` out, where \
             the proxy needs no announcement for it"
        );
        return Err(Precondition::Invalid { parameter: "announce_only", words }.into());
    }
    if let Some(record) = later.replaces {
        let words = format!(
            "{record} goes to the chain whole, with what is left out as it is now, and made later that undoes every change in \
             between: set it through a proxy without a delay, or announce it with all its fields, by `proxy announce --call`"
        );
        return Err(Precondition::Invalid { parameter: "announce_only", words }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use btd_api::NetUid;
    use btd_chain::Call;

    use super::*;
    use crate::submit::Record;

    fn refusal(later: &Draft) -> String {
        match can_wait(later) {
            Err(SubmissionError::Precondition(Precondition::Invalid { parameter: "announce_only", words })) => words,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_announcement_is_not_announced_again() {
        let announce = Draft::new(Call::new("Proxy", "announce"), "Announce");
        assert!(can_wait(&announce).is_ok());
        let words = refusal(&announce.announces(Call::new("Sudo", "sudo")));
        assert!(words.contains("announces Sudo.sudo already"), "{words}");
    }

    #[test]
    fn what_replaces_a_record_with_what_it_is_now_is_not_left_for_later() {
        let set = Draft::new(Call::new("SubtensorModule", "set_subnet_identity"), "Set");
        assert!(can_wait(&set).is_ok());
        let words = refusal(&set.replaces(Record::SubnetIdentity(NetUid(3))));
        assert!(words.starts_with("the identity of subnet 3 goes to the chain whole"), "{words}");
    }
}
