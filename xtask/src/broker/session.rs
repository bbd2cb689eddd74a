use std::{collections::HashMap, env};

use anyhow::{Context, Result};
use testcontainers_modules::testcontainers::{
    bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
    core::client::docker_client_instance,
};

const LABEL: &str = "ipc.session";

/// One run of tests, whose processes may be killed before they have removed the containers of their brokers.
///
/// Native brokers need none of this: they end with the process that started them.
#[derive(Debug)]
pub struct Session(String);

impl Session {
    /// The environment variable that tells processes their session.
    pub const VARIABLE: &str = "IPC_TEST_SESSION";

    /// A new session.
    #[must_use]
    pub fn begin() -> Self {
        Self(format!("{:016x}", fastrand::u64(..)))
    }

    /// The value for [`Session::VARIABLE`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0
    }

    /// Removes what containers the session's processes have left.
    ///
    /// # Errors
    ///
    /// When Docker does not answer, or cannot remove one.
    pub fn end(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let docker = docker_client_instance().await?;
            let of_this_session = HashMap::from([("label", vec![format!("{LABEL}={}", self.0)])]);
            let list = ListContainersOptionsBuilder::new()
                .all(true)
                .filters(&of_this_session)
                .build();
            for container in docker.list_containers(Some(list)).await? {
                let id = container
                    .id
                    .context("docker lists a container without an id")?;
                let remove = RemoveContainerOptionsBuilder::new()
                    .force(true)
                    .v(true)
                    .build();
                docker.remove_container(&id, Some(remove)).await?;
            }
            Ok(())
        })
    }
}

/// The label that a container of this process gets, if the process is part of a session.
pub(super) fn label() -> Option<(&'static str, String)> {
    env::var(Session::VARIABLE).ok().map(|id| (LABEL, id))
}
