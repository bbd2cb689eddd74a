use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use ipc_core::store::{
    PostgresStore,
    postgres::sqlx::{
        self, AssertSqlSafe,
        postgres::{PgPool, PgPoolOptions},
    },
};
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use uuid::Uuid;
use xtask::postgres::Postgres;

/// Connections of a pool here: several tests share the database's.
const CONNECTIONS: u32 = 8;
/// Far beyond what opening one takes.
const ACQUIRE: Duration = Duration::from_secs(30);

/// A schema of one test's own in a Postgres, with an inbox, and with a table of effects in which the same effect
/// may stand any number of times.
#[derive(Clone, Debug)]
pub struct Database {
    url: String,
}

impl Database {
    /// A schema in the Postgres that all tests share.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub async fn create() -> Result<Self> {
        Self::at(&crate::postgres()).await
    }

    /// A schema in the Postgres at `url`.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub async fn at(url: &str) -> Result<Self> {
        let database = Self::empty(url).await?;
        let pool = database.pool().await?;
        PostgresStore::new(pool.clone()).migrate().await?;
        sqlx::query("CREATE TABLE effects (work text NOT NULL)")
            .execute(&pool)
            .await?;
        pool.close().await;
        Ok(database)
    }

    /// The same with nothing in it.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub async fn empty(url: &str) -> Result<Self> {
        let schema = format!("test_{}", Uuid::new_v4().simple());
        let pool = PgPoolOptions::new().max_connections(1).connect(url).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
            .execute(&pool)
            .await?;
        pool.close().await;
        let mark = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{mark}options[search_path]={schema}");
        Ok(Self { url })
    }

    /// Where it is, for clients whose first schema this shall be.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same, reached through a proxy at this port.
    ///
    /// # Errors
    ///
    /// When the address has no port.
    pub fn through(&self, port: u16) -> Result<Self> {
        let (user, place) = self.url.split_once('@').context("no user")?;
        let (_, path) = place.split_once('/').context("no database")?;
        let url = format!("{user}@127.0.0.1:{port}/{path}");
        Ok(Self { url })
    }

    /// Connections to it.
    ///
    /// # Errors
    ///
    /// When there are none to be had.
    pub async fn pool(&self) -> Result<PgPool> {
        self.pool_of(CONNECTIONS).await
    }

    /// At most so many connections to it.
    ///
    /// # Errors
    ///
    /// When there are none to be had.
    pub async fn pool_of(&self, most: u32) -> Result<PgPool> {
        let options = PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(ACQUIRE);
        Ok(options.connect(&self.url).await?)
    }

    /// An instance's store in it.
    ///
    /// # Errors
    ///
    /// When there are no connections.
    pub async fn store(&self) -> Result<PostgresStore> {
        Ok(PostgresStore::new(self.pool().await?))
    }

    /// How often each effect was committed.
    ///
    /// # Errors
    ///
    /// When the database does not say.
    pub async fn effects(&self) -> Result<BTreeMap<String, i64>> {
        let pool = self.pool().await?;
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT work, count(*) FROM effects GROUP BY work")
                .fetch_all(&pool)
                .await?;
        pool.close().await;
        Ok(rows.into_iter().collect())
    }

    /// Runs statements that nobody else does.
    ///
    /// # Errors
    ///
    /// When one fails.
    pub async fn run(&self, statements: &'static str) -> Result<()> {
        let pool = self.pool().await?;
        sqlx::raw_sql(statements).execute(&pool).await?;
        pool.close().await;
        Ok(())
    }
}

/// A Postgres of one test's own, which it may stop and have crash. It ends when this is dropped.
///
/// # Cancel safety
///
/// What a method has begun goes on in the background when its future is dropped; the next method waits for it.
#[derive(Debug)]
pub struct PrivatePostgres {
    url: String,
    postgres: Arc<Mutex<Postgres>>,
}

impl PrivatePostgres {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When none can be started here.
    pub async fn start() -> Result<Self> {
        let postgres = spawn_blocking(Postgres::start)
            .await
            .context("starting a postgres panicked")??;
        Ok(Self {
            url: postgres.url(),
            postgres: Arc::new(Mutex::new(postgres)),
        })
    }

    /// Where it is; the same when it is started again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has it end where it stands.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn crash(&self) -> Result<()> {
        self.with(Postgres::crash).await
    }

    /// Starts it again on its port and its data; it answers when this returns.
    ///
    /// # Errors
    ///
    /// When it is still running, or does not answer.
    pub async fn start_again(&self) -> Result<()> {
        self.with(Postgres::start_again).await
    }

    async fn with(&self, action: fn(&mut Postgres) -> Result<()>) -> Result<()> {
        let postgres = Arc::clone(&self.postgres);
        spawn_blocking(move || action(&mut postgres.lock()))
            .await
            .context("an action on the postgres panicked")?
    }
}
