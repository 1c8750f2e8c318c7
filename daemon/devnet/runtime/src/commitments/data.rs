//! A field of a commitment on the wire: up to 128 bytes without a length, their number being part of the variant; a
//! hash; a seal; or a flag.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, Error, Input, MaxEncodedLen, Output};
use frame_support::{BoundedVec, traits::ConstU32};
use scale_info::{
    Path, Type, TypeInfo,
    build::{FieldBuilder, Fields, Variants},
    form::MetaForm,
};

/// Bytes of a `Raw` field.
const GREATEST_RAW: u8 = 128;
/// Index of `Raw0`; the others follow.
const RAW: u8 = 1;
const HASHES: [&str; 4] = ["BlakeTwo256", "Sha256", "Keccak256", "ShaThree256"];
const FIRST_HASH: u8 = 130;
const SEAL: u8 = 134;
const RESET_BONDS: u8 = 135;
const BIG_RAW: u8 = 136;

/// A field of a commitment.
#[derive(Clone, Debug, Default, PartialEq, Eq, DecodeWithMemTracking)]
pub enum Data {
    /// Nothing.
    #[default]
    None,
    /// Up to 128 bytes.
    Raw(BoundedVec<u8, ConstU32<128>>),
    /// A hash by BLAKE2b-256.
    BlakeTwo256([u8; 32]),
    /// A hash by SHA-256.
    Sha256([u8; 32]),
    /// A hash by Keccak-256.
    Keccak256([u8; 32]),
    /// A hash by SHA3-256.
    ShaThree256([u8; 32]),
    /// Bytes sealed until a round of the beacon.
    TimelockEncrypted {
        /// The seal.
        encrypted: BoundedVec<u8, ConstU32<1024>>,
        /// The round.
        reveal_round: u64,
    },
    /// Asks for the bonds towards the hotkey to be forgotten.
    ResetBondsFlag,
    /// Up to 512 bytes.
    BigRaw(BoundedVec<u8, ConstU32<512>>),
}

impl Data {
    /// What the field counts towards the bytes of an epoch.
    pub(super) fn counted_bytes(&self) -> u64 {
        let length = match self {
            Self::None | Self::ResetBondsFlag => 0,
            Self::Raw(bytes) => bytes.len(),
            Self::BlakeTwo256(hash) | Self::Sha256(hash) | Self::Keccak256(hash) | Self::ShaThree256(hash) => {
                hash.len()
            }
            Self::TimelockEncrypted { encrypted, .. } => encrypted.len(),
            Self::BigRaw(bytes) => bytes.len(),
        };
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    /// The round that opens the field, when it is sealed.
    pub(super) fn reveal_round(&self) -> Option<u64> {
        if let Self::TimelockEncrypted { reveal_round, .. } = self { Some(*reveal_round) } else { None }
    }
}

impl Encode for Data {
    fn encode_to<W: Output + ?Sized>(&self, output: &mut W) {
        match self {
            Self::None => output.push_byte(0),
            Self::Raw(bytes) => {
                output.push_byte(u8::try_from(bytes.len()).unwrap_or(GREATEST_RAW).saturating_add(RAW));
                output.write(bytes);
            }
            Self::BlakeTwo256(hash) => (FIRST_HASH, hash).encode_to(output),
            Self::Sha256(hash) => (FIRST_HASH + 1, hash).encode_to(output),
            Self::Keccak256(hash) => (FIRST_HASH + 2, hash).encode_to(output),
            Self::ShaThree256(hash) => (FIRST_HASH + 3, hash).encode_to(output),
            Self::TimelockEncrypted { encrypted, reveal_round } => (SEAL, encrypted, reveal_round).encode_to(output),
            Self::ResetBondsFlag => output.push_byte(RESET_BONDS),
            Self::BigRaw(bytes) => (BIG_RAW, bytes).encode_to(output),
        }
    }
}

impl codec::EncodeLike for Data {}

impl Decode for Data {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(match input.read_byte()? {
            0 => Self::None,
            index @ RAW..FIRST_HASH => {
                let mut bytes: Vec<u8> = alloc::vec![0; usize::from(index - RAW)];
                input.read(&mut bytes)?;
                Self::Raw(BoundedVec::try_from(bytes).map_err(|_| Error::from("raw data is too long"))?)
            }
            130 => Self::BlakeTwo256(Decode::decode(input)?),
            131 => Self::Sha256(Decode::decode(input)?),
            132 => Self::Keccak256(Decode::decode(input)?),
            133 => Self::ShaThree256(Decode::decode(input)?),
            SEAL => {
                let (encrypted, reveal_round) = Decode::decode(input)?;
                Self::TimelockEncrypted { encrypted, reveal_round }
            }
            RESET_BONDS => Self::ResetBondsFlag,
            BIG_RAW => Self::BigRaw(Decode::decode(input)?),
            _ => return Err("invalid leading byte".into()),
        })
    }
}

impl MaxEncodedLen for Data {
    fn max_encoded_len() -> usize {
        // A seal of the greatest length: index, length, bytes and round.
        1 + 2 + 1024 + 8
    }
}

/// Adds a `Raw` variant for each length: the length of an array is part of its type.
macro_rules! add_raw_variants {
    ($variants:ident; $($length:literal)*) => {
        $($variants = $variants.variant(concat!("Raw", $length), |variant| {
            variant.index($length + RAW).fields(Fields::unnamed().field(|field| field.ty::<[u8; $length]>()))
        });)*
    };
}

impl TypeInfo for Data {
    type Identity = Self;

    fn type_info() -> Type {
        let mut variants = Variants::new().variant("None", |variant| variant.index(0));
        add_raw_variants!(
            variants;
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
            33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61
            62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90
            91 92 93 94 95 96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114
            115 116 117 118 119 120 121 122 123 124 125 126 127 128
        );
        for (name, index) in HASHES.into_iter().zip(FIRST_HASH..) {
            variants = variants.variant(name, |variant| {
                variant.index(index).fields(Fields::unnamed().field(FieldBuilder::<MetaForm, _>::ty::<[u8; 32]>))
            });
        }
        let variants = variants
            .variant("TimelockEncrypted", |variant| {
                variant.index(SEAL).fields(
                    Fields::named()
                        .field(|field| field.name("encrypted").ty::<BoundedVec<u8, ConstU32<1024>>>())
                        .field(|field| field.name("reveal_round").ty::<u64>()),
                )
            })
            .variant("ResetBondsFlag", |variant| variant.index(RESET_BONDS))
            .variant("BigRaw", |variant| {
                variant
                    .index(BIG_RAW)
                    .fields(Fields::unnamed().field(FieldBuilder::<MetaForm, _>::ty::<BoundedVec<u8, ConstU32<512>>>))
            });
        Type::builder().path(Path::new("Data", module_path!())).variant(variants)
    }
}

#[cfg(test)]
mod tests {
    use codec::{Decode, Encode, MaxEncodedLen};

    use super::{BoundedVec, Data};

    #[test]
    fn fields_survive_the_wire() {
        let fields = [
            (Data::None, "00"),
            (Data::Raw(BoundedVec::new()), "01"),
            (Data::Raw(b"ab".to_vec().try_into().unwrap()), "036162"),
            (Data::Sha256([7; 32]), &format!("83{}", "07".repeat(32))),
            (
                Data::TimelockEncrypted { encrypted: vec![1].try_into().unwrap(), reveal_round: 2 },
                "8604010200000000000000",
            ),
            (Data::ResetBondsFlag, "87"),
            (Data::BigRaw(vec![5].try_into().unwrap()), "880405"),
        ];
        for (field, wire) in fields {
            assert_eq!(hex::encode(field.encode()), wire);
            assert_eq!(Data::decode(&mut &field.encode()[..]), Ok(field.clone()));
            assert!(field.encode().len() <= Data::max_encoded_len());
        }
        let longest = Data::Raw(vec![9; 128].try_into().unwrap());
        assert_eq!(longest.encode()[0], 129);
        assert_eq!(Data::decode(&mut &longest.encode()[..]), Ok(longest));
        Data::decode(&mut &[137][..]).unwrap_err();
        Data::decode(&mut &[5, 1, 2][..]).unwrap_err();
    }

    #[test]
    fn what_counts_are_the_bytes() {
        let seal = Data::TimelockEncrypted { encrypted: vec![1; 300].try_into().unwrap(), reveal_round: 2 };
        let counted =
            [Data::None, Data::ResetBondsFlag, Data::Keccak256([0; 32]), seal].map(|field| field.counted_bytes());
        assert_eq!(counted, [0, 0, 32, 300]);
    }
}
