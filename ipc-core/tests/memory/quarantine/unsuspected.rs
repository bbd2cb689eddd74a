//! Ends of an instance that say nothing against a record.

use std::time::Duration;

use super::{Act, COMMITS, Stage, poison_kills};
use crate::system::TestResult;

#[tokio::test(start_paused = true)]
async fn an_instance_that_ends_in_order_is_no_death() -> TestResult {
    for set_up in COMMITS {
        let mut stage = Stage::new(1).await?;
        stage.set_up = set_up;
        stage.send("lane", "hangs").await?;
        for _ in 0..5 {
            let mut life = stage.live(|_| Act::Hang).await?;
            assert_eq!(life.begins().await?, "hangs");
            // The drain bound passes.
            life.service.stop().await;
        }
        let mut life = stage.live(|_| Act::Finish).await?;
        assert_eq!(life.begins().await?, "hangs");
        life.service.stop().await;
        assert_eq!(stage.done(), ["hangs"]);
        assert_eq!(stage.suspected().as_deref(), Some("0"));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_given_away_in_order_is_no_death() -> TestResult {
    for set_up in COMMITS {
        let mut stage = Stage::new(2).await?;
        stage.set_up = set_up;
        let mut first = stage.live(|_| Act::Hang).await?;
        for key in ["a", "b", "c", "d"] {
            stage.send(key, "hangs").await?;
        }
        for _ in 0..4 {
            first.begins().await?;
        }
        let mut second = stage.live(|_| Act::Finish).await?;
        second.begins().await?;
        assert_eq!(stage.suspected().as_deref(), Some("0"));
        second.service.stop().await;
        first.service.stop().await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_death_after_progress_raises_no_suspicion() -> TestResult {
    for set_up in COMMITS {
        let mut stage = Stage::new(1).await?;
        stage.set_up = set_up;
        for round in 0..5 {
            stage.send("lane", "works").await?;
            let mut life = stage.live(poison_kills).await?;
            assert_eq!(life.begins().await?, "works");
            while stage.system.committed("orders", 0) != Some(round + 1) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            life.killed();
        }
        assert_eq!(stage.suspected().as_deref(), Some("0"));
    }
    Ok(())
}
