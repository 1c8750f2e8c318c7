//! Makes calls of the runtime by walking its metadata.

use btd_devnet_runtime::{
    AccountId, DEVELOPMENT_NAMES, RuntimeCall, RuntimeOrigin, SignedPayload, System, UncheckedExtrinsic, extensions,
    genesis::development_account,
};
use codec::{Compact, DecodeLimit, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use scale_info::{PortableRegistry, Type, TypeDef, TypeDefPrimitive, form::PortableForm};
use sp_core::{Pair, sr25519};
use sp_runtime::{MultiSignature, generic::Era};

/// Calls that are not made, by pallet and name; an empty name stands for all of a pallet.
const LEFT_OUT: &[(&str, &str)] = &[
    // An inherent: it asserts that it comes once in a block.
    ("Timestamp", ""),
    // Writes whatever root wants wherever it wants.
    ("System", "set_storage"),
    ("System", "kill_storage"),
    ("System", "kill_prefix"),
];
/// How deep calls nest.
const DEEPEST: u32 = 3;

/// How a call comes to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Made at once, by somebody, by root or by nobody.
    Made,
    /// In an extrinsic that somebody signed.
    Signed,
    /// In an extrinsic that nobody signed.
    Bare,
}

/// A source of random calls and origins.
pub(crate) struct Generator {
    registry: PortableRegistry,
    call: u32,
    accounts: Vec<AccountId>,
    pairs: Vec<sr25519::Pair>,
    state: u64,
}

impl Generator {
    /// A generator over the metadata; the same seed gives the same calls.
    pub(crate) fn new(metadata: &[u8], seed: u64) -> Self {
        let decoded: RuntimeMetadataPrefixed = codec::Decode::decode(&mut &metadata[..]).unwrap();
        let RuntimeMetadata::V15(metadata) = decoded.1 else { panic!("metadata of another version") };
        let call = metadata.outer_enums.call_enum_ty.id;
        let accounts = DEVELOPMENT_NAMES.iter().map(|name| development_account(name)).collect();
        let pair = |name: &&str| sr25519::Pair::from_string(&format!("//{name}"), None).unwrap();
        let pairs = DEVELOPMENT_NAMES.iter().map(pair).collect();
        Self { registry: metadata.types, call, accounts, pairs, state: seed }
    }

    /// The next random number (SplitMix64).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    /// How the next call comes.
    pub(crate) fn way(&mut self) -> Way {
        match self.below(8) {
            0 | 1 => Way::Signed,
            2 => Way::Bare,
            _ => Way::Made,
        }
    }

    /// A call as somebody signs it, who at times tips, dates it, errs in the count of calls, or is somebody else.
    pub(crate) fn signed(&mut self) -> UncheckedExtrinsic {
        let call = self.call();
        let (signer, error) = (self.below(self.accounts.len()), self.below(16));
        let account = self.accounts[signer].clone();
        let nonce = System::account_nonce(&account);
        let nonce = if error == 0 { nonce.wrapping_add(1) } else { nonce };
        let tip = if self.below(4) == 0 { self.figure() } else { 0 };
        let dated = Era::mortal(64, u64::from(System::block_number()).saturating_sub(1));
        let era = if self.below(4) == 0 { dated } else { Era::Immortal };
        let extensions = extensions::signed(era, nonce, tip);
        let payload = SignedPayload::new(call.clone(), extensions.clone()).expect("the chain knows its last block");
        let pair = &self.pairs[if error == 1 { 0 } else { signer }];
        let signature = MultiSignature::Sr25519(payload.using_encoded(|bytes| pair.sign(bytes)));
        UncheckedExtrinsic::new_signed(call, account.into(), signature, extensions)
    }

    fn account(&mut self) -> AccountId {
        let place = self.below(self.accounts.len());
        self.accounts[place].clone()
    }

    /// Somebody who signs, root, or nobody.
    pub(crate) fn origin(&mut self) -> (Option<AccountId>, RuntimeOrigin) {
        match self.below(10) {
            0 => (None, RuntimeOrigin::root()),
            1 => (None, RuntimeOrigin::none()),
            _ => {
                let who = self.account();
                (Some(who.clone()), RuntimeOrigin::signed(who))
            }
        }
    }

    /// A call that decodes.
    pub(crate) fn call(&mut self) -> RuntimeCall {
        loop {
            let mut bytes = Vec::new();
            self.write(self.call, 0, &mut bytes);
            if let Ok(call) = RuntimeCall::decode_all_with_depth_limit(64, &mut &bytes[..]) {
                return call;
            }
        }
    }

    fn resolve(&self, id: u32) -> Type<PortableForm> {
        self.registry.resolve(id).unwrap().clone()
    }

    fn left_out(pallet: &str, name: &str) -> bool {
        LEFT_OUT.iter().any(|(other, call)| *other == pallet && (call.is_empty() || *call == name))
    }

    /// Figures at which limits are found: small, of the size of subnets, of amounts, and at the end of the range.
    fn figure(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 | 2 => self.next() % 5,
            3 => self.next() % 400,
            4 => self.next() % 70_000,
            5 => self.next() % 20_000_000_000,
            6 => u64::MAX - self.next() % 2,
            _ => self.next(),
        }
    }

    fn primitive(&mut self, primitive: &TypeDefPrimitive, out: &mut Vec<u8>) {
        let figure = self.figure();
        let size = match primitive {
            TypeDefPrimitive::Bool => {
                out.push(u8::from(figure % 2 == 1));
                return;
            }
            TypeDefPrimitive::Str => {
                "text".encode_to(out);
                return;
            }
            TypeDefPrimitive::U8 | TypeDefPrimitive::I8 => 1,
            TypeDefPrimitive::U16 | TypeDefPrimitive::I16 => 2,
            TypeDefPrimitive::U32 | TypeDefPrimitive::I32 | TypeDefPrimitive::Char => 4,
            TypeDefPrimitive::U64 | TypeDefPrimitive::I64 => 8,
            TypeDefPrimitive::U128 | TypeDefPrimitive::I128 => 16,
            TypeDefPrimitive::U256 | TypeDefPrimitive::I256 => 32,
        };
        let mut bytes = figure.to_le_bytes().to_vec();
        // Wide numbers are mostly small ones, and at times the greatest.
        bytes.resize(size.max(8), if figure == u64::MAX { 0xff } else { 0 });
        out.extend(&bytes[..size]);
    }

    fn compact(&mut self, id: u32, out: &mut Vec<u8>) {
        let figure = self.figure();
        let mut ty = self.resolve(id);
        while let TypeDef::Composite(def) = &ty.type_def {
            let Some(field) = def.fields.first() else { return };
            ty = self.resolve(field.ty.id);
        }
        match ty.type_def {
            TypeDef::Primitive(TypeDefPrimitive::U8) => Compact(figure.to_le_bytes()[0]).encode_to(out),
            TypeDef::Primitive(TypeDefPrimitive::U16) => {
                Compact(u16::try_from(figure & 0xffff).unwrap()).encode_to(out);
            }
            TypeDef::Primitive(TypeDefPrimitive::U32) => {
                Compact(u32::try_from(figure & 0xffff_ffff).unwrap()).encode_to(out);
            }
            TypeDef::Primitive(TypeDefPrimitive::U128) => Compact(u128::from(figure)).encode_to(out),
            _ => Compact(figure).encode_to(out),
        }
    }

    fn write(&mut self, id: u32, depth: u32, out: &mut Vec<u8>) {
        let ty = self.resolve(id);
        let name = ty.path.segments.last().cloned().unwrap_or_default();
        match (name.as_str(), &ty.type_def) {
            ("AccountId32", _) => self.account().encode_to(out),
            ("RuntimeCall", TypeDef::Variant(def)) => {
                let depth = depth + 1;
                if depth > DEEPEST {
                    // A call without arguments ends the nesting.
                    RuntimeCall::System(frame_system::Call::remark { remark: Vec::new() }).encode_to(out);
                    return;
                }
                let pallet = def.variants[self.below(def.variants.len())].clone();
                let TypeDef::Variant(calls) = self.resolve(pallet.fields[0].ty.id).type_def else { return };
                let call = calls.variants[self.below(calls.variants.len())].clone();
                if Self::left_out(&pallet.name, &call.name) {
                    RuntimeCall::System(frame_system::Call::remark { remark: Vec::new() }).encode_to(out);
                    return;
                }
                out.extend([pallet.index, call.index]);
                call.fields.iter().for_each(|field| self.write(field.ty.id, depth, out));
            }
            (_, TypeDef::Composite(def)) => def.fields.iter().for_each(|field| self.write(field.ty.id, depth, out)),
            (_, TypeDef::Variant(def)) => {
                let Some(variant) = def.variants.get(self.below(def.variants.len())).cloned() else { return };
                out.push(variant.index);
                variant.fields.iter().for_each(|field| self.write(field.ty.id, depth, out));
            }
            (_, TypeDef::Sequence(def)) => {
                let length = [0, 1, 2, 3, 32, 40][self.below(6)];
                Compact(u32::try_from(length).unwrap()).encode_to(out);
                (0..length).for_each(|_| self.write(def.type_param.id, depth + u32::from(length > 3), out));
            }
            (_, TypeDef::Array(def)) => (0..def.len).for_each(|_| self.write(def.type_param.id, depth, out)),
            (_, TypeDef::Tuple(def)) => def.fields.iter().for_each(|field| self.write(field.id, depth, out)),
            (_, TypeDef::Primitive(primitive)) => self.primitive(primitive, out),
            (_, TypeDef::Compact(def)) => self.compact(def.type_param.id, out),
            (_, TypeDef::BitSequence(_)) => Compact(0_u32).encode_to(out),
        }
    }
}
