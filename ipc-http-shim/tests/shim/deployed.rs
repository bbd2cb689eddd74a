//! What is shipped to run the gateway: it fits the gateway that is built here.

use std::time::Duration;

use ipc_http_shim::config::{Overrides, load};
use saphyr::{LoadableYamlNode, Yaml};

use crate::support::{Fake, Running, text, within};

const MANIFEST: &str = include_str!("../../../deploy/kubernetes.yaml");
const DOCKERFILE: &str = include_str!("../../../deploy/Dockerfile");

fn documents() -> Vec<Yaml<'static>> {
    Yaml::load_from_str(MANIFEST).expect("it is YAML")
}

fn of_kind<'y>(documents: &'y [Yaml<'static>], kind: &str) -> &'y Yaml<'static> {
    let is_it = |document: &&Yaml<'static>| at(document, "kind").as_str() == Some(kind);
    let found = documents.iter().find(is_it);
    found.unwrap_or_else(|| panic!("there is no {kind}"))
}

/// What stands at the end of a path of keys and positions.
fn at<'y>(from: &'y Yaml<'static>, path: &str) -> &'y Yaml<'static> {
    path.split('/').fold(from, |node, key| {
        let next = match key.parse() {
            Ok(index) => node.as_sequence_get(index),
            Err(_) => node.as_mapping_get(key),
        };
        next.unwrap_or_else(|| panic!("there is no {key} in {path}"))
    })
}

fn number(from: &Yaml<'static>, path: &str) -> u64 {
    let number = at(from, path).as_integer();
    let number = number.unwrap_or_else(|| panic!("{path} is no number"));
    number.try_into().expect("it is not negative")
}

const CONTAINER: &str = "spec/template/spec/containers/0";

#[test]
fn the_configuration_of_the_manifest_is_in_order_and_has_the_ports_of_the_container() {
    let documents = documents();
    let map = of_kind(&documents, "ConfigMap");
    let deployment = of_kind(&documents, "Deployment");
    let shim = at(map, "data").as_mapping_get("shim.toml");
    let shim = shim.and_then(|text| text.as_str()).expect("it is text");
    let config = load("shim.toml", shim, &Overrides::default());
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));

    let container = at(deployment, CONTAINER);
    assert_eq!(at(container, "ports/0/name").as_str(), Some("http"));
    let port = number(container, "ports/0/containerPort");
    assert_eq!(u64::from(config.listen.port()), port);
    assert_eq!(at(container, "ports/1/name").as_str(), Some("admin"));
    let port = number(container, "ports/1/containerPort");
    let admin = config.admin.expect("it is served");
    assert_eq!(u64::from(admin.port()), port);
    let scraped = at(deployment, "spec/template/metadata/annotations");
    let scraped = scraped.as_mapping_get("prometheus.io/port");
    assert_eq!(scraped.and_then(|it| it.as_str()), Some(&*port.to_string()));
    let service = of_kind(&documents, "Service");
    assert_eq!(
        at(service, "spec/ports/0/targetPort").as_str(),
        Some("http")
    );

    // Each instance listens on a partition of its own.
    let replicas = number(deployment, "spec/replicas");
    let partitions = config.reply_partitions.expect("it is set");
    assert!(u64::try_from(partitions).is_ok_and(|count| count >= replicas));

    // What is asked of the process is asked before it is killed.
    let grace = number(
        deployment,
        "spec/template/spec/terminationGracePeriodSeconds",
    );
    let drained = config.drain_delay + config.drain;
    assert!(drained + Duration::from_secs(5) <= Duration::from_secs(grace));
    // Endpoints have gone by the time that the listener does.
    let unready = number(container, "readinessProbe/periodSeconds")
        * number(container, "readinessProbe/failureThreshold");
    assert!(config.drain_delay > Duration::from_secs(unready));
}

#[test]
fn the_container_runs_without_privileges_and_within_bounds() {
    let documents = documents();
    let deployment = of_kind(&documents, "Deployment");
    let pod = at(deployment, "spec/template/spec");
    let container = at(deployment, CONTAINER);

    for (from, path, value) in [
        (pod, "securityContext/runAsNonRoot", true),
        (pod, "automountServiceAccountToken", false),
        (container, "securityContext/allowPrivilegeEscalation", false),
        (container, "securityContext/readOnlyRootFilesystem", true),
        (container, "volumeMounts/0/readOnly", true),
    ] {
        assert_eq!(at(from, path).as_bool(), Some(value), "{path}");
    }
    let dropped = at(container, "securityContext/capabilities/drop/0").as_str();
    assert_eq!(dropped, Some("ALL"));
    for path in ["resources/limits/memory", "resources/requests/cpu"] {
        assert!(at(container, path).as_str().is_some(), "{path}");
    }
    // Who runs in the image is who the manifest says.
    let user = number(pod, "securityContext/runAsUser");
    let group = number(pod, "securityContext/runAsGroup");
    assert!(DOCKERFILE.contains(&format!("\nUSER {user}:{group}\n")));
    // The folder that is mounted is the one the image looks into.
    let folder = at(container, "volumeMounts/0/mountPath").as_str();
    let file = format!("\"{}/shim.toml\"", folder.expect("it is text"));
    assert!(DOCKERFILE.contains(&file), "{file}");
}

#[tokio::test]
async fn the_probes_of_the_manifest_are_answered_on_the_admin_port() {
    let documents = documents();
    let container = at(of_kind(&documents, "Deployment"), CONTAINER);
    let shim = Running::start(
        "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n",
        Fake::silent(),
    )
    .await;

    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let asked = at(container, probe);
        assert_eq!(at(asked, "httpGet/port").as_str(), Some("admin"));
        let path = at(asked, "httpGet/path").as_str().expect("it is text");
        within(async {
            // It takes a moment until serving has begun.
            while shim.probe(path).await.status() != 200 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    assert!(
        text(shim.probe("/metrics").await)
            .await
            .contains("ipc_shim_")
    );
}
