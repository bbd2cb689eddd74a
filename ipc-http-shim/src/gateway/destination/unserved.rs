//! What a request is told that nothing is served for.

use http::header::ALLOW;
use http::{HeaderValue, Method};
use ipc_core::envelope::Problem;

use crate::gateway::answer::Refusal;

pub(super) fn no_route() -> Refusal {
    Problem::new("no-route", "nothing is served at this path", 404).into()
}

pub(super) fn wrong_method(methods: &[&Method]) -> Refusal {
    let mut names: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    // A route for GET takes HEAD along.
    if let Some(get) = names.iter().position(|name| *name == "GET")
        && !names.contains(&"HEAD")
    {
        names.insert(get + 1, "HEAD");
    }
    let allow = names.join(", ");
    let problem = Problem::new(
        "method-not-allowed",
        "this path is served for other methods",
        405,
    )
    .with_detail(format!("methods served here: {allow}"));
    let refusal = Refusal::from(problem);
    match HeaderValue::from_str(&allow) {
        Ok(allow) => refusal.with_header(ALLOW, allow),
        Err(_) => refusal,
    }
}
