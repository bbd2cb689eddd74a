//! Allocations per message, as a line of JSON for each scene; `cargo xtask bench
//! instructions` runs it beside the instruction counts.
#![expect(clippy::print_stdout, reason = "its output is its result")]
#![allow(missing_docs)]

use allocation_counter::measure;

use ipc_counts::{BATCH, Bare, Calls, JsonCalls, JsonCodec, OneWay, RouterOneshot, Streams};

fn main() {
    let unkeyed = OneWay::ready(None);
    tell("one_way unkeyed", || unkeyed.consume());
    let keyed = OneWay::ready(Some(b"order-7"));
    tell("one_way one_key", || keyed.consume());
    let mut bare = Bare::ready();
    tell("transport loop_by_hand", || bare.consume());
    let calls = Calls::ready();
    tell("call sixteen_bytes", || calls.call());
    let json = JsonCalls::ready();
    tell("json_call through_axum", || json.call());
    tell("json_codec of_the_caller", || JsonCodec.write_and_read());
    let oneshot = RouterOneshot::ready();
    tell("oneshot of_the_router", || oneshot.call());
    let streams = Streams::ready();
    tell("stream_record of_one_stream", || streams.read());
}

fn tell(scene: &str, work: impl FnMut()) {
    let counted = measure(work);
    println!(
        "{}",
        serde_json::json!({
            "scene": scene,
            "batch": BATCH,
            "allocations": counted.count_total,
            "bytes": counted.bytes_total,
        })
    );
}
