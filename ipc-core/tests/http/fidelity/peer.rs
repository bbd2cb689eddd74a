//! The peer address, where axum looks for it.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::routing::get;

use ipc_fidelity::Case;

use super::same_both_ways;

#[tokio::test]
async fn the_address_of_the_client_is_where_axum_looks_for_it() {
    fn app() -> Router {
        Router::new().route(
            "/",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
        )
    }
    fn ask(peer: &str) -> Request {
        let mut request = ipc_fidelity::get("/");
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    }
    same_both_ways(&[
        Case {
            name: "IPv4",
            app,
            request: || ask("192.0.2.7:4711"),
            status: 200,
        },
        Case {
            name: "IPv6",
            app,
            request: || ask("[2001:db8::7]:4711"),
            status: 200,
        },
        Case {
            name: "unknown: axum's own rejection",
            app,
            request: || ipc_fidelity::get("/"),
            status: 500,
        },
    ])
    .await;
}
