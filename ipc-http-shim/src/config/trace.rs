//! Reading `[trace]`.

use std::ops::Range;

use http::HeaderName;
use toml::de::DeTable;

use super::Sample;
use super::mistake::Report;
use super::section::Section;
use super::value::Truth;

pub(super) const KEYS: &[&str] = &["begin", "sample", "answer"];

/// How requests stand in a trace.
#[derive(Clone, Default, PartialEq, Debug)]
#[non_exhaustive]
pub struct Trace {
    /// Whether a request that belongs to none begins one. Default: it does not, and goes
    /// on as it came.
    pub begin: bool,
    /// The share of the traces begun here that are said to be recorded, 0 to 1.
    /// Default: 1.
    pub sample: Sample,
    /// The header of answers that tells the trace's id. Default: none does.
    pub answer: Option<HeaderName>,
}

/// Reads how requests stand in a trace.
pub(super) fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    report: &mut Report<'_>,
) -> Trace {
    let section = Section::open("[trace]", table, span, KEYS, report);
    let mut trace = Trace::default();
    if let Some(Truth(begin)) = section.value("begin", report).map(|read| read.value) {
        trace.begin = begin;
    }
    if let Some(sample) = section.value("sample", report) {
        trace.sample = sample.value;
    }
    trace.answer = section.value("answer", report).map(|read| read.value);
    trace
}
