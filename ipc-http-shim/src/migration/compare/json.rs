//! Where two JSON documents differ.

use serde_json::Value;

use super::pointer::{Patterns, written};
use super::{Difference, MOST};

/// What is compared of a document, and what may be shown.
#[derive(Clone, Debug, Default)]
pub(super) struct JsonRules {
    pub(super) ignore: Patterns,
    pub(super) show: Patterns,
    pub(super) tolerance: f64,
}

impl JsonRules {
    /// Where the documents differ, at most [`MOST`] places.
    pub(super) fn differences(&self, legacy: &Value, kafka: &Value) -> Vec<Difference> {
        let mut walk = Walk {
            rules: self,
            place: Vec::new(),
            found: Vec::new(),
        };
        walk.compare(Some(legacy), Some(kafka));
        walk.found
    }
}

struct Walk<'r> {
    rules: &'r JsonRules,
    place: Vec<String>,
    found: Vec<Difference>,
}

impl Walk<'_> {
    fn compare(&mut self, legacy: Option<&Value>, kafka: Option<&Value>) {
        if self.found.len() >= MOST || self.rules.ignore.cover(&self.place) {
            return;
        }
        match (legacy, kafka) {
            (Some(Value::Object(legacy)), Some(Value::Object(kafka))) => {
                let only_kafka = kafka.keys().filter(|name| !legacy.contains_key(*name));
                for name in legacy.keys().chain(only_kafka) {
                    self.within(name.clone(), legacy.get(name), kafka.get(name));
                }
            }
            (Some(Value::Array(legacy)), Some(Value::Array(kafka))) => {
                for index in 0..legacy.len().max(kafka.len()) {
                    self.within(index.to_string(), legacy.get(index), kafka.get(index));
                }
            }
            (legacy, kafka) if self.equal(legacy, kafka) => {}
            (legacy, kafka) => {
                let shown = self.rules.show.cover(&self.place);
                self.found.push(Difference {
                    place: written(&self.place),
                    legacy: legacy.map(|value| redacted(value, shown)),
                    kafka: kafka.map(|value| redacted(value, shown)),
                });
            }
        }
    }

    fn within(&mut self, name: String, legacy: Option<&Value>, kafka: Option<&Value>) {
        self.place.push(name);
        self.compare(legacy, kafka);
        self.place.pop();
    }

    fn equal(&self, legacy: Option<&Value>, kafka: Option<&Value>) -> bool {
        match (legacy, kafka) {
            (Some(Value::Number(legacy)), Some(Value::Number(kafka))) => {
                // As they are written first: not every integer is a float.
                legacy == kafka
                    || legacy
                        .as_f64()
                        .zip(kafka.as_f64())
                        .is_some_and(|(legacy, kafka)| self.near(legacy, kafka))
            }
            (legacy, kafka) => legacy == kafka,
        }
    }

    fn near(&self, legacy: f64, kafka: f64) -> bool {
        self.rules.tolerance > 0.0 && (legacy - kafka).abs() <= self.rules.tolerance
    }
}

/// A value as a sample shows it: itself, or its kind alone.
fn redacted(value: &Value, shown: bool) -> String {
    /// Longer ones are cut, so that a sample stays small.
    const LONGEST: usize = 200;
    if shown {
        let text = value.to_string();
        return match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        };
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("a string of {} characters", text.chars().count()),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(members) => format!("an object of {}", members.len()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rules(ignore: &[&str], show: &[&str], tolerance: f64) -> JsonRules {
        let patterns = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
            Patterns::new(&texts)
        };
        JsonRules {
            ignore: patterns(ignore),
            show: patterns(show),
            tolerance,
        }
    }

    fn places(rules: &JsonRules, legacy: &Value, kafka: &Value) -> Vec<String> {
        let found = rules.differences(legacy, kafka).into_iter();
        found.map(|difference| difference.place).collect()
    }

    #[test]
    fn every_place_that_differs_is_named() {
        let legacy = json!({"a": 1, "b": [1, 2], "c": {"d": "x"}, "gone": null});
        let kafka = json!({"a": 1, "b": [1, 3, 4], "c": {"d": "y"}, "new": true});
        assert_eq!(
            places(&JsonRules::default(), &legacy, &kafka),
            ["/b/1", "/b/2", "/c/d", "/gone", "/new"]
        );
    }

    #[test]
    fn what_is_ignored_may_differ_or_lack() {
        let rules = rules(&["/at", "/items/*/seen"], &[], 0.0);
        let legacy = json!({"at": 1, "items": [{"seen": 1, "n": 1}]});
        let kafka = json!({"items": [{"seen": 2, "n": 1}]});
        assert_eq!(places(&rules, &legacy, &kafka), Vec::<String>::new());
    }

    #[test]
    fn numbers_may_differ_by_the_tolerance_and_no_more() {
        let rules = rules(&[], &[], 0.25);
        assert!(rules.differences(&json!(1), &json!(1.25)).is_empty());
        assert_eq!(rules.differences(&json!(1), &json!(1.5)).len(), 1);
        let exact = JsonRules::default();
        let (one, other) = (
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992_u64),
        );
        assert_eq!(exact.differences(&one, &other).len(), 1);
    }

    #[test]
    fn a_value_is_shown_only_where_that_was_asked_for() {
        let rules = rules(&[], &["/total"], 0.0);
        let legacy = json!({"total": 1, "name": "Ann"});
        let kafka = json!({"total": 2, "name": "Bob!"});
        let shown: Vec<_> = rules
            .differences(&legacy, &kafka)
            .into_iter()
            .map(|difference| (difference.legacy, difference.kafka))
            .collect();
        let pair = |legacy: &str, kafka: &str| (Some(legacy.to_owned()), Some(kafka.to_owned()));
        assert!(shown.contains(&pair("1", "2")), "{shown:?}");
        let kinds = pair("a string of 3 characters", "a string of 4 characters");
        assert!(shown.contains(&kinds), "{shown:?}");
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_document_does_not_differ_from_itself(document in document()) {
            prop_assert!(JsonRules::default().differences(&document, &document).is_empty());
        }

        #[test]
        fn two_documents_differ_in_no_more_than_is_shown(one in document(), other in document()) {
            let found = JsonRules::default().differences(&one, &other);
            prop_assert!(found.len() <= MOST);
            prop_assert_eq!(found.is_empty(), one == other);
        }

        #[test]
        fn what_is_ignored_at_the_root_never_differs(one in document(), other in document()) {
            let rules = rules(&["/*"], &[], 0.0);
            if let (Value::Object(_), Value::Object(_)) = (&one, &other) {
                prop_assert!(rules.differences(&one, &other).is_empty());
            }
        }
    }
}
