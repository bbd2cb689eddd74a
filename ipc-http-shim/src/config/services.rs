//! Which services routes may name.

use super::Target;
use super::mistake::Report;
use super::routes::ReadRoute;
use super::section::Section;
use super::value::{FromText, Name};

/// A service, or every one whose name begins so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServicePattern {
    name: String,
    is_beginning: bool,
}

impl ServicePattern {
    /// Reads a name, or a beginning with a `*` behind it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let beginning = text.strip_suffix('*');
        let name = beginning.unwrap_or(text);
        Name::from_text(name).map(|Name(name)| Self {
            name,
            is_beginning: beginning.is_some(),
        })
    }

    /// The service, where it is a single one.
    pub(super) fn single(&self) -> Option<&str> {
        (!self.is_beginning).then_some(&self.name)
    }

    /// Whether it is this service, or one of those.
    #[must_use]
    pub fn takes(&self, service: &str) -> bool {
        match self.is_beginning {
            true => service.starts_with(&self.name),
            false => service == self.name,
        }
    }
}

impl std::fmt::Display for ServicePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = if self.is_beginning { "*" } else { "" };
        write!(f, "{}{end}", self.name)
    }
}

impl FromText for ServicePattern {
    const EXPECTED: &'static str = "a service";
    const MEND: &'static str =
        "write its name, or how the names of several begin, as in \"stock-*\"";

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// Reads `services`.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> Vec<ServicePattern> {
    root.one_or_more("services", report).unwrap_or_default()
}

/// Tells of routes to services that are not among `allowed`, where some are.
pub(super) fn check(routes: &[ReadRoute], allowed: &[ServicePattern], report: &mut Report<'_>) {
    if allowed.is_empty() {
        return;
    }
    for route in routes {
        if let Target::Service { service, .. } = &route.value.target
            && !allowed.iter().any(|allowed| allowed.takes(service))
        {
            report.add(
                route.place.clone(),
                format!("the route goes to service {service:?}, which services does not allow"),
                "add it there, or name another",
            );
        }
    }
}
