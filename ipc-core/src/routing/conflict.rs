//! What keeps endpoints from being served side by side.

use std::collections::HashMap;
use std::fmt;

use axum::http::Method;
use axum::routing::MethodFilter;
use matchit::{InsertError, Router};

use super::Registered;

/// One reason an endpoint cannot be added.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteConflict {
    /// Two endpoints have the same method and path.
    #[error("{endpoint} is declared by {first} and by {second}: give one another path or method")]
    Duplicate {
        /// Method and path.
        endpoint: String,
        /// The contract that was there first.
        first: &'static str,
        /// The contract that came second.
        second: &'static str,
    },
    /// Two paths match the same requests.
    #[error(
        "{endpoint} matches the same requests as the path {other}: give their parameters the \
         same name, or change one"
    )]
    Overlap {
        /// Method and path.
        endpoint: String,
        /// The path that was there first.
        other: String,
    },
    /// The path is none a router takes.
    #[error("{endpoint} cannot be routed: {reason}")]
    InvalidPath {
        /// Method and path.
        endpoint: String,
        /// What is wrong with the path.
        reason: String,
    },
    /// The method is none a router takes.
    #[error("{endpoint} cannot be routed: use one of HTTP's standard methods")]
    InvalidMethod {
        /// Method and path.
        endpoint: String,
    },
}

impl RouteConflict {
    pub(super) fn of_router(endpoint: String, error: InsertError) -> Self {
        match error {
            InsertError::Conflict { with: other } => Self::Overlap { endpoint, other },
            other => Self::InvalidPath {
                endpoint,
                reason: reason(&other),
            },
        }
    }
}

fn reason(error: &InsertError) -> String {
    match error {
        InsertError::InvalidParamSegment => {
            "a segment holds one parameter, and ends with it".to_owned()
        }
        InsertError::InvalidParam => "a parameter is written {name}, a brace {{ or }}".to_owned(),
        InsertError::InvalidCatchAll => "{*name} must be the whole last segment".to_owned(),
        other => other.to_string(),
    }
}

/// Everything that keeps endpoints from being added, at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouteConflicts(pub(super) Vec<RouteConflict>);

impl RouteConflicts {
    /// The conflicts, in the order of the endpoints.
    pub fn iter(&self) -> std::slice::Iter<'_, RouteConflict> {
        self.0.iter()
    }
}

impl fmt::Display for RouteConflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} route conflicts", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|conflict| write!(f, "\n- {conflict}"))
    }
}

impl std::error::Error for RouteConflicts {}

/// The routes endpoints have taken.
#[derive(Default)]
pub(super) struct Taken {
    paths: Router<()>,
    /// The contracts' names, by path and method.
    names: HashMap<(String, &'static str), &'static str>,
}

impl Taken {
    /// The routes of endpoints that are served together already.
    pub(super) fn by(endpoints: &[Registered]) -> Self {
        let mut taken = Self::default();
        for endpoint in endpoints {
            // axum has taken them: the first of two equals is enough to compare with
            let _ = taken.add(endpoint);
        }
        taken
    }

    /// Takes one more route, and answers axum's name for its method.
    pub(super) fn add(&mut self, endpoint: &Registered) -> Result<MethodFilter, RouteConflict> {
        let Registered { terms, path } = endpoint;
        let name = || endpoint.name();
        let filter = Method::from_bytes(terms.method.as_bytes())
            .ok()
            .and_then(|method| MethodFilter::try_from(method).ok())
            .ok_or_else(|| RouteConflict::InvalidMethod { endpoint: name() })?;
        if let Some(reason) = refused_by_axum(path) {
            return Err(RouteConflict::InvalidPath {
                endpoint: name(),
                reason: reason.to_owned(),
            });
        }
        if let Some(&first) = self.names.get(&(path.clone(), terms.method)) {
            return Err(RouteConflict::Duplicate {
                endpoint: name(),
                first,
                second: terms.name,
            });
        }
        let known = self.names.keys().any(|(known, _)| known == path);
        if !known {
            self.paths
                .insert(path.as_str(), ())
                .map_err(|error| RouteConflict::of_router(name(), error))?;
        }
        self.names.insert((path.clone(), terms.method), terms.name);
        Ok(filter)
    }
}

/// What axum refuses before its router is asked.
fn refused_by_axum(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("a path starts with a slash");
    }
    path.split('/')
        .any(|segment| segment.starts_with([':', '*']))
        .then_some("parameters are written {name} and {*name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Terms;

    fn endpoint(name: &'static str, method: &'static str, path: &'static str) -> Registered {
        Registered {
            terms: Terms::new(name, method, path),
            path: path.to_owned(),
        }
    }

    #[test]
    fn methods_share_a_path_and_routes_do_not_share_both() {
        let mut taken = Taken::by(&[endpoint("read", "GET", "/orders/{id}")]);
        assert!(taken.add(&endpoint("write", "PUT", "/orders/{id}")).is_ok());
        assert_eq!(
            taken.add(&endpoint("again", "GET", "/orders/{id}")),
            Err(RouteConflict::Duplicate {
                endpoint: "GET /orders/{id}".into(),
                first: "read",
                second: "again"
            })
        );
    }

    #[test]
    fn paths_that_match_the_same_requests_overlap_whatever_the_method() {
        let mut taken = Taken::by(&[endpoint("read", "GET", "/orders/{id}")]);
        assert_eq!(
            taken.add(&endpoint("write", "PUT", "/orders/{order}")),
            Err(RouteConflict::Overlap {
                endpoint: "PUT /orders/{order}".into(),
                other: "/orders/{id}".into()
            })
        );
        assert!(taken.add(&endpoint("fixed", "GET", "/orders/new")).is_ok());
    }

    #[test]
    fn what_axum_would_panic_at_is_a_conflict() {
        for (method, path) in [
            ("GET", "orders"),
            ("GET", ""),
            ("GET", "/:id"),
            ("GET", "/*rest"),
            ("GET", "/{id"),
            ("GET", "/{a}{b}"),
            ("GET", "/{*rest}/x"),
            ("PURGE", "/orders"),
            ("", "/orders"),
        ] {
            let added = Taken::default().add(&endpoint("x", method, path));
            assert!(added.is_err(), "{method} {path}");
        }
    }

    #[test]
    fn the_list_names_every_conflict_and_its_mend() {
        let conflicts = RouteConflicts(vec![
            RouteConflict::InvalidMethod {
                endpoint: "PURGE /a".into(),
            },
            RouteConflict::Duplicate {
                endpoint: "GET /b".into(),
                first: "b",
                second: "c",
            },
        ]);
        assert_eq!(
            conflicts.to_string(),
            "2 route conflicts\n\
             - PURGE /a cannot be routed: use one of HTTP's standard methods\n\
             - GET /b is declared by b and by c: give one another path or method"
        );
    }
}
