//! Paths of a description as paths of routes.

use std::collections::HashMap;

use ipc_core::contract::Template;

use crate::config::{Route, RouteTable};

/// A path as a route has it.
pub(super) struct Carried {
    pub(super) path: String,
    /// How many parameters it has.
    pub(super) params: usize,
    /// What was changed about it.
    pub(super) note: Option<String>,
}

/// The paths of one description. A parameter has one name in the same place of all
/// of them, since routes that differ in it take the same requests.
pub(super) struct Paths {
    prefix: String,
    /// The names of parameters, by what stands before them.
    names: HashMap<String, String>,
}

impl Paths {
    /// Paths below `prefix`, which ends without a slash.
    pub(super) fn under(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            names: HashMap::new(),
        }
    }

    /// The path of a route for a path of the description; else why there is none.
    pub(super) fn carry(&mut self, path: &str) -> Result<Carried, &'static str> {
        if !path.starts_with('/') {
            return Err("it does not start with a slash");
        }
        let Ok(template) = Template::parse(path) else {
            return Err("it has a brace without a partner");
        };
        let params = template.params().count();
        let mut carried = self.prefix.clone();
        let mut renamed = Vec::new();
        for segment in path.split('/').skip(1) {
            carried.push('/');
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            match name {
                Some(name) if !name.contains(['{', '}', '*']) => {
                    let earlier = self.names.entry(carried.clone());
                    let first = earlier.or_insert_with(|| name.to_owned());
                    if first != name {
                        renamed.push(format!("{{{name}}} is called {{{first}}}"));
                    }
                    carried.push_str(&format!("{{{first}}}"));
                }
                _ => carried.push_str(segment),
            }
        }
        if RouteTable::new(vec![Route::legacy(carried.as_str())]).is_err() {
            return Err("a route has at most one parameter in a segment, and names it");
        }
        let note =
            (!renamed.is_empty()).then(|| format!("{}, as in an earlier path", renamed.join(", ")));
        Ok(Carried {
            path: carried,
            params,
            note,
        })
    }
}
