//! A worker: stands beside an HTTP process in any language and makes it a service on
//! Kafka.
//!
//! It takes requests from the service's topic and asks the process for each over HTTP;
//! the answers are the replies. Lanes, deadlines, retries, dead letters and the drain are
//! those of every service, and the process knows of none of it.
//!
//! ```no_run
//! use ipc_core::service::{HttpService, Service, shutdown_signal};
//! use ipc_core::transport::kafka::KafkaConfig;
//! use ipc_http_shim::config::LegacyOrigin;
//! use ipc_http_shim::worker::Process;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let origin = LegacyOrigin::parse("http://127.0.0.1:3000").ok_or("no origin")?;
//! Service::builder("orders")
//!     .kafka(KafkaConfig::from_env()?)
//!     .serve(HttpService(Process::at(&origin)))
//!     .with_graceful_shutdown(shutdown_signal())
//!     .await?;
//! # Ok(())
//! # }
//! ```

mod process;
mod told;

pub use process::Process;
