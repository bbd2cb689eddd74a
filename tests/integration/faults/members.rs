//! A group that never comes to rest.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context as _, Result};
use harness::{Log, Stage, Topic, Worker, within};
use ipc_core::service::Service;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{Chronicle, Load, instance};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");
/// One second each.
const CHANGES: u32 = 60;

/// Instances in this process, which leave in order, and in others, of which some are killed.
struct Members {
    stage: Stage,
    chronicle: Chronicle,
    /// Where the instances in other processes write down what they do.
    effects: String,
    last: u32,
    joining: JoinSet<Result<Member>>,
    joined: VecDeque<Member>,
    leaving: JoinSet<Result<()>>,
}

enum Member {
    Here(Service),
    Elsewhere(Worker),
    Doomed(Worker),
}

impl Member {
    async fn leave(self) -> Result<()> {
        match self {
            Self::Here(service) => service.stop().await,
            Self::Elsewhere(worker) => drop(worker.terminate().await?),
            Self::Doomed(worker) => worker.kill().await?,
        }
        Ok(())
    }
}

impl Members {
    /// One more begins to join.
    fn join(&mut self) {
        self.last += 1;
        let (number, stage) = (self.last, self.stage.clone());
        let (chronicle, effects) = (self.chronicle.clone(), self.effects.clone());
        self.joining.spawn(async move {
            if number % 3 == 1 {
                return Ok(Member::Here(instance(&stage, &chronicle, number).await?));
            }
            let name = number.to_string();
            let worker = Worker::start(PROGRAM, &stage, &effects, &name, false).await?;
            Ok(match number % 3 {
                0 => Member::Elsewhere(worker),
                _ => Member::Doomed(worker),
            })
        });
    }

    /// Somebody joins, or the one that has been there for the longest leaves.
    fn change(&mut self) -> Result<()> {
        while let Some(joined) = self.joining.try_join_next() {
            self.joined.push_back(joined??);
        }
        while let Some(left) = self.leaving.try_join_next() {
            left??;
        }
        match self.joined.len() {
            3.. => {
                let oldest = self.joined.pop_front().context("nobody is there")?;
                self.leaving.spawn(oldest.leave());
            }
            _ => self.join(),
        }
        Ok(())
    }

    /// Everybody leaves.
    async fn end(mut self) -> Result<()> {
        while let Some(joined) = within("a member that joins", self.joining.join_next()).await? {
            self.joined.push_back(joined??);
        }
        for member in self.joined.drain(..) {
            self.leaving.spawn(member.leave());
        }
        while let Some(left) = within("a member that leaves", self.leaving.join_next()).await? {
            left??;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_hold_while_a_member_joins_or_leaves_every_second_for_a_minute() -> Result<()> {
    let stage = Stage::new("rebalances");
    let chronicle = Chronicle::begin();
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let first = instance(&stage, &chronicle, 0).await?;
    let client = stage.client().await?;
    let load = Load::start(&stage, &client, &chronicle);
    chronicle.goes_on(Load::CALLERS).await?;
    let mut members = Members {
        stage: stage.clone(),
        chronicle: chronicle.clone(),
        effects: effects.name().to_owned(),
        last: 0,
        joining: JoinSet::new(),
        joined: [Member::Here(first)].into(),
        leaving: JoinSet::new(),
    };
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..CHANGES {
        seconds.tick().await;
        members.change()?;
    }
    let last = instance(&stage, &chronicle, members.last + 1).await?;
    members.end().await?;
    // by the last one alone
    chronicle.goes_on(Load::CALLERS).await?;
    load.finish().await?;
    let log = Log::of(stage.bootstrap())?;
    chronicle.take_effects(&log, effects.name()).await?;
    chronicle.judge(&stage).await?;
    client.close().await;
    last.stop().await;
    Ok(())
}
