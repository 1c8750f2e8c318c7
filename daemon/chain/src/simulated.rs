//! A clock and a network for unit tests: hours pass in a moment, and the nodes misbehave as they are told.
//!
//! The clock stands still while anything is left to do, and then goes to the next moment for which
//! somebody waits, so nothing depends on how fast the machine is. The nodes have one chain with a block
//! every twelve seconds of that clock; their answers are in `simulated/node.rs`.

mod chain;
mod fault;
mod node;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

pub(crate) use self::{fault::Fault, node::Network};

thread_local! {
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

struct Clock {
    now: Instant,
    next_id: u64,
    waiting: BTreeMap<(Instant, u64), Waker>,
}

/// Resolves at a moment of the simulated clock.
struct Sleep {
    until: Instant,
    id: u64,
}

struct Alarm(AtomicBool);

/// The time on this thread's clock, if it has one of its own.
pub(crate) fn now() -> Option<Instant> {
    CLOCK.with_borrow(|clock| clock.as_ref().map(|clock| clock.now))
}

/// Waits on this thread's clock, if it has one of its own.
pub(crate) fn sleep(duration: Duration) -> Option<impl Future<Output = ()> + Send> {
    CLOCK.with_borrow_mut(|clock| {
        let clock = clock.as_mut()?;
        clock.next_id += 1;
        Some(Sleep { until: clock.now + duration, id: clock.next_id })
    })
}

/// Runs `story` with a clock of its own, from whose beginning on the story is told.
///
/// # Panics
/// When the story waits for what never comes.
pub(crate) fn run<T>(story: impl Future<Output = T>) -> T {
    let begun = Clock { now: Instant::now(), next_id: 0, waiting: BTreeMap::new() };
    CLOCK.set(Some(begun));
    let alarm = Arc::new(Alarm(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&alarm));
    let mut story = pin!(story);
    loop {
        if let Poll::Ready(told) = story.as_mut().poll(&mut Context::from_waker(&waker)) {
            CLOCK.set(None);
            return told;
        }
        while !alarm.0.swap(false, Ordering::SeqCst) {
            let next = CLOCK.with_borrow_mut(|clock| {
                let clock = clock.as_mut().unwrap();
                let ((when, _), waker) = clock.waiting.pop_first()?;
                clock.now = clock.now.max(when);
                Some(waker)
            });
            next.expect("everything waits for what never comes").wake();
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        CLOCK.with_borrow_mut(|clock| {
            let clock = clock.as_mut().expect("the story is over");
            if clock.now >= self.until {
                return Poll::Ready(());
            }
            clock.waiting.insert((self.until, self.id), context.waker().clone());
            Poll::Pending
        })
    }
}

/// What is not waited for any more is no moment to go to.
impl Drop for Sleep {
    fn drop(&mut self) {
        CLOCK.with_borrow_mut(|clock| {
            if let Some(clock) = clock {
                clock.waiting.remove(&(self.until, self.id));
            }
        });
    }
}
