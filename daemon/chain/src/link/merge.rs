//! One request for all who ask the same at the same time.
//!
//! Twenty programs that ask for one metagraph at one block cost the node one answer. Only reads
//! that are pinned at a block are merged: their answer cannot depend on the moment. An answer is
//! shared while it is awaited and kept no longer. It is as important as to the most important of
//! those who wait for it. When the endpoint that owes it is left, it is asked of the next one (`asking.rs`), so
//! nobody joins what will never be answered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use serde_json::value::RawValue;

use super::budget::{Priority, Urgency};
use crate::{endpoint::Endpoint, error::ReadError, rpc::Question};

/// What a request came to, for everybody who waits for it, and whose word it is.
pub(crate) type Answer = Result<(Arc<RawValue>, Endpoint), ReadError>;

type Flight = Shared<BoxFuture<'static, Answer>>;

/// The requests that are on their way.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    flying: Mutex<HashMap<Question, Flying>>,
}

/// A request that is on its way, as long as somebody waits for it.
#[derive(Debug)]
struct Flying {
    answer: WeakShared<BoxFuture<'static, Answer>>,
    urgency: Urgency,
}

// === impl Flights ===

impl Flights {
    /// The answer to `question`: of the request that is on its way already, or of the one that
    /// `begin` makes. Whoever stops waiting leaves it to the others; when nobody is
    /// left it is cancelled.
    pub(crate) async fn join(
        &self,
        question: Question,
        priority: Priority,
        begin: impl FnOnce(Urgency) -> BoxFuture<'static, Answer>,
    ) -> Answer {
        self.flight(question, priority, begin).await
    }

    fn flight(
        &self,
        question: Question,
        priority: Priority,
        begin: impl FnOnce(Urgency) -> BoxFuture<'static, Answer>,
    ) -> Flight {
        /// So many entries that nobody waits for any more may pile up before they are swept out.
        const LITTER: usize = 64;
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        let is_on_its_way = |flight: &Flight| flight.peek().is_none();
        if let Some(known) = flying.get(&question)
            && let Some(flight) = known.answer.upgrade().filter(is_on_its_way)
        {
            known.urgency.raise(priority);
            return flight;
        }
        if flying.len() >= LITTER {
            flying.retain(|_, known| known.answer.upgrade().is_some_and(|flight| is_on_its_way(&flight)));
        }
        let urgency = Urgency::new(priority);
        let flight = begin(urgency.clone()).shared();
        flying.extend(flight.downgrade().map(|answer| (question, Flying { answer, urgency })));
        flight
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use btd_api::BlockHash;

    use super::*;
    use crate::rpc;

    #[tokio::test]
    async fn the_same_question_is_asked_once_at_a_time() {
        let flights = Flights::default();
        let asked = Arc::new(AtomicU32::new(0));
        let (open, gate) = tokio::sync::watch::channel(false);
        let ask = |key: &str| {
            let (asked, mut gate) = (Arc::clone(&asked), gate.clone());
            let question = rpc::storage(key.as_bytes(), BlockHash([7; 32])).question().unwrap();
            flights.join(question, Priority::Interactive, move |_| {
                async move {
                    let turn = asked.fetch_add(1, Ordering::SeqCst);
                    let _ = gate.wait_for(|open| *open).await;
                    Ok((Arc::from(serde_json::value::to_raw_value(&turn).unwrap()), Endpoint::from("ws://node")))
                }
                .boxed()
            })
        };
        let text = |answer: Answer| answer.unwrap().0.get().to_owned();
        let all = async { tokio::join!(ask("a"), ask("a"), ask("b"), ask("a")) };
        let opening = async {
            tokio::task::yield_now().await;
            open.send_replace(true);
        };
        let ((first, second, other, third), ()) = tokio::join!(all, opening);
        assert_eq!([first, second, third].map(text), ["0", "0", "0"]);
        assert_eq!(text(other), "1");
        // What was answered is not kept.
        assert_eq!(text(ask("a").await), "2");
        for key in 0..200 {
            drop(ask(&key.to_string()).await);
        }
        assert!(flights.flying.lock().unwrap().len() <= 64);
    }
}
