//! Why other routes do not take a request.

use http::Method;
use matchit::Router;

use super::explain::{Question, Told};
use super::origin::Origins;
use crate::config::{Config, Route};

/// How many routes with other paths are told of.
const NEAREST: usize = 5;

/// Why a route does not take a request.
enum Miss {
    /// Its path does, its methods do not.
    Method,
    /// It would; another is more exact.
    Outdone,
    /// How many segments of its path fit, from the front.
    Path(usize),
}

/// Says of every route but the one that was found why it does not take the request.
pub(super) fn tell_others(
    told: &mut Told,
    config: &Config,
    origins: &Origins<'_>,
    question: &Question,
    found: Option<usize>,
) {
    let others = config.routes.iter().enumerate();
    let others = others.filter(|(index, _)| Some(*index) != found);
    let mut misses: Vec<(usize, &Route, Miss)> = others
        .map(|(index, route)| (index, route, miss(route, question)))
        .collect();
    if misses.is_empty() {
        return;
    }
    told.say(format_args!("other routes:"));
    misses.sort_by_key(|(_, _, miss)| match miss {
        Miss::Outdone => (0, 0),
        Miss::Method => (1, 0),
        Miss::Path(fit) => (2, usize::MAX - fit),
    });
    let mut far = 0_usize;
    for (index, route, miss) in misses {
        let why = match miss {
            Miss::Outdone => "fits too, but the route above is more exact".to_owned(),
            Miss::Method => "has other methods".to_owned(),
            Miss::Path(fit) => {
                far += 1;
                if far > NEAREST {
                    continue;
                }
                other_path(&route.path, question.target.path(), fit)
            }
        };
        told.say(format_args!(
            "  {}, at {}: {why}",
            route.label(),
            origins.route(index)
        ));
    }
    if far > NEAREST {
        told.say(format_args!("  {} more: other paths", far - NEAREST));
    }
}

fn miss(route: &Route, question: &Question) -> Miss {
    let path = question.target.path();
    let mut alone = Router::new();
    let fits = alone.insert(route.path.as_str(), ()).is_ok() && alone.at(path).is_ok();
    if !fits {
        return Miss::Path(common_segments(&route.path, path));
    }
    let method = &question.method;
    let by_get = *method == Method::HEAD && route.methods.contains(&Method::GET);
    if route.methods.is_empty() || route.methods.contains(method) || by_get {
        Miss::Outdone
    } else {
        Miss::Method
    }
}

fn common_segments(template: &str, path: &str) -> usize {
    let segments = template.split('/').zip(path.split('/'));
    segments
        .take_while(|(template, segment)| {
            template == segment || (template.contains('{') && !segment.is_empty())
        })
        .count()
}

fn other_path(template: &str, path: &str, fit: usize) -> String {
    match (template.split('/').nth(fit), path.split('/').nth(fit)) {
        (Some(wanted), Some(is)) => format!("{is:?} is not {wanted:?}"),
        (Some(wanted), None) => format!("the path ends before {wanted:?}"),
        (None, Some(more)) => format!("the path goes on with {more:?}"),
        (None, None) => "has another path".to_owned(),
    }
}
