//! `cargo demo migrate`: a route moves from a legacy server to its service, and back.
//!
//! The service differs from the legacy server in one field, on purpose. Shadowing finds
//! it and the route does not go on; after the mend it goes on by itself; a planted fault
//! takes it back by itself; and somebody moves it on again by hand. Clients ask all the
//! while, through two gateways.

mod clients;
mod gateways;
mod orders;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anstream::println;
use anyhow::{Context, Result, bail};
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::service::Service;
use ipc_core::transport::kafka::KafkaTransport;
use ipc_http_shim::migration::record::Command;
use ipc_http_shim::migration::{Migrations, RouteView, Stage};
use tokio::time::{Instant, interval, timeout};

use clients::Clients;
use gateways::Gateways;
use orders::{Behaviour, Orders};

/// What the route is called in the gateways' file.
const ROUTE: &str = "orders";
/// Far beyond what a chapter takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells the story, and whether it went as it should.
pub(crate) async fn run() -> Result<ExitCode> {
    let begun = Instant::now();
    let kafka = EmbeddedBroker::start().await?.config();
    let orders = Orders::default();
    let service = Service::builder("orders")
        .kafka(kafka.clone())
        .create_topics(3)
        .serve(orders.service())
        .start()
        .await?;
    let gateways = Gateways::start(&orders, &kafka).await?;
    let transport = Arc::new(KafkaTransport::connect(kafka).await?);
    let story = Story {
        migrations: Migrations::open(transport, "shim").await?,
        begun,
    };
    let clients = Clients::start(gateways.addresses());
    story.say(&format!(
        "a legacy server, the orders service on Kafka, and two gateways before both\n\
         see it: http://{}/admin/migration.html",
        gateways.admin()
    ));
    let told = story.tell(&orders, &gateways, &clients).await;

    let summary = clients.stop().await;
    gateways.stop().await;
    service.stop().await;
    told?;
    story.say(&format!(
        "{} requests were answered; {} of them failed, while the fault was planted; {} were \
         not as they should be",
        summary.asked,
        summary.failed,
        summary.wrong.len()
    ));
    if !summary.wrong.is_empty() {
        bail!("wrong answers:\n{}", summary.wrong.join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

struct Story {
    migrations: Migrations,
    begun: Instant,
}

impl Story {
    async fn tell(&self, orders: &Orders, gateways: &Gateways, clients: &Clients) -> Result<()> {
        self.say("1. shadow: the legacy server answers, a copy of each request goes over Kafka");
        let view = self
            .until("answers differ", |view| view.counts.differ() >= 5)
            .await?;
        let (differ, compared) = (view.counts.differ(), view.counts.compared);
        self.say(&format!(
            "   {differ} of {compared} answers differ, and the route does not go on"
        ));
        self.say(&format!("   where: {}", gateways.a_difference().await?));
        if let Some(position) = view.position {
            bail!("it moved in spite of the differences: {position:?}");
        }

        orders.behave(Behaviour::Right);
        self.say("2. the service is mended: the route goes on by itself");
        for stage in [Stage::Percent(10), Stage::Percent(50), Stage::Kafka] {
            let view = self.until_at(stage).await?;
            self.say(&format!("   {stage}: {}", why(&view)));
        }

        clients.expect_failures(true);
        orders.behave(Behaviour::Failing);
        self.say("3. a fault is planted: the service answers 500");
        let view = self.until_at(Stage::Shadow).await?;
        self.say(&format!("   back to shadow by itself: {}", why(&view)));
        orders.behave(Behaviour::Right);
        clients.settle().await;
        clients.expect_failures(false);

        self.say("4. mended again, and moved by hand: ipc migrate promote orders --to kafka");
        let command = Command::Promote(Some(Stage::Kafka));
        self.migrations.command(ROUTE, command, "the demo").await?;
        let view = self.until_at(Stage::Kafka).await?;
        self.say(&format!("   kafka: {}", why(&view)));
        self.until("requests are answered there", |view| {
            view.counts.kafka >= 50
        })
        .await?;
        Ok(())
    }

    async fn until_at(&self, stage: Stage) -> Result<RouteView> {
        let at = |view: &RouteView| view.position.as_ref().map(|position| position.stage);
        self.until(&format!("it is at {stage}"), |view| at(view) == Some(stage))
            .await
    }

    /// Looks until the route is as expected.
    async fn until(&self, what: &str, expected: impl Fn(&RouteView) -> bool) -> Result<RouteView> {
        let looking = async {
            let mut turns = interval(Duration::from_millis(500));
            loop {
                turns.tick().await;
                let routes = self.migrations.routes().await?.into_iter();
                let mut found = routes.filter(|view| view.name == ROUTE && expected(view));
                if let Some(view) = found.next() {
                    return Ok(view);
                }
            }
        };
        timeout(PATIENCE, looking)
            .await
            .with_context(|| format!("it never came about that {what}"))?
    }

    fn say(&self, text: &str) {
        let at = self.begun.elapsed().as_secs_f64();
        for line in text.lines() {
            println!("{at:5.1} s  {line}");
        }
    }
}

fn why(view: &RouteView) -> &str {
    view.position.as_ref().map_or("", |position| &position.why)
}
