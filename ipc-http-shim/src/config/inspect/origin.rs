//! Where a value is from.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::document::Document;
use crate::config::kafka::KafkaSection;
use crate::config::mistake::{Lines, Place, Report};
use crate::config::overrides::{Override, Overrides};

/// Where the values of a configuration without mistakes are from.
pub(super) struct Origins<'t> {
    file: &'t str,
    lines: Lines<'t>,
    root: Spanned<DeTable<'t>>,
    overrides: &'t Overrides,
    kafka: KafkaSection,
}

impl<'t> Origins<'t> {
    pub(super) fn of(file: &'t str, text: &'t str, overrides: &'t Overrides) -> Self {
        let root = Document::parse(file, text).root;
        let mut kafka = KafkaSection::default();
        let mut report = Report::on(text);
        if let Some(DeValue::Table(table)) = root.get_ref().get("kafka").map(Spanned::get_ref) {
            kafka.read(table, &mut report);
        }
        kafka.put_over(&overrides.kafka, &mut report);
        Self {
            file,
            lines: Lines::of(text),
            root,
            overrides,
            kafka,
        }
    }

    /// Of a key at the top of the file.
    pub(super) fn setting(&self, key: &str) -> String {
        let over = match key {
            "listen" => &self.overrides.listen,
            "admin" => &self.overrides.admin,
            "fleet" => &self.overrides.fleet,
            "topic_prefix" => &self.overrides.topic_prefix,
            "legacy" => &self.overrides.legacy,
            "timeout" => &self.overrides.timeout,
            "drain" => &self.overrides.drain,
            _ => &None,
        };
        match over {
            Some(Override { name, .. }) => name.clone(),
            None => self.written(self.root.get_ref(), key),
        }
    }

    /// Of a key in `[limits]`.
    pub(super) fn limit(&self, key: &str) -> String {
        self.of_section("limits", key)
    }

    /// Of a key in the table of this name.
    pub(super) fn of_section(&self, section: &str, key: &str) -> String {
        self.at_path(&[section], key)
    }

    /// Of a key in a table that these names lead to from the top.
    pub(super) fn at_path(&self, path: &[&str], key: &str) -> String {
        let root = self.root.get_ref();
        let table = path.iter().try_fold(root, |table, name| {
            match table.get(*name).map(Spanned::get_ref) {
                Some(DeValue::Table(table)) => Some(table),
                _ => None,
            }
        });
        table.map_or_else(default, |table| self.written(table, key))
    }

    /// Of a key of a table in `[limits]`.
    pub(super) fn of_limit_table(&self, table: &str, key: &str) -> String {
        let limits = self.root.get_ref().get("limits");
        let table = limits.and_then(|limits| limits.get_ref().as_table()?.get(table));
        match table.map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => self.written(table, key),
            _ => default(),
        }
    }

    /// Of a property of librdkafka.
    pub(super) fn property(&self, name: &str) -> String {
        self.kafka
            .place(name)
            .map_or_else(default, |place| self.shown(place))
    }

    /// Whether a property's value must not be shown.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        self.kafka.is_secret(name)
    }

    /// Where the route with this index begins; those of a sidecar stand behind all others,
    /// and come from its services.
    pub(super) fn route(&self, index: usize) -> String {
        self.item(index)
            .map_or_else(|| self.setting("services"), |item| self.at(&item.span()))
    }

    /// Of a key of the route with this index.
    pub(super) fn of_route(&self, index: usize, key: &str) -> String {
        self.of_table(index, &[], key)
    }

    /// Of a key of a table below the route with this index.
    pub(super) fn of_table(&self, index: usize, path: &[&str], key: &str) -> String {
        let table = self.item(index).and_then(|route| {
            path.iter()
                .try_fold(route, |table, name| table.get_ref().as_table()?.get(*name))
        });
        match table.map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => self.written(table, key),
            _ => default(),
        }
    }

    fn item(&self, index: usize) -> Option<&Spanned<DeValue<'t>>> {
        let routes = self.root.get_ref().get("routes")?;
        routes.get_ref().as_array()?.get(index)
    }

    fn written(&self, table: &DeTable<'_>, key: &str) -> String {
        table
            .get(key)
            .map_or_else(default, |value| self.at(&value.span()))
    }

    fn at(&self, span: &Range<usize>) -> String {
        self.shown(&self.lines.place(span))
    }

    fn shown(&self, place: &Place) -> String {
        match place {
            Place::Line(line, _) => format!("{}:{line}", self.file),
            Place::File => self.file.to_owned(),
            Place::Override(name) => name.clone(),
        }
    }
}

fn default() -> String {
    "default".to_owned()
}
