//! Handlers of every kind over real sockets: programs, streams, queues, screening; HTTP servers below.

mod torn;
mod upstream;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use btd_wire::{
    python::Value,
    synapse::{FieldSpec, FieldType, HashFields, SynapseSpec},
};
use futures_util::{StreamExt, future::BoxFuture, stream};
use indexmap::IndexMap;
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};

use super::{heavy::until, support::*};
use crate::{
    axon::{
        Answer, AnswerError, Axon, AxonHandle, Capacity, Classes, Handler, HandlerError, Piece, Question, Registration,
        Reply, Request, Screen, Seat, StreamStatus, Topk, Verdict, Workers, WorkersError,
    },
    dendrite::{Outcome, Transport},
};

const BOTH: [Transport; 2] = [Transport::Http, Transport::Quic];

fn fields(text: &str) -> IndexMap<String, Value> {
    [("n".to_owned(), Value::Float(1.0)), ("text".to_owned(), text.into())].into_iter().collect()
}

async fn serving(classes: &Arc<Classes>) -> AxonHandle {
    serving_with(config(), classes).await
}

async fn serving_with(config: crate::axon::Config, classes: &Arc<Classes>) -> AxonHandle {
    let key = axon_key();
    let known = (members(), old_memory());
    Axon::start(config, key.account(), key.signer(), known, Arc::clone(classes)).await.unwrap()
}

async fn ask(axon: &AxonHandle, transport: Transport) -> Outcome {
    ask_within(axon, transport, PATIENCE).await
}

async fn ask_within(axon: &AxonHandle, transport: Transport, limit: Duration) -> Outcome {
    dendrite().call(target(axon), &spec("Job"), fields("hello"), (transport, limit)).await
}

fn registration(window: usize) -> Registration {
    Registration {
        spec: Arc::new(spec("Job")),
        window,
        waiting: 16,
        screen: Screen::ByAxon,
        linger: Duration::from_mins(1),
    }
}

/// The next message that a program is to answer.
async fn next(seat: &mut Seat) -> (u64, String) {
    let asked = timeout(PATIENCE, seat.next()).await.expect("a question comes").unwrap();
    match asked.question {
        Question::Answer(message) => (asked.id, message.json.get().to_owned()),
        other => panic!("{other:?}"),
    }
}

fn answer(workers: &Workers, id: u64, n: f64) {
    workers.answer(id, Reply::Fields(format!(r#"{{"n": {n}, "unknown": 1}}"#))).unwrap();
}

#[tokio::test]
async fn a_program_answers_by_id_and_in_any_order() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let mut seat = workers.serve(&registration(2)).unwrap();
    let axon = serving(&classes).await;
    for transport in BOTH {
        let asking = async { tokio::join!(ask(&axon, transport), ask(&axon, transport)) };
        let answering = async {
            let (first, json) = next(&mut seat).await;
            let message: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!((&message["text"], &message["n"]), (&"hello".into(), &1.0.into()));
            assert_eq!(message["dendrite"]["hotkey"], caller_key().account().to_string());
            assert_eq!(message["dendrite"]["ip"], "127.0.0.1");
            let (second, _) = next(&mut seat).await;
            answer(&workers, second, 2.0);
            answer(&workers, first, 1.5);
        };
        let ((a, b), ()) = tokio::join!(asking, answering);
        let mut numbers = [a, b].map(|outcome| {
            assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
            match outcome.synapse.unwrap().fields["n"] {
                Value::Float(n) => n.to_string(),
                _ => panic!("n is a float"),
            }
        });
        numbers.sort();
        assert_eq!(numbers, ["1.5", "2"]);
    }
    assert_eq!(workers.answer(999, Reply::Fields("{}".into())), Err(AnswerError::Unknown(999)));
}

#[tokio::test]
async fn the_text_that_a_program_gets_counts_until_it_is_sent() {
    const TEXT: usize = 512 * 1_024;
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let mut seat = workers.serve(&registration(1)).unwrap();
    let axon = serving(&classes).await;
    let (long, dendrite, job) = (fields(&"x".repeat(TEXT)), dendrite(), spec("Job"));
    let asking = dendrite.call(target(&axon), &job, long, (Transport::Http, PATIENCE));
    let answering = async {
        let asked = timeout(PATIENCE, seat.next()).await.expect("a question comes").unwrap();
        assert!(axon.bytes().1 >= 2 * TEXT, "the message and its text: {:?}", axon.bytes());
        let id = asked.id;
        drop(asked);
        assert!((TEXT..2 * TEXT).contains(&axon.bytes().1), "the message: {:?}", axon.bytes());
        answer(&workers, id, 2.0);
    };
    let (outcome, ()) = tokio::join!(asking, answering);
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    until(|| axon.bytes() == (0, 0), "all is given back").await;
}

#[tokio::test]
async fn a_number_that_json_lacks_reaches_a_program_as_a_text() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let mut seat = workers.serve(&registration(1)).unwrap();
    let axon = serving(&classes).await;
    for (number, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")] {
        let (mut odd, dendrite, job) = (fields("hello"), dendrite(), spec("Job"));
        odd.insert("n".to_owned(), Value::Float(number));
        let asking = dendrite.call(target(&axon), &job, odd, (Transport::Http, PATIENCE));
        let answering = async {
            let (id, json) = next(&mut seat).await;
            assert!(json.contains(&format!(r#""n":"{text}""#)), "{json}");
            answer(&workers, id, 2.0);
        };
        let (outcome, ()) = tokio::join!(asking, answering);
        assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    }
}

#[tokio::test]
async fn nothing_that_waits_is_lost_when_a_program_restarts() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    workers.declare(&registration(1)).unwrap();
    let axon = serving(&classes).await;
    let asking = stream::iter(0..8).map(|_| ask(&axon, Transport::Http)).buffer_unordered(8).collect::<Vec<_>>();
    let programs = async {
        let mut answered = 0;
        // Each program answers one request, takes one more and leaves with it; the last stays.
        for life in 0..4 {
            let mut seat = workers.serve(&registration(1)).unwrap();
            let (id, _) = next(&mut seat).await;
            answer(&workers, id, 0.0);
            answered += 1;
            if life < 3 {
                let _taken_along = next(&mut seat).await;
                continue;
            }
            while answered < 8 {
                let (id, _) = next(&mut seat).await;
                answer(&workers, id, 0.0);
                answered += 1;
            }
            return seat;
        }
        unreachable!("the last program stays")
    };
    let (outcomes, _seat) = tokio::join!(asking, programs);
    let codes: Vec<_> = outcomes.iter().map(|outcome| outcome.status_code).collect();
    assert_eq!(codes, [200; 8], "{:?}", outcomes[0].status_message);
}

#[tokio::test]
async fn a_request_that_ends_two_programs_is_given_up() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let axon = serving(&classes).await;
    let programs = async {
        for _ in 0..2 {
            let mut seat = workers.serve(&registration(1)).unwrap();
            next(&mut seat).await;
        }
    };
    let (outcome, ()) = tokio::join!(
        async {
            // The class is there once the first program is.
            loop {
                let outcome = ask(&axon, Transport::Http).await;
                if outcome.status_code != 404 {
                    return outcome;
                }
                tokio::task::yield_now().await;
            }
        },
        programs
    );
    assert_eq!(outcome.status_code, 500, "{}", outcome.status_message);
}

#[tokio::test]
async fn a_program_streams_and_a_broken_stream_is_no_success() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let axon = serving(&classes).await;
    for transport in BOTH {
        let mut seat = workers.serve(&registration(1)).unwrap();
        let (pieces, mut taken) = mpsc::channel(4);
        let dendrite = dendrite();
        let job = spec("Job");
        let call = dendrite.call_streaming(target(&axon), &job, fields("x"), (transport, PATIENCE), &pieces);
        let program = async {
            let (id, _) = next(&mut seat).await;
            for word in ["one ", "two ", "three"] {
                workers.stream(id, Piece::Chunk(word.into())).await.unwrap();
            }
            assert_eq!(workers.answer(id, Reply::Fields("{}".into())), Err(AnswerError::Streaming(id)));
            workers.stream(id, Piece::End).await.unwrap();
            assert_eq!(workers.stream(id, Piece::End).await, Err(AnswerError::Unknown(id)));
        };
        let reading = async {
            let mut read = Vec::new();
            while read.len() < "one two three".len() {
                read.extend_from_slice(&timeout(PATIENCE, taken.recv()).await.unwrap().unwrap());
            }
            String::from_utf8(read).unwrap()
        };
        let (outcome, (), read) = tokio::join!(call, program, reading);
        assert_eq!((outcome.status_code, read.as_str()), (200, "one two three"), "{}", outcome.status_message);

        // The program fails in the middle, and leaves there.
        let dendrite = super::support::dendrite();
        let mut seat = Some(seat);
        for fails in [true, false] {
            let call = dendrite.call_streaming(target(&axon), &job, fields("x"), (transport, PATIENCE), &pieces);
            let program = async {
                let (id, _) = next(seat.as_mut().unwrap()).await;
                workers.stream(id, Piece::Chunk("half".into())).await.unwrap();
                let half = timeout(PATIENCE, taken.recv()).await.unwrap().unwrap();
                assert_eq!(half, "half");
                if fails {
                    workers.answer(id, Reply::Failure("no more".to_owned())).unwrap();
                    assert_eq!(workers.stream(id, Piece::End).await, Err(AnswerError::Unknown(id)));
                } else {
                    drop(seat.take());
                }
            };
            let (outcome, ()) = tokio::join!(call, program);
            assert_ne!(outcome.status_code, 200, "{}", outcome.status_message);
        }
    }
}

#[tokio::test]
async fn a_stream_has_the_status_that_it_was_opened_with() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let axon = serving(&classes).await;
    for transport in BOTH {
        let mut seat = workers.serve(&registration(1)).unwrap();
        let (pieces, mut taken) = mpsc::channel(4);
        let dendrite = dendrite();
        let job = spec("Job");
        let call = dendrite.call_streaming(target(&axon), &job, fields("x"), (transport, PATIENCE), &pieces);
        let program = async {
            let (id, _) = next(&mut seat).await;
            let status = StreamStatus { code: Some(206), message: Some("partial".to_owned()) };
            workers.open_stream(id, status.clone()).unwrap();
            workers.stream(id, Piece::Chunk("abc".into())).await.unwrap();
            workers.open_stream(id, status).unwrap();
            assert_eq!(workers.open_stream(id, StreamStatus::default()), Err(AnswerError::Opened(id)));
            workers.stream(id, Piece::End).await.unwrap();
            assert_eq!(workers.open_stream(id, StreamStatus::default()), Err(AnswerError::Unknown(id)));
            assert_eq!(timeout(PATIENCE, taken.recv()).await.unwrap().unwrap(), "abc");
        };
        let (outcome, ()) = tokio::join!(call, program);
        assert_eq!((outcome.status_code, outcome.status_message.as_str()), (206, "partial"), "{transport:?}");
    }
}

#[tokio::test]
async fn a_program_screens_before_anything_waits() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let mut seat = workers.serve(&Registration { screen: Screen::ByProgram, ..registration(1) }).unwrap();
    let axon = serving(&classes).await;
    for (verdict, code, words) in [
        (Verdict { blacklist: Some("no thanks".into()), ..Verdict::default() }, 403, "Key is blacklisted: no thanks."),
        (Verdict { not_verified: Some("bad ticket".into()), ..Verdict::default() }, 401, "bad ticket"),
        (Verdict { timed_out: true, ..Verdict::default() }, 408, "Response timeout after: 20.0s"),
        (Verdict { priority: Some(7.0), ..Verdict::default() }, 200, "Success"),
    ] {
        let program = async {
            let asked = timeout(PATIENCE, seat.next()).await.unwrap().unwrap();
            assert!(matches!(asked.question, Question::Screen(_)), "{asked:?}");
            workers.answer(asked.id, Reply::Verdict(verdict)).unwrap();
            if code == 200 {
                let (id, _) = next(&mut seat).await;
                answer(&workers, id, 1.0);
            }
        };
        let (outcome, ()) = tokio::join!(ask(&axon, Transport::Http), program);
        assert_eq!(outcome.status_code, code, "{}", outcome.status_message);
        assert!(outcome.status_message.contains(words), "{}", outcome.status_message);
    }
    assert_eq!(axon.stop().await.requests["turned_away"], 2);
}

/// Screens the next question and lets it in.
async fn let_in(workers: &Workers, seat: &mut Seat) {
    let asked = timeout(PATIENCE, seat.next()).await.unwrap().unwrap();
    assert!(matches!(asked.question, Question::Screen(_)), "{asked:?}");
    workers.answer(asked.id, Reply::Verdict(Verdict::default())).unwrap();
}

#[tokio::test]
async fn nothing_passes_unscreened_while_the_program_that_screens_restarts() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let screening = Registration { screen: Screen::ByProgram, ..registration(1) };
    let mut screens = Some(workers.serve(&screening).unwrap());
    // Has more room, and is not asked what it thinks.
    let mut answers = workers.serve(&registration(8)).unwrap();
    let axon = serving(&classes).await;
    for life in 0..3 {
        let (outcome, ()) = tokio::join!(ask(&axon, Transport::Http), async {
            if life == 1 {
                // The request is there before anybody is who screens.
                screens = None;
                assert!(timeout(Duration::from_millis(50), answers.next()).await.is_err(), "it passed unscreened");
                screens = Some(workers.serve(&screening).unwrap());
            }
            let_in(&workers, screens.as_mut().unwrap()).await;
            let (id, _) = next(&mut answers).await;
            answer(&workers, id, 1.0);
        });
        assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    }
    // Both are gone: what comes now waits to be screened, and the class may be taken up by who does not.
    drop((screens, answers));
    let (outcome, mut alone) = tokio::join!(ask_within(&axon, Transport::Http, Duration::from_millis(300)), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        workers.serve(&registration(1)).unwrap()
    });
    assert_eq!(outcome.status_code, 503, "{}", outcome.status_message);
    assert!(outcome.status_message.contains("a program that does not screen"), "{}", outcome.status_message);
    let (outcome, ()) = tokio::join!(ask(&axon, Transport::Http), async {
        let (id, _) = next(&mut alone).await;
        answer(&workers, id, 1.0);
    });
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
}

#[tokio::test]
async fn a_screened_class_is_busy_when_nobody_has_screened_for_a_while() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let hasty = Registration { linger: Duration::ZERO, ..registration(1) };
    let screens = workers.serve(&Registration { screen: Screen::ByProgram, ..hasty.clone() }).unwrap();
    let _answers = workers.serve(&hasty).unwrap();
    drop(screens);
    let axon = serving(&classes).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let outcome = ask(&axon, Transport::Http).await;
    assert_eq!((outcome.status_code, outcome.status_message.as_str()), (503, "Busy: nothing screens Job now"));
}

#[tokio::test]
async fn a_program_hears_when_its_caller_is_gone() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let mut seat = workers.serve(&registration(1)).unwrap();
    let axon = serving(&classes).await;
    let dendrite = dendrite();
    let id = {
        let job = spec("Job");
        let call = dendrite.call(target(&axon), &job, fields("x"), (Transport::Http, PATIENCE));
        tokio::pin!(call);
        tokio::select! {
            _ = &mut call => panic!("nobody answered"),
            (id, _) = next(&mut seat) => id,
        }
    };
    drop(dendrite);
    let asked = timeout(PATIENCE, seat.next()).await.unwrap().unwrap();
    assert!(asked.id == id && matches!(asked.question, Question::Cancelled), "{asked:?}");
    assert_eq!(workers.answer(id, Reply::Fields("{}".into())), Err(AnswerError::Unknown(id)));
}

#[tokio::test]
async fn a_class_without_a_program_is_busy_after_a_while_and_may_be_declared_anew() {
    let classes = classes(vec![]);
    let workers = Workers::new(Arc::clone(&classes));
    let hasty = Registration { linger: Duration::ZERO, ..registration(1) };
    let seat = workers.serve(&hasty).unwrap();
    let other =
        Registration { spec: Arc::new(SynapseSpec::new("Job", vec![], HashFields::None).unwrap()), ..hasty.clone() };
    assert!(matches!(workers.serve(&other), Err(WorkersError::DeclaredOtherwise(_))));
    assert!(matches!(workers.serve(&registration(0)), Err(WorkersError::NoWindow)));
    drop(seat);
    let axon = serving(&classes).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let outcome = ask(&axon, Transport::Http).await;
    assert_eq!((outcome.status_code, outcome.status_message.as_str()), (503, "Busy: nothing serves Job now"));
    let _seat = workers.serve(&other).unwrap();
    assert!(matches!(
        workers.serve(&Registration { spec: Arc::new(SynapseSpec::base()), ..hasty }),
        Err(WorkersError::Taken(_))
    ));
}

/// Counts how many run at once, and answers when told to.
#[derive(Debug)]
struct Slow {
    go: Arc<Notify>,
    running: Arc<AtomicUsize>,
}

impl Handler for Slow {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::new(spec("Job"))
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(async move {
            self.running.fetch_add(1, Ordering::SeqCst);
            self.go.notified().await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            Ok(request.verified.into_synapse().into())
        })
    }
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once_and_one_hotkey_has_its_share() {
    let slow = |limit| {
        let (go, running) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let classes = classes(vec![]);
        let handler = Slow { go: Arc::clone(&go), running: Arc::clone(&running) };
        classes.add(Arc::new(handler), "test", limit).unwrap();
        (classes, go, running)
    };
    let (known, go, running) = slow(Capacity { places: 1, waiting: 1 });
    let axon = serving(&known).await;
    let asking = async { tokio::join!(ask(&axon, Transport::Http), ask(&axon, Transport::Quic)) };
    let third = async {
        while known.status().iter().all(|class| class.waiting == 0) {
            tokio::task::yield_now().await;
        }
        let started = Instant::now();
        let outcome = ask(&axon, Transport::Http).await;
        assert_eq!(running.load(Ordering::SeqCst), 1);
        go.notify_one();
        while known.status().iter().any(|class| class.waiting > 0) {
            tokio::task::yield_now().await;
        }
        go.notify_one();
        (outcome, started)
    };
    let ((a, b), (busy, _)) = tokio::join!(asking, third);
    assert_eq!([a.status_code, b.status_code, busy.status_code], [200, 200, 503], "{}", busy.status_message);
    assert_eq!(axon.status().requests["handler_busy"], 1);

    let (known, go, running) = slow(Capacity { places: 9, waiting: 0 });
    let axon = serving_with(crate::axon::Config { max_in_flight_per_hotkey: 1, ..config() }, &known).await;
    let second = async {
        while running.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let outcome = ask(&axon, Transport::Http).await;
        go.notify_one();
        outcome
    };
    let (first, second) = tokio::join!(ask(&axon, Transport::Http), second);
    assert_eq!((first.status_code, second.status_code), (200, 503));
    assert!(second.status_message.contains("this hotkey"), "{}", second.status_message);
}

#[tokio::test]
async fn the_largest_elements_are_computed_over_the_wire() {
    use btd_wire::tensor::{DType, Dialect, Tensor};
    let axon = axon(config(), vec![Arc::new(Topk)]).await;
    let numbers: Vec<u8> = [3.0_f32, 9.0, 4.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let tensor = Tensor::new(Dialect::Numpy, DType::F32, vec![3], numbers.into()).unwrap();
    let ask = |tensor: Value, topk: i64| {
        let fields = [("topk".to_owned(), topk.into()), ("tensor".to_owned(), tensor)].into_iter().collect();
        let axon = target(&axon);
        async move { dendrite().call(axon, &Topk::declared(), fields, (Transport::Http, PATIENCE)).await }
    };
    let outcome = ask(tensor.to_value(), 2).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    let values = Tensor::from_value(&outcome.synapse.unwrap().fields["values"]).unwrap();
    assert_eq!(values.data()[..], [9.0_f32.to_le_bytes(), 4.0_f32.to_le_bytes()].concat()[..]);
    let outcome = ask(tensor.to_value(), 4).await;
    assert_eq!(outcome.status_code, 422, "{}", outcome.status_message);
    assert!(outcome.status_message.contains("0 to 3"), "{}", outcome.status_message);
}

#[tokio::test]
async fn what_is_declared_while_the_axon_runs_is_served() {
    let classes = classes(vec![]);
    let axon = serving(&classes).await;
    assert_eq!(ask(&axon, Transport::Http).await.status_code, 404);
    let fields =
        vec![FieldSpec::with_default("n", FieldType::Float, 0.0), FieldSpec::with_default("text", FieldType::Str, "")];
    let declared = SynapseSpec::new("Job", fields, HashFields::Listed(vec!["text".into()])).unwrap();
    classes.add(Arc::new(crate::axon::Echo(Arc::new(declared))), "echo", Capacity { places: 1, waiting: 1 }).unwrap();
    assert_eq!(ask(&axon, Transport::Http).await.status_code, 200);
    assert!(classes.remove("Job", "echo") && !classes.remove("Job", "echo"));
    assert_eq!(ask(&axon, Transport::Quic).await.status_code, 404);
}
