//! Names and symbols that the chain has ready for subnets whose owners chose none.

use super::{Config, Pallet, SubnetIdentitiesV3, types::NetUid};

/// Symbols by subnet, a character each, as ranges in the order they are given out: TAO's own, then those of the others.
const SYMBOLS: &[(char, char)] = &[
    // Greek, TAO's own letter first.
    ('\u{3a4}', '\u{3a4}'),
    ('\u{3b1}', '\u{3c1}'),
    ('\u{3c3}', '\u{3c3}'),
    ('t', 't'),
    ('\u{3c5}', '\u{3c9}'),
    // Hebrew.
    ('\u{5d0}', '\u{5ea}'),
    // Arabic.
    ('\u{627}', '\u{628}'),
    ('\u{62a}', '\u{63a}'),
    ('\u{641}', '\u{648}'),
    ('\u{64a}', '\u{64a}'),
    ('\u{649}', '\u{649}'),
    // Runes.
    ('\u{16a0}', '\u{16a0}'),
    ('\u{16a2}', '\u{16a2}'),
    ('\u{16a6}', '\u{16a6}'),
    ('\u{16a8}', '\u{16a8}'),
    ('\u{16b1}', '\u{16b1}'),
    ('\u{16b3}', '\u{16b3}'),
    ('\u{42b}', '\u{42b}'),
    ('\u{16c9}', '\u{16c9}'),
    ('\u{16d2}', '\u{16d2}'),
    // Ogham.
    ('\u{1680}', '\u{1685}'),
    ('\u{169b}', '\u{169b}'),
    // Georgian.
    ('\u{10d0}', '\u{10d5}'),
    // Armenian.
    ('\u{531}', '\u{536}'),
    ('\u{55e}', '\u{55e}'),
    // Cyrillic.
    ('\u{400}', '\u{405}'),
    ('\u{44a}', '\u{44a}'),
    // Coptic.
    ('\u{2c80}', '\u{2c85}'),
    // Brahmi.
    ('\u{11000}', '\u{11003}'),
    ('\u{11005}', '\u{11005}'),
    // Sinhala, the end.
    ('\u{db1}', '\u{db1}'),
    ('\u{db3}', '\u{db7}'),
    // Glagolitic.
    ('\u{2c00}', '\u{2c20}'),
    // Thai.
    ('\u{e01}', '\u{e23}'),
    ('\u{e25}', '\u{e25}'),
    ('\u{e27}', '\u{e2e}'),
    // Hangul.
    ('\u{3131}', '\u{3131}'),
    ('\u{3134}', '\u{3134}'),
    ('\u{3137}', '\u{3137}'),
    ('\u{3139}', '\u{3139}'),
    ('\u{3141}', '\u{3142}'),
    ('\u{3145}', '\u{3145}'),
    ('\u{3147}', '\u{3148}'),
    ('\u{314a}', '\u{3163}'),
    // Ethiopic.
    ('\u{12a0}', '\u{12a7}'),
    ('\u{12c8}', '\u{12ce}'),
    ('\u{12b0}', '\u{12b6}'),
    ('\u{1310}', '\u{1312}'),
    ('\u{1218}', '\u{1218}'),
    ('\u{1314}', '\u{1316}'),
    // Devanagari.
    ('\u{905}', '\u{90b}'),
    ('\u{90f}', '\u{910}'),
    ('\u{913}', '\u{928}'),
    ('\u{92a}', '\u{930}'),
    ('\u{932}', '\u{932}'),
    ('\u{935}', '\u{939}'),
    // Katakana.
    ('\u{30a2}', '\u{30a2}'),
    ('\u{30a4}', '\u{30a4}'),
    ('\u{30a6}', '\u{30a6}'),
    ('\u{30a8}', '\u{30a8}'),
    ('\u{30aa}', '\u{30ab}'),
    ('\u{30ad}', '\u{30ad}'),
    ('\u{30af}', '\u{30af}'),
    ('\u{30b1}', '\u{30b1}'),
    ('\u{30b3}', '\u{30b3}'),
    ('\u{30b5}', '\u{30b5}'),
    ('\u{30b7}', '\u{30b7}'),
    ('\u{30b9}', '\u{30b9}'),
    ('\u{30bb}', '\u{30bb}'),
    ('\u{30bd}', '\u{30bd}'),
    ('\u{30bf}', '\u{30bf}'),
    ('\u{30c1}', '\u{30c1}'),
    ('\u{30c4}', '\u{30c4}'),
    ('\u{30c6}', '\u{30c6}'),
    ('\u{30c8}', '\u{30c8}'),
    ('\u{30ca}', '\u{30cf}'),
    ('\u{30d2}', '\u{30d2}'),
    ('\u{30d5}', '\u{30d5}'),
    ('\u{30d8}', '\u{30d8}'),
    ('\u{30db}', '\u{30db}'),
    ('\u{30de}', '\u{30e2}'),
    ('\u{30e4}', '\u{30e4}'),
    ('\u{30e6}', '\u{30e6}'),
    ('\u{30e8}', '\u{30ed}'),
    ('\u{30ef}', '\u{30ef}'),
    ('\u{30f2}', '\u{30f3}'),
    // Tifinagh.
    ('\u{2d30}', '\u{2d53}'),
    // Sinhala.
    ('\u{d85}', '\u{d86}'),
    ('\u{d89}', '\u{d96}'),
    ('\u{d9a}', '\u{d9e}'),
    ('\u{da0}', '\u{da4}'),
    ('\u{da7}', '\u{da7}'),
    ('\u{da5}', '\u{da6}'),
    ('\u{da9}', '\u{da9}'),
    ('\u{da8}', '\u{da8}'),
    ('\u{daa}', '\u{db0}'),
];

/// Names by subnet: what stands before each of a group, and the rest of them. A name's own blank is written `+`.
const NAMES: &[(&str, &str)] = &[
    (
        "",
        "root apex omron templar targon kaito infinite subvortex ptn pretrain sturdy dippy horde dataverse \
         palaidn deval bitads 3gen cortex inference bitagent any-any meta social omega",
    ),
    (
        "",
        "protein alchemy compute oracle coldint bet naschain itsai ready mind logic automata tuning distributed \
         edge chunk sportsensor masa graphite score gen42 neural condense nextplace automl audio celium",
    ),
    (
        "",
        "dojo frontier safescan unknown gradients gaia dippy-speach agent-arena unknown red+team agentao lean-in \
         chutes sad dad ta dha ain ghayn fa qaf kaf lam mim nun ha waw ya alef",
    ),
    ("", "fehu uruz thurisaz ansuz raidho kaunan cyr_yeru algiz berkanan"),
    ("", "ogham beith luis fearn sail nion forfeda"),
    ("", "ani bani gani doni eni vini"),
    ("", "ayp ben gim da ech za armeni"),
    ("", "grave io dje gje ie dze hard_sign"),
    ("", "alfa alfas vida vida_small gamma gamma_small"),
    ("brahmi_", "a aa i ii u"),
    ("", "la va sha ssa sa ha"),
    (
        "glagolitic_",
        "az buky vede glagoli dobro yest zhivete zemlja izhe initial_izhe i djerv kako ljudije myse nash on pokoj \
         rtsy slovo tvrido uku fert xrivi ot cy shcha er yeru small_yer yo yu ja",
    ),
    (
        "thai_",
        "ko_kai kho_khai kho_khuat kho_khon kho_rakhang kho_khwai ngo_ngu cho_chan cho_ching cho_chang so_so \
         cho_choe yo_ying do_chada to_patak tho_than tho_nangmontho tho_phuthao no_nen do_dek to_tao tho_thung \
         tho_thahan tho_thong no_nu bo_baimai po_pla pho_phung fo_fa pho_phan fo_fan pho_samphao mo_ma yo_yak \
         ro_rua lo_ling wo_waen so_sala so_rusi so_sua ho_hip lo_chula o_ang ho_nokhuk",
    ),
    (
        "hangul_",
        "giyeok nieun digeut rieul mieum bieup siot ieung jieut chieut kieuk tieut pieup hieut a ae ya yae eo e \
         yeo ye o wa wae oe yo u weo we wi yu eu ui i",
    ),
    (
        "ethiopic_",
        "glottal_a glottal_u glottal_i glottal_aa glottal_e glottal_ie glottal_o glottal_wa wa wu wi waa we wye \
         wo ko ku ki kua ke kwe ko_alt go gu gi gua ge gwe go_alt",
    ),
    (
        "devanagari_",
        "a aa i ii u uu r e ai o au ka kha ga gha nga cha chha ja jha nya ta tha da dha na ta_alt tha_alt da_alt \
         dha_alt na_alt pa pha ba bha ma ya ra la va sha ssa sa ha",
    ),
    ("katakana_", "a"),
    (
        "kana_",
        "i u e o a ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho ma mi mu me mo ya \
         yu yo ra ri ru re ro wa wo n",
    ),
    (
        "",
        "ya yab yabh yag yagh yaj yach yad yadh yadhe yaz yazh yaf yak yakv yaq yah yahh yahl yahm yayn yakh yakl \
         yahq yash yi yij yizh yink yal yam yan yang yany yap yu",
    ),
    (
        "",
        "a aa i ii u uu r rr l ll e ee ai o oo au ka kha ga gha nga cha chha ja jha nya ta tha da dha na pa pha \
         ba bha ma ya ra",
    ),
];

/// The name of a subnet beyond those that have one.
const NAMELESS: &str = "unknown";

/// All symbols, by subnet.
fn symbols() -> impl Iterator<Item = char> {
    SYMBOLS.iter().flat_map(|(first, last)| *first..=*last)
}

/// All names, by subnet.
fn names() -> impl Iterator<Item = String> {
    NAMES
        .iter()
        .flat_map(|(before, names)| names.split(' ').map(move |name| format!("{before}{name}").replace('+', " ")))
}

/// The symbol meant for the subnet, then all others in order.
pub(super) fn candidates(netuid: NetUid) -> impl Iterator<Item = String> {
    core::iter::once(of(netuid)).chain(symbols().skip(1).map(String::from))
}

/// Whether an owner may choose the symbol. TAO's own is nobody's choice.
pub(super) fn exists(symbol: &[u8]) -> bool {
    symbols().skip(1).any(|known| known.encode_utf8(&mut [0; 4]).as_bytes() == symbol)
}

/// The symbol meant for the subnet; TAO's own beyond those that have one.
pub(crate) fn of(netuid: NetUid) -> String {
    symbols().nth(netuid.into()).or_else(|| symbols().next()).map_or_else(String::new, String::from)
}

impl<T: Config> Pallet<T> {
    /// The name a subnet goes by: its owner's choice, or the one the chain has for it.
    pub(super) fn subnet_name(netuid: NetUid) -> Vec<u8> {
        SubnetIdentitiesV3::<T>::get(netuid)
            .map(|identity| identity.subnet_name)
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| names().nth(netuid.into()).unwrap_or_else(|| NAMELESS.to_owned()).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_as_many_of_each_and_no_symbol_is_two_subnets() {
        assert_eq!((symbols().count(), names().count()), (439, 439));
        assert_eq!(symbols().collect::<BTreeSet<_>>().len(), 439);
        assert!(names().all(|name| !name.is_empty()));
        let told: Vec<(String, Option<String>)> = [0, 19, 61, 81, 128, 271, 319, 438]
            .into_iter()
            .map(|netuid| (of(netuid), names().nth(netuid.into())))
            .collect();
        let as_the_chain_has = [
            ("\u{3a4}", "root"),
            ("t", "inference"),
            ("\u{631}", "red team"),
            ("\u{16a0}", "fehu"),
            ("\u{db1}", "la"),
            ("\u{1218}", "ethiopic_gua"),
            ("\u{30a2}", "katakana_a"),
            ("\u{db0}", "ra"),
        ];
        assert_eq!(told, as_the_chain_has.map(|(symbol, name)| (symbol.to_owned(), Some(name.to_owned()))));
        assert_eq!((of(439), names().nth(439)), (of(0), None));
        assert!(exists("\u{635}".as_bytes()) && !exists(of(0).as_bytes()) && !exists(b"") && !exists(b"tt"));
    }
}
