//! One request, many replies.

use std::sync::{Arc, OnceLock};

use crate::envelope::Problem;

/// Found in the extensions of a response: each data frame of its body is one
/// reply record. Over plain HTTP the frames are simply the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyStream;

/// How a reply stream ended, found in the extensions of a response beside
/// [`ReplyStream`].
///
/// It is set before the body yields its last frame where that frame is a
/// problem document instead of a reply: whoever reads the body asks
/// [`problem`](ReplyEnd::problem) after each frame, without looking ahead.
#[derive(Clone, Debug, Default)]
pub struct ReplyEnd(Arc<OnceLock<Problem>>);

impl ReplyEnd {
    /// Marks the frame about to be yielded as the stream's end by `problem`.
    pub fn fail(&self, problem: Problem) {
        // a stream fails once: the first problem stays
        let _ = self.0.set(problem);
    }

    /// The problem that ended the stream: the frame just read is its document.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_problem_of_a_stream_stays() {
        let end = ReplyEnd::default();
        let seen_by_reader = end.clone();
        assert_eq!(seen_by_reader.problem(), None);
        end.fail(Problem::new("first", "first", 500));
        end.fail(Problem::new("second", "second", 503));
        assert_eq!(
            seen_by_reader.problem().map(|problem| problem.status),
            Some(500)
        );
    }
}
