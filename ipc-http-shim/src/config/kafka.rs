//! The table `[kafka]`, and what librdkafka says of it.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::Config;
use super::mistake::{Place, Report};
use super::overrides::Override;
use super::properties::KafkaProperties;
use super::section::{kind, text_of};

/// Properties and where each was written.
#[derive(Default)]
pub(super) struct KafkaSection {
    pub(super) properties: KafkaProperties,
    /// `None` where it has been said already that the value cannot be one.
    places: BTreeMap<String, Option<Place>>,
}

impl KafkaSection {
    pub(super) fn read<'a>(&mut self, table: &'a DeTable<'a>, report: &mut Report<'_>) {
        self.read_table(String::new(), table, report);
    }

    /// A property's dots may be TOML's own, so that it needs no quotes: tables
    /// within the table are parts of names.
    fn read_table<'a>(&mut self, prefix: String, table: &'a DeTable<'a>, report: &mut Report<'_>) {
        for (key, value) in table.iter() {
            let name = format!("{prefix}{}", key.get_ref());
            let place = report.place(&value.span());
            if let DeValue::Table(inner) = value.get_ref() {
                self.read_table(format!("{name}."), inner, report);
            } else if let Some(text) = text_of(value.get_ref()) {
                self.set(name, text, Some(place));
            } else {
                report.add(
                    place,
                    format!("{name} in [kafka] is {}", kind(value.get_ref())),
                    "write a string, a number, true or false",
                );
                // It was not forgotten, whatever else is wrong with it.
                self.set(name, String::new(), None);
            }
        }
    }

    /// Sets what environment and flags say.
    pub(super) fn put_over(&mut self, overrides: &[(String, Override)]) {
        for (property, over) in overrides {
            let place = Place::Override(over.name.clone());
            self.set(property.clone(), over.value.clone(), Some(place));
        }
    }

    fn set(&mut self, property: String, value: String, place: Option<Place>) {
        self.properties.set(&property, value);
        self.places.insert(property, place);
    }

    /// Adds every mistake that can be found without asking the cluster.
    pub(super) fn check(&self, config: &Config, report: &mut Report<'_>) {
        let unnamed = config.kafka.bootstrap().is_none();
        for fault in config.kafka_config().faults() {
            // A cluster is asked for where a route needs one.
            if unnamed && fault.is_about("bootstrap.servers") {
                continue;
            }
            let mut places = self.places.iter();
            let place = match places.find(|(property, _)| fault.is_about(property)) {
                Some((_, None)) => continue,
                Some((_, Some(place))) => place.clone(),
                None => Place::File,
            };
            let mend = if fault.is_about("sasl.mechanism") && self.asks_for_tokens() {
                "its tokens come from a provider written in Rust, and a gateway takes none: \
                 use SCRAM-SHA-256, SCRAM-SHA-512, PLAIN or a client certificate"
            } else {
                fault.mend()
            };
            report.add(place, fault.what(), mend);
        }
    }

    fn asks_for_tokens(&self) -> bool {
        let mut others = self.properties.others();
        others.any(|(name, value)| name.starts_with("sasl.mechanism") && value == "OAUTHBEARER")
    }
}
