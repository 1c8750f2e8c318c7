//! Properties that consensus has whatever the ballot, and the ballots that the dense implementation in `btd-tensor` is
//! compared with: `tests/vectors/yuma.json`, written by the ignored test here.

use alloc::{vec, vec::Vec};

use serde_json::{Value as Json, json};

use super::{Ballot, Bonding, I32F32, Row, Verdict, consensus, matrix};
use crate::dice::Dice;

const VECTORS: &str = include_str!("../../../../../../tests/vectors/yuma.json");
/// Ballots in the file.
const RECORDED: u64 = 12;

fn below(dice: &mut Dice, bound: u64) -> u16 {
    u16::try_from(dice.between(0, bound)).unwrap()
}

/// A row with about two thirds of its cells.
fn row(dice: &mut Dice, columns: u16, value: impl Fn(u16) -> I32F32) -> Row {
    (0..columns)
        .filter_map(|column| {
            let figure = below(dice, 65_535) + 1;
            (below(dice, 3) > 0).then(|| (column, value(figure)))
        })
        .collect()
}

fn bonding(kind: u64) -> Bonding {
    let alpha = I32F32::ONE.minus(I32F32::proportion(58_982));
    match kind % 3 {
        0 => Bonding::Shares { alpha },
        1 => Bonding::Cells { alpha },
        _ => Bonding::Liquid {
            low: I32F32::proportion(45_875),
            high: I32F32::proportion(58_982),
            slope: I32F32::from_integer(-10),
            alpha,
        },
    }
}

/// A ballot as the state of a subnet gives it: most neurons active, half with a permit, none weighing itself.
fn ballot(seed: u64) -> Ballot {
    let mut dice = Dice::new(seed);
    let neurons = 4 + below(&mut dice, 12);
    let bonding = bonding(seed);
    let mut stake: Vec<I32F32> = (0..neurons).map(|_| I32F32::raw(below(&mut dice, 10_000) + 1)).collect();
    matrix::normalise(&mut stake);
    let permits: Vec<bool> = (0..neurons).map(|uid| uid == 0 || below(&mut dice, 2) == 0).collect();
    let raw = matches!(bonding, Bonding::Shares { .. });
    let weights = (0..neurons)
        .map(|uid| {
            let mut row = if permits[usize::from(uid)] { row(&mut dice, neurons, I32F32::raw) } else { Row::new() };
            row.retain(|(column, _)| *column != uid);
            row
        })
        .collect();
    let bonds = (0..neurons)
        .map(|uid| {
            let value = |figure| if raw { I32F32::raw(figure) } else { I32F32::proportion(figure) };
            if permits[usize::from(uid)] { row(&mut dice, neurons, value) } else { Row::new() }
        })
        .collect();
    Ballot {
        stake,
        active: (0..neurons).map(|uid| uid == 0 || below(&mut dice, 8) > 0).collect(),
        permits,
        weights,
        bonds,
        kappa: I32F32::proportion(20_000 + below(&mut dice, 30_000)),
        penalty: [I32F32::ONE, I32F32::ZERO, I32F32::HALF][usize::from(below(&mut dice, 3))],
        bonding,
    }
}

fn voting(ballot: &Ballot) -> Vec<I32F32> {
    let mut voting: Vec<I32F32> = (0..ballot.stake.len())
        .map(|uid| if ballot.active[uid] && ballot.permits[uid] { ballot.stake[uid] } else { I32F32::ZERO })
        .collect();
    matrix::normalise(&mut voting);
    voting
}

fn close(left: I32F32, right: I32F32, units: i64) -> bool {
    (left.to_bits() - right.to_bits()).abs() <= units
}

#[test]
fn all_emission_goes_to_somebody_and_none_is_made_up() {
    for seed in 0..400 {
        let verdict = consensus(&ballot(seed));
        let paid = matrix::sum(&[verdict.server.clone(), verdict.validator.clone()].concat());
        // Each quotient rounds down by less than one unit.
        assert!(close(paid, I32F32::ONE, 100) && paid <= I32F32::ONE, "{seed}: {paid:?}");
        assert!(close(matrix::sum(&verdict.combined), I32F32::ONE, 100), "{seed}");
        assert!(verdict.combined.iter().all(|part| *part >= I32F32::ZERO), "{seed}");
    }
}

#[test]
fn consensus_is_what_the_majority_supports_and_no_weight_beyond_it_counts() {
    for seed in 0..400 {
        let ballot = ballot(seed);
        let verdict = consensus(&ballot);
        let voting = voting(&ballot);
        let mut weights = ballot.weights.clone();
        matrix::normalise_rows(&mut weights);
        for (column, agreed) in (0_u16..).zip(&verdict.consensus) {
            let given = |row: &Row| {
                row.iter().find(|(target, _)| *target == column).map_or(I32F32::ZERO, |(_, weight)| *weight)
            };
            let support = weights
                .iter()
                .zip(&voting)
                .filter(|(row, _)| given(row) >= *agreed)
                .fold(I32F32::ZERO, |sum, (_, stake)| sum.plus(*stake));
            assert!(support.to_bits() + 100 >= ballot.kappa.to_bits(), "{seed}: {support:?} of {:?}", ballot.kappa);
        }
        // Trust is what is left of a row of sum one.
        assert!(verdict.trust.iter().all(|trust| *trust <= I32F32::ONE), "{seed}");
        for (uid, trust) in verdict.trust.iter().enumerate() {
            let clipped = weights[uid]
                .iter()
                .map(|(target, weight)| (*weight).min(verdict.consensus[usize::from(*target)]))
                .fold(I32F32::ZERO, I32F32::plus);
            assert_eq!(*trust, clipped, "{seed}");
        }
    }
}

/// The ballot with uid `n - 1 - uid` for each uid.
fn reversed(ballot: &Ballot) -> Ballot {
    let last = u16::try_from(ballot.stake.len() - 1).unwrap();
    let rows = |rows: &[Row]| -> Vec<Row> {
        rows.iter().rev().map(|row| row.iter().rev().map(|(target, value)| (last - target, *value)).collect()).collect()
    };
    let mut turned = ballot.clone();
    turned.stake.reverse();
    turned.active.reverse();
    turned.permits.reverse();
    turned.weights = rows(&ballot.weights);
    turned.bonds = rows(&ballot.bonds);
    turned
}

#[test]
fn the_order_of_neurons_does_not_matter() {
    for seed in 0..400 {
        let straight = consensus(&ballot(seed));
        let turned = consensus(&reversed(&ballot(seed)));
        let pairs = [
            (&straight.consensus, &turned.consensus),
            (&straight.incentive, &turned.incentive),
            (&straight.dividends, &turned.dividends),
            (&straight.combined, &turned.combined),
        ];
        for (left, right) in pairs {
            for (left, right) in left.iter().zip(right.iter().rev()) {
                // Sums round in another order.
                assert!(close(*left, *right, 64), "{seed}: {left:?} {right:?}");
            }
        }
    }
}

fn bits(values: &[I32F32]) -> Json {
    values.iter().map(|value| value.to_bits()).collect::<Vec<i64>>().into()
}

fn rows(rows: &[Row]) -> Json {
    rows.iter()
        .map(|row| row.iter().map(|(column, value)| json!([column, value.to_bits()])).collect::<Vec<Json>>())
        .collect::<Vec<_>>()
        .into()
}

fn recorded(seed: u64) -> Json {
    let ballot = ballot(seed);
    let Verdict { consensus, incentive, dividends, trust, bonds, server, validator, combined } = consensus(&ballot);
    let bonding = match ballot.bonding {
        Bonding::Shares { alpha } => json!({ "kind": "shares", "alpha": alpha.to_bits() }),
        Bonding::Cells { alpha } => json!({ "kind": "cells", "alpha": alpha.to_bits() }),
        Bonding::Liquid { low, high, slope, alpha } => json!({
            "kind": "liquid", "alpha": alpha.to_bits(), "low": low.to_bits(), "high": high.to_bits(),
            "steepness": I32F32::ZERO.minus(slope).to_bits(),
        }),
    };
    json!({
        "stake": bits(&ballot.stake), "active": ballot.active, "permits": ballot.permits,
        "weights": rows(&ballot.weights), "bonds": rows(&ballot.bonds), "kappa": ballot.kappa.to_bits(),
        "penalty": ballot.penalty.to_bits(), "bonding": bonding,
        "verdict": {
            "consensus": bits(&consensus), "incentive": bits(&incentive), "dividends": bits(&dividends),
            "trust": bits(&trust), "bonds": rows(&bonds), "server": bits(&server), "validator": bits(&validator),
            "combined": bits(&combined),
        },
    })
}

fn file() -> Json {
    json!({
        "what": "ballots and what consensus makes of them; numbers are 32.32 fixed point, as bits",
        "cases": (0..RECORDED).map(recorded).collect::<Vec<_>>(),
    })
}

/// `BTD_BALLOTS=write` records them anew; read the difference before keeping it.
#[test]
fn the_recorded_ballots_are_what_consensus_gives() {
    if std::env::var_os("BTD_BALLOTS").is_some_and(|wanted| wanted == "write") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/vectors/yuma.json");
        std::fs::write(path, serde_json::to_string(&file()).unwrap() + "\n").unwrap();
        return;
    }
    assert_eq!(serde_json::from_str::<Json>(VECTORS).unwrap(), file(), "BTD_BALLOTS=write writes it anew");
}

#[test]
fn an_epoch_of_256_neurons_is_one_consensus() {
    let neurons = 256_u16;
    let mut dice = Dice::new(1);
    let stake = vec![I32F32::ONE.over(I32F32::raw(neurons)); usize::from(neurons)];
    let rows: Vec<Row> = (0..neurons).map(|_| row(&mut dice, neurons, I32F32::proportion)).collect();
    for kind in 0..3 {
        let verdict = consensus(&Ballot {
            stake: stake.clone(),
            active: vec![true; usize::from(neurons)],
            permits: vec![true; usize::from(neurons)],
            weights: rows.clone(),
            bonds: rows.clone(),
            kappa: I32F32::HALF,
            penalty: I32F32::ONE,
            bonding: bonding(kind),
        });
        assert!(close(matrix::sum(&verdict.combined), I32F32::ONE, 1_000));
    }
}
