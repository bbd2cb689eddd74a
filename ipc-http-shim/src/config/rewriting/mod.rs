//! What a route changes of its requests on their way, and of their answers.

mod headers;
mod path;
mod read;

pub use headers::{HeaderChanges, Passing};
pub(crate) use path::has_broken_escape;
pub use path::{Escape, PathRewrite};
#[cfg(test)]
pub(super) use read::KEYS as HEADER_KEYS;
pub(super) use read::{read, read_path, read_values};

/// What a route changes of its requests on their way, and of their answers.
/// Default: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Rewriting {
    /// The path that is sent on, with the request's own query. Default: as it
    /// came.
    pub path: Option<PathRewrite>,
    /// What becomes of a request's headers, once those of the client's connection
    /// are gone.
    pub request_headers: HeaderChanges,
    /// What becomes of the headers of every answer, the gateway's own included.
    pub response_headers: HeaderChanges,
}

/// What is wrong, and its mend.
pub(crate) type Wrong = (String, String);

impl Rewriting {
    /// Everything that keeps it from being used on a route for `path`.
    pub(crate) fn faults(&self, path: &str) -> Vec<Wrong> {
        let unknown = self.path.as_ref().and_then(|rewrite| {
            let (what, mend) = rewrite.fault(path)?;
            Some((format!("rewrite {what}"), mend))
        });
        let of_requests = self.request_headers.faults(Passing::Request);
        let of_answers = self.response_headers.faults(Passing::Response);
        unknown
            .into_iter()
            .chain(of_requests)
            .chain(of_answers)
            .collect()
    }
}
