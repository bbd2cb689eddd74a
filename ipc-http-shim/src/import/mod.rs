//! Routes from the description of an HTTP API.
//!
//! Only paths, methods and a little about each are read, by hand, so that OpenAPI
//! 3.0, 3.1 and what comes after them are one, and mistakes have their places.

mod operation;
mod page;
mod path;
mod reference;

use toml::de::{DeTable, DeValue};

use crate::config::Mistakes;
use crate::config::document::Document;
use crate::config::mistake::{Place, Report};
use crate::config::section::{kind, text_of};
use crate::config::value::{FromText as _, Name};

use operation::Operation;
use page::Page;
use path::Paths;
use reference::followed;

/// Where the routes go that are written.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Towards {
    /// To this service, over Kafka.
    Service(String),
    /// To the server that the description names: nothing has moved yet.
    Legacy,
}

/// The methods an OpenAPI document can describe, in the order they are written.
const METHODS: &[&str] = &[
    "get", "head", "post", "put", "patch", "delete", "options", "trace",
];

/// The routes that an OpenAPI 3 document describes, as a configuration file in TOML.
/// Comments say what could not be carried over. `text` is the contents of `file`,
/// JSON or YAML.
///
/// # Errors
///
/// Every place that cannot be read.
pub fn import(file: &str, text: &str, towards: &Towards) -> Result<String, Mistakes> {
    let mut report = Report::on(text);
    let document = Document::parse(file, text);
    document.report_unreadable(&mut report);
    let root = document.root.get_ref();
    check_version(root, &mut report);
    check_service(towards, &mut report);
    let mut page = Page::default();
    page.head(root, towards);
    let prefix = page.server(root, towards);
    let mut paths = Paths::under(&prefix);
    match root.get("paths").map(|paths| (paths, paths.get_ref())) {
        Some((_, DeValue::Table(described))) => {
            for (path, item) in described.iter() {
                let path: &str = path.get_ref();
                let DeValue::Table(item) = item.get_ref() else {
                    report.add(
                        report.place(&item.span()),
                        format!("path {path:?} is {}", kind(item.get_ref())),
                        "write its methods there",
                    );
                    continue;
                };
                let Some(item) = followed(root, item) else {
                    page.skip(path, "what its $ref names is not in this document");
                    continue;
                };
                let operations = operations(root, item);
                import_path(&mut page, &mut paths, path, operations, towards);
            }
        }
        Some((paths, other)) => report.add(
            report.place(&paths.span()),
            format!("paths is {}", kind(other)),
            "write a table of paths",
        ),
        None => report.add(
            Place::File,
            "there are no paths",
            "name an OpenAPI document that describes some",
        ),
    }
    for (key, what) in [
        (
            "webhooks",
            "webhooks are calls of the service, and no routes",
        ),
        (
            "security",
            "security of the whole API is left to the service",
        ),
    ] {
        if root.contains_key(key) {
            page.tail(&format!("not carried over: {what}"));
        }
    }
    report.finish(file, page.finish())
}

fn check_service(towards: &Towards, report: &mut Report<'_>) {
    if let Towards::Service(service) = towards
        && Name::from_text(service).is_none()
    {
        let place = Place::Override("--service".to_owned());
        let what = format!("service {service:?} is not {}", Name::EXPECTED);
        report.add(place, what, Name::MEND);
    }
}

fn check_version(root: &DeTable<'_>, report: &mut Report<'_>) {
    let version = root.get("openapi");
    let text = version.and_then(|version| text_of(version.get_ref()));
    if text.is_some_and(|text| text.starts_with("3.")) {
        return;
    }
    let (place, what) = match (version, root.get("swagger")) {
        (Some(version), _) => (
            report.place(&version.span()),
            "this version of OpenAPI is not 3",
        ),
        (None, Some(swagger)) => (
            report.place(&swagger.span()),
            "this is Swagger, before OpenAPI 3",
        ),
        (None, None) => (Place::File, "this is no OpenAPI document"),
    };
    report.add(place, what, "convert it to OpenAPI 3 first");
}

/// What a path's description has for each method.
fn operations<'d>(
    root: &'d DeTable<'d>,
    item: &'d DeTable<'d>,
) -> impl Iterator<Item = Operation> + use<'d> {
    METHODS.iter().filter_map(move |method| {
        let operation = item.get(*method)?.get_ref().as_table()?;
        Some(Operation::read(method, operation, item, root))
    })
}

fn import_path(
    page: &mut Page,
    paths: &mut Paths,
    path: &str,
    operations: impl Iterator<Item = Operation>,
    towards: &Towards,
) {
    match paths.carry(path) {
        Ok(carried) => {
            operations.for_each(|operation| page.route(&carried, &operation, towards));
        }
        Err(why) => page.skip(path, why),
    }
}
