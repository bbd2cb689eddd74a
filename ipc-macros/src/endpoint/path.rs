//! Path templates, checked while a program compiles instead of when it starts.

use syn::LitStr;

use crate::diagnostics::Diagnostics;

/// A template that axum's router takes.
pub(crate) struct PathTemplate {
    pub(crate) text: LitStr,
    /// The parameters' names, in order.
    pub(crate) params: Vec<String>,
}

impl PathTemplate {
    /// Reads a template and notes everything wrong with it.
    pub(crate) fn parse(text: LitStr, errors: &mut Diagnostics) -> Self {
        let value = text.value();
        let mut params: Vec<String> = Vec::new();
        match value.strip_prefix('/') {
            None => errors.error(
                &text,
                format_args!("path {value:?} must start with a slash: write \"/{value}\""),
            ),
            Some(rest) => {
                let mut segments = rest.split('/').peekable();
                while let Some(segment) = segments.next() {
                    let last = segments.peek().is_none();
                    match param(segment, last) {
                        Ok(None) => {}
                        Ok(Some(name)) if params.contains(&name) => errors.error(
                            &text,
                            format_args!("path parameter {{{name}}} is there twice: rename one"),
                        ),
                        Ok(Some(name)) => params.push(name),
                        Err(message) => errors.error(&text, message),
                    }
                }
            }
        }
        Self { text, params }
    }
}

/// The parameter of one segment, where it has one.
fn param(segment: &str, last: bool) -> Result<Option<String>, String> {
    if segment.starts_with([':', '*']) {
        let name = &segment[1..];
        let star = if segment.starts_with('*') { "*" } else { "" };
        return Err(format!(
            "path segment {segment:?} is another router's way: write {{{star}{name}}}"
        ));
    }
    let mut found = None;
    let mut rest = segment;
    while let Some(at) = rest.find(['{', '}']) {
        literal(&rest[..at])?;
        let (brace, after) = rest[at..].split_at(1);
        if let Some(escaped) = after.strip_prefix(brace) {
            rest = escaped;
            continue;
        }
        let Some((name, after)) = after.split_once('}').filter(|_| brace == "{") else {
            return Err(format!(
                "path segment {segment:?} has an unmatched brace: write {{name}}, or {{{{ and \
                 }}}} for braces"
            ));
        };
        if found.is_some() || !after.is_empty() {
            return Err(format!(
                "path segment {segment:?} goes on after its parameter: end the segment there"
            ));
        }
        found = Some(name_of(segment, name, last, at == 0 && rest == segment)?);
        rest = after;
    }
    literal(rest)?;
    Ok(found)
}

fn name_of(segment: &str, name: &str, last: bool, whole: bool) -> Result<String, String> {
    let bare = name.strip_prefix('*').unwrap_or(name);
    if bare.is_empty()
        || !bare
            .chars()
            .all(|c| c.is_alphanumeric() || "_-.".contains(c))
    {
        return Err(format!(
            "path segment {segment:?} needs a name of letters, digits and underscores between \
             its braces"
        ));
    }
    if bare.len() < name.len() && !(last && whole) {
        return Err(format!(
            "path parameter {{{name}}} takes the rest of the path: it must be the whole last \
             segment"
        ));
    }
    Ok(bare.to_owned())
}

/// Fixed text is compared with the path as sent: what cannot stand there would
/// never match.
fn literal(text: &str) -> Result<(), String> {
    let bad = |c: char| !(c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%".contains(c));
    match text.chars().find(|c| bad(*c)) {
        None => Ok(()),
        Some(c) => Err(format!(
            "path text {text:?} has {c:?}, which no request path carries: percent-encode it, and \
             leave the query to `Query`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::param;

    #[test]
    fn what_axum_takes_is_taken() {
        assert_eq!(param("orders", false), Ok(None));
        assert_eq!(param("", true), Ok(None));
        assert_eq!(param("{id}", false), Ok(Some("id".into())));
        assert_eq!(param("order-{id}", false), Ok(Some("id".into())));
        assert_eq!(param("{*rest}", true), Ok(Some("rest".into())));
        assert_eq!(param("{{id}}", true), Ok(None));
        assert_eq!(param("a%20b", true), Ok(None));
    }

    #[test]
    fn what_axum_would_panic_at_is_refused() {
        for (segment, last) in [
            (":id", true),
            ("*rest", true),
            ("{id", true),
            ("id}", true),
            ("{}", true),
            ("{id}.json", true),
            ("{a}{b}", true),
            ("{*rest}", false),
            ("a-{*rest}", true),
            ("a b", true),
            ("é", true),
            ("a?b=c", true),
        ] {
            assert!(param(segment, last).is_err(), "{segment}");
        }
    }
}
