//! Runtime APIs that a runtime has and its metadata does not describe.
//!
//! Metadata of version 14 describes no runtime APIs. Which ones there are, the runtime's version
//! says (`apis` of `state_getRuntimeVersion`, by hash); what their methods took and answered up to
//! spec 153 is written down here (`layouts.rs`). An API that is there and not written down is
//! undescribed, which is not the same as absent: nobody guesses a layout.
//!
//! These runtimes answered bytes within bytes: a structure's SCALE bytes as a `Vec<u8>`, an empty
//! one where there is no such thing. So did those up to spec 232, whose metadata describes the methods, and their
//! answers as bytes alone: what is within is written down here too.

mod layouts;

use blake2::{Blake2b, Digest, digest::consts::U8};
use btd_api::{AccountId, AddressError};
use codec::{Compact, Decode};
use scale_info::{MetaType, PortableRegistry, Registry, TypeDef, TypeDefPrimitive, form::PortableForm, meta_type};

use self::layouts::{
    AccountId32, DelegateInfo, NeuronInfo, NeuronInfoLite, StakeInfo, SubnetHyperparams, SubnetHyperparamsOf18,
    SubnetHyperparamsOf20, SubnetHyperparamsOf27, SubnetInfo, of_2023,
};
use crate::{
    scale::{self, Mismatch},
    value::Value,
};

/// The last spec version whose metadata describes no runtime APIs.
const LAST_SPEC: u32 = 153;
/// The last one that answered bytes within bytes.
const LAST_WITHIN: u32 = 232;

/// The name of a runtime API as a runtime's version tells it: eight bytes of BLAKE2b.
pub(crate) type ApiId = [u8; 8];

/// In which form a method answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The value itself.
    Plain,
    /// The value's bytes as a sequence of bytes.
    Within,
    /// The same, and an empty sequence stands for none: the layout is that of the option's content.
    WithinOrNone,
}

/// What the layouts of a runtime depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// Subnets have parameters of their validators' batches, and no owner.
    Of2023,
    /// Since then, as long as metadata describes no runtime APIs.
    Of2024,
    /// Metadata describes them, and their answers as bytes.
    Within,
}

/// The runtime APIs of a runtime whose metadata describes none.
#[derive(Debug)]
pub(super) struct Undescribed {
    /// What its version says; empty where that was not told.
    ids: Vec<ApiId>,
    types: PortableRegistry,
    methods: Vec<Method>,
}

/// A method whose layout is known.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) api: &'static str,
    pub(super) name: &'static str,
    /// The names and types of its arguments.
    pub(super) arguments: Vec<(&'static str, u32)>,
    /// The layouts that its answer had, the newest first.
    pub(super) outputs: Vec<u32>,
    pub(super) form: Form,
}

// === impl Undescribed ===

impl Undescribed {
    /// `has_batches` tells the runtimes of 2023, whose subnets were told in another layout.
    pub(super) fn new(spec_version: u32, ids: Vec<ApiId>, has_batches: bool) -> Self {
        let age = if has_batches { Age::Of2023 } else { Age::Of2024 };
        let known = if spec_version <= LAST_SPEC { known(age) } else { Vec::new() };
        let there = known.into_iter().filter(|(api, ..)| ids.contains(&id(api))).collect();
        let (types, methods) = registered(there);
        Self { ids, types, methods }
    }

    /// What is within the answers that the metadata of this spec version describes as bytes; none where it describes
    /// what they are.
    pub(super) fn within(spec_version: u32) -> Option<Self> {
        let (types, methods) = (spec_version <= LAST_WITHIN).then(|| registered(known(Age::Within)))?;
        Some(Self { ids: Vec::new(), types, methods })
    }

    /// The types of arguments and answers.
    pub(super) fn types(&self) -> &PortableRegistry {
        &self.types
    }

    /// The methods whose layouts are known.
    pub(super) fn methods(&self) -> &[Method] {
        &self.methods
    }

    pub(super) fn method(&self, api: &str, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.api == api && method.name == name)
    }

    /// The arguments of `method` as they are encoded: accounts travelled as their bytes, and whatever is
    /// a sequence among the arguments is an account or a list of them (`known`). An address is read
    /// here, where a sequence of bytes would take its letters.
    ///
    /// # Errors
    /// When one of those is no account: the runtime would answer that it has nothing.
    pub(super) fn arguments_of(&self, method: &Method, arguments: &[Value]) -> Result<Vec<Value>, Mismatch> {
        let element = |id: u32| match self.types.resolve(id).map(|ty| &ty.type_def) {
            Some(TypeDef::Sequence(sequence)) => Some(sequence.type_param.id),
            _ => None,
        };
        let read = |(index, value): (usize, &Value)| {
            let Some((name, id)) = method.arguments.get(index) else { return Ok(value.clone()) };
            match (element(*id), value) {
                (None, value) => Ok(value.clone()),
                (Some(inner), Value::List(items)) if element(inner).is_some() => {
                    let accounts = items.iter().enumerate().map(|(index, item)| {
                        account(item).map_err(|problem| problem.inside(format!("[{index}]")).inside(*name))
                    });
                    accounts.collect::<Result<_, _>>().map(Value::List)
                }
                // What is not a list is refused where it is encoded.
                (Some(inner), other) if element(inner).is_some() => Ok(other.clone()),
                (Some(_), one) => account(one).map_err(|problem| problem.inside(*name)),
            }
        };
        arguments.iter().enumerate().map(read).collect()
    }

    /// Whether `inputs`, whose types are among `types`, are encoded as the arguments of `method` are written down.
    pub(super) fn takes(&self, method: &Method, inputs: &[(&str, u32)], types: &PortableRegistry) -> bool {
        let is_alike =
            |((_, own), (_, other)): (&(&str, u32), &(&str, u32))| are_alike((*own, &self.types), (*other, types));
        inputs.len() == method.arguments.len() && method.arguments.iter().zip(inputs).all(is_alike)
    }

    /// Whether the runtime's version says that the runtime has no such API.
    pub(super) fn is_without(&self, api: &str) -> bool {
        !self.ids.is_empty() && !self.ids.contains(&id(api))
    }
}

// === impl Form ===

impl Form {
    /// The content of an answer, in the form that its layout has, and the layout among `outputs` that
    /// it fills to the last byte.
    pub(crate) fn content(
        self,
        answer: Vec<u8>,
        outputs: &[u32],
        types: &PortableRegistry,
    ) -> Result<(Vec<u8>, u32), Mismatch> {
        let newest = *outputs.first().ok_or_else(|| Mismatch::new("the metadata does not say what is answered"))?;
        if self == Self::Plain {
            return Ok((answer, newest));
        }
        let mut inner = answer.as_slice();
        let length = Compact::<u32>::decode(&mut inner).map_err(|_| Mismatch::new("its length is cut off"))?.0;
        if usize::try_from(length) != Ok(inner.len()) {
            let words = format!("{length} bytes were announced, {} came", inner.len());
            return Err(Mismatch::new(words));
        }
        let content = match self {
            Self::Plain | Self::Within => inner.to_vec(),
            Self::WithinOrNone if inner.is_empty() => vec![0],
            Self::WithinOrNone => [&[1], inner].concat(),
        };
        let fills = |output: &&u32| scale::is_whole(&content, **output, types);
        // Where none fits, the newest tells best what is wrong.
        let output = outputs.iter().find(fills).copied().unwrap_or(newest);
        Ok((content, output))
    }
}

/// The types of methods, and the methods by them.
fn registered(known: Vec<Known>) -> (PortableRegistry, Vec<Method>) {
    let mut registry = Registry::new();
    let mut methods = Vec::with_capacity(known.len());
    for (api, name, arguments, outputs, form) in known {
        let mut register = |ty: &MetaType| registry.register_type(ty).id;
        let arguments = arguments.iter().map(|(name, ty)| (*name, register(ty))).collect();
        let outputs = outputs.iter().map(&mut register).collect();
        methods.push(Method { api, name, arguments, outputs, form });
    }
    (registry.into(), methods)
}

/// Whether values of type `id` are sequences of bytes.
pub(super) fn is_bytes(id: u32, types: &PortableRegistry) -> bool {
    let definition = |id: u32| types.resolve(id).map(|ty| &ty.type_def);
    let Some(TypeDef::Sequence(sequence)) = definition(id) else { return false };
    matches!(definition(sequence.type_param.id), Some(TypeDef::Primitive(TypeDefPrimitive::U8)))
}

/// Whether two types are the same number, or sequences of such.
fn are_alike((one, of_one): (u32, &PortableRegistry), (other, of_other): (u32, &PortableRegistry)) -> bool {
    match (peeled(one, of_one), peeled(other, of_other)) {
        (Some(TypeDef::Primitive(one)), Some(TypeDef::Primitive(other))) => one == other,
        (Some(TypeDef::Sequence(one)), Some(TypeDef::Sequence(other))) => {
            are_alike((one.type_param.id, of_one), (other.type_param.id, of_other))
        }
        _ => false,
    }
}

/// What type `id` is, whatever names it has.
fn peeled(id: u32, types: &PortableRegistry) -> Option<&TypeDef<PortableForm>> {
    scale::peel(id, types).and_then(|id| scale::definition(id, types)).ok()
}

/// An account as what its bytes are encoded from.
fn account(value: &Value) -> Result<Value, Mismatch> {
    const WANTED: &str = "an account is wanted: an SS58 address, or 0x and 32 bytes of hex";
    let bytes = match value {
        Value::Account(_) => return Ok(value.clone()),
        Value::Text(text) => {
            let Some(digits) = text.strip_prefix("0x") else {
                let read = text.parse().map(Value::Account);
                return read.map_err(|error: AddressError| Mismatch::new(format!("{WANTED}: {error}")));
            };
            hex::decode(digits).map_err(|error| Mismatch::new(format!("{WANTED}: {error}")))?
        }
        Value::Bytes(bytes) => bytes.clone(),
        Value::List(items) if items.len() == 32 => return Ok(value.clone()),
        _ => return Err(Mismatch::new(WANTED)),
    };
    let count = bytes.len();
    let bytes = bytes.try_into().map_err(|_| Mismatch::new(format!("{WANTED}: there are {count} bytes")))?;
    Ok(Value::Account(AccountId(bytes)))
}

/// The identity of an API in a runtime's version.
pub(crate) fn id(api: &str) -> ApiId {
    Blake2b::<U8>::digest(api).into()
}

type Known = (&'static str, &'static str, Vec<(&'static str, MetaType)>, Vec<MetaType>, Form);

/// The methods and their layouts (pallet_subtensor, spec 150, and what grew until spec 232).
fn known(age: Age) -> Vec<Known> {
    use Form::{Plain, Within, WithinOrNone};
    const SUBNETS: &str = "SubnetInfoRuntimeApi";
    const NEURONS: &str = "NeuronInfoRuntimeApi";
    const DELEGATES: &str = "DelegateInfoRuntimeApi";
    const STAKE: &str = "StakeInfoRuntimeApi";
    type Staked = (AccountId32, Vec<StakeInfo>);
    let netuid = || ("netuid", meta_type::<u16>());
    let account = |name| (name, meta_type::<Vec<u8>>());
    let one = |of_today: MetaType, of_2023: MetaType| vec![if age == Age::Of2023 { of_2023 } else { of_today }];
    let subnet = one(meta_type::<Option<SubnetInfo>>(), meta_type::<Option<of_2023::SubnetInfo>>());
    let subnets = one(meta_type::<Vec<Option<SubnetInfo>>>(), meta_type::<Vec<Option<of_2023::SubnetInfo>>>());
    let grown = (age == Age::Within).then(meta_type::<Option<SubnetHyperparamsOf27>>);
    let hyperparameters = [
        meta_type::<Option<SubnetHyperparams>>(),
        meta_type::<Option<SubnetHyperparamsOf20>>(),
        meta_type::<Option<SubnetHyperparamsOf18>>(),
    ];
    let hyperparameters: Vec<MetaType> = grown.into_iter().chain(hyperparameters).collect();
    let uid = || ("uid", meta_type::<u16>());
    let accounts = ("coldkey_account_vecs", meta_type::<Vec<Vec<u8>>>());
    vec![
        (SUBNETS, "get_subnet_info", vec![netuid()], subnet, WithinOrNone),
        (SUBNETS, "get_subnets_info", vec![], subnets, Within),
        (SUBNETS, "get_subnet_hyperparams", vec![netuid()], hyperparameters, WithinOrNone),
        (NEURONS, "get_neurons", vec![netuid()], vec![meta_type::<Vec<NeuronInfo>>()], Within),
        (NEURONS, "get_neuron", vec![netuid(), uid()], vec![meta_type::<Option<NeuronInfo>>()], WithinOrNone),
        (NEURONS, "get_neurons_lite", vec![netuid()], vec![meta_type::<Vec<NeuronInfoLite>>()], Within),
        (NEURONS, "get_neuron_lite", vec![netuid(), uid()], vec![meta_type::<Option<NeuronInfoLite>>()], WithinOrNone),
        (DELEGATES, "get_delegates", vec![], vec![meta_type::<Vec<DelegateInfo>>()], Within),
        (
            DELEGATES,
            "get_delegate",
            vec![account("delegate_account_vec")],
            vec![meta_type::<Option<DelegateInfo>>()],
            WithinOrNone,
        ),
        (
            DELEGATES,
            "get_delegated",
            vec![account("delegatee_account_vec")],
            vec![meta_type::<Vec<(DelegateInfo, Compact<u64>)>>()],
            Within,
        ),
        (
            STAKE,
            "get_stake_info_for_coldkey",
            vec![account("coldkey_account_vec")],
            vec![meta_type::<Vec<StakeInfo>>()],
            Within,
        ),
        (STAKE, "get_stake_info_for_coldkeys", vec![accounts], vec![meta_type::<Vec<Staked>>()], Within),
        ("SubnetRegistrationRuntimeApi", "get_network_registration_cost", vec![], vec![meta_type::<u64>()], Plain),
    ]
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    /// As nodes tell them in `state_getRuntimeVersion`.
    #[test]
    fn apis_are_named_by_eight_bytes_of_their_hash() {
        let named = |api| hex::encode(id(api));
        assert_eq!((named("Core"), named("Metadata")), ("df6acb689907609b".to_owned(), "37e397fc7c91f5e4".to_owned()));
        assert_eq!(named("SubnetInfoRuntimeApi"), "8375104b299b74c5");
    }

    #[test]
    fn layouts_hold_where_the_version_says_that_the_api_is_there() {
        let stake = || vec![id("StakeInfoRuntimeApi")];
        let old = Undescribed::new(143, stake(), false);
        assert_eq!(old.methods().len(), 2);
        assert!(old.method("StakeInfoRuntimeApi", "get_stake_info_for_coldkey").is_some());
        assert!(old.method("SubnetInfoRuntimeApi", "get_subnet_info").is_none());
        assert!(old.is_without("SubnetInfoRuntimeApi") && !old.is_without("StakeInfoRuntimeApi"));
        // Of a newer runtime only that it has the API is known; of one that tells nothing, not even that.
        let newer = Undescribed::new(154, stake(), false);
        assert!(newer.methods().is_empty() && !newer.is_without("StakeInfoRuntimeApi"));
        assert!(!Undescribed::new(143, vec![], false).is_without("StakeInfoRuntimeApi"));
    }

    #[test]
    fn what_is_within_bytes_is_known_until_metadata_describes_it() {
        let within = Undescribed::within(232).unwrap();
        let hyperparameters = within.method("SubnetInfoRuntimeApi", "get_subnet_hyperparams").unwrap();
        assert_eq!((hyperparameters.outputs.len(), hyperparameters.form), (4, Form::WithinOrNone));
        assert!(Undescribed::within(233).is_none());
        let accounts = within.method("StakeInfoRuntimeApi", "get_stake_info_for_coldkeys").unwrap();
        let (_, many) = accounts.arguments[0];
        let Some(TypeDef::Sequence(one)) = within.types().resolve(many).map(|ty| &ty.type_def) else {
            panic!("{many}")
        };
        assert!(is_bytes(one.type_param.id, within.types()) && !is_bytes(many, within.types()));
    }

    /// Anything else would be taken for the bytes of its letters, and the runtime would answer with nothing.
    #[test]
    fn an_account_is_an_address_or_its_bytes_and_nothing_else() {
        let runtime = Undescribed::new(143, vec![id("StakeInfoRuntimeApi"), id("NeuronInfoRuntimeApi")], false);
        let (key, address) = ([7_u8; 32], AccountId([7; 32]).to_string());
        let hex = format!("0x{}", hex::encode(key));
        let read = |name: &str, arguments: &[Value]| {
            let api = if name.starts_with("get_stake") { "StakeInfoRuntimeApi" } else { "NeuronInfoRuntimeApi" };
            runtime.arguments_of(runtime.method(api, name).unwrap(), arguments)
        };
        let (one, many) = ("get_stake_info_for_coldkey", "get_stake_info_for_coldkeys");
        let account = Value::Account(AccountId(key));
        for given in [address.as_str().into(), hex.as_str().into(), Value::Bytes(key.to_vec()), account.clone()] {
            assert_eq!(read(one, slice::from_ref(&given)).unwrap(), slice::from_ref(&account));
            assert_eq!(read(many, &[Value::List(vec![given])]).unwrap(), [Value::List(vec![account.clone()])]);
        }
        let mistyped = format!("{}x", &address[..address.len() - 1]);
        for wrong in [mistyped.as_str().into(), "alice".into(), "0x07".into(), Value::Bytes(vec![7; 31]), Value::Null] {
            let problem = read(one, slice::from_ref(&wrong)).unwrap_err().to_string();
            assert!(problem.contains("coldkey_account_vec") && problem.contains("SS58"), "{problem}");
            assert!(read(many, &[Value::List(vec![account.clone(), wrong])]).is_err());
        }
        // What is no account is left to its type.
        assert_eq!(read("get_neuron", &["1".into(), Value::Uint(2)]).unwrap(), ["1".into(), Value::Uint(2)]);
    }

    #[test]
    fn answers_within_bytes_are_taken_out_and_checked() {
        let runtime = Undescribed::new(143, vec![id("StakeInfoRuntimeApi")], false);
        let outputs = &runtime.methods()[0].outputs;
        let content = |form: Form, answer: &[u8]| form.content(answer.to_vec(), outputs, runtime.types());
        assert_eq!(content(Form::Within, &[4, 0]).unwrap().0, [0]);
        assert_eq!(content(Form::WithinOrNone, &[0]).unwrap().0, [0]);
        assert_eq!(content(Form::WithinOrNone, &[8, 7, 9]).unwrap().0, [1, 7, 9]);
        assert_eq!(content(Form::Plain, &[8, 7]).unwrap().0, [8, 7]);
        for broken in [&[][..], &[8, 7], &[4, 7, 7]] {
            assert!(content(Form::Within, broken).is_err(), "{broken:?}");
        }
    }
}
