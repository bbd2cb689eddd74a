//! What a service learns of its server before it starts.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::{PrivateRedis, within};
use ipc_core::store::{DedupStore as _, Needs, RedisStore};
use tokio::net::TcpListener;

use super::patient;

async fn faults(store: RedisStore) -> Result<Vec<String>> {
    let needs = Needs::new("orders", Duration::from_secs(60), Duration::from_secs(10));
    let checked = within("the check", store.check(&needs)).await?;
    Ok(checked.err().unwrap_or_default())
}

/// The fault that there must be, and no other.
async fn fault(store: RedisStore) -> Result<String> {
    let mut faults = faults(store).await?;
    ensure!(faults.len() == 1, "{faults:?}");
    Ok(faults.remove(0))
}

#[tokio::test]
async fn a_server_that_keeps_its_keys_is_taken() -> Result<()> {
    assert_eq!(faults(patient(&harness::redis())).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_throws_keys_away_is_refused_with_the_mend() -> Result<()> {
    let redis = PrivateRedis::start(&["--maxmemory-policy", "allkeys-lru"]).await?;
    let fault = fault(patient(&redis.url())).await?;
    let address = redis.address().to_string();
    for part in [
        &*address,
        "allkeys-lru",
        "CONFIG SET maxmemory-policy noeviction",
    ] {
        assert!(fault.contains(part), "{part} is not in: {fault}");
    }
    redis
        .command("CONFIG SET maxmemory-policy noeviction")
        .await?;
    assert_eq!(faults(patient(&redis.url())).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_has_no_memory_left_is_refused() -> Result<()> {
    let redis = PrivateRedis::start(&["--maxmemory", "1"]).await?;
    let fault = fault(patient(&redis.url())).await?;
    assert!(fault.contains("maxmemory"), "{fault}");
    Ok(())
}

#[tokio::test]
async fn an_address_where_nobody_is_is_named_without_its_password() -> Result<()> {
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let url = format!("redis://somebody:secret@127.0.0.1:{port}/2");
    let fault = fault(patient(&url)).await?;
    assert!(fault.contains(&format!("127.0.0.1:{port}")), "{fault}");
    assert!(!fault.contains("secret"), "{fault}");
    assert!(!fault.contains("somebody"), "{fault}");
    Ok(())
}

#[tokio::test]
async fn an_address_that_takes_connections_and_says_nothing_is_given_up() -> Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let address = silent.local_addr()?;
    let store = RedisStore::new(&format!("redis://{address}"));
    let fault = fault(store.answer_within(Duration::from_millis(300))).await?;
    assert!(fault.contains(&address.to_string()), "{fault}");
    assert!(fault.contains("does not answer within"), "{fault}");
    Ok(())
}

#[tokio::test]
async fn a_user_needs_no_more_than_what_the_store_says() -> Result<()> {
    let redis = PrivateRedis::start(&[]).await?;
    let user = |rights: &str| format!("ACL SETUSER orders on >secret resetkeys -@all {rights}");
    let url = format!("redis://orders:secret@{}", redis.address());
    redis.command(&user("~ipc:dedup:* +info")).await?;
    let lacking = fault(patient(&url)).await?;
    assert!(lacking.contains("(NOPERM)"), "{lacking}");
    assert!(!lacking.contains("secret"), "{lacking}");

    let (_, named) = lacking
        .split_once("chose) and ")
        .with_context(|| format!("no commands are named: {lacking}"))?;
    let commands = named.trim_end_matches(" (NOPERM)");
    redis
        .command(&user(&format!("~ipc:dedup:* {commands}")))
        .await?;
    assert_eq!(faults(patient(&url)).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown_until_it_is_the_right_one() -> Result<()> {
    let redis = PrivateRedis::start(&[]).await?;
    redis
        .command("ACL SETUSER orders on >right ~* +@all")
        .await?;
    let url = format!("redis://orders:wrong@{}", redis.address());
    let store = patient(&url);
    let fault = fault(store.clone()).await?;
    assert!(
        fault.contains("refuses the user or the password"),
        "{fault}"
    );
    assert!(!fault.contains("wrong"), "{fault}");
    redis.command("ACL SETUSER orders >wrong").await?;
    assert_eq!(faults(store).await?, [""; 0]);
    Ok(())
}
