//! The options: each known name, and what may stand behind it.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitInt, LitStr, Path, Token, parenthesized};

use super::duration::{self, Millis};
use super::retry::{self, Retry};
use crate::diagnostics::{Diagnostics, list};

/// Every option, in the order the documentation lists them.
const KNOWN: &[&str] = &[
    "one_way",
    "stream",
    "safe",
    "idempotency",
    "max_reply",
    "store_down",
    "delivery",
    "timeout",
    "key",
    "topic",
    "retry",
    "service",
    "contract_name",
    "contract",
    "crate",
];

/// How an endpoint answers.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    #[default]
    Call,
    OneWay,
    Stream,
}

/// What is done with idempotency keys.
#[derive(Clone, Copy)]
pub(crate) enum Idempotency {
    Required,
    Optional,
    Derived,
}

/// What is done while the dedup store is away.
#[derive(Clone, Copy)]
pub(crate) enum StoreDown {
    FailClosed,
    FailOpen,
}

/// How often a handler may see one record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    AtMostOnce,
    ExactlyOnce,
}

/// What decides the record key.
pub(crate) enum Key {
    Param(Ident),
    Header(String),
    None,
}

/// The options given, each at most once.
#[derive(Default)]
pub(crate) struct Options {
    /// The names as written, for errors that point at one.
    given: Vec<Ident>,
    pub(crate) mode: Mode,
    pub(crate) safe: bool,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) max_reply: Option<LitInt>,
    pub(crate) store_down: Option<StoreDown>,
    pub(crate) delivery: Option<Delivery>,
    pub(crate) timeout: Option<Millis>,
    pub(crate) key: Option<Key>,
    pub(crate) topic: Option<LitStr>,
    pub(crate) retry: Option<Retry>,
    pub(crate) service: Option<LitStr>,
    pub(crate) contract_name: Option<Ident>,
    pub(crate) contract: Option<Path>,
    pub(crate) krate: Option<Path>,
}

impl Options {
    /// Reads one option.
    ///
    /// Answers an error where reading cannot go on within this option; what is
    /// merely wrong is noted.
    pub(crate) fn parse_one(
        &mut self,
        input: ParseStream<'_>,
        errors: &mut Diagnostics,
    ) -> syn::Result<()> {
        let name = input.call(Ident::parse_any)?;
        let text = name.to_string();
        if self.given.contains(&name) {
            errors.error(&name, format_args!("option {text} is given twice"));
        }
        match &*text {
            "one_way" => self.set_mode(Mode::OneWay, &name, errors),
            "stream" => self.set_mode(Mode::Stream, &name, errors),
            "safe" => self.safe = true,
            "idempotency" => self.idempotency = idempotency(&name, input, errors)?,
            "max_reply" => self.max_reply = max_reply(&name, input, errors)?,
            "store_down" => self.store_down = store_down(&name, input, errors)?,
            "delivery" => self.delivery = delivery(&name, input, errors)?,
            "timeout" => self.timeout = duration::duration(&string(&name, input)?, errors),
            "key" => self.key = key(&name, input, errors)?,
            "topic" => self.topic = kafka_name(string(&name, input)?, "topic", errors),
            "retry" => self.retry = Some(retry::parse(input, errors)?),
            "service" => self.service = kafka_name(string(&name, input)?, "service", errors),
            "contract_name" => self.contract_name = Some(word(&name, input)?),
            "contract" => {
                equals(&name, input)?;
                self.contract = Some(input.call(Path::parse_mod_style)?);
            }
            "crate" => {
                equals(&name, input)?;
                self.krate = Some(input.call(Path::parse_mod_style)?);
            }
            _ => {
                return Err(syn::Error::new(
                    name.span(),
                    format_args!("unknown option {text}: known are {}", list(KNOWN)),
                ));
            }
        }
        self.given.push(name);
        Ok(())
    }

    /// Where this option stands.
    pub(crate) fn span_of(&self, name: &str) -> Option<Span> {
        self.given
            .iter()
            .find(|given| *given == name)
            .map(Ident::span)
    }

    /// The options that are given, of these.
    pub(crate) fn given<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Ident> {
        self.given
            .iter()
            .filter(|given| names.iter().any(|name| *given == name))
    }

    fn set_mode(&mut self, mode: Mode, at: &Ident, errors: &mut Diagnostics) {
        if self.mode != Mode::Call && self.mode != mode {
            errors.error(
                at,
                "an endpoint is one_way or stream, not both: leave one out",
            );
        }
        self.mode = mode;
    }
}

/// The `=` between an option and its value.
pub(super) fn equals(name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    match input.parse::<Option<Token![=]>>()? {
        Some(_) => Ok(()),
        None => Err(syn::Error::new(
            name.span(),
            format_args!("option {name} needs a value: write {name} = .."),
        )),
    }
}

/// `= name`
pub(super) fn word(name: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    equals(name, input)?;
    input.call(Ident::parse_any)
}

/// `= "text"`
pub(super) fn string(name: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    equals(name, input)?;
    if input.is_empty() || input.peek(LitStr) {
        return input.parse();
    }
    Err(input.error(format_args!("option {name} takes a text: put it in quotes")))
}

fn idempotency(
    name: &Ident,
    input: ParseStream<'_>,
    errors: &mut Diagnostics,
) -> syn::Result<Option<Idempotency>> {
    let value = word(name, input)?;
    Ok(match &*value.to_string() {
        "required" => Some(Idempotency::Required),
        "optional" => Some(Idempotency::Optional),
        "derived" => Some(Idempotency::Derived),
        unknown => {
            errors.error(
                &value,
                format_args!(
                    "unknown idempotency {unknown}: known are required, optional and derived"
                ),
            );
            None
        }
    })
}

/// `= 65_536`, in bytes
fn max_reply(
    name: &Ident,
    input: ParseStream<'_>,
    errors: &mut Diagnostics,
) -> syn::Result<Option<LitInt>> {
    equals(name, input)?;
    if !input.peek(LitInt) {
        return Err(input.error("option max_reply takes a number of bytes: write 65_536"));
    }
    let bytes: LitInt = input.parse()?;
    if bytes.base10_parse::<u32>().is_err() {
        errors.error(
            &bytes,
            format_args!("{bytes} is no number of bytes for max_reply: write one below 4 GiB"),
        );
        return Ok(None);
    }
    Ok(Some(bytes))
}

fn store_down(
    name: &Ident,
    input: ParseStream<'_>,
    errors: &mut Diagnostics,
) -> syn::Result<Option<StoreDown>> {
    let value = word(name, input)?;
    Ok(match &*value.to_string() {
        "fail_closed" => Some(StoreDown::FailClosed),
        "fail_open" => Some(StoreDown::FailOpen),
        unknown => {
            errors.error(
                &value,
                format_args!("unknown store_down {unknown}: known are fail_closed and fail_open"),
            );
            None
        }
    })
}

fn delivery(
    name: &Ident,
    input: ParseStream<'_>,
    errors: &mut Diagnostics,
) -> syn::Result<Option<Delivery>> {
    let value = word(name, input)?;
    Ok(match &*value.to_string() {
        "at_most_once" => Some(Delivery::AtMostOnce),
        "exactly_once" => Some(Delivery::ExactlyOnce),
        unknown => {
            errors.error(
                &value,
                format_args!("unknown delivery {unknown}: known are at_most_once and exactly_once"),
            );
            None
        }
    })
}

/// `= parameter`, `= header("x-tenant")` or `= none`
fn key(name: &Ident, input: ParseStream<'_>, errors: &mut Diagnostics) -> syn::Result<Option<Key>> {
    let value = word(name, input)?;
    if value == "none" {
        return Ok(Some(Key::None));
    }
    if value != "header" || !input.peek(syn::token::Paren) {
        return Ok(Some(Key::Param(value)));
    }
    let inside;
    parenthesized!(inside in input);
    let name: LitStr = inside.parse()?;
    let text = name.value();
    let token =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(token) {
        errors.error(
            &name,
            format_args!(
                "{text:?} is not a header name: write it in lower case, such as \"x-tenant\""
            ),
        );
        return Ok(None);
    }
    Ok(Some(Key::Header(text)))
}

fn kafka_name(name: LitStr, what: &str, errors: &mut Diagnostics) -> Option<LitStr> {
    let text = name.value();
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let fits = (1..=249).contains(&text.len()) && text != "." && text != "..";
    if fits && text.chars().all(legal) {
        return Some(name);
    }
    errors.error(
        &name,
        format_args!(
            "{text:?} is not a {what} name: use 1 to 249 letters, digits, dots, underscores and \
             dashes"
        ),
    );
    None
}
