//! Files that somebody has damaged, or that never were what they are read as.

use ipc_http_shim::config::{Mistakes, Overrides, Place, Question, effective, explain, load};
use ipc_http_shim::import::{Towards, import};
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../../examples/shim.toml");

/// Something of everything.
const EVERYTHING: &str = include_str!("everything.yaml");

/// An OpenAPI document.
const DESCRIPTION: &str = "\
openapi: 3.0.3
info: {title: Orders, version: \"1\"}
servers: [{url: https://shop.example/api}]
paths:
  /orders/{id}:
    parameters: [{name: id, in: path}]
    get: {operationId: show, responses: {\"200\": {description: it}}}
    post: {x-timeout: 5s, security: []}
  /files/{a}-{b}: {$ref: other.yaml}
";

/// What once was trouble, or is where others have it.
const KEPT: &[&str] = &[
    "\u{feff}legacy = \"http://a:1\"",
    "a = \"\\ud800\"",
    "a = 99999999999999999999999999",
    "a: 1e999999999",
    "a: 0x\nb: -.inf\nc: .nan",
    "a = 1979-05-27T07:32:00Z",
    "a.b.c.d = 1\n[a.b]\nc = 2",
    "[[routes]]\n[routes]\n",
    "routes = 1\n[[routes]]\n",
    "? ? ? a\n: b",
    "<<: *a",
    "a: &a [*a, *a]",
    "!!binary a: !!set b",
    "%YAML 9.9\n---\na: 1\n...\nb",
    "a: |\n\n\t x\n  y: >-",
    "--- ---\n- -\n",
    "\r\ra\r:\r1",
    "\0",
    "a: \"\\x",
    "timeout = \"99999999999999999999999h\"",
    "limits: {body: 99999999999999TiB, queue_share: 1e400%}",
    "routes: [{path: /{, service: a}, {path: \"/{}}\", service: \"\"}]",
];

/// Reads a text as a configuration, and asks of it what can be asked.
fn read(file: &str, text: &str) {
    let overrides = Overrides::default();
    let question = Question::parse("GET", "/orders/7").expect("it can be asked");
    match load(file, text, &overrides) {
        Ok(_) => {
            effective(file, text, &overrides).expect("it can be read");
            explain(file, text, &overrides, &question).expect("it can be read");
        }
        Err(mistakes) => has_places(&mistakes, text),
    }
    if let Err(mistakes) = import(file, text, &Towards::Legacy) {
        has_places(&mistakes, text);
    }
}

/// Every mistake is somewhere in the text.
fn has_places(mistakes: &Mistakes, text: &str) {
    assert!(!mistakes.as_slice().is_empty());
    let lines = text.split('\n').count();
    for mistake in mistakes.as_slice() {
        if let Place::Line(line, column) = mistake.place {
            assert!((1..=lines).contains(&line), "{mistake:?}");
            assert!(column >= 1, "{mistake:?}");
        }
        assert!(!mistake.what.is_empty() && !mistake.mend.is_empty());
    }
}

const FILES: [&str; 3] = ["shim.toml", "shim.yaml", "shim.json"];

#[test]
fn something_of_everything_is_read() {
    let config = load("shim.yaml", EVERYTHING, &Overrides::default());
    assert_eq!(
        config
            .map_err(|it| it.to_string())
            .map(|it| it.routes.len()),
        Ok(3)
    );
    let routes = import("api.yaml", DESCRIPTION, &Towards::Legacy);
    assert!(routes.is_ok_and(|it| it.contains("/orders/{id}")));
}

#[test]
fn what_once_was_trouble_is_told_of() {
    for text in KEPT {
        for file in FILES {
            read(file, text);
        }
    }
}

#[test]
fn a_file_that_nests_without_end_is_told_of() {
    for (begin, end) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        let text = format!("a: \n {}{}", begin.repeat(20_000), end.repeat(20_000));
        for file in FILES {
            read(file, &text);
        }
    }
    let text = format!("a = {}{}", "[".repeat(20_000), "]".repeat(20_000));
    read("shim.toml", &text);
    read("shim.toml", &format!("{}a = 1", "a.".repeat(20_000)));
}

/// A text with a piece of it replaced.
fn damaged(whole: &str, at: prop::sample::Index, length: usize, put: &str) -> String {
    let characters: Vec<char> = whole.chars().collect();
    let from = at.index(characters.len());
    let to = characters.len().min(from + length);
    let before = characters[..from].iter().copied();
    let after = characters[to..].iter().copied();
    before.chain(put.chars()).chain(after).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_that_was_damaged_is_read_or_told_of_and_never_panics(
        which in 0_usize..3,
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        put in "[-\\[\\]{}=:\"'a-z0-9ü%$*\n ]{0,6}",
    ) {
        let (file, whole) = [
            ("shim.toml", EXAMPLE),
            ("shim.yaml", EVERYTHING),
            ("api.yaml", DESCRIPTION),
        ][which];
        read(file, &damaged(whole, at, length, &put));
    }

    #[test]
    fn two_files_that_were_mixed_are_read_or_told_of(
        lines in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        file in prop::sample::select(&FILES[..]),
    ) {
        let pool: Vec<&str> = [EXAMPLE, EVERYTHING, DESCRIPTION]
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .collect();
        let mixed: Vec<&str> = lines.iter().map(|line| pool[line.index(pool.len())]).collect();
        read(file, &mixed.join("\n"));
    }

    #[test]
    fn any_text_at_all_is_read_or_told_of(
        text in "(\\PC|[\\[\\]{}=:,.\"'#&*!|>%@`\n\r\t 0-9-]|legacy|routes|path|limits|\\$\\{env:X\\}){0,80}",
        file in prop::sample::select(&FILES[..]),
    ) {
        read(file, &text);
    }
}
