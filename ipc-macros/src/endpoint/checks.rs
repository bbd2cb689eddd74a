//! What attribute and signature must agree on.

use super::attr::Route;
use super::options::{Delivery, Key, Mode, Options};
use super::retry::{Policy, Retry};
use super::signature::Describes;
use super::types::{Answers, Reply, tuple_elements};
use crate::diagnostics::{Diagnostics, list};

/// What a contract declared elsewhere settles by itself.
const OF_THE_CONTRACT: &[&str] = &[
    "one_way", "stream", "safe", "timeout", "key", "topic", "service",
];

/// Checks a route with its options against the types.
pub(crate) fn route(
    route: &Route,
    options: &Options,
    describes: &Describes<'_>,
    errors: &mut Diagnostics,
) {
    let params = &route.path.params;
    if let Some(path) = &describes.path {
        let values = tuple_elements(path.value).map(|values| values.len());
        let fits = values.is_none_or(|values| values == params.len());
        if params.is_empty() && values != Some(0) {
            errors.error(
                path.at,
                format_args!(
                    "the path {:?} has no parameters: add them as {{name}}, or leave this out",
                    route.path.text.value()
                ),
            );
        } else if !fits {
            errors.error(
                path.at,
                format_args!(
                    "the path's parameters are {}: take as many values",
                    list(params)
                ),
            );
        }
    }
    if let Some(Key::Param(key)) = &options.key
        && !params.iter().any(|param| key == param)
    {
        errors.error(
            key,
            format_args!(
                "the path has no parameter {key}: its parameters are {}; a key can also be \
                 header(\"name\") or none",
                list(params)
            ),
        );
    }
}

/// Checks options that contradict each other.
pub(crate) fn options(options: &Options, errors: &mut Diagnostics) {
    if let Some(max_reply) = options.span_of("max_reply")
        && options.idempotency.is_none()
    {
        errors.error_at(
            max_reply,
            "without idempotency no reply is stored: add it, or leave max_reply out",
        );
    }
    if let Some(store_down) = options.span_of("store_down")
        && options.span_of("idempotency").is_none()
    {
        errors.error_at(
            store_down,
            "store_down says what becomes of requests whose replies are stored: add idempotency, \
             or leave it out",
        );
    }
    if let Some(delivery) = options.span_of("delivery")
        && options.delivery == Some(Delivery::ExactlyOnce)
    {
        if options.mode == Mode::Stream {
            errors.error_at(
                delivery,
                "a stream is done with before its handler has written anything: leave delivery out",
            );
        }
        if options.idempotency.is_some() {
            errors.error_at(
                delivery,
                "stored replies are not part of the transaction: leave idempotency or delivery out",
            );
        }
    }
    let Some(retry) = options.span_of("retry") else {
        return;
    };
    if options.delivery == Some(Delivery::AtMostOnce) {
        errors.error_at(
            retry,
            "retry contradicts delivery = at_most_once: leave one out",
        );
    }
    if options.mode == Mode::Stream {
        errors.error_at(
            retry,
            "a stream cannot be retried once a reply has left: leave retry out",
        );
    }
    let parks = |it: &Retry| it.policy == Policy::KeyParked;
    if !options.retry.as_ref().is_some_and(parks) {
        return;
    }
    if options.delivery == Some(Delivery::ExactlyOnce) {
        errors.error_at(
            retry,
            "what is parked is not part of the transaction: ask for tiers or blocking with \
             delivery = exactly_once",
        );
    }
    if matches!(options.key, Some(Key::None)) {
        errors.error_at(
            retry,
            "policy = key_parked keeps the order of a key and there is none: give the endpoint a \
             key, or ask for tiers",
        );
    }
}

/// Checks that many replies are declared where they are returned.
pub(crate) fn replies(
    options: &Options,
    answers: &Answers<'_>,
    returns: impl quote::ToTokens,
    errors: &mut Diagnostics,
) {
    if matches!(answers.reply, Reply::Replies(_)) && options.mode != Mode::Stream {
        errors.error(returns, "Replies are many replies: add the option stream");
    }
}

/// Checks that nothing is said again that a contract says.
pub(crate) fn with_contract(options: &Options, errors: &mut Diagnostics) {
    for name in options.given(OF_THE_CONTRACT) {
        errors.error(
            name,
            format_args!("the contract says {name}: leave it out here"),
        );
    }
}
