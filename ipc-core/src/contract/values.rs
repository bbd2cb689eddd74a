//! Path values and queries, from typed to text.

use serde::Serialize;
use serde_json::Value;

use super::{EncodeError, Template};

/// Fills a path template. Implemented for [`PathValues`] of what serialises to a
/// scalar, a sequence or a map, and for [`NoPath`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot fill a path template",
    note = "the path's type must implement `serde::Serialize` to be sent"
)]
pub trait EncodePath {
    /// One text for each of the template's parameters, in their order.
    ///
    /// # Errors
    ///
    /// Where a value does not serialise, is not a scalar, or does not fit the
    /// template's parameters.
    fn path_values(&self, template: &Template<'_>) -> Result<Vec<String>, EncodeError>;
}

/// Writes a query string. Implemented for [`QueryValues`] of what serialises to
/// a map of scalars, and for [`NoQuery`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as a query",
    note = "the query's type must implement `serde::Serialize` to be sent"
)]
pub trait EncodeQuery {
    /// The query without its question mark; empty where there is none.
    ///
    /// # Errors
    ///
    /// Where the value is not a map of scalars.
    fn query(&self) -> Result<String, EncodeError>;
}

/// A path without parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoPath;

/// What axum's `Path` extracts: one scalar, a tuple in the template's order, or
/// a map or struct by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathValues<T>(pub T);

/// A request without a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoQuery;

/// What axum's `Query` extracts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueryValues<T>(pub T);

impl EncodePath for NoPath {
    fn path_values(&self, template: &Template<'_>) -> Result<Vec<String>, EncodeError> {
        match template.params().next() {
            None => Ok(Vec::new()),
            Some(name) => Err(EncodeError::MissingPathValue(name.to_owned())),
        }
    }
}

impl<T: Serialize> EncodePath for PathValues<T> {
    fn path_values(&self, template: &Template<'_>) -> Result<Vec<String>, EncodeError> {
        match serde_json::to_value(&self.0).map_err(EncodeError::path)? {
            Value::Object(mut by_name) => template
                .params()
                .map(|name| {
                    let value = by_name
                        .remove(name)
                        .ok_or_else(|| EncodeError::MissingPathValue(name.to_owned()))?;
                    scalar(name, value)
                })
                .collect(),
            Value::Array(in_order) => {
                let expected = template.params().count();
                if in_order.len() != expected {
                    return Err(EncodeError::PathValueCount {
                        expected,
                        found: in_order.len(),
                    });
                }
                template
                    .params()
                    .zip(in_order)
                    .map(|(name, value)| scalar(name, value))
                    .collect()
            }
            one => {
                let mut names = template.params();
                match (names.next(), names.count()) {
                    (Some(name), 0) => Ok(vec![scalar(name, one)?]),
                    (first, others) => Err(EncodeError::PathValueCount {
                        expected: usize::from(first.is_some()) + others,
                        found: 1,
                    }),
                }
            }
        }
    }
}

fn scalar(name: &str, value: Value) -> Result<String, EncodeError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(EncodeError::NotScalar(name.to_owned()))
        }
    }
}

impl EncodeQuery for NoQuery {
    fn query(&self) -> Result<String, EncodeError> {
        Ok(String::new())
    }
}

impl<T: Serialize> EncodeQuery for QueryValues<T> {
    fn query(&self) -> Result<String, EncodeError> {
        serde_urlencoded::to_string(&self.0).map_err(EncodeError::query)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    struct OrderId(u64);

    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
    }

    #[derive(Serialize)]
    struct Line {
        no: u16,
        id: String,
    }

    fn values(template: &str, of: impl Serialize) -> Result<Vec<String>, EncodeError> {
        PathValues(of).path_values(&Template::parse(template).unwrap())
    }

    #[test]
    fn a_scalar_fills_the_single_parameter() {
        assert_eq!(values("/o/{id}", OrderId(7)).unwrap(), ["7"]);
        assert_eq!(values("/o/{id}", "a b").unwrap(), ["a b"]);
        assert_eq!(values("/o/{id}", true).unwrap(), ["true"]);
        assert_eq!(values("/o/{id}", Colour::Red).unwrap(), ["red"]);
    }

    #[test]
    fn a_tuple_fills_in_order_and_a_struct_by_name() {
        assert_eq!(values("/o/{id}/{no}", ("x", 3)).unwrap(), ["x", "3"]);
        let line = Line {
            no: 3,
            id: "x".into(),
        };
        assert_eq!(values("/o/{id}/{no}", line).unwrap(), ["x", "3"]);
        let map = BTreeMap::from([("no", "3"), ("id", "x")]);
        assert_eq!(values("/o/{id}/{no}", map).unwrap(), ["x", "3"]);
    }

    #[test]
    fn values_that_do_not_fit_the_template_are_named() {
        assert!(matches!(
            values("/o/{id}/{no}", 1),
            Err(EncodeError::PathValueCount {
                expected: 2,
                found: 1
            })
        ));
        assert!(matches!(
            values("/o/{id}", (1, 2)),
            Err(EncodeError::PathValueCount {
                expected: 1,
                found: 2
            })
        ));
        let map = BTreeMap::from([("other", "x")]);
        assert!(matches!(
            values("/o/{id}", map),
            Err(EncodeError::MissingPathValue(name)) if name == "id"
        ));
        assert!(matches!(
            values("/o/{id}", None::<u8>),
            Err(EncodeError::NotScalar(name)) if name == "id"
        ));
    }

    #[test]
    fn a_query_is_form_encoded_and_leaves_out_what_is_none() {
        #[derive(Serialize)]
        struct Filter {
            text: &'static str,
            limit: Option<u8>,
            page: Option<u8>,
        }
        let filter = Filter {
            text: "a&b c",
            limit: None,
            page: Some(2),
        };
        assert_eq!(QueryValues(filter).query().unwrap(), "text=a%26b+c&page=2");
        assert!(QueryValues(3).query().is_err());
    }
}
