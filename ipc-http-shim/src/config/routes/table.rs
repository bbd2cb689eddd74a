//! Which route takes a request.

use std::collections::HashMap;

use http::Method;
use matchit::{InsertError, Params, Router};

use super::Route;

/// All routes, ready to be looked up.
#[derive(Debug)]
pub struct RouteTable {
    paths: Router<usize>,
    by_path: Vec<Methods>,
    /// Where a path stands in `by_path`.
    slots: HashMap<String, usize>,
    routes: Vec<Route>,
}

/// The routes that share one path.
#[derive(Debug)]
struct Methods {
    named: Vec<(Method, usize)>,
    any: Option<usize>,
}

/// What a look-up found.
#[derive(Debug)]
pub enum Lookup<'table, 'path> {
    /// A route and the path's parameters, still percent-encoded.
    Found {
        /// The route.
        route: &'table Route,
        /// Its place in the table's order.
        index: usize,
        /// The path's parameters.
        params: Params<'table, 'path>,
    },
    /// The path has routes, but none for this method; these it has.
    OtherMethods(Vec<&'table Method>),
    /// No route has this path.
    Nothing,
}

/// Why a route cannot be in a table.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}: {mend}")]
pub struct RouteFault {
    /// Its place in the given order.
    pub route: usize,
    /// The route it clashes with, by its place in the given order.
    pub earlier: Option<usize>,
    /// The thing and its value.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl RouteTable {
    /// A table of `routes`.
    ///
    /// # Errors
    ///
    /// Every route whose path cannot be read or that clashes with an earlier one.
    pub fn new(routes: Vec<Route>) -> Result<Self, Vec<RouteFault>> {
        let mut table = Self {
            paths: Router::new(),
            by_path: Vec::new(),
            slots: HashMap::new(),
            routes: Vec::with_capacity(routes.len()),
        };
        let mut faults = Vec::new();
        for route in routes {
            if let Err(fault) = table.add(&route) {
                faults.push(fault);
            }
            table.routes.push(route);
        }
        if faults.is_empty() {
            Ok(table)
        } else {
            Err(faults)
        }
    }

    /// The routes in the order they were given.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The route for a method and a path without query.
    #[must_use]
    pub fn find<'path>(&self, method: &Method, path: &'path str) -> Lookup<'_, 'path> {
        // `OPTIONS *` asks about the server, which is whoever answers at its root.
        let path = if path == "*" { "/" } else { path };
        let Ok(matched) = self.paths.at(path) else {
            return Lookup::Nothing;
        };
        let methods = &self.by_path[*matched.value];
        match methods.find(method) {
            Some(index) => Lookup::Found {
                route: &self.routes[index],
                index,
                params: matched.params,
            },
            None => Lookup::OtherMethods(methods.named.iter().map(|(method, _)| method).collect()),
        }
    }

    fn add(&mut self, route: &Route) -> Result<(), RouteFault> {
        let index = self.routes.len();
        let fault = |what, mend: &str| RouteFault {
            route: index,
            earlier: None,
            what,
            mend: mend.to_owned(),
        };
        let path = &route.path;
        check_syntax(path).map_err(|(what, mend)| fault(format!("path {path:?} {what}"), mend))?;
        let messages = route.websocket.fault(path);
        let faults = route.rewriting.faults(path).into_iter().chain(messages);
        if let Some((what, mend)) = faults.into_iter().next() {
            return Err(fault(what, &mend));
        }

        let slot = match self.slots.get(path) {
            Some(slot) => *slot,
            None => {
                let slot = self.by_path.len();
                self.paths
                    .insert(path.as_str(), slot)
                    .map_err(|error| match error {
                        InsertError::Conflict { with } => RouteFault {
                            route: index,
                            earlier: self.routes.iter().position(|other| other.path == with),
                            what: format!("path {path:?} takes the same requests as {with:?}"),
                            mend: "write both with the same parameter names".to_owned(),
                        },
                        InsertError::InvalidCatchAll => fault(
                            format!("path {path:?} goes on after a wildcard"),
                            "put {*name} at the end, after a slash",
                        ),
                        InsertError::InvalidParamSegment => fault(
                            format!("path {path:?} has two parameters in one segment"),
                            "put a slash between them",
                        ),
                        _ => fault(
                            format!("path {path:?} has a parameter without a name or brace"),
                            "write it as {name}, and a literal brace as {{ or }}",
                        ),
                    })?;
                self.by_path.push(Methods {
                    named: Vec::new(),
                    any: None,
                });
                self.slots.insert(path.clone(), slot);
                slot
            }
        };
        self.by_path[slot]
            .add(&route.methods, index)
            .map_err(|(earlier, method)| RouteFault {
                route: index,
                earlier: Some(earlier),
                what: match method {
                    Some(method) => format!("{method} {path:?} is routed twice"),
                    None => format!("{path:?} is routed twice for every method"),
                },
                mend: "remove one of the two".to_owned(),
            })
    }
}

impl Methods {
    /// Adds a route; on a clash, the route that was first and the method.
    fn add(&mut self, methods: &[Method], route: usize) -> Result<(), (usize, Option<Method>)> {
        if methods.is_empty() {
            return match self.any.replace(route) {
                Some(earlier) => Err((earlier, None)),
                None => Ok(()),
            };
        }
        for method in methods {
            if let Some(earlier) = self.named(method) {
                return Err((earlier, Some(method.clone())));
            }
            self.named.push((method.clone(), route));
        }
        Ok(())
    }

    fn find(&self, method: &Method) -> Option<usize> {
        let by_get = || self.named(&Method::GET).filter(|_| method == Method::HEAD);
        self.named(method).or_else(by_get).or(self.any)
    }

    fn named(&self, method: &Method) -> Option<usize> {
        let of_method = self.named.iter().find(|(named, _)| named == method);
        of_method.map(|(_, route)| *route)
    }
}

/// What is wrong with a path, and its mend, where axum would refuse it too.
fn check_syntax(path: &str) -> Result<(), (&'static str, &'static str)> {
    if !path.starts_with('/') {
        return Err(("does not start with a slash", "start it with \"/\""));
    }
    for segment in path.split('/') {
        if segment.starts_with(':') {
            return Err((
                "has a segment that starts with a colon",
                "write a parameter as {name}",
            ));
        }
        if segment.starts_with('*') {
            return Err((
                "has a segment that starts with an asterisk",
                "write a wildcard as {*name}",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: Vec<Route>) -> RouteTable {
        RouteTable::new(routes).expect("the routes are in order")
    }

    fn found(table: &RouteTable, method: Method, path: &str) -> Option<usize> {
        match table.find(&method, path) {
            Lookup::Found { index, .. } => Some(index),
            _ => None,
        }
    }

    #[test]
    fn a_named_method_wins_over_a_route_for_every_method() {
        let table = table(vec![
            Route::legacy("/orders/{id}"),
            Route::call("/orders/{id}", "orders").methods([Method::POST]),
        ]);

        assert_eq!(found(&table, Method::POST, "/orders/7"), Some(1));
        assert_eq!(found(&table, Method::DELETE, "/orders/7"), Some(0));
    }

    #[test]
    fn get_takes_head_along_unless_head_has_its_own_route() {
        let get = Route::call("/a", "s").methods([Method::GET]);
        let head = Route::call("/a", "s").methods([Method::HEAD]);

        assert_eq!(
            found(&table(vec![get.clone()]), Method::HEAD, "/a"),
            Some(0)
        );
        assert_eq!(found(&table(vec![get, head]), Method::HEAD, "/a"), Some(1));
    }

    #[test]
    fn a_known_path_with_another_method_names_the_methods_it_has() {
        let table = table(vec![Route::call("/a", "s").methods([Method::POST])]);

        let Lookup::OtherMethods(methods) = table.find(&Method::PUT, "/a") else {
            panic!("PUT /a has no route");
        };
        assert_eq!(methods, [&Method::POST]);
    }

    #[test]
    fn what_asks_about_the_whole_server_goes_where_its_root_does() {
        let root = table(vec![Route::call("/", "s")]);
        let below = table(vec![Route::call("/{*rest}", "s")]);

        assert_eq!(found(&root, Method::OPTIONS, "*"), Some(0));
        assert_eq!(found(&below, Method::OPTIONS, "*"), None);
    }

    #[test]
    fn a_literal_path_wins_over_a_parameter_and_a_parameter_over_a_wildcard() {
        let table = table(vec![
            Route::call("/{*rest}", "wild"),
            Route::call("/a/{id}", "parameter"),
            Route::call("/a/b", "literal"),
        ]);

        assert_eq!(found(&table, Method::GET, "/a/b"), Some(2));
        assert_eq!(found(&table, Method::GET, "/a/c"), Some(1));
        assert_eq!(found(&table, Method::GET, "/x/y/z"), Some(0));
    }

    #[test]
    fn every_clash_and_every_unreadable_path_is_listed() {
        let faults = RouteTable::new(vec![
            Route::call("/a/{id}", "s").methods([Method::GET]),
            Route::call("/a/{id}", "s").methods([Method::GET, Method::PUT]),
            Route::call("/a/{other}", "s"),
            Route::call("no-slash", "s"),
            Route::call("/a/:id", "s"),
            Route::call("/{*rest}/more", "s"),
        ])
        .expect_err("five routes are wrong");

        let told: Vec<_> = faults
            .iter()
            .map(|fault| (fault.route, fault.earlier))
            .collect();
        assert_eq!(
            told,
            [(1, Some(0)), (2, Some(0)), (3, None), (4, None), (5, None)]
        );
    }
}
