//! Path templates: `/orders/{id}/lines/{*rest}`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What must be escaped inside one path segment: everything but RFC 3986's
/// `pchar`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// What must be escaped in a value that spans segments.
const REST: &AsciiSet = &SEGMENT.remove(b'/');

/// One piece of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    /// Text as it stands in the path.
    Literal(String),
    /// A parameter; `rest` where it spans the remaining segments.
    Param { name: String, rest: bool },
}

/// A parsed path template, in axum's syntax: `{name}` for one parameter in a
/// segment, `{*name}` for the rest of the path, `{{` and `}}` for braces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Vec<Piece>);

/// A path template that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("path template {template} has an unmatched brace: write {{name}}, or {{{{ for a brace")]
pub struct TemplateError {
    /// The template.
    pub template: String,
}

/// A parameter whose value is empty: no route matches an empty segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmptyValue {
    /// The parameter.
    pub name: String,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// Where a brace has no partner.
    pub fn parse(template: &str) -> Result<Self, TemplateError> {
        let unmatched = || TemplateError {
            template: template.to_owned(),
        };
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(escaped) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = escaped;
                continue;
            }
            let (name, after) = match brace {
                "{" => after.split_once('}').ok_or_else(unmatched)?,
                _ => return Err(unmatched()),
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            let spanning = name.strip_prefix('*');
            pieces.push(Piece::Param {
                name: spanning.unwrap_or(name).to_owned(),
                rest: spanning.is_some(),
            });
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self(pieces))
    }

    /// The parameters' names, in order.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Param { name, .. } => Some(&**name),
            Piece::Literal(_) => None,
        })
    }

    /// The path with each parameter replaced by its value, percent-encoded.
    /// `values` stand in the order of [`params`](Template::params); a parameter
    /// without a value counts as empty.
    ///
    /// # Errors
    ///
    /// Names the first parameter whose value is empty.
    pub fn expand(&self, values: &[String]) -> Result<String, EmptyValue> {
        let mut path = String::new();
        let mut values = values.iter();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => path.push_str(text),
                Piece::Param { name, rest } => {
                    let value = values
                        .next()
                        .filter(|value| !value.is_empty())
                        .ok_or_else(|| EmptyValue { name: name.clone() })?;
                    let set = if *rest { REST } else { SEGMENT };
                    path.extend(utf8_percent_encode(value, set));
                }
            }
        }
        Ok(path)
    }
}

/// The path that serves `path` when it is nested below `prefix`, as axum joins
/// them.
pub(crate) fn nested(prefix: &str, path: &str) -> String {
    if prefix.is_empty() {
        path.to_owned()
    } else if prefix.ends_with('/') {
        format!("{prefix}{}", path.trim_start_matches('/'))
    } else if path == "/" {
        prefix.to_owned()
    } else {
        format!("{prefix}{path}")
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    fn expanded(template: &str, values: &[&str]) -> Result<String, EmptyValue> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Template::parse(template).unwrap().expand(&values)
    }

    #[test]
    fn parameters_come_in_order_with_the_star_removed() {
        let template = Template::parse("/a/{id}/b-{no}/{*rest}").unwrap();
        assert_eq!(template.params().collect::<Vec<_>>(), ["id", "no", "rest"]);
    }

    #[test]
    fn escaped_braces_are_text() {
        assert_eq!(expanded("/{{x}}/{id}", &["1"]).unwrap(), "/{x}/1");
    }

    #[test]
    fn an_unmatched_brace_is_an_error_that_names_the_template() {
        for template in ["/a/{id", "/a/id}", "/{"] {
            let error = Template::parse(template).unwrap_err();
            assert_eq!(error.template, template);
        }
    }

    #[test]
    fn a_value_keeps_to_its_segment() {
        assert_eq!(
            expanded("/files/{name}", &["a/b c?d#é"]).unwrap(),
            "/files/a%2Fb%20c%3Fd%23%C3%A9"
        );
    }

    #[test]
    fn a_spanning_value_keeps_its_slashes() {
        assert_eq!(
            expanded("/files/{*rest}", &["a/b c"]).unwrap(),
            "/files/a/b%20c"
        );
    }

    #[test]
    fn an_empty_or_absent_value_is_refused_by_name() {
        for values in [&[""][..], &[]] {
            assert_eq!(expanded("/orders/{id}", values).unwrap_err().name, "id");
        }
    }

    proptest! {
        #[test]
        fn any_value_comes_back_from_its_one_segment(value in ".+") {
            let path = expanded("/orders/{id}/place", &[&value]).unwrap();
            let segments: Vec<&str> = path.split('/').collect();
            prop_assert_eq!(segments.len(), 4);
            prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(!path.contains(['?', '#']));
            let decoded = percent_decode_str(segments[2]).decode_utf8().unwrap();
            prop_assert_eq!(decoded, value);
        }

        #[test]
        fn no_template_makes_the_parser_panic(template in "[/{}*a-z]{0,20}") {
            if let Ok(parsed) = Template::parse(&template) {
                let values = vec!["v".to_owned(); parsed.params().count()];
                prop_assert!(parsed.expand(&values).is_ok());
            }
        }
    }
}
