//! Tests of the pool, beside its private parts.

use std::time::Duration;

use tokio::sync::mpsc::Receiver;

use super::*;

const LIMITS: PoolLimits = PoolLimits { extrinsics: 20, bytes: 2_000, ban_secs: 60 };

/// The `nonce`th extrinsic of an account, seen from a state in which the account has sent `sent`.
fn valid(account: u8, nonce: u8, sent: u8, priority: u64) -> ValidTransaction {
    ValidTransaction {
        priority,
        requires: if nonce > sent { vec![vec![account, nonce - 1]] } else { Vec::new() },
        provides: vec![vec![account, nonce]],
        longevity: 64,
        propagate: true,
    }
}

struct Bench {
    pool: Pool,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { pool: Pool::new(LIMITS), now: Instant::now() }
    }

    fn hash(id: u64) -> H256 {
        H256::from_low_u64_be(id)
    }

    fn insert(&mut self, id: u64, valid: ValidTransaction) -> Result<Receiver<Status>, Refusal> {
        let (watcher, statuses) = Watcher::new();
        let extrinsic = Extrinsic { hash: Self::hash(id), bytes: vec![0; 10], bare: false, sealed: None };
        self.pool.insert(extrinsic, valid, 0, Some(watcher), self.now).map(|()| statuses)
    }

    fn block(&mut self, number: u32, included: &[u64], invalid: &[u64]) {
        let hashes = |ids: &[u64]| ids.iter().copied().map(Self::hash).collect::<Vec<_>>();
        let outcome =
            Outcome { block: H256::repeat_byte(0xbb), number, included: &hashes(included), invalid: &hashes(invalid) };
        self.pool.block_made(&outcome, self.now);
    }

    fn ready(&self) -> Vec<u64> {
        self.pool.ready().iter().map(|extrinsic| extrinsic.hash.to_low_u64_be()).collect()
    }
}

fn told(statuses: &mut Receiver<Status>) -> Vec<Status> {
    std::iter::from_fn(|| statuses.try_recv().ok()).collect()
}

#[test]
fn a_gap_in_nonces_waits_until_it_is_filled() {
    let mut bench = Bench::new();
    let mut third = bench.insert(3, valid(1, 2, 0, 1)).unwrap();
    let mut second = bench.insert(2, valid(1, 1, 0, 1)).unwrap();
    assert_eq!((bench.ready(), told(&mut third)), (vec![], vec![Status::Future]));
    bench.insert(1, valid(1, 0, 0, 1)).unwrap();
    assert_eq!(bench.ready(), [1, 2, 3]);
    assert_eq!(told(&mut second), [Status::Future, Status::Ready]);
    assert_eq!(told(&mut third), [Status::Ready]);
    assert!(bench.pool.provides(&[1, 2]) && !bench.pool.provides(&[1, 3]));
}

#[test]
fn priority_orders_but_never_breaks_dependencies() {
    let mut bench = Bench::new();
    bench.insert(1, valid(1, 0, 0, 1)).unwrap();
    bench.insert(2, valid(1, 1, 0, 100)).unwrap();
    bench.insert(3, valid(2, 0, 0, 50)).unwrap();
    bench.insert(4, valid(3, 0, 0, 1)).unwrap();
    assert_eq!(bench.ready(), [3, 1, 2, 4]);
}

#[test]
fn a_replacement_needs_a_higher_priority() {
    let mut bench = Bench::new();
    let mut old = bench.insert(1, valid(1, 0, 0, 5)).unwrap();
    bench.insert(2, valid(1, 1, 0, 5)).unwrap();
    assert_eq!(bench.insert(3, valid(1, 0, 0, 5)).unwrap_err(), Refusal::TooLowPriority { old: 5, new: 5 });
    bench.insert(4, valid(1, 0, 0, 6)).unwrap();
    assert_eq!(told(&mut old), [Status::Ready, Status::Usurped(Bench::hash(4))]);
    assert_eq!(bench.ready(), [4, 2]);
}

#[test]
fn the_same_extrinsic_is_refused_while_it_waits_and_for_a_while_after() {
    let mut bench = Bench::new();
    let mut watched = bench.insert(1, valid(1, 0, 0, 1)).unwrap();
    assert_eq!(bench.insert(1, valid(1, 0, 0, 1)).unwrap_err(), Refusal::AlreadyImported(Bench::hash(1)));
    bench.block(1, &[1], &[]);
    let block = H256::repeat_byte(0xbb);
    assert_eq!(told(&mut watched), [Status::Ready, Status::InBlock(block), Status::Finalized(block)]);
    assert!(watched.is_closed());
    assert_eq!(bench.insert(1, valid(1, 0, 0, 1)).unwrap_err(), Refusal::Banned);
    bench.now += Duration::from_secs(61);
    assert!(bench.insert(1, valid(1, 0, 0, 1)).is_ok());
}

#[test]
fn an_included_extrinsic_leaves_its_dependents_ready() {
    let mut bench = Bench::new();
    bench.insert(1, valid(1, 0, 0, 1)).unwrap();
    bench.insert(2, valid(1, 1, 0, 1)).unwrap();
    bench.insert(4, valid(1, 3, 0, 1)).unwrap();
    bench.block(1, &[1], &[]);
    assert_eq!(bench.ready(), [2]);
    assert_eq!(bench.pool.stalest(1, 10).len(), 2);
    bench.pool.revalidated(vec![(Bench::hash(2), Ok(valid(1, 1, 1, 1)))], 1, bench.now);
    assert_eq!((bench.ready(), bench.pool.stalest(1, 10).len()), (vec![2], 1));
}

#[test]
fn an_invalid_extrinsic_takes_its_dependents_along() {
    let mut bench = Bench::new();
    bench.insert(1, valid(1, 0, 0, 1)).unwrap();
    let mut second = bench.insert(2, valid(1, 1, 0, 1)).unwrap();
    bench.insert(3, valid(2, 0, 0, 1)).unwrap();
    bench.block(1, &[], &[1]);
    assert_eq!(bench.ready(), [3]);
    assert_eq!(told(&mut second), [Status::Ready, Status::Invalid]);
    assert_eq!(bench.insert(2, valid(1, 1, 0, 1)).unwrap_err(), Refusal::Banned);
    bench.pool.revalidated(vec![(Bench::hash(3), Err(Refusal::Invalid(InvalidTransaction::Payment)))], 1, bench.now);
    assert!(!bench.pool.has_ready());
}

#[test]
fn what_a_state_no_longer_satisfies_waits_again() {
    let mut bench = Bench::new();
    let mut watched = bench.insert(1, valid(1, 0, 0, 1)).unwrap();
    bench.pool.revalidated(vec![(Bench::hash(1), Ok(valid(1, 5, 0, 1)))], 1, bench.now);
    assert_eq!((bench.ready(), told(&mut watched)), (vec![], vec![Status::Ready, Status::Future]));
}

#[test]
fn extrinsics_expire_with_their_era() {
    let mut bench = Bench::new();
    let mut watched = bench.insert(1, ValidTransaction { longevity: 8, ..valid(1, 0, 0, 1) }).unwrap();
    bench.block(7, &[], &[]);
    assert_eq!(bench.ready(), [1]);
    bench.block(8, &[], &[]);
    assert_eq!((bench.ready(), told(&mut watched)), (vec![], vec![Status::Ready, Status::Invalid]));
}

#[test]
fn a_full_pool_drops_the_worst() {
    let mut bench = Bench::new();
    let mut watched: Vec<_> =
        (0..20).map(|n| bench.insert(u64::from(n), valid(n, 0, 0, u64::from(n) + 10)).unwrap()).collect();
    assert_eq!(bench.insert(99, valid(99, 0, 0, 1)).unwrap_err(), Refusal::ImmediatelyDropped);
    assert_eq!(bench.insert(99, valid(99, 0, 0, 1)).unwrap_err(), Refusal::Banned);
    assert!(bench.insert(98, valid(98, 0, 0, 1_000)).is_ok());
    assert_eq!(told(&mut watched[0]), [Status::Ready, Status::Dropped]);
    assert_eq!(bench.ready().len(), 20);
}

#[test]
fn bytes_are_bounded_too_and_futures_more_tightly() {
    let mut bench = Bench::new();
    let big = |id, size| Extrinsic { hash: Bench::hash(id), bytes: vec![0; size], bare: false, sealed: None };
    let now = bench.now;
    assert!(bench.pool.insert(big(1, 1_500), valid(1, 0, 0, 9), 0, None, now).is_ok());
    assert_eq!(bench.pool.insert(big(2, 501), valid(2, 0, 0, 1), 0, None, now), Err(Refusal::ImmediatelyDropped));
    for id in 3..5 {
        assert!(bench.insert(id, valid(3, u8::try_from(id).unwrap(), 0, 1)).is_ok());
    }
    assert_eq!(bench.insert(6, valid(3, 9, 0, 1)).unwrap_err(), Refusal::ImmediatelyDropped);
}

#[test]
fn an_extrinsic_without_tags_is_refused() {
    let mut bench = Bench::new();
    let nothing = ValidTransaction { provides: Vec::new(), ..valid(1, 0, 0, 1) };
    assert_eq!(bench.insert(1, nothing).unwrap_err(), Refusal::NoTags);
}

#[test]
fn two_futures_for_one_nonce_end_as_one() {
    let mut bench = Bench::new();
    bench.insert(1, valid(1, 1, 0, 1)).unwrap();
    let mut rival = bench.insert(2, valid(1, 1, 0, 1)).unwrap();
    bench.insert(3, valid(1, 0, 0, 1)).unwrap();
    assert_eq!(bench.ready(), [3, 1]);
    assert_eq!(told(&mut rival), [Status::Future, Status::Invalid]);
}

#[test]
fn only_decodable_bytes_become_an_extrinsic() {
    for bytes in [vec![], vec![0], vec![4, 0x84], vec![0xff; 40], b"hello".to_vec()] {
        assert!(Extrinsic::decode(bytes).is_err());
    }
}
