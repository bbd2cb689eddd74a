//! The configuration file that is written.

use http::Uri;
use toml::de::DeTable;
use toml_writer::ToTomlValue as _;

use super::Towards;
use super::operation::Operation;
use super::path::Carried;
use crate::config::section::text_of;
use crate::config::{LegacyOrigin, ServiceMode};

/// A configuration file under way.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    tail: Vec<String>,
}

impl Page {
    pub(super) fn head(&mut self, root: &DeTable<'_>, towards: &Towards) {
        let title = root.get("info").and_then(|info| info.get_ref().as_table());
        let title = title.and_then(|info| text_of(info.get("title")?.get_ref()));
        let title = title.unwrap_or_else(|| "an API".to_owned());
        let title: Vec<&str> = title.split_whitespace().collect();
        self.comment(&format!(
            "Routes of {}, from its OpenAPI document.",
            title.join(" ")
        ));
        self.comment("Parameters, bodies and answers are not checked by the gateway.");
        if let Towards::Service(_) = towards {
            self.comment("The cluster is named by KAFKA_BOOTSTRAP_SERVERS, or under [kafka].");
        }
    }

    /// Writes where the API is served now, as far as that can be said; the path that
    /// all of its paths stand below, without a slash at its end.
    pub(super) fn server(&mut self, root: &DeTable<'_>, towards: &Towards) -> String {
        let servers = root
            .get("servers")
            .and_then(|list| list.get_ref().as_array());
        let urls: Vec<String> = servers
            .into_iter()
            .flat_map(|servers| servers.iter())
            .filter_map(|server| text_of(server.get_ref().as_table()?.get("url")?.get_ref()))
            .collect();
        for url in urls.iter().skip(1) {
            self.comment(&format!(
                "not carried over: server {}, the first is taken",
                one_line(url)
            ));
        }
        let url = urls.first().map_or("", String::as_str);
        let (origin, path) = split(url);
        let path = path.trim_end_matches('/');
        let readable = !url.contains(['{', '}']) && (path.is_empty() || path.starts_with('/'));
        if !readable {
            self.comment(&format!(
                "not carried over: server {} has variables",
                one_line(url)
            ));
        }
        if *towards == Towards::Legacy {
            self.text.push('\n');
            match LegacyOrigin::parse(origin).filter(|_| readable) {
                Some(_) => self.line(&format!("legacy = {}", origin.to_toml_value())),
                None => {
                    self.comment(
                        "Where the API is served now: the document names no http://host:port.",
                    );
                    self.line("legacy = \"http://127.0.0.1:3000\"");
                }
            }
        }
        if readable {
            path.to_owned()
        } else {
            String::new()
        }
    }

    pub(super) fn route(&mut self, carried: &Carried, operation: &Operation, towards: &Towards) {
        self.text.push('\n');
        if !operation.title.is_empty() {
            self.comment(&operation.title);
        }
        if let Some(note) = &carried.note {
            self.comment(note);
        }
        for lost in &operation.lost {
            self.comment(&format!("not carried over: {lost}"));
        }
        self.line("[[routes]]");
        self.line(&format!("method = {}", operation.method.to_toml_value()));
        self.line(&format!("path = {}", carried.path.to_toml_value()));
        let Towards::Service(service) = towards else {
            return self.line("mode = \"legacy\"");
        };
        self.line(&format!("service = {}", service.to_toml_value()));
        match operation.mode {
            ServiceMode::Call => {}
            ServiceMode::OneWay => self.line("mode = \"one_way\""),
            ServiceMode::Accepted => self.line("mode = \"accepted\""),
            ServiceMode::Stream => self.line("mode = \"stream\""),
            // OpenAPI has no word for it.
            ServiceMode::WebSocket => {}
        }
        let is_safe = ["GET", "HEAD", "OPTIONS"].contains(&operation.method.as_str());
        if carried.params > 1 && !is_safe {
            self.comment("Several parameters: key = \"{name}\" keeps the order of one of them.");
        }
    }

    /// Says of a path that it has no route.
    pub(super) fn skip(&mut self, path: &str, why: &str) {
        self.text.push('\n');
        self.comment(&format!("not carried over: {}: {why}", one_line(path)));
    }

    /// Says something at the end.
    pub(super) fn tail(&mut self, comment: &str) {
        self.tail.push(comment.to_owned());
    }

    pub(super) fn finish(mut self) -> String {
        let tail = std::mem::take(&mut self.tail);
        if !tail.is_empty() {
            self.text.push('\n');
        }
        tail.iter().for_each(|comment| self.comment(comment));
        self.text
    }

    fn comment(&mut self, text: &str) {
        self.line(&format!("# {text}"));
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Origin and path of a URL, either of which may be missing.
fn split(url: &str) -> (&str, &str) {
    let path = match url.parse::<Uri>() {
        Ok(uri) if uri.scheme().is_some() => {
            let start = url.find("://").map_or(0, |at| at + 3);
            url[start..].find('/').map_or(url.len(), |at| start + at)
        }
        _ => 0,
    };
    url.split_at(path)
}

/// Text of a document as part of a comment.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}
