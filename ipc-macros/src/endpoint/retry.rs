//! `retry(attempts = 5, backoff = "100ms..10s", jitter, policy = blocking)`.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitInt, Token, parenthesized};

use super::duration::{self, Millis};
use super::options::{equals, string, word};
use crate::diagnostics::Diagnostics;

/// How failed attempts are repeated.
pub(crate) struct Retry {
    pub(crate) attempts: u32,
    pub(crate) backoff: Option<(Millis, Millis)>,
    /// Where it is asked for.
    pub(crate) jitter: Option<Span>,
    pub(crate) policy: Policy,
}

/// Where a record waits for its next attempt.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Policy {
    #[default]
    Blocking,
    Tiers,
    KeyParked,
}

/// Reads what stands behind `retry`.
pub(super) fn parse(input: ParseStream<'_>, errors: &mut Diagnostics) -> syn::Result<Retry> {
    let inside;
    let parens = parenthesized!(inside in input);
    let mut attempts = None;
    let mut retry = Retry {
        attempts: 1,
        backoff: None,
        jitter: None,
        policy: Policy::default(),
    };
    while !inside.is_empty() {
        let name = inside.call(Ident::parse_any)?;
        match &*name.to_string() {
            "attempts" => {
                equals(&name, &inside)?;
                attempts = Some(number(&inside.parse()?, errors));
            }
            "backoff" => retry.backoff = duration::range(&string(&name, &inside)?, errors),
            "jitter" => retry.jitter = Some(name.span()),
            "policy" => retry.policy = policy(&word(&name, &inside)?, errors),
            unknown => {
                inside.parse::<TokenStream>()?;
                return Err(syn::Error::new(
                    name.span(),
                    format_args!(
                        "unknown option {unknown}: retry knows attempts, backoff, jitter and policy"
                    ),
                ));
            }
        }
        if !inside.is_empty() {
            inside.parse::<Token![,]>()?;
        }
    }
    match attempts {
        Some(attempts) => retry.attempts = attempts,
        None => errors.error_at(
            parens.span.join(),
            "retry needs the number of attempts: write retry(attempts = 5)",
        ),
    }
    if let Some(jitter) = retry.jitter
        && retry.policy == Policy::Tiers
    {
        errors.error_at(
            jitter,
            "jitter contradicts policy = tiers, whose delays are fixed: leave one out",
        );
    }
    Ok(retry)
}

fn number(number: &LitInt, errors: &mut Diagnostics) -> u32 {
    let attempts = number.base10_parse().ok().filter(|attempts| *attempts > 0);
    attempts.unwrap_or_else(|| {
        errors.error(
            number,
            format_args!(
                "{number} is not a number of attempts: write 1 or more, the first included"
            ),
        );
        1
    })
}

fn policy(value: &Ident, errors: &mut Diagnostics) -> Policy {
    match &*value.to_string() {
        "blocking" => Policy::Blocking,
        "tiers" => Policy::Tiers,
        "key_parked" => Policy::KeyParked,
        unknown => {
            errors.error(
                value,
                format_args!("unknown policy {unknown}: known are blocking, tiers and key_parked"),
            );
            Policy::default()
        }
    }
}
