//! What the demo asks, and what it must be answered.

use std::net::SocketAddr;

use anyhow::Context;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value};

/// A request with its only right answer.
pub(crate) struct Exchange {
    /// What it shows.
    pub(crate) shows: &'static str,
    method: Method,
    path: &'static str,
    json: Option<&'static str>,
    status: StatusCode,
    body: Body,
}

/// What a response's body must be.
enum Body {
    Exactly(&'static str),
    /// `{ .. }`: the correlation id differs each time.
    Object,
}

const fn get(shows: &'static str, path: &'static str, body: &'static str) -> Exchange {
    Exchange {
        shows,
        method: Method::GET,
        path,
        json: None,
        status: StatusCode::OK,
        body: Body::Exactly(body),
    }
}

const fn post(
    shows: &'static str,
    (path, json): (&'static str, &'static str),
    status: StatusCode,
    body: Body,
) -> Exchange {
    Exchange {
        shows,
        method: Method::POST,
        path,
        json: Some(json),
        status,
        body,
    }
}

/// In an order in which each is answered at once: the stream ends with the audit.
pub(crate) const ALL: [Exchange; 6] = [
    post(
        "a call: the reply is the handler's",
        ("/orders/7/place", r#"{"item":"tea","count":2}"#),
        StatusCode::OK,
        Body::Exactly(r#"{"order":7,"text":"2 x tea"}"#),
    ),
    post(
        "a call that is refused: so is an error status",
        ("/orders/8/place", r#"{"item":"coffee","count":1}"#),
        StatusCode::CONFLICT,
        Body::Exactly(r#"{"item":"coffee"}"#),
    ),
    post(
        "a one-way: accepted once the log has it",
        ("/orders/7/audit", r#"{"by":"ann"}"#),
        StatusCode::ACCEPTED,
        Body::Object,
    ),
    get(
        "a stream: many replies to one request, the one-way among them",
        "/orders/7/events",
        concat!(
            "id: 1\ndata: {\"placed\":{\"item\":\"tea\",\"count\":2}}\n\n",
            "id: 2\ndata: {\"audited\":{\"by\":\"ann\"}}\n\n",
        ),
    ),
    get("an untouched axum route", "/hello/ann", "hello ann"),
    get(
        "a route that has not moved: the legacy server's",
        "/invoices/7",
        "invoice 7, from the old system\n",
    ),
];

impl Exchange {
    /// The request as a line for a shell.
    pub(crate) fn curl(&self, address: SocketAddr) -> String {
        let url = format!("http://{address}{}", self.path);
        match self.json {
            Some(json) => format!("curl -i {url} -H 'content-type: application/json' -d '{json}'"),
            None => format!("curl -iN {url}"),
        }
    }

    /// Asks, and answers with status and body, and whether they are right.
    pub(crate) async fn ask(&self, address: SocketAddr) -> anyhow::Result<(String, bool)> {
        let client: Client<_, String> = Client::builder(TokioExecutor::new()).build_http();
        let request = client.request(self.request(address)?);
        let response = request.await.context("no answer")?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let body = String::from_utf8_lossy(&body);
        let right = status == self.status && self.body.is(&body);
        Ok((format!("HTTP {status}\n{body}"), right))
    }

    fn request(&self, address: SocketAddr) -> http::Result<Request<String>> {
        let mut request = Request::builder()
            .method(&self.method)
            .uri(format!("http://{address}{}", self.path));
        if self.json.is_some() {
            request = request.header("content-type", "application/json");
        }
        request.body(self.json.unwrap_or_default().to_owned())
    }
}

impl Body {
    fn is(&self, body: &str) -> bool {
        match self {
            Self::Exactly(right) => body == *right,
            Self::Object => serde_json::from_str::<Map<String, Value>>(body).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// The request that curl makes of a line, which may use what it knows here only.
    fn made_by_curl(line: &str) -> anyhow::Result<Request<String>> {
        let words = shlex::split(line).context("a shell would not take it")?;
        let mut words = words.into_iter();
        anyhow::ensure!(words.next().as_deref() == Some("curl"), "{line}");
        let mut request = Request::builder();
        let mut data = None;
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} says nothing"));
            request = match &*word {
                "-i" | "-iN" => request,
                "-H" => {
                    let header = value()?;
                    let (name, value) = header.split_once(": ").context("no header")?;
                    request.header(name, value)
                }
                "-d" => {
                    data = Some(value()?);
                    request.method(Method::POST)
                }
                url if url.starts_with("http://") => request.uri(url),
                other => anyhow::bail!("curl is told {other}"),
            };
        }
        Ok(request.body(data.unwrap_or_default())?)
    }

    #[test]
    fn the_lines_to_paste_make_the_requests_that_are_checked() -> anyhow::Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        for exchange in &ALL {
            let line = exchange.curl(address);
            let (pasted, asked) = (made_by_curl(&line)?, exchange.request(address)?);
            assert_eq!(pasted.method(), asked.method(), "{line}");
            assert_eq!(pasted.uri(), asked.uri(), "{line}");
            assert_eq!(pasted.headers(), asked.headers(), "{line}");
            assert_eq!(pasted.body(), asked.body(), "{line}");
        }
        Ok(())
    }
}
