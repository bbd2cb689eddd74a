//! The path that is sent on instead of the one that came.

use std::fmt;

use ipc_core::contract::Template;
use percent_encoding::percent_decode_str;

use super::Wrong;
use crate::config::suggest;

/// The path that is sent on: text, and parameters of the route's path in the place
/// of their names, `/v2/orders/{id}`.
///
/// Values are put back as they came, still percent-encoded, and never leave the
/// place they are given: one that would do so, as `..` might, is an [`Escape`].
#[derive(Clone, PartialEq, Eq)]
pub struct PathRewrite {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Literal(String),
    Param(String),
}

/// A path that whoever resolves it takes for another one: the decoded path has a
/// segment `.` or `..`, slashes and backslashes alike, a zero byte, or a character
/// in a longer encoding than its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it has a dot segment, a zero byte, or a character in an encoding that is too long")]
pub struct Escape;

impl Escape {
    /// What is wrong with a path, still percent-encoded.
    pub(crate) fn check(path: &str) -> Result<(), Self> {
        // Most paths have nothing to decode.
        let is_plain = !path.contains(['%', '\\']) && !path.contains("/.");
        if is_plain || !steps_aside(path) {
            return Ok(());
        }
        Err(Self)
    }
}

impl PathRewrite {
    /// Reads a template in axum's syntax. A wildcard is named with or without its
    /// asterisk.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and its mend: a brace without a partner, a query, a
    /// dot segment, a character that no path can have.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let wrong = |what: &str, mend: &str| Err((format!("{text:?} {what}"), mend.to_owned()));
        let Ok(template) = Template::parse(text) else {
            return wrong(
                "has a brace without a partner",
                "write a parameter as {name}, and a literal brace percent-encoded",
            );
        };
        if !text.starts_with('/') {
            return wrong("does not start with a slash", "start it with \"/\"");
        }
        let names: Vec<&str> = template.params().collect();
        if names.iter().any(|name| name.is_empty()) {
            return wrong(
                "has a parameter without a name",
                "write it as {name}, one of the route's path",
            );
        }
        let pieces = pieces(text);
        for piece in &pieces {
            let Piece::Literal(literal) = piece else {
                continue;
            };
            if literal.contains(['?', '#']) {
                return wrong(
                    "has a query or a fragment",
                    "end it before that: the request's own query goes along",
                );
            }
            if !literal.bytes().all(is_of_a_path) || has_broken_escape(literal) {
                return wrong(
                    "has a character that no path can have",
                    "write it percent-encoded, as in %20",
                );
            }
        }
        let rewrite = Self {
            text: text.to_owned(),
            pieces,
        };
        if rewrite.fill(|_| Some("x")).is_err() {
            return wrong(
                "has a dot segment or a zero byte",
                "write the path without it",
            );
        }
        Ok(rewrite)
    }

    /// The path for a request whose parameters have these values, still
    /// percent-encoded.
    ///
    /// # Errors
    ///
    /// Where a value would leave the path that is written here.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, Escape> {
        let mut path = String::with_capacity(self.text.len());
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => path.push_str(text),
                // A route whose path has no such parameter is not served.
                Piece::Param(name) => path.push_str(value(name).ok_or(Escape)?),
            }
        }
        Escape::check(&path)?;
        Ok(path)
    }

    /// What is wrong where the route's path is `path`.
    pub(in crate::config) fn fault(&self, path: &str) -> Option<Wrong> {
        // A path that cannot be read is a mistake of its own.
        let template = Template::parse(path).ok()?;
        let known: Vec<&str> = template.params().collect();
        let mut names = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Param(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        });
        let unknown = names.find(|name| !known.contains(name))?;
        let what = format!("names {unknown:?}, which the path has no parameter for");
        let mend = if known.is_empty() {
            format!("add {{{unknown}}} to the path, or write this path without it")
        } else {
            suggest::mend(unknown, known)
        };
        Some((what, mend))
    }
}

impl fmt::Display for PathRewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PathRewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// The pieces of a template whose braces all have partners. A literal brace is none
/// of a path's characters, so that `{{` need not be told apart here.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((literal, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        let name = name.strip_prefix('*').unwrap_or(name);
        pieces.push(Piece::Param(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    pieces
}

/// RFC 3986's `pchar`, a slash, or the start of a percent-encoded byte.
fn is_of_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte)
}

/// Whether a percent sign has no two hexadecimal digits behind it.
pub(crate) fn has_broken_escape(literal: &str) -> bool {
    let mut after_percent = literal.split('%').skip(1);
    after_percent.any(|rest| {
        let digits = rest.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Whether whoever resolves dot segments, before or after decoding, takes the path
/// for another one.
fn steps_aside(path: &str) -> bool {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    decoded.contains(&0)
        || decoded.windows(2).any(is_overlong)
        || decoded
            .split(|byte| matches!(byte, b'/' | b'\\'))
            .any(is_dot_segment)
}

/// How UTF-8 never begins, though careless decoders take it for a shorter form: `%c0%af`
/// for a slash.
fn is_overlong(pair: &[u8]) -> bool {
    matches!(
        pair,
        [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]
    )
}

/// Some servers cut parameters off a segment first: `..;x`.
fn is_dot_segment(segment: &[u8]) -> bool {
    let name = segment.split(|byte| *byte == b';').next();
    matches!(name, Some(b"." | b".."))
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;
    use proptest::prelude::*;

    use super::*;

    fn filled(template: &str, value: &str) -> Result<String, Escape> {
        let rewrite = PathRewrite::parse(template).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        rewrite.fill(|name| (name == "id").then_some(value))
    }

    #[test]
    fn values_are_put_back_as_they_came() {
        assert_eq!(filled("/v2/{id}/x", "a%2Fb").unwrap(), "/v2/a%2Fb/x");
        assert_eq!(filled("/{*id}", "a//b").unwrap(), "/a//b");
        assert_eq!(filled("/a-{id}.{id}", "..").unwrap(), "/a-.....");
    }

    #[test]
    fn what_would_leave_the_template_is_refused() {
        for value in [
            "..",
            ".",
            "%2e%2E",
            "a/../b",
            "a%2f..%2Fb",
            "a\\..",
            "..;x",
            "..%3bx",
            "a%00",
            "..%5C",
            "%c0%ae%c0%ae",
            "a%e0%80%afb",
        ] {
            assert_eq!(filled("/v2/{id}/x", value), Err(Escape), "{value}");
        }
        // Neither piece is one, both together are.
        assert_eq!(filled("/v2/.{id}", "."), Err(Escape));
    }

    #[test]
    fn a_template_that_is_no_path_is_told_with_its_mend() {
        for (template, what) in [
            ("v2", "slash"),
            ("/{id", "brace"),
            ("/{{id}}", "no path can have"),
            ("/{}", "without a name"),
            ("/a?b={id}", "query"),
            ("/a b", "no path can have"),
            ("/%4", "no path can have"),
            ("/a/../{id}", "dot segment"),
            ("/%2e./{id}", "dot segment"),
        ] {
            let Err((told, mend)) = PathRewrite::parse(template) else {
                panic!("{template} is no path");
            };
            assert!(told.contains(what) || mend.contains(what), "{told}: {mend}");
        }
    }

    /// Pieces of which hostile values are made.
    fn value() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("..".to_owned()),
            Just("%2e".to_owned()),
            Just("%2F".to_owned()),
            Just("%00".to_owned()),
            Just("%25".to_owned()),
            Just("\\".to_owned()),
            Just(";".to_owned()),
            Just("/".to_owned()),
            "[a-z.]{1,3}",
        ];
        proptest::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_filled_path_is_a_target_and_stays_below_its_template(value in value()) {
            let Ok(path) = filled("/v2/{id}/end", &value) else {
                return Ok(());
            };
            let target = PathAndQuery::try_from(path.as_str()).expect("it is a target");
            prop_assert_eq!(target.path(), path.as_str());
            prop_assert_eq!(&path, &format!("/v2/{value}/end"));
            // However far a server decodes before it resolves: once, or not at all.
            let decoded = percent_decode_str(&path).decode_utf8_lossy().into_owned();
            for seen in [path, decoded] {
                prop_assert!(!seen.contains('\0'));
                let mut depth = 0_usize;
                for segment in seen.split(['/', '\\']) {
                    prop_assert!(segment != "." && segment != "..", "{}", seen);
                    depth += 1;
                }
                prop_assert!(depth >= 3);
            }
        }

        #[test]
        fn no_template_makes_the_parser_panic(text in "[/{}*a-z%.?]{0,16}") {
            if let Ok(rewrite) = PathRewrite::parse(&text) {
                let path = rewrite.fill(|_| Some("v"));
                let target = PathAndQuery::try_from(path.expect("v leaves nothing"));
                prop_assert!(target.is_ok());
            }
        }
    }
}
