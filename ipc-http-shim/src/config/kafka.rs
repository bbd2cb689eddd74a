//! The table `[kafka]`, and what librdkafka says of it.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::Config;
use super::mistake::{Place, Report};
use super::overrides::Override;
use super::properties::KafkaProperties;
use super::secret::{self, HIDDEN, is_secret_property};
use super::section::{kind, text_of};

/// Properties and where each was written.
#[derive(Default)]
pub(super) struct KafkaSection {
    pub(super) properties: KafkaProperties,
    /// `None` where it has been said already that the value cannot be one.
    places: BTreeMap<String, Option<Place>>,
    /// Those that were written as a reference to their value.
    referred: BTreeSet<String>,
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
                let or = format!("or set {}", variable(&name));
                self.read_text(name, &text, place, &or, report);
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

    /// Sets what environment and flags say. A variable's value is taken as it is.
    pub(super) fn put_over(&mut self, overrides: &[(String, Override)], report: &mut Report<'_>) {
        for (property, over) in overrides {
            let place = Place::Override(over.name.clone());
            if over.name.starts_with("--") {
                let or = "since every process can read a flag";
                self.read_text(property.clone(), &over.value, place, or, report);
            } else {
                self.set(property.clone(), over.value.clone(), Some(place));
            }
        }
    }

    /// Sets a property to what its text refers to. A secret must be referred to.
    fn read_text(
        &mut self,
        name: String,
        text: &str,
        place: Place,
        or: &str,
        report: &mut Report<'_>,
    ) {
        let resolved = secret::resolve(text).and_then(|resolved| {
            if resolved.referred || resolved.text.is_empty() || !is_secret_property(&name) {
                return Ok(resolved);
            }
            Err((
                "a secret stands here in plain text".to_owned(),
                format!("write \"${{env:NAME}}\" or \"${{file:/path}}\", {or}"),
            ))
        });
        match resolved {
            Ok(resolved) => {
                if resolved.referred {
                    self.referred.insert(name.clone());
                }
                self.set(name, resolved.text, Some(place));
            }
            Err((what, mend)) => {
                report.add(place, format!("{name} in [kafka]: {what}"), mend);
                self.set(name, String::new(), None);
            }
        }
    }

    /// Whether a property's value must not be shown.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        self.referred.contains(name) || is_secret_property(name)
    }

    /// Where a property was written.
    pub(super) fn place(&self, name: &str) -> Option<&Place> {
        self.places.get(name)?.as_ref()
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
            let (place, what) = match places.find(|(property, _)| fault.is_about(property)) {
                Some((_, None)) => continue,
                Some((property, Some(place))) if self.is_secret(property) => {
                    (place.clone(), format!("{property} = {HIDDEN}"))
                }
                Some((_, Some(place))) => (place.clone(), fault.what()),
                None => (Place::File, fault.what()),
            };
            let mend = if fault.is_about("sasl.mechanism") && self.asks_for_tokens() {
                "its tokens come from a provider written in Rust, and a gateway takes none: \
                 use SCRAM-SHA-256, SCRAM-SHA-512, PLAIN or a client certificate"
            } else {
                fault.mend()
            };
            report.add(place, what, mend);
        }
    }

    fn asks_for_tokens(&self) -> bool {
        let mut others = self.properties.others();
        others.any(|(name, value)| name.starts_with("sasl.mechanism") && value == "OAUTHBEARER")
    }
}

/// The environment variable that sets a property.
fn variable(property: &str) -> String {
    let name = property.replace('.', "_");
    format!("KAFKA_{}", name.to_ascii_uppercase())
}
