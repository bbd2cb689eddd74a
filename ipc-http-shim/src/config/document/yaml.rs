//! YAML, as the tables and values that TOML has.

use std::borrow::Cow;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::config::mistake::Lines;

/// As deep as TOML's may nest: values are dropped by recursion.
const DEEPEST: usize = 80;

type Unreadable = Vec<(Option<Range<usize>>, String)>;

/// A mapping or a sequence that has begun.
enum Open<'t> {
    Table {
        table: DeTable<'t>,
        /// The key whose value comes next.
        key: Option<Spanned<Cow<'t, str>>>,
    },
    Array(DeArray<'t>),
}

impl<'t> From<Open<'t>> for DeValue<'t> {
    fn from(open: Open<'t>) -> Self {
        match open {
            Open::Table { table, .. } => Self::Table(table),
            Open::Array(array) => Self::Array(array),
        }
    }
}

/// Reads one document. What is read before the first error is kept, since its
/// mistakes are worth telling as well.
pub(super) fn parse<'t>(text: &'t str, lines: &Lines<'t>) -> (Spanned<DeTable<'t>>, Unreadable) {
    let mut reader = Reader {
        text,
        lines,
        open: Vec::new(),
        root: None,
        unreadable: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                reader.take(event, &span);
                if reader.open.len() > DEEPEST {
                    let at = reader.open.last().map(|(range, _)| range.clone());
                    let what = format!("it is nested more than {DEEPEST} deep");
                    reader.unreadable.push((at, what));
                    break;
                }
            }
            Err(error) => {
                let at = lines.offset(error.marker().line(), error.marker().col());
                let what = error.info().to_owned();
                reader.unreadable.push((Some(at..at), what));
                break;
            }
        }
    }
    reader.finish()
}

struct Reader<'t, 'l> {
    text: &'t str,
    lines: &'l Lines<'t>,
    open: Vec<(Range<usize>, Open<'t>)>,
    root: Option<Spanned<DeValue<'t>>>,
    unreadable: Unreadable,
}

impl<'t> Reader<'t, '_> {
    fn take(&mut self, event: Event<'t>, span: &Span) {
        let offset = |mark: &saphyr_parser::Marker| self.lines.offset(mark.line(), mark.col());
        let range = offset(&span.start)..offset(&span.end);
        match event {
            Event::Scalar(text, style, ..) => {
                let written = self.text.get(range.clone()).unwrap_or_default();
                self.put(scalar(text, style, written), range);
            }
            Event::MappingStart(..) => {
                let table = DeTable::new();
                self.open.push((range, Open::Table { table, key: None }));
            }
            Event::SequenceStart(..) => self.open.push((range, Open::Array(DeArray::new()))),
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some((start, open)) = self.open.pop() {
                    self.put(open.into(), start.start..range.end);
                }
            }
            Event::Alias(_) => {
                self.refuse(&range, "an alias stands here; write what it stands for");
                self.put(DeValue::String(Cow::Borrowed("")), range);
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                self.refuse(&range, "a second document begins here; one is read");
            }
            _ => {}
        }
    }

    /// Puts a value where it belongs.
    fn put(&mut self, value: DeValue<'t>, range: Range<usize>) {
        match self.open.last_mut() {
            None => {
                // Only the first document counts.
                self.root.get_or_insert(Spanned::new(range, value));
            }
            Some((_, Open::Array(array))) => array.push(Spanned::new(range, value)),
            Some((_, Open::Table { table, key })) => match (key.take(), value) {
                (Some(key), value) => {
                    let again = table.contains_key(key.get_ref().as_ref());
                    let at = key.span();
                    if again {
                        let what = format!("{:?} is written twice", key.get_ref());
                        self.refuse(&at, &what);
                    } else {
                        table.insert(key, Spanned::new(range, value));
                    }
                }
                (None, DeValue::String(text)) => *key = Some(Spanned::new(range, text)),
                (None, DeValue::Integer(number)) => {
                    *key = Some(Spanned::new(range, number.as_str().to_owned().into()));
                }
                (None, _) => {
                    *key = Some(Spanned::new(range.clone(), Cow::Borrowed("")));
                    self.refuse(&range, "a key is no text");
                }
            },
        }
    }

    fn refuse(&mut self, range: &Range<usize>, what: &str) {
        self.unreadable.push((Some(range.clone()), what.to_owned()));
    }

    fn finish(mut self) -> (Spanned<DeTable<'t>>, Unreadable) {
        // What an error left open is as good as closed.
        while let Some((range, open)) = self.open.pop() {
            self.put(open.into(), range);
        }
        let whole = 0..self.text.len();
        let root = match self.root.take() {
            None => Spanned::new(whole, DeTable::new()),
            Some(root) => {
                let range = root.span();
                match root.into_inner() {
                    DeValue::Table(table) => Spanned::new(range, table),
                    // An empty document is a null.
                    DeValue::String(empty) if empty.is_empty() => {
                        Spanned::new(whole, DeTable::new())
                    }
                    _ => {
                        self.refuse(&range, "the file is no mapping");
                        Spanned::new(whole, DeTable::new())
                    }
                }
            }
        };
        (root, self.unreadable)
    }
}

/// A scalar as TOML would have it: numbers and booleans by their looks where they
/// stand plain, all else as text, and nothing as an empty one.
fn scalar<'t>(text: Cow<'t, str>, style: ScalarStyle, written: &'t str) -> DeValue<'t> {
    if style != ScalarStyle::Plain {
        return DeValue::String(text);
    }
    if matches!(&*text, "~" | "null" | "Null" | "NULL") {
        return DeValue::String(Cow::Borrowed(""));
    }
    match DeValue::parse(written).map(Spanned::into_inner) {
        Ok(value @ (DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)))
            if text == written =>
        {
            value
        }
        _ => DeValue::String(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Spanned<DeTable<'_>>, Unreadable) {
        parse(text, &Lines::of(text))
    }

    #[test]
    fn values_have_the_types_and_places_that_toml_gives_them() {
        let text = "a: 5\nb: \"5\"\nc: true\nü: [x, {d: 1.5}]\ne: ~\n";

        let (root, unreadable) = read(text);

        assert_eq!(unreadable, []);
        let value = |key: &str| root.get_ref().get(key).expect("it is there");
        assert!(value("a").get_ref().is_integer());
        assert_eq!(value("b").get_ref().as_str(), Some("5"));
        assert_eq!(value("c").get_ref().as_bool(), Some(true));
        assert_eq!(&text[value("b").span()], "\"5\"");
        assert_eq!(value("e").get_ref().as_str(), Some(""));
        let list = value("ü").get_ref().as_array().expect("a list");
        let inner = list[1].get_ref().as_table().expect("a table");
        assert_eq!(&text[inner["d"].span()], "1.5");
    }

    #[test]
    fn what_yaml_has_and_a_configuration_does_not_is_told_with_its_place() {
        for (text, at, what) in [
            ("a: 1\na: 2\n", 5, "written twice"),
            ("a: &x 1\nb: *x\n", 11, "alias"),
            ("a: 1\n---\nb: 2\n", 5, "second document"),
            ("- a\n", 0, "no mapping"),
            ("? [a]\n: b\n", 2, "a key is no text"),
        ] {
            let (_, unreadable) = read(text);
            let [(Some(span), told)] = unreadable.as_slice() else {
                panic!("{text}: {unreadable:?}");
            };
            assert!(told.contains(what), "{told}");
            assert_eq!(span.start, at, "{text}");
        }
    }

    #[test]
    fn what_stands_before_an_error_is_read() {
        let (root, unreadable) = read("a: 1\nb: [1, 2\nc: 3\n");

        assert!(root.get_ref().contains_key("a"));
        assert_eq!(unreadable.len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[-a:{}\\[\\]\"'#&*|>\n ?~0-9]{0,60}") {
            let (root, _) = read(&text);
            prop_assert!(root.span().end <= text.len());
        }
    }
}
