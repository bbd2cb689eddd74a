//! What surrounds a service: its admin listener and how it is asked to end.

#[cfg(feature = "http-server")]
mod admin;
#[cfg(all(unix, feature = "http-server", feature = "testing"))]
mod drain_of_both;
#[cfg(unix)]
mod signals;
#[cfg(all(feature = "http-server", feature = "testing"))]
mod with_http;
