use std::fmt;

use anyhow::{Context, Result, anyhow};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use uuid::Uuid;

/// A topic that no other test uses, nor an earlier run of the same test.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Topic(String);

impl Topic {
    /// A name that nothing has yet; `purpose` makes it readable. The topic is not created.
    #[must_use]
    pub fn unused(purpose: &str) -> Self {
        Self(format!("{purpose}.{}", Uuid::new_v4().simple()))
    }

    /// Creates a topic, with one replica of each of its partitions.
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
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .create()
            .context("no admin client")?;
        let new = NewTopic::new(topic.name(), partitions, TopicReplication::Fixed(1));
        let results = admin.create_topics(&[new], &AdminOptions::new()).await?;
        for result in results {
            result.map_err(|(name, code)| anyhow!("topic {name} not created: {code}"))?;
        }
        Ok(topic)
    }

    /// The topic's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
