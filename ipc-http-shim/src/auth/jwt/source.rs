//! Where an issuer shows its keys.

use std::error::Error as StdError;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::config::{self, KeySource};
use crate::tls::{ClientFiles, ClientTls, TlsError};

/// How long an issuer may take to show its keys.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of the longest document that is read.
const LONGEST: usize = 256 * 1024;

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Where keys are fetched from.
pub(super) enum Source {
    File(PathBuf),
    Url {
        url: Uri,
        client: Box<HttpClient>,
    },
    /// It can never be asked; why.
    Broken(String),
}

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0}")]
    Broken(String),
    #[error("{path} cannot be read: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{url} cannot be asked: {why}")]
    Url { url: Uri, why: String },
    #[error("{url} answers {status}: redirects are not followed")]
    Status { url: Uri, status: StatusCode },
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
}

impl Source {
    pub(super) fn new(rules: &config::Issuer) -> Self {
        match &rules.jwks {
            KeySource::File(path) => Self::File(path.clone()),
            KeySource::Url(url) => match client(rules.ca.as_deref()) {
                Ok(client) => Self::Url {
                    url: url.clone(),
                    client: Box::new(client),
                },
                Err(error) => Self::Broken(error.to_string()),
            },
        }
    }

    /// The document as it is now.
    ///
    /// # Cancel safety
    ///
    /// Safe: it is only read.
    pub(super) async fn fetch(&self) -> Result<Bytes, FetchError> {
        match self {
            Self::Broken(why) => Err(FetchError::Broken(why.clone())),
            Self::File(path) => {
                let path = path.clone();
                let reading = tokio::task::spawn_blocking(move || read(path));
                let read = timeout(PATIENCE, reading).await;
                // It does not panic, and nobody aborts it.
                let read = read.map_err(|_| FetchError::TimedOut)?;
                read.unwrap_or(Err(FetchError::TimedOut))
            }
            Self::Url { url, client } => timeout(PATIENCE, get(client, url))
                .await
                .unwrap_or(Err(FetchError::TimedOut)),
        }
    }
}

fn read(path: PathBuf) -> Result<Bytes, FetchError> {
    let open = std::fs::File::open(&path);
    let mut document = Vec::new();
    let read = open.and_then(|file| file.take(LONGEST as u64).read_to_end(&mut document));
    match read {
        Ok(_) => Ok(document.into()),
        Err(source) => Err(FetchError::File { path, source }),
    }
}

async fn get(client: &HttpClient, url: &Uri) -> Result<Bytes, FetchError> {
    let failed = |why: String| FetchError::Url {
        url: url.clone(),
        why,
    };
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = url.clone();
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json);
    let answer = client.request(request).await;
    let answer = answer.map_err(|error| failed(chain(&error)))?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status {
            url: url.clone(),
            status: answer.status(),
        });
    }
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| failed(chain(&*error)))?;
    Ok(body.to_bytes())
}

/// A client that trusts the authorities in `ca`, or those that the system does.
fn client(ca: Option<&Path>) -> Result<HttpClient, TlsError> {
    let tls = ClientTls::read(ClientFiles {
        ca: ca.map(Path::to_owned),
        identity: None,
    })?;
    Ok(Client::builder(TokioExecutor::new())
        // Minutes lie between two requests.
        .pool_max_idle_per_host(0)
        .build(tls.connector()))
}

/// What went wrong, down to its cause.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
