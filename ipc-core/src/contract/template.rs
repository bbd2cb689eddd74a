//! Path templates: `/orders/{id}/lines/{*rest}`.

use std::borrow::Cow;

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

/// A path template, in axum's syntax: `{name}` for one parameter in a segment,
/// `{*name}` for the rest of the path, `{{` and `}}` for braces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Template<'t> {
    text: &'t str,
    /// Without any brace: the template is the path.
    plain: bool,
}

/// One piece of a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece<'t> {
    /// Text as it stands in the path.
    Literal(&'t str),
    /// A parameter; `rest` where it spans the remaining segments.
    Param { name: &'t str, rest: bool },
    /// A brace without a partner: the last piece.
    Unmatched,
}

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

impl<'t> Template<'t> {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// Where a brace has no partner.
    pub fn parse(template: &'t str) -> Result<Self, TemplateError> {
        let mut plain = true;
        for piece in Pieces(template) {
            match piece {
                Piece::Literal(text) => plain &= text.len() == template.len(),
                Piece::Param { .. } => plain = false,
                Piece::Unmatched => {
                    return Err(TemplateError {
                        template: template.to_owned(),
                    });
                }
            }
        }
        Ok(Self {
            text: template,
            plain,
        })
    }

    /// The parameters' names, in order.
    pub fn params(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        let pieces = Pieces(if self.plain { "" } else { self.text });
        pieces.filter_map(|piece| match piece {
            Piece::Param { name, .. } => Some(name),
            Piece::Literal(_) | Piece::Unmatched => None,
        })
    }

    /// The path with each parameter replaced by its value, percent-encoded.
    /// `values` stand in the order of [`params`](Template::params); a parameter
    /// without a value counts as empty.
    ///
    /// # Errors
    ///
    /// Names the first parameter whose value is empty.
    pub fn expand(&self, values: &[String]) -> Result<Cow<'t, str>, EmptyValue> {
        if self.plain {
            return Ok(self.text.into());
        }
        let mut path = String::with_capacity(self.text.len());
        let mut values = values.iter();
        for piece in Pieces(self.text) {
            match piece {
                Piece::Literal(text) => path.push_str(text),
                Piece::Param { name, rest } => {
                    let value = values.next().filter(|value| !value.is_empty());
                    let value = value.ok_or_else(|| EmptyValue {
                        name: name.to_owned(),
                    })?;
                    let set = if rest { REST } else { SEGMENT };
                    path.extend(utf8_percent_encode(value, set));
                }
                Piece::Unmatched => {}
            }
        }
        Ok(path.into())
    }
}

/// The pieces of what it holds.
struct Pieces<'t>(&'t str);

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        let text = std::mem::take(&mut self.0);
        let brace = text.bytes().position(|byte| matches!(byte, b'{' | b'}'));
        match brace {
            None if text.is_empty() => None,
            None => Some(Piece::Literal(text)),
            Some(0) if text.starts_with("{{") || text.starts_with("}}") => {
                self.0 = &text[2..];
                Some(Piece::Literal(&text[..1]))
            }
            Some(0) => {
                let param = text.strip_prefix('{').and_then(|text| text.split_once('}'));
                let Some((name, after)) = param else {
                    return Some(Piece::Unmatched);
                };
                self.0 = after;
                let spanning = name.strip_prefix('*');
                Some(Piece::Param {
                    name: spanning.unwrap_or(name),
                    rest: spanning.is_some(),
                })
            }
            Some(at) => {
                self.0 = &text[at..];
                Some(Piece::Literal(&text[..at]))
            }
        }
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
        let path = Template::parse(template).unwrap().expand(&values)?;
        Ok(path.into_owned())
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
