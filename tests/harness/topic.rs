use std::{fmt, sync::Arc};

use anyhow::{Context, Result, anyhow};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::{eventually, log::ANSWER};

/// A topic that no other test uses, nor an earlier run of the same test.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Topic(String);

impl Topic {
    /// A name that nothing has yet; `purpose` makes it readable. The topic is not created.
    #[must_use]
    pub fn unused(purpose: &str) -> Self {
        Self(format!("{purpose}.{}", Uuid::new_v4().simple()))
    }

    /// Creates a topic, with one replica of each of its partitions, and waits until it can be seen.
    ///
    /// # Errors
    ///
    /// When the broker at `bootstrap` refuses, or does not answer.
    ///
    /// # Cancel safety
    ///
    /// The topic may exist afterwards.
    pub async fn create(bootstrap: &str, purpose: &str, partitions: i32) -> Result<Self> {
        let topic = Self::unused(purpose);
        Self::make(bootstrap, topic.name(), partitions).await?;
        Ok(topic)
    }

    /// The same under a name that is given, for instance one that was deleted.
    ///
    /// # Errors
    ///
    /// When the broker at `bootstrap` refuses, or does not answer.
    ///
    /// # Cancel safety
    ///
    /// The topic may exist afterwards.
    pub async fn make(bootstrap: &str, name: &str, partitions: i32) -> Result<()> {
        let new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let made = admin(bootstrap)?
            .create_topics(&[new], &AdminOptions::new())
            .await?;
        for result in made {
            result.map_err(|(name, code)| anyhow!("topic {name} not created: {code}"))?;
        }
        appeared(bootstrap, name, usize::try_from(partitions)?).await
    }

    /// Deletes a topic, whoever made it, with all its records.
    ///
    /// # Errors
    ///
    /// When the broker at `bootstrap` refuses, or does not answer.
    ///
    /// # Cancel safety
    ///
    /// The topic may be deleted all the same.
    pub async fn delete(bootstrap: &str, name: &str) -> Result<()> {
        let deleted = admin(bootstrap)?
            .delete_topics(&[name], &AdminOptions::new())
            .await?;
        for result in deleted {
            result.map_err(|(name, code)| anyhow!("topic {name} not deleted: {code}"))?;
        }
        Ok(())
    }

    /// Gives the topic `name` more partitions, `partitions` in all.
    ///
    /// # Errors
    ///
    /// When the broker at `bootstrap` refuses, or does not answer.
    ///
    /// # Cancel safety
    ///
    /// The topic may have grown afterwards.
    pub async fn grow(bootstrap: &str, name: &str, partitions: usize) -> Result<()> {
        let more = NewPartitions::new(name, partitions);
        let grown = admin(bootstrap)?
            .create_partitions(&[more], &AdminOptions::new())
            .await?;
        for result in grown {
            result.map_err(|(name, code)| anyhow!("topic {name} not grown: {code}"))?;
        }
        appeared(bootstrap, name, partitions).await
    }

    /// The topic's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Waits until a broker tells of so many partitions of a topic, each with a leader: the controller, which makes
/// them, has its answer before the brokers have heard of them.
async fn appeared(bootstrap: &str, name: &str, partitions: usize) -> Result<()> {
    let admin = Arc::new(admin(bootstrap)?);
    eventually(&format!("topic {name} can be seen"), async || {
        let (admin, topic) = (Arc::clone(&admin), name.to_owned());
        let asking = spawn_blocking(move || admin.inner().fetch_metadata(Some(&topic), ANSWER));
        let metadata = asking.await.context("asking the broker panicked")??;
        let topic = metadata.topics().first().context("no such topic")?;
        let led = topic.partitions().iter().filter(|it| it.leader() >= 0);
        Ok(led.count() == partitions)
    })
    .await
}

fn admin(bootstrap: &str) -> Result<AdminClient<DefaultClientContext>> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .context("no admin client")
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
