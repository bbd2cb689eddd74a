//! Reading one table of the file, key by key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Located, Place, Report};
use super::overrides::Override;
use super::suggest;
use super::value::FromText;

/// One table of the file.
pub(super) struct Section<'a> {
    /// How mistakes call it: `[limits]`.
    title: &'static str,
    table: &'a DeTable<'a>,
    /// Where it stands.
    span: Range<usize>,
}

impl<'a> Section<'a> {
    /// Opens a table whose keys are among `known`; every other key is a mistake.
    pub(super) fn open(
        title: &'static str,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        known: &[&str],
        report: &mut Report<'_>,
    ) -> Self {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                report.add(
                    report.place(&key.span()),
                    format!("unknown key {name:?} in {title}"),
                    suggest::mend(name, known.iter().copied()),
                );
            }
        }
        Self { title, table, span }
    }

    pub(super) fn place(&self, report: &Report<'_>) -> Place {
        report.place(&self.span)
    }

    /// Where the value under `key` stands, or else the table.
    pub(super) fn place_of(&self, key: &str, report: &Report<'_>) -> Place {
        match self.get(key) {
            Some(value) => report.place(&value.span()),
            None => self.place(report),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// The table under `key`.
    pub(super) fn table(
        &self,
        key: &str,
        report: &mut Report<'_>,
    ) -> Option<(&'a DeTable<'a>, Range<usize>)> {
        let value = self.get(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some((table, value.span()));
        }
        report.add(
            report.place(&value.span()),
            format!("{key} is {}", kind(value.get_ref())),
            format!("make it a table, under a line [{key}]"),
        );
        None
    }

    /// The text under `key`: strings, numbers and booleans have one.
    pub(super) fn text(&self, key: &str, report: &mut Report<'_>) -> Option<Located<String>> {
        let value = self.get(key)?;
        let place = report.place(&value.span());
        match text_of(value.get_ref()) {
            Some(value) => Some(Located { value, place }),
            None => {
                let what = format!("{key} in {} is {}", self.title, kind(value.get_ref()));
                report.add(place, what, "write a single value");
                None
            }
        }
    }

    /// The value under `key`.
    pub(super) fn value<T: FromText>(
        &self,
        key: &str,
        report: &mut Report<'_>,
    ) -> Option<Located<T>> {
        let text = self.text(key, report)?;
        parse(key, text, report)
    }

    /// The values of the list under `key`; those that cannot be read are told and left
    /// out.
    pub(super) fn list<T: FromText>(&self, key: &str, report: &mut Report<'_>) -> Option<Vec<T>> {
        let value = self.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            report.add(
                report.place(&value.span()),
                format!("{key} is {}", kind(value.get_ref())),
                "write a list, as in [\"…\"]",
            );
            return None;
        };
        let mut read = Vec::with_capacity(items.len());
        for item in items.iter() {
            let text = text_of(item.get_ref()).unwrap_or_default();
            match T::from_text(&text) {
                Some(value) => read.push(value),
                None => report.add(
                    report.place(&item.span()),
                    format!("{key} {text:?} is not {}", T::EXPECTED),
                    T::MEND,
                ),
            }
        }
        Some(read)
    }

    /// As [`list`](Self::list); a single value is a list of one.
    pub(super) fn one_or_more<T: FromText>(
        &self,
        key: &str,
        report: &mut Report<'_>,
    ) -> Option<Vec<T>> {
        if let DeValue::Array(_) = self.get(key)?.get_ref() {
            return self.list(key, report);
        }
        let one = self.value(key, report)?;
        Some(vec![one.value])
    }

    /// The value of `over` where it is set, else the one under `key`. Both are
    /// checked.
    pub(super) fn setting<T: FromText>(
        &self,
        key: &str,
        over: Option<&Override>,
        report: &mut Report<'_>,
    ) -> Option<Located<T>> {
        let written = self.value(key, report);
        let Some(over) = over else { return written };
        let text = Located {
            value: over.value.clone(),
            place: Place::Override(over.name.clone()),
        };
        parse(key, text, report)
    }
}

fn parse<T: FromText>(
    key: &str,
    text: Located<String>,
    report: &mut Report<'_>,
) -> Option<Located<T>> {
    let Located { value: text, place } = text;
    match T::from_text(&text) {
        Some(value) => Some(Located { value, place }),
        None => {
            // What stands before an @ may be a password.
            let shown = text.rsplit_once('@').map_or(&*text, |(_, rest)| rest);
            let what = format!("{key} {shown:?} is not {}", T::EXPECTED);
            report.add(place, what, T::MEND);
            None
        }
    }
}

/// The text of a value that has no parts.
pub(crate) fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| number.to_string()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// How a mistake calls the type of a value.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
