//! A file's text as tables and values, each with its place.

mod yaml;

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use crate::config::mistake::{Lines, Place, Report};

/// A file's text as tables and values, each with its place.
pub(crate) struct Document<'t> {
    pub(crate) root: Spanned<DeTable<'t>>,
    /// What could not be read, and where.
    unreadable: Vec<(Option<Range<usize>>, String)>,
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Toml,
    Yaml,
}

impl<'t> Document<'t> {
    /// Reads the contents of `file`: YAML where its name ends so, or in `.json`, which
    /// is YAML too; else TOML.
    pub(crate) fn parse(file: &str, text: &'t str) -> Self {
        let extension = Path::new(file).extension().and_then(|name| name.to_str());
        match extension {
            Some("yaml" | "yml" | "json") => {
                let (root, unreadable) = yaml::parse(text, &Lines::of(text));
                Self {
                    root,
                    unreadable,
                    format: Format::Yaml,
                }
            }
            _ => {
                let (root, errors) = DeTable::parse_recoverable(text);
                let errors = errors.iter();
                Self {
                    root,
                    unreadable: errors
                        .map(|error| (error.span(), error.message().to_owned()))
                        .collect(),
                    format: Format::Toml,
                }
            }
        }
    }

    /// Adds what could not be read; whether there was anything.
    pub(crate) fn report_unreadable(&self, report: &mut Report<'_>) -> bool {
        let mend = match self.format {
            Format::Toml => "write it as TOML asks for",
            Format::Yaml => "write it as YAML asks for",
        };
        for (span, what) in &self.unreadable {
            let place = span.as_ref().map_or(Place::File, |span| report.place(span));
            report.add_unreadable(place, what, mend);
        }
        !self.unreadable.is_empty()
    }
}
