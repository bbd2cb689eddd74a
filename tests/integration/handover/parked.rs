//! Owners that are killed while keys of theirs are parked.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use harness::{Log, Raw, Stage, Topic, Worker, Written, eventually};

use super::{PARTITIONS, PROGRAM, lines};

/// Keys that are parked, one in each partition.
const KEYS: [&str; PARTITIONS as usize] = ["a", "b", "c", "d"];

/// Writes a work to the partition of its key, which is the first part of its name.
async fn send(log: &Log, stage: &Stage, key: &str, work: &str) -> Result<()> {
    let partition = KEYS.iter().position(|it| *it == key).unwrap_or_default();
    let raw = Raw::post("/work", work)
        .key(key)
        .on(i32::try_from(partition)?);
    log.write(&stage.requests(), raw).await?;
    Ok(())
}

/// What is parked now: what each request's last record says.
fn standing(written: &[Written]) -> usize {
    let mut last = BTreeMap::new();
    for record in written {
        last.insert((record.partition, record.key.clone()), record.is_null);
    }
    let owner: &[u8] = b"owner";
    let stands = |((_, key), is_null): (&(i32, Option<Vec<u8>>), &bool)| {
        !is_null && key.as_deref() != Some(owner)
    };
    last.iter().filter(|entry| stands(*entry)).count()
}

/// Works of this key that an instance has done, in order.
fn done(written: &[Written], instance: &str, key: &str) -> Vec<String> {
    let all = lines(written, &format!("done {instance} "));
    let of_key = |work: &String| work.rsplit_once('-').is_some_and(|(_, of)| of == key);
    all.into_iter().filter(of_key).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parked_keys_are_drained_in_order_by_the_next_when_their_owner_is_killed() -> Result<()> {
    let stage = Stage::new("parked");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let effects = effects.name();
    let log = Log::of(stage.bootstrap())?;
    let parked = format!("{}.parked", stage.name());
    let committed = async || -> Result<bool> {
        let committed = log.committed(stage.name(), &stage.requests()).await?;
        Ok(committed == log.ends(&stage.requests()).await?)
    };

    let first = Worker::parking(PROGRAM, &stage, effects, "first").await?;
    for key in KEYS {
        for work in ["flaky-1", "two", "three"] {
            send(&log, &stage, key, &format!("{work}-{key}")).await?;
        }
        // Another key of the same partition is nobody's follower.
        let partition = KEYS.iter().position(|it| *it == key).unwrap_or_default();
        let raw = Raw::post("/work", format!("beside-{key}"));
        let raw = raw
            .key(format!("other {key}"))
            .on(i32::try_from(partition)?);
        log.write(&stage.requests(), raw).await?;
    }
    log.read(&parked, |written| standing(written) == 3 * KEYS.len())
        .await?;
    eventually("what is parked holds no offset", &committed).await?;
    first.kill().await?;
    let seen = log.all(effects).await?;
    for key in KEYS {
        assert_eq!(done(&seen, "first", key), [format!("beside-{key}")]);
        // Nobody is there: the next owner finds both, and has to know which is first.
        for work in ["flaky-4", "five"] {
            send(&log, &stage, key, &format!("{work}-{key}")).await?;
        }
    }

    // The second is killed while it drains the keys.
    let second = Worker::parking(PROGRAM, &stage, effects, "second").await?;
    log.read(effects, |written| {
        let begun = lines(written, "begun second ");
        begun.iter().any(|work| work.starts_with("flaky-4"))
    })
    .await?;
    second.kill().await?;
    for key in KEYS {
        send(&log, &stage, key, &format!("six-{key}")).await?;
    }

    let third = Worker::parking(PROGRAM, &stage, effects, "third").await?;
    log.read(effects, |written| {
        let works = lines(written, "done third ");
        works.iter().filter(|work| work.starts_with("six")).count() == KEYS.len()
    })
    .await?;
    eventually("nothing is parked any more", async || {
        Ok(standing(&log.all(&parked).await?) == 0 && committed().await?)
    })
    .await?;
    assert_eq!(third.terminate().await?.code(), Some(0));

    let written = log.all(effects).await?;
    for key in KEYS {
        let works = ["flaky-1", "two", "three", "flaky-4", "five", "six"];
        let works = works.map(|work| format!("{work}-{key}"));
        let mut next = 0;
        for instance in ["second", "third"] {
            // Each goes on where the one before was, or repeats what that could not settle.
            let done = done(&written, instance, key);
            let Some(first) = done.first() else { continue };
            let begins = works.iter().position(|work| work == first);
            let begins = begins.unwrap_or(works.len());
            ensure!(
                begins <= next,
                "{instance} began {key} with {done:?} after {next}"
            );
            ensure!(
                works[begins..].starts_with(&done),
                "{instance} did {done:?}"
            );
            next = next.max(begins + done.len());
        }
        ensure!(next == works.len(), "{key} was done up to {next}");
        let beside = lines(&written, "done ");
        let beside = beside
            .iter()
            .filter(|line| line.ends_with(&format!("beside-{key}")));
        assert_eq!(beside.count(), 1, "a key that never failed was touched");
    }
    let letters = log.ends(&stage.dead_letters()).await?;
    assert_eq!(letters.iter().sum::<i64>(), 0);
    Ok(())
}
