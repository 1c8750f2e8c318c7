//! The dense consensus against recorded verdicts of the chain's own, which is in fixed point and sparse.

use serde_json::Value;

use super::{Ballot, Bonding, Verdict};

/// One part of what the chain stores.
const UNIT: f32 = 1.0 / 65_535.0;

fn figure(bits: &Value) -> f32 {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures to compare with")]
    let value = (bits.as_i64().unwrap() as f64 / 4_294_967_296.0) as f32;
    value
}

fn vector(values: &Value) -> Vec<f32> {
    values.as_array().unwrap().iter().map(figure).collect()
}

fn flags(values: &Value) -> Vec<bool> {
    values.as_array().unwrap().iter().map(|value| value.as_bool().unwrap()).collect()
}

fn dense(rows: &Value) -> Vec<Vec<f32>> {
    let rows = rows.as_array().unwrap();
    let row = |cells: &Value| {
        let mut row = vec![0.0; rows.len()];
        for cell in cells.as_array().unwrap() {
            row[usize::try_from(cell[0].as_u64().unwrap()).unwrap()] = figure(&cell[1]);
        }
        row
    };
    rows.iter().map(row).collect()
}

fn ballot(case: &Value) -> Ballot {
    let part = |name: &str| figure(&case["bonding"][name]);
    let alpha = part("alpha");
    Ballot {
        stake: vector(&case["stake"]),
        votes: flags(&case["active"])
            .iter()
            .zip(flags(&case["permits"]))
            .map(|(active, permit)| *active && permit)
            .collect(),
        weights: dense(&case["weights"]),
        bonds: dense(&case["bonds"]),
        kappa: figure(&case["kappa"]),
        penalty: figure(&case["penalty"]),
        bonding: match case["bonding"]["kind"].as_str().unwrap() {
            "shares" => Bonding::Shares { alpha },
            "cells" => Bonding::Cells { alpha },
            "liquid" => Bonding::Liquid { alpha, low: part("low"), high: part("high"), steepness: part("steepness") },
            other => panic!("{other}"),
        },
    }
}

fn assert_close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (uid, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!((ours - theirs).abs() < UNIT, "{what} of {uid}: {ours} and {theirs}");
    }
}

#[test]
fn verdicts_are_the_chains() {
    let file: Value = serde_json::from_str(include_str!("../../../../tests/vectors/yuma.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 12);
    for (number, case) in cases.iter().enumerate() {
        let ours: Verdict = ballot(case).count().unwrap();
        let theirs = &case["verdict"];
        let of = |name: &str| vector(&theirs[name]);
        assert_close(&format!("consensus {number}"), &ours.consensus, &of("consensus"));
        assert_close(&format!("incentive {number}"), &ours.incentive, &of("incentive"));
        assert_close(&format!("trust {number}"), &ours.trust, &of("trust"));
        assert_close(&format!("dividends {number}"), &ours.dividends, &of("dividends"));
        assert_close(&format!("server {number}"), &ours.server, &of("server"));
        assert_close(&format!("validator {number}"), &ours.validator, &of("validator"));
        assert_close(&format!("combined {number}"), &ours.combined, &of("combined"));
        for (row, theirs) in ours.bonds.iter().zip(dense(&theirs["bonds"])) {
            assert_close(&format!("bonds {number}"), row, &theirs);
        }
    }
}

fn silent(votes: bool) -> Ballot {
    Ballot {
        stake: vec![0.75, 0.25],
        votes: vec![votes, votes],
        weights: vec![vec![0.0; 2]; 2],
        bonds: vec![vec![0.0; 2]; 2],
        kappa: 0.5,
        penalty: 1.0,
        bonding: Bonding::Liquid { alpha: 0.1, low: 0.7, high: 0.9, steepness: 10.0 },
    }
}

#[test]
fn without_weights_stake_decides() {
    for votes in [true, false] {
        let verdict = silent(votes).count().unwrap();
        assert_close("validator", &verdict.validator, &[0.75, 0.25]);
        assert_close("combined", &verdict.combined, &[0.75, 0.25]);
        assert_close("server", &verdict.server, &[0.0, 0.0]);
    }
}
