//! Signatures of requests that arrive together, checked together.
//!
//! The first request that comes to be checked lets whatever else is ready run before it goes on;
//! those that come in that moment are checked with it. Nobody waits for a request that is not there,
//! so a lone one is checked at once. What passes is [`btd_wire`]'s to say.

use std::sync::{Arc, Mutex, PoisonError};

use btd_wire::admission::{Signed, Verifier, Verifying, verify_all};
use tokio::{sync::oneshot, task::yield_now};

/// Checked together at most: a worker is busy for as long, about a millisecond, while the next are gathered by others.
/// Twice as many would cost each a thirtieth less.
const MOST: usize = 32;

/// Gathers signatures.
#[derive(Debug, Default)]
pub(super) struct Gatherer {
    gathered: Arc<Gathered>,
}

#[derive(Debug, Default)]
struct Gathered(Mutex<Vec<(Signed, oneshot::Sender<bool>)>>);

/// Checks what was gathered when dropped: also when the request that began it is gone.
struct Leader(Arc<Gathered>);

// === impl Gathered ===

impl Gathered {
    /// Adds one; how many there are now.
    fn add(&self, signed: Signed, tell: oneshot::Sender<bool>) -> usize {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.push((signed, tell));
        gathered.len()
    }

    fn check(&self) {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (signed, askers): (Vec<_>, Vec<_>) = gathered.into_iter().unzip();
        for (verdict, asker) in verify_all(&signed).into_iter().zip(askers) {
            // Nobody listens when the request is gone.
            let _ = asker.send(verdict);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.0.check();
    }
}

impl Verifier for Gatherer {
    fn verify(&self, signed: Signed) -> Verifying<'_> {
        Box::pin(async move {
            let (tell, verdict) = oneshot::channel();
            match self.gathered.add(signed, tell) {
                1 => {
                    let leader = Leader(Arc::clone(&self.gathered));
                    yield_now().await;
                    drop(leader);
                }
                MOST => self.gathered.check(),
                _ => {}
            }
            verdict.await.unwrap_or(false)
        })
    }
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;
    use futures_util::{FutureExt, future::join_all, poll};
    use schnorrkel::{ExpansionMode, MiniSecretKey, signing_context};

    use super::*;

    fn signed(seed: u8, message: &str) -> Signed {
        let pair = MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519);
        let signature = pair.sign(signing_context(b"substrate").bytes(message.as_bytes())).to_bytes();
        Signed { signer: AccountId(pair.public.to_bytes()), message: message.to_owned(), signature }
    }

    #[tokio::test]
    async fn each_gets_its_own_verdict_however_many_come() {
        let gatherer = Gatherer::default();
        assert!(gatherer.verify(signed(5, "alone")).await);
        let mut many = Vec::new();
        for number in 0..150 {
            let mut signed = signed(u8::try_from(number % 50).unwrap() + 1, &number.to_string());
            if number % 40 == 7 {
                signed.message.push('x');
            }
            many.push(signed);
        }
        let verdicts = join_all(many.into_iter().map(|signed| gatherer.verify(signed))).await;
        let failed: Vec<_> = (0..150).filter(|at| !verdicts[*at]).collect();
        assert_eq!(failed, [7, 47, 87, 127]);
    }

    #[tokio::test]
    async fn who_waits_is_told_though_the_first_is_gone() {
        let gatherer = Gatherer::default();
        let mut first = gatherer.verify(signed(5, "first"));
        let mut second = gatherer.verify(signed(6, "second"));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(second.now_or_never(), Some(true));
    }
}
