//! Hyperparameters that the table does not know, and the connected runtime has a call for: set by its metadata.

use btd_api::{
    Tao,
    sudo::{
        Authority, Notation, SetParams,
        hyperparameters::{self, SETTER, Unit},
    },
};
use btd_chain::{ArgumentForm, Call, CallArgument, Runtime, Value};

use super::{
    ADMIN, SUBTENSOR, owned, place,
    value::{self, Argument},
};
use crate::submit::{Draft, Ground, Need, Precondition, SubmissionError};

/// What has commands of its own, which look at more before they sign.
const ELSEWHERE: &[(&str, &str)] = &[
    ("sudo_set_mechanism_count", "subnets mechanisms set"),
    ("sudo_set_mechanism_emission_split", "subnets mechanisms split-emissions"),
    ("sudo_trim_to_max_allowed_uids", "sudo trim"),
];

/// What a fraction with 18 decimal places counts.
const PARTS: u128 = 1_000_000_000_000_000_000;

/// A call that sets something of a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setter {
    pallet: &'static str,
    call: String,
    /// Those after `netuid`.
    arguments: Vec<CallArgument>,
}

/// Why there is no such call.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unset {
    /// The runtime has none of this name.
    Missing(String),
    /// It is set in another way, in words.
    Otherwise(String),
}

/// What is looked at of a runtime.
trait Surface {
    fn arguments(&self, pallet: &str, call: &str) -> Option<Vec<CallArgument>>;
}

impl Surface for Runtime {
    fn arguments(&self, pallet: &str, call: &str) -> Option<Vec<CallArgument>> {
        self.call_arguments(pallet, call)
    }
}

/// The draft of a call that sets what is called so.
pub(super) async fn set(ground: &Ground, params: &SetParams) -> Result<Draft, SubmissionError> {
    let (runtime, netuid) = (ground.view.runtime(), params.netuid);
    let setter =
        Setter::find(runtime, &params.name).map_err(|unset| invalid("name", unset.words(runtime, &params.name)))?;
    place(ground, netuid, params.authority).await?;
    let (draft, name) = (setter.draft(runtime, params)?, setter.name());
    match params.authority {
        Authority::Owner => Ok(draft.needs(Need::OwnSubnet(netuid)).warning(format!(
            "btd knows {name} by the runtime's metadata alone, which does not say who may set it: where root alone may, \
             or not now, or not to this, the chain refuses it and keeps the fee"
        ))),
        Authority::Root => owned(ground, draft, netuid, Authority::Root).await,
    }
}

fn invalid(parameter: &'static str, words: String) -> SubmissionError {
    Precondition::Invalid { parameter, words }.into()
}

// === impl Setter ===

impl Setter {
    /// The call of `runtime` that sets what is called `name`, which may be the call's own name.
    fn find(runtime: &impl Surface, name: &str) -> Result<Self, Unset> {
        let name = name.replace('-', "_");
        let call = if name.starts_with("sudo_") { name } else { format!("{SETTER}{name}") };
        if let Some((_, verb)) = ELSEWHERE.iter().find(|(other, _)| *other == call) {
            return Err(Unset::Otherwise(format!("{call} is made by a command of its own: `btctl {verb}`")));
        }
        let arguments = |pallet: &'static str| Some((pallet, runtime.arguments(pallet, &call)?));
        let Some((pallet, arguments)) = [ADMIN, SUBTENSOR].into_iter().find_map(arguments) else {
            return Err(Unset::Missing(call));
        };
        let mut arguments = arguments.into_iter();
        if arguments.next().is_none_or(|first| first.name != "netuid") {
            let words =
                format!("{pallet}.{call} sets something of the whole chain: it is no hyperparameter of a subnet");
            return Err(Unset::Otherwise(words));
        }
        Ok(Self { pallet, call, arguments: arguments.collect() })
    }

    /// What it sets.
    fn name(&self) -> &str {
        self.call.strip_prefix(SETTER).unwrap_or(&self.call)
    }

    /// The draft of the call, as `runtime` takes it and describes it; who may make it is not looked at.
    fn draft(&self, runtime: &Runtime, params: &SetParams) -> Result<Draft, SubmissionError> {
        let (name, netuid) = (self.name(), params.netuid);
        let values = self.read(&params.value, params.notation).map_err(|words| invalid("value", words))?;
        let shown: Vec<&str> = values.iter().map(|value| value.shown.as_str()).collect();
        let summary = format!("Set {name} of subnet {netuid} to {}", shown.join(", "));
        let call = Call::new(self.pallet, self.call.clone()).arg("netuid", netuid);
        let given = self.arguments.iter().zip(&values);
        let call = given.fold(call, |call, (argument, value)| call.arg(argument.name.clone(), value.value.clone()));
        let said = runtime.call_docs(self.pallet, &self.call);
        let draft = Draft::new(call, summary);
        Ok(said.into_iter().fold(draft, |draft, said| draft.effect(format!("the runtime says of it: {said}"))))
    }

    /// Reads a value: as many parts as the call takes, with commas between them.
    fn read(&self, text: &str, notation: Notation) -> Result<Vec<Argument>, String> {
        let parts = value::parts(self.name(), text, self.arguments.len())?;
        self.arguments.iter().zip(parts).map(|(argument, part)| one(self.name(), argument, part, notation)).collect()
    }
}

/// Reads the value of one argument.
fn one(name: &str, argument: &CallArgument, text: &str, notation: Notation) -> Result<Argument, String> {
    let is_human = value::is_human(text, notation);
    let wrong = |expected: &str| format!("`{text}` is no value of {name}: expected {expected}");
    let unit = match &argument.form {
        ArgumentForm::Flag => Unit::Flag,
        ArgumentForm::Tao => Unit::Tao,
        ArgumentForm::Share(whole) => Unit::Share(*whole),
        ArgumentForm::Binary => Unit::Fixed,
        ArgumentForm::Account => Unit::Hotkey,
        // Such a number counts something or is a share, which its type does not tell: with a point it is a share, as
        // for btcli 9, but where it could as well be a whole number, as some programs write those.
        ArgumentForm::Unsigned(Some(whole)) if is_human && is_share(*whole) => {
            if let Some(number) = value::whole(text).filter(|number| *number != 0 && notation == Notation::Either) {
                return Err(format!(
                    "`{text}` for {name} may be meant as {number}, or as a share of {whole}: write it as the chain counts \
                     it, without a point, or say that it is a share (`--normalize`)"
                ));
            }
            Unit::Share(*whole)
        }
        ArgumentForm::Unsigned(_) | ArgumentForm::Signed => Unit::Count,
        ArgumentForm::Decimal => {
            let read = decimal(text, notation);
            return read
                .ok_or_else(|| wrong("a decimal, such as `1.26`, or a whole number of parts of 10^18 (`--raw`)"));
        }
        ArgumentForm::Word(words) => {
            let word =
                words.iter().find(|word| word.eq_ignore_ascii_case(text)).ok_or_else(|| wrong(&words.join(" or ")))?;
            let value = Value::Variant(word.clone(), Box::new(Value::Null));
            return Ok(Argument { value, shown: word.clone() });
        }
        ArgumentForm::Other => {
            return Err(format!("{name} takes {}, which cannot be written here", argument.type_name));
        }
    };
    value::one((name, unit), text, notation)
}

/// Reads a fraction with 18 decimal places, which is shown as the chain and as a person writes it. Whole numbers too are
/// as a person writes them, unless it is said otherwise.
fn decimal(text: &str, notation: Notation) -> Option<Argument> {
    let raw = match notation {
        Notation::Raw => text.parse::<u128>().ok()?,
        Notation::Human | Notation::Either => u128::from(Tao::from_tokens(text).ok()?.rao()) * (PARTS / 1_000_000_000),
    };
    let human = format!("{}.{:018}", raw / PARTS, raw % PARTS);
    let human = human.trim_end_matches('0').trim_end_matches('.');
    Some(Argument { value: Value::from(raw), shown: format!("{raw} ({human})") })
}

/// Whether shares are kept in numbers up to `whole`.
fn is_share(whole: u64) -> bool {
    whole == u64::from(u16::MAX) || whole == u64::MAX
}

// === impl Unset ===

impl Unset {
    fn words(self, runtime: &Runtime, name: &str) -> String {
        match self {
            Self::Otherwise(words) => words,
            Self::Missing(call) => {
                let known: Vec<&str> = hyperparameters::ALL.iter().map(|known| known.name).collect();
                let near = runtime.nearest_call(ADMIN, &call).map(|near| format!(", the nearest is {near}"));
                format!(
                    "there is no hyperparameter `{name}`: this runtime (spec {}) has no call {ADMIN}.{call}{}; known are \
                     {}",
                    runtime.spec_version(),
                    near.unwrap_or_default(),
                    known.join(", ")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use btd_api::{NetUid, unsent};
    use btd_chain::{LinkConfig, call_hash};
    use btd_devnet::{BlockTime, Devnet};
    use tokio_util::sync::CancellationToken;

    use super::*;

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    /// What a later runtime has.
    struct Later;

    impl Surface for Later {
        fn arguments(&self, pallet: &str, call: &str) -> Option<Vec<CallArgument>> {
            let of = |name: &str, type_name: &str, form| CallArgument {
                name: name.to_owned(),
                type_name: type_name.to_owned(),
                form,
            };
            let netuid = of("netuid", "NetUid", ArgumentForm::Unsigned(Some(65_535)));
            let value = match (pallet, call) {
                (ADMIN, "sudo_set_collateral_lock_share") => {
                    of("lock_share", "u16", ArgumentForm::Unsigned(Some(65_535)))
                }
                (ADMIN, "sudo_set_collateral_drain_ratio") => of("drain_ratio", "FixedU128", ArgumentForm::Decimal),
                (ADMIN, "sudo_set_epoch_consensus") => {
                    let words = ["Yuma", "Null"].map(str::to_owned).to_vec();
                    of("mode", "EpochConsensus", ArgumentForm::Word(words))
                }
                (ADMIN, "sudo_trim_null_uids_batch") => of("target", "u16", ArgumentForm::Unsigned(Some(65_535))),
                (SUBTENSOR, "sudo_set_price") => of("price", "TaoBalance", ArgumentForm::Tao),
                (ADMIN, "sudo_set_pieces") => of("pieces", "Vec<u16>", ArgumentForm::Other),
                (ADMIN, "sudo_set_mechanism_count") => {
                    of("mechanism_count", "MechId", ArgumentForm::Unsigned(Some(255)))
                }
                (ADMIN, "sudo_set_tx_rate_limit") => {
                    return Some(vec![of("tx_rate_limit", "u64", ArgumentForm::Unsigned(Some(u64::MAX)))]);
                }
                _ => return None,
            };
            Some(vec![netuid, value])
        }
    }

    fn found(name: &str) -> (&'static str, String) {
        let setter = Setter::find(&Later, name).unwrap();
        (setter.pallet, setter.call)
    }

    #[test]
    fn a_call_is_found_by_what_it_sets_or_by_its_own_name() {
        for name in ["epoch_consensus", "epoch-consensus", "sudo_set_epoch_consensus"] {
            assert_eq!(found(name), (ADMIN, "sudo_set_epoch_consensus".to_owned()), "{name}");
        }
        assert_eq!(found("price"), (SUBTENSOR, "sudo_set_price".to_owned()));
        assert_eq!(found("sudo_trim_null_uids_batch").1, "sudo_trim_null_uids_batch");
        assert_eq!(Setter::find(&Later, "maximal"), Err(Unset::Missing("sudo_set_maximal".to_owned())));
        for (name, why) in [("mechanism_count", "btctl subnets mechanisms set"), ("tx_rate_limit", "the whole chain")] {
            let Err(Unset::Otherwise(words)) = Setter::find(&Later, name) else { panic!("{name}") };
            assert!(words.contains(why), "{name}: {words}");
        }
    }

    #[test]
    fn values_are_read_by_their_type() {
        let read = |name: &str, text: &str, notation| -> Result<(Value, String), String> {
            let mut read = Setter::find(&Later, name).unwrap().read(text, notation)?;
            read.pop().map(|read| (read.value, read.shown)).ok_or_else(String::new)
        };
        let either = |name: &str, text: &str| read(name, text, Notation::Either);
        let number = |raw: u128, shown: &str| Ok::<_, String>((Value::from(raw), shown.to_owned()));
        assert_eq!(either("collateral_lock_share", "5"), number(5, "5"));
        assert_eq!(either("collateral_lock_share", "0.5"), number(32_767, "32767 (0.49999237)"));
        assert_eq!(read("collateral_lock_share", "1", Notation::Human), number(65_535, "65535 (1)"));
        assert_eq!(either("collateral_lock_share", "0.0"), number(0, "0 (0)"));
        assert_eq!(either("collateral_lock_share", "100%"), number(65_535, "65535 (1)"));
        let ratio = |text: &str, notation| read("collateral_drain_ratio", text, notation);
        let one_and_a_half = number(1_500_000_000_000_000_000, "1500000000000000000 (1.5)");
        assert_eq!(either("collateral_drain_ratio", "1.5"), one_and_a_half);
        // Without a point it is no part of 10^18, unless that is said.
        let two = number(2_000_000_000_000_000_000, "2000000000000000000 (2)");
        assert_eq!((either("collateral_drain_ratio", "2"), ratio("2", Notation::Human)), (two.clone(), two));
        assert_eq!(ratio("7", Notation::Raw), number(7, "7 (0.000000000000000007)"));
        assert_eq!(either("price", "τ0.7"), number(700_000_000, "700000000 (τ0.700000000)"));
        let null = Value::Variant("Null".to_owned(), Box::new(Value::Null));
        assert_eq!(either("epoch_consensus", "null"), Ok((null, "Null".to_owned())));
        for (name, text, why) in [
            ("epoch_consensus", "1", "Yuma or Null"),
            ("collateral_lock_share", "0.1,0.2", "takes 1 values"),
            ("collateral_lock_share", "1.0", "a share of 65535"),
            ("collateral_lock_share", "2.", "meant as 2"),
            ("collateral_drain_ratio", "much", "a decimal"),
            ("pieces", "1", "Vec<u16>"),
        ] {
            let message = either(name, text).unwrap_err();
            assert!(message.contains(why), "{name} {text}: {message}");
        }
    }

    /// Of what the table knows the metadata says the same: the calls are encoded by the runtime, and are equal.
    #[tokio::test]
    async fn what_the_table_knows_is_called_by_the_metadata_as_the_table_says() {
        let block_time = BlockTime::Every(Duration::from_hours(1));
        let config = btd_devnet::Config { listen: "127.0.0.1:0".parse().unwrap(), block_time, ..Default::default() };
        let devnet = Devnet::start(config).await.unwrap();
        let endpoints = vec![format!("ws://{}", devnet.address()).into()];
        let (link, follower) =
            btd_chain::link(LinkConfig { endpoints, stale_after_ms: Some(0), ..LinkConfig::default() }).unwrap();
        let token = CancellationToken::new();
        let _ends = token.clone().drop_guard();
        tokio::spawn(follower.run(token));
        let view = link.first_view().await.unwrap();
        let runtime = view.runtime();
        for (name, text, summary) in [
            ("min_burn", "τ0.7", "Set min_burn of subnet 2 to 700000000 (τ0.700000000)"),
            ("kappa", "0.5", "Set kappa of subnet 2 to 32767 (0.49999237)"),
            ("kappa", "32767", "Set kappa of subnet 2 to 32767"),
            ("alpha_values", "0.7,0.9", "Set alpha_values of subnet 2 to 45874 (0.69999237), 58981 (0.89999237)"),
            ("burn_increase_mult", "1.5", "Set burn_increase_mult of subnet 2 to 1.5"),
            ("alpha_sigmoid_steepness", "-5", "Set alpha_sigmoid_steepness of subnet 2 to -5"),
            ("liquid_alpha_enabled", "true", "Set liquid_alpha_enabled of subnet 2 to true"),
            ("recycle_or_burn", "recycle", "Set recycle_or_burn of subnet 2 to Recycle"),
            ("sn_owner_hotkey", BOB, &format!("Set sn_owner_hotkey of subnet 2 to {BOB}")),
            ("root_claim_threshold", "700", "Set root_claim_threshold of subnet 2 to 700"),
        ] {
            let known = hyperparameters::find(name).unwrap();
            let values = value::read(known, text, Notation::Either).unwrap();
            let tabled = Call::new(known.call.0, known.call.1).arg("netuid", NetUid(2));
            let given = known.arguments.iter().zip(values);
            let tabled = given.fold(tabled, |call, (argument, value)| call.arg(*argument, value.value));
            let params = unsent!(SetParams {
                netuid: NetUid(2),
                name: known.call.1.to_owned(),
                value: text.to_owned(),
                wallet: "alice".parse().unwrap(),
                authority: Authority::Owner,
                notation: Notation::Either,
            });
            let draft = Setter::find(runtime, &params.name).unwrap().draft(runtime, &params).unwrap();
            assert_eq!((draft.call.to_string(), draft.summary.as_str()), (tabled.to_string(), summary));
            assert_eq!(call_hash(&draft.call, runtime).unwrap(), call_hash(&tabled, runtime).unwrap(), "{name} {text}");
        }
    }
}
