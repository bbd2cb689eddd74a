//! What is wrong with a configuration, where, and what mends it.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// Where a mistake stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Place {
    /// In the file, at a line and column from 1.
    Line(usize, usize),
    /// In the file, where something is missing.
    File,
    /// In a flag or an environment variable, by its name.
    Override(String),
}

/// One thing that is wrong with a configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mistake {
    /// Where it stands.
    pub place: Place,
    /// The thing and its value.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

/// Every mistake of a configuration, in file order. Shown as one line each:
/// `<file>:<line>:<column>: <what>: <mend>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistakes {
    file: String,
    list: Vec<Mistake>,
}

impl Mistakes {
    /// Never empty.
    #[must_use]
    pub fn as_slice(&self) -> &[Mistake] {
        &self.list
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match &mistake.place {
                Place::Line(line, column) => write!(f, "{}:{line}:{column}", self.file)?,
                Place::File => f.write_str(&self.file)?,
                Place::Override(name) => f.write_str(name)?,
            }
            write!(f, ": {}: {}", mistake.what, mistake.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// Where the lines of a text start, so that a place in a long one is found at once.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    /// The line and column at which a span of the text starts.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let line = self.starts.partition_point(|start| *start <= span.start);
        let start = self.starts[line - 1];
        let before = self.text.get(start..span.start).unwrap_or_default();
        Place::Line(line, before.chars().count() + 1)
    }

    /// Where a character stands: on a line from 1, after so many others.
    pub(crate) fn offset(&self, line: usize, characters: usize) -> usize {
        let start = self.starts.get(line.saturating_sub(1));
        let start = start.copied().unwrap_or(self.text.len());
        let rest = self.text.get(start..).unwrap_or_default();
        let mut indices = rest.char_indices().map(|(at, _)| start + at);
        indices.nth(characters).unwrap_or(self.text.len())
    }
}

/// Gathers mistakes while a configuration is read.
pub(crate) struct Report<'t> {
    lines: Lines<'t>,
    list: Vec<Mistake>,
    /// Lines that cannot be read: whatever else is found there only follows from
    /// that.
    unreadable: BTreeSet<usize>,
}

impl<'t> Report<'t> {
    pub(crate) fn on(text: &'t str) -> Self {
        Self {
            lines: Lines::of(text),
            list: Vec::new(),
            unreadable: BTreeSet::new(),
        }
    }

    /// The line and column at which a span of the text starts.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        self.lines.place(span)
    }

    /// Adds a mistake, unless its line could not even be read.
    pub(crate) fn add(&mut self, place: Place, what: impl Into<String>, mend: impl Into<String>) {
        if matches!(place, Place::Line(line, _) if self.unreadable.contains(&line)) {
            return;
        }
        self.list.push(Mistake {
            place,
            what: what.into(),
            mend: mend.into(),
        });
    }

    /// Adds what makes a line unreadable.
    pub(crate) fn add_unreadable(&mut self, place: Place, what: &str, mend: &str) {
        if let Place::Line(line, _) = place {
            self.unreadable.insert(line);
        }
        self.list.push(Mistake {
            place,
            what: what.to_owned(),
            mend: mend.to_owned(),
        });
    }

    /// `value`, where no mistake was found on the way to it.
    pub(crate) fn finish<T>(mut self, file: &str, value: T) -> Result<T, Mistakes> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort();
        // Two reasons may have the same mend.
        self.list.dedup();
        Err(Mistakes {
            file: file.to_owned(),
            list: self.list,
        })
    }
}
