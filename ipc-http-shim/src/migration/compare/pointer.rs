//! JSON pointers with a word for every member.

/// Places in a JSON document: a JSON pointer (RFC 6901) in which `*` stands for every
/// member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pattern(Vec<Step>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Any,
    Named(String),
}

impl Pattern {
    /// Reads `/items/*/seen`; `None` where it does not begin with a slash.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let steps = text.strip_prefix('/')?.split('/');
        let step = |step: &str| match step {
            "*" => Step::Any,
            named => Step::Named(named.replace("~1", "/").replace("~0", "~")),
        };
        Some(Self(steps.map(step).collect()))
    }

    /// Whether `place`, from the root on, is in what the pattern names, or below it.
    fn covers(&self, place: &[String]) -> bool {
        self.0.len() <= place.len()
            && self.0.iter().zip(place).all(|(step, name)| match step {
                Step::Any => true,
                Step::Named(named) => named == name,
            })
    }
}

/// Whether `text` can be read as places in a JSON document.
pub(crate) fn is_pointer(text: &str) -> bool {
    Pattern::parse(text).is_some()
}

/// Several patterns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Those of `texts` that can be read.
    pub(super) fn new(texts: &[String]) -> Self {
        Self(
            texts
                .iter()
                .filter_map(|text| Pattern::parse(text))
                .collect(),
        )
    }

    pub(super) fn cover(&self, place: &[String]) -> bool {
        self.0.iter().any(|pattern| pattern.covers(place))
    }
}

/// The JSON pointer of `place`.
pub(super) fn written(place: &[String]) -> String {
    let steps = place
        .iter()
        .map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")));
    steps.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_star_stands_for_every_member_and_a_pattern_for_what_is_below_it() {
        let pattern = Pattern::parse("/items/*/seen").expect("it begins with a slash");
        assert!(pattern.covers(&place(&["items", "7", "seen"])));
        assert!(pattern.covers(&place(&["items", "x", "seen", "at"])));
        assert!(!pattern.covers(&place(&["items", "7"])));
        assert!(!pattern.covers(&place(&["items", "7", "price"])));
        assert_eq!(Pattern::parse("items"), None);
    }

    proptest! {
        #[test]
        fn a_place_is_covered_by_what_it_is_written_as(
            names in prop::collection::vec("[^*]{0,4}|[~/*].", 1..5),
        ) {
            let pattern = Pattern::parse(&written(&names)).expect("it begins with a slash");
            prop_assert!(pattern.covers(&names));
        }
    }
}
