//! Three brokers, with three replicas of everything: what holds while they are killed and held up.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Stage, ThreeBrokers, eventually};
use ipc_core::{client::Client, service::Service};
use tokio::time::sleep;

use super::{Chronicle, Load, instance};

/// A service of two instances on three brokers, and those who call it.
struct Scene {
    brokers: ThreeBrokers,
    stage: Stage,
    chronicle: Chronicle,
    services: Vec<Service>,
    client: Client,
    load: Load,
}

impl Scene {
    /// Returns when everybody is served.
    async fn set(purpose: &str) -> Result<Self> {
        let brokers = ThreeBrokers::start().await?;
        let stage = Stage::on(brokers.bootstrap(), purpose);
        let chronicle = Chronicle::begin();
        let mut services = Vec::new();
        for number in 1..=2 {
            services.push(instance(&stage, &chronicle, number).await?);
        }
        let client = stage.client().await?;
        for topic in [stage.requests(), stage.replies(), stage.control()] {
            brokers.in_sync(&topic).await?;
        }
        let load = Load::start(&stage, &client, &chronicle);
        let scene = Self {
            brokers,
            stage,
            chronicle,
            services,
            client,
            load,
        };
        scene.everybody_is_served().await?;
        Ok(scene)
    }

    async fn everybody_is_served(&self) -> Result<()> {
        self.chronicle.goes_on(Load::CALLERS).await
    }

    /// Mends the brokers, waits until everybody is served, ends the load, and asks what must hold.
    async fn judge(mut self) -> Result<()> {
        self.brokers.mend().await?;
        self.everybody_is_served().await?;
        self.load.finish().await?;
        self.chronicle.judge(&self.stage).await?;
        self.client.close().await;
        for service in self.services {
            service.stop().await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_hold_when_the_leader_of_a_partition_is_killed() -> Result<()> {
    let mut scene = Scene::set("killed-leader").await?;
    let leader = scene.brokers.leader(&scene.stage.requests(), 0).await?;
    scene.brokers.kill(leader).await?;
    // by the two that are left
    scene.everybody_is_served().await?;
    scene.judge().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_hold_when_the_leader_of_a_partition_stands_still_for_20_seconds() -> Result<()> {
    let mut scene = Scene::set("held-up-leader").await?;
    let requests = scene.stage.requests();
    let leader = scene.brokers.leader(&requests, 0).await?;
    scene.brokers.suspend(leader).await?;
    sleep(Duration::from_secs(20)).await;
    ensure!(
        scene.brokers.leader(&requests, 0).await? != leader,
        "broker {leader} still leads"
    );
    scene.everybody_is_served().await?;
    scene.judge().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_hold_when_the_coordinator_of_the_group_is_killed() -> Result<()> {
    let mut scene = Scene::set("killed-coordinator").await?;
    let coordinator = scene.brokers.coordinator(scene.stage.name()).await?;
    scene.brokers.kill(coordinator).await?;
    eventually("another coordinates", async || {
        Ok(scene.brokers.coordinator(scene.stage.name()).await? != coordinator)
    })
    .await?;
    scene.everybody_is_served().await?;
    scene.judge().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_hold_when_a_follower_and_then_the_active_controller_are_killed() -> Result<()> {
    let mut scene = Scene::set("killed-controller").await?;
    let requests = scene.stage.requests();
    let follower = scene.brokers.follower(&requests, 0).await?;
    scene.brokers.kill(follower).await?;
    scene.everybody_is_served().await?;
    scene.brokers.mend().await?;
    for topic in [requests, scene.stage.replies()] {
        scene.brokers.in_sync(&topic).await?;
    }

    let controller = scene.brokers.controller().await?;
    scene.brokers.kill(controller).await?;
    eventually("another controls", async || {
        Ok(scene.brokers.controller().await? != controller)
    })
    .await?;
    scene.everybody_is_served().await?;
    scene.judge().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_hold_when_too_few_brokers_are_left_to_take_a_record() -> Result<()> {
    let mut scene = Scene::set("too-few").await?;
    let leader = scene.brokers.leader(&scene.stage.requests(), 0).await?;
    let (killed, suspended) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    scene.brokers.kill(killed).await?;
    scene.brokers.suspend(suspended).await?;
    // What is asked of the last one cannot be kept by a second, and is not acknowledged.
    scene.chronicle.fails(Load::CALLERS as usize).await?;
    scene.judge().await
}
