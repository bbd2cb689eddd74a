//! What the engine has not been told yet of the records it has handed out.

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::report::{Input, Report};

/// Reports that may lie at most.
const FULL: usize = 256;

/// Where reports lie until the engine's next turn. Only one that something waits for
/// calls the engine: an acknowledgement mostly means nothing but an offset to be
/// stored, and waking a task for each costs more than what it then does.
#[derive(Debug)]
pub(super) struct Basket {
    inputs: mpsc::UnboundedSender<Input>,
    content: Mutex<Content>,
}

#[derive(Debug)]
struct Content {
    reports: Vec<Report>,
    /// Whether any report calls the engine.
    awaited: bool,
    /// Whether the engine has been called and has not come yet.
    called: bool,
}

impl Basket {
    /// One whose engine is called through `inputs`, for every report at first.
    pub(super) fn new(inputs: mpsc::UnboundedSender<Input>) -> Self {
        Self {
            inputs,
            content: Mutex::new(Content {
                reports: Vec::new(),
                awaited: true,
                called: false,
            }),
        }
    }

    /// Tells the engine something else.
    pub(super) fn tell(&self, input: Input) {
        // An engine that has ended needs no word.
        let _ = self.inputs.send(input);
    }

    pub(super) fn put(&self, report: Report) {
        self.put_all([report]);
    }

    pub(super) fn put_all(&self, reports: impl IntoIterator<Item = Report>) {
        let mut content = self.content.lock();
        let before = content.reports.len();
        content.reports.extend(reports);
        let mut new = content.reports[before..].iter();
        let wanted = content.awaited || content.reports.len() >= FULL;
        let call = wanted || new.any(|report| report.how.is_urgent());
        if call && !std::mem::replace(&mut content.called, true) {
            drop(content);
            // An engine that has ended left its records to another instance.
            let _ = self.inputs.send(Input::Look);
        }
    }

    /// Takes what lies there, in the order it came; `into` is empty.
    pub(super) fn take(&self, into: &mut Vec<Report>) {
        let mut content = self.content.lock();
        std::mem::swap(&mut content.reports, into);
        content.called = false;
    }

    /// From now on any report calls the engine, or only those that are urgent. True
    /// where some that ought to have called lie there already.
    #[must_use]
    pub(super) fn await_any(&self, awaited: bool) -> bool {
        let mut content = self.content.lock();
        content.awaited = awaited;
        awaited && !content.called && !content.reports.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::report::{How, Ticket};
    use crate::metrics::Settled;

    struct Scene {
        basket: Basket,
        inputs: mpsc::UnboundedReceiver<Input>,
    }

    impl Scene {
        /// Nothing is awaited.
        #[expect(
            clippy::disallowed_methods,
            reason = "the engine's inputs are of this kind"
        )]
        fn new() -> Self {
            let (sender, inputs) = mpsc::unbounded_channel();
            let basket = Basket::new(sender);
            assert!(!basket.await_any(false));
            Self { basket, inputs }
        }

        fn put(&self, how: How) {
            let ticket = Ticket(0);
            self.basket.put(Report { ticket, how });
        }

        fn calls(&mut self) -> usize {
            std::iter::from_fn(|| self.inputs.try_recv().ok()).count()
        }

        fn take(&self) -> usize {
            let mut reports = Vec::new();
            self.basket.take(&mut reports);
            reports.len()
        }
    }

    const DONE: How = How::Settled(Settled::Done);

    #[test]
    fn what_is_settled_lies_until_it_is_taken_or_there_is_too_much() {
        let mut scene = Scene::new();
        for _ in 1..FULL {
            scene.put(DONE);
        }
        assert_eq!(scene.calls(), 0);
        scene.put(DONE);
        assert_eq!(scene.calls(), 1);
        assert_eq!(scene.take(), FULL);
    }

    #[test]
    fn what_is_urgent_or_awaited_calls_the_engine_once_until_it_comes() {
        let mut scene = Scene::new();
        scene.put(How::NotBegun);
        scene.put(How::Unsettled);
        assert_eq!(scene.calls(), 1);
        assert_eq!(scene.take(), 2);
        assert!(!scene.basket.await_any(true));
        scene.put(DONE);
        scene.put(DONE);
        assert_eq!(scene.calls(), 1);
    }

    #[test]
    fn who_begins_to_wait_is_told_of_what_lies_there_uncalled() {
        let scene = Scene::new();
        scene.put(DONE);
        assert!(!scene.basket.await_any(false));
        assert!(scene.basket.await_any(true));
        assert_eq!(scene.take(), 1);
        assert!(!scene.basket.await_any(true));
    }
}
