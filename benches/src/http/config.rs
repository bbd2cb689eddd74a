//! The configurations of gateways under measurement, as files would have them.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// The API key that a gateway with every feature asks for.
pub(crate) const API_KEY: &str = "bench-0123456789abcdef0123456789abcdef";
/// `printf %s "$API_KEY" | sha256sum`
const HASH: &str = "b404a83ff2bc37e65c27d7365facc9201876082033a17dd7238bbc8494c80099";

/// What a gateway does beside passing requests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Features {
    /// As little as it can.
    None,
    /// What it does by itself.
    Default,
    /// Authentication, rates, places, adaptive concurrency and a breaker that acts.
    All,
    /// It stands beside a process.
    Sidecar,
}

/// A gateway in front of one service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GatewayPlan {
    /// Where the Kafka is. Without one the gateway answers echoes itself, as a service
    /// would that takes no time.
    pub(crate) bootstrap: Option<String>,
    pub(crate) service: String,
    pub(crate) features: Features,
    /// Routes beside the one to the echo, which lead there, too.
    pub(crate) more_routes: usize,
    /// The name of the gateways it shares its reply topic with, and how many partitions
    /// that has.
    pub(crate) fleet: String,
    pub(crate) reply_partitions: i32,
}

impl GatewayPlan {
    /// One that is alone, as it is by default.
    pub(crate) fn new(bootstrap: Option<&str>, service: &str) -> Self {
        Self {
            bootstrap: bootstrap.map(str::to_owned),
            service: service.to_owned(),
            features: Features::Default,
            more_routes: 0,
            fleet: format!("{service}-gateway"),
            reply_partitions: 1,
        }
    }

    /// Its file. Another `version` has other routes in the place of every tenth, and
    /// another timeout for all.
    pub(super) fn file(&self, version: usize) -> String {
        let Self {
            service,
            fleet,
            reply_partitions,
            ..
        } = self;
        let bootstrap = self.bootstrap.as_deref().unwrap_or("nowhere:1");
        let timeout = 30 + version;
        let mut file = format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nfleet = \"{fleet}\"\n\
             reply_partitions = {reply_partitions}\ntimeout = \"{timeout}s\"\n"
        );
        file.push_str(match self.features {
            Features::None => "breaker.mode = \"off\"\n",
            Features::Default => "",
            Features::All => "breaker.mode = \"on\"\n",
            Features::Sidecar => "sidecar = true\n",
        });
        if self.features == Features::Sidecar {
            // A `String` takes every write.
            let _ = writeln!(file, "services = [\"{service}\"]");
        }
        let _ = writeln!(file, "[kafka]\nbootstrap.servers = \"{bootstrap}\"");
        if self.features == Features::All {
            file.push_str(&everything());
        }
        if self.features != Features::Sidecar {
            file.push_str(&self.route("/echo", "/echo"));
            file.push_str(&self.route("/silence", "/silence"));
        }
        for nth in 0..self.more_routes {
            let path = match nth % 10 {
                9 => format!("/v{version}/r{nth}/{{id}}/echo"),
                _ => path(nth, "{id}"),
            };
            file.push_str(&self.route(&path, "/echo"));
        }
        file
    }

    fn route(&self, path: &str, rewrite: &str) -> String {
        let service = &self.service;
        let mode = match path {
            "/silence" => "stream",
            _ => "call",
        };
        let mut route = format!(
            "[[routes]]\npath = \"{path}\"\nservice = \"{service}\"\nmode = \"{mode}\"\n\
             key = \"none\"\nrewrite = \"{rewrite}\"\n"
        );
        if self.features == Features::All {
            route.push_str(
                "auth = \"api_key\"\nscopes = [\"notes:write\"]\nin_flight = 10000\n\
                 rate = { total = \"10000000/s\", address = \"10000000/s\" }\n",
            );
        }
        route
    }
}

/// A path that the route with this place in the row takes.
pub(super) fn path(nth: usize, id: &str) -> String {
    format!("/r{nth}/{id}/echo")
}

/// Limits that nothing here is over, and who may call.
fn everything() -> String {
    format!(
        "[limits]\nrate = {{ total = \"10000000/s\", address = \"10000000/s\", \
         principal = \"10000000/s\" }}\n\
         concurrency = {{ initial = 1000, max = 10000 }}\n\
         [[auth.api_keys]]\nname = \"bench\"\nsha256 = \"{HASH}\"\nscopes = [\"notes:write\"]\n"
    )
}

#[cfg(test)]
mod tests {
    use ipc_http_shim::config::{Config, Overrides, load};

    use super::*;

    fn config(plan: &GatewayPlan, version: usize) -> Config {
        let read = load("shim.toml", &plan.file(version), &Overrides::default());
        read.unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    #[test]
    fn every_gateway_is_configured_without_a_mistake() {
        for features in [
            Features::None,
            Features::Default,
            Features::All,
            Features::Sidecar,
        ] {
            let plan = GatewayPlan {
                features,
                ..GatewayPlan::new(Some("localhost:1"), "notes")
            };
            assert_eq!(config(&plan, 0).routes.len(), 2, "{features:?}");
        }
    }

    #[test]
    fn another_version_has_other_routes_and_keeps_those_that_are_asked_for() {
        let plan = GatewayPlan {
            more_routes: 20,
            ..GatewayPlan::new(None, "notes")
        };
        let paths = |version| {
            let routes = config(&plan, version).routes;
            let paths: Vec<String> = routes.into_iter().map(|route| route.path).collect();
            paths
        };
        let (one, other) = (paths(0), paths(1));
        assert_eq!(one.len(), 22);
        let kept = one.iter().filter(|path| other.contains(path)).count();
        assert_eq!(kept, 20);
        assert!(other.contains(&path(8, "{id}")));
    }
}
