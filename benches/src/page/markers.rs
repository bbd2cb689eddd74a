//! The parts of a Markdown file that are written by this program: each between
//! `<!-- bench: NAME -->` and `<!-- end: NAME -->`, on lines of their own.

use anyhow::{Result, bail};

/// The page with each part replaced by what `fill` says under its name; all else
/// stays as it is.
///
/// # Errors
///
/// When a part does not end, an end has no beginning, or `fill` has nothing under
/// that name.
pub(super) fn fill(page: &str, mut fill: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut filled = String::with_capacity(page.len());
    let mut open: Option<&str> = None;
    for line in page.lines() {
        match (marker(line, "bench"), marker(line, "end"), open) {
            (Some(name), _, None) => {
                let part = fill(name)?;
                let part = part.trim();
                filled.push_str(&format!("{line}\n\n{part}\n\n"));
                open = Some(name);
            }
            (Some(name), _, Some(before)) => {
                bail!("part {name:?} begins before part {before:?} has ended")
            }
            (None, Some(name), Some(begun)) if name == begun => {
                filled.push_str(&format!("{line}\n"));
                open = None;
            }
            (None, Some(name), _) => bail!("part {name:?} ends where it has not begun"),
            (None, None, None) => filled.push_str(&format!("{line}\n")),
            // what was written here before
            (None, None, Some(_)) => {}
        }
    }
    match open {
        Some(name) => bail!("part {name:?} does not end: write <!-- end: {name} --> after it"),
        None => Ok(filled),
    }
}

/// The names of the parts, in their order.
pub(super) fn names(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter_map(|line| marker(line, "bench"))
}

fn marker<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    let inside = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    let name = inside.trim().strip_prefix(kind)?.strip_prefix(':')?;
    Some(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: &str = "\
# Title

<!-- bench: call -->
old
<!-- end: call -->

Words.
<!-- bench: rate -->
<!-- end: rate -->
";

    #[test]
    fn parts_are_replaced_in_place() {
        let filled = fill(PAGE, |name| Ok(format!("new {name}"))).expect("the page is in order");
        let expected = "\
# Title

<!-- bench: call -->

new call

<!-- end: call -->

Words.
<!-- bench: rate -->

new rate

<!-- end: rate -->
";
        assert_eq!(filled, expected);
        assert_eq!(names(PAGE).collect::<Vec<_>>(), ["call", "rate"]);
    }

    #[test]
    fn what_is_not_between_markers_stays() {
        let page = "no markers <!-- bench: call --> on a line of their own\n";
        let filled = fill(page, |name| bail!("there is no part {name}"));
        assert_eq!(filled.expect("there is nothing to fill"), page);
    }

    #[test]
    fn a_name_that_nobody_knows_is_an_error() {
        let filled = fill(PAGE, |name| bail!("there is no part {name}"));
        let error = filled.expect_err("the first part has no content");
        assert_eq!(error.to_string(), "there is no part call");
    }

    #[test]
    fn markers_that_do_not_match_are_errors() {
        for (page, words) in [
            ("<!-- bench: a -->\n", "does not end"),
            ("<!-- end: a -->\n", "has not begun"),
            ("<!-- bench: a -->\n<!-- end: b -->\n", "has not begun"),
            ("<!-- bench: a -->\n<!-- bench: b -->\n", "begins before"),
        ] {
            let error = fill(page, |_| Ok(String::new()))
                .expect_err(page)
                .to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    proptest! {
        #[test]
        fn filling_twice_is_filling_once(words in "[a-z |\n]{0,80}") {
            let part = |_: &str| Ok(words.clone());
            let once = fill(PAGE, part).expect("the page is in order");
            let twice = fill(&once, part).expect("and stays so");
            prop_assert_eq!(once, twice);
        }
    }
}
