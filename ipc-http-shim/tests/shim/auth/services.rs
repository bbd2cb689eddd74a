//! Which services routes may name.

use crate::support::try_config;

const TOP: &str = "kafka.\"bootstrap.servers\" = \"a:1\"\n";

fn routes(services: &[&str]) -> String {
    let route =
        |service: &&str| format!("[[routes]]\npath = \"/{service}\"\nservice = \"{service}\"\n");
    services.iter().map(route).collect()
}

#[test]
fn a_route_to_a_service_that_is_not_allowed_is_a_mistake() {
    let allowed = "services = [\"orders\", \"stock-*\"]\n";
    let some = routes(&["orders", "stock-eu", "stock-"]);
    assert!(try_config(&format!("{TOP}{allowed}{some}")).is_ok());

    let more = routes(&["orders", "orders2", "stock"]);
    let listed = try_config(&format!("{TOP}{allowed}{more}")).expect_err("two are not allowed");
    assert_eq!(
        listed.to_string(),
        "shim.toml:7:8: the route goes to service \"orders2\", which services does not allow: add it \
         there, or name another\n\
         shim.toml:10:8: the route goes to service \"stock\", which services does not allow: add it \
         there, or name another"
    );
    assert!(try_config(&format!("{TOP}{more}")).is_ok());
}
