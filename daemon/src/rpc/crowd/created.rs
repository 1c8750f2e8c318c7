//! A new crowdloan: what it is for, and for how long it lasts.

use btd_api::{Ratio, Tao, crowd::CreateParams};
use btd_chain::{Call, Link, Value};

use super::{
    PALLET,
    bounds::{Span, constant, contributions_from, including},
    lease,
};
use crate::{
    rpc::receipt::foreseen,
    submit::{Draft, Ground, SubmissionError},
};

/// A new crowdloan.
pub(super) async fn draft(
    link: &Link,
    ground: &Ground,
    (params, attached): (&CreateParams, Option<Call>),
) -> Result<Draft, SubmissionError> {
    ground.require_call(PALLET, "create", "this chain has no crowdloans")?;
    let CreateParams { deposit, min_contribution, cap, duration, target, emissions_share, lease_end, .. } = *params;
    let least = Tao::from_rao(constant(ground, "MinimumDeposit")?.unwrap_or(0));
    if deposit < least {
        return foreseen("DepositTooLow", format!("a creator gives τ{least} at least, not τ{deposit}"));
    }
    if cap <= deposit {
        return foreseen("CapTooLow", format!("a cap is more than the deposit of τ{deposit}"));
    }
    contributions_from(ground, min_contribution)?;
    let span = Span::of(ground)?;
    span.require(duration)?;
    let lasts = span.reaching(duration);
    let next = including(link, ground).await;
    let end = next.0.saturating_add(lasts);
    let made = match (target, emissions_share, attached) {
        (Some(_), None, None) => None,
        (None, Some(share), None) => Some(lease::call(percent(share)?, lease_end)),
        (None, None, Some(attached)) => Some(attached),
        _ => {
            let words =
                "name one of three: a target account, the share of the emission for the lease of a subnet, or a \
                         call"
                    .to_owned();
            return foreseen("InvalidOrigin", words);
        }
    };
    let call = Call::new(PALLET, "create")
        .arg("deposit", deposit)
        .arg("min_contribution", min_contribution)
        .arg("cap", cap)
        .arg("end", end)
        .arg("call", made.clone().map_or(Value::Null, Value::from))
        .arg("target_address", target.map_or(Value::Null, Value::from));
    let purpose = match (target, &made) {
        (Some(target), _) => target.to_string(),
        (None, Some(made)) if !lease::is_of(made) => made.to_string(),
        (None, _) => "the lease of a subnet".to_owned(),
    };
    let draft = Draft::new(call, format!("Raise τ{cap} for {purpose} until block {end}")).spends(deposit);
    let draft = match made {
        None => draft,
        Some(made) if lease::is_of(&made) => {
            lease::require_end(&made, next)?;
            lease::affording(ground, draft, cap).await?
        }
        Some(made) => calling(draft, Some(&made), ground),
    };
    Ok(match lasts.saturating_sub(duration) {
        0 => draft,
        more => draft.effect(format!(
            "{more} blocks longer than asked: the chain counts from the block in which it stands, and takes none \
                 shorter than {} from there",
            span.shortest
        )),
    })
}

/// The draft of what makes a call in place of paying somebody, or will; `made` is none where it cannot be read.
pub(super) fn calling(draft: Draft, made: Option<&Call>, ground: &Ground) -> Draft {
    let what = made.map_or_else(|| "a call that cannot be read here".to_owned(), ToString::to_string);
    draft.effect(format!("`crowd finalize` makes {what} as {}", ground.actor)).warning(
        "what is raised stays on the crowdloan's own account, unless that call takes it from there: the chain pays \
         nobody else",
    )
}

/// A share as whole percents, which is what the chain takes.
fn percent(share: Ratio) -> Result<u8, SubmissionError> {
    match share.billionths() % 10_000_000 {
        0 => Ok(u8::try_from(share.of(100)).unwrap_or(100)),
        _ => foreseen("InvalidValue", format!("the share of the emission is a whole percentage, and {share} is none")),
    }
}
