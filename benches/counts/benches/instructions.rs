//! Instructions of a batch of messages, counted by callgrind; `cargo xtask bench
//! instructions` runs it and divides by the size of the batch.
#![expect(missing_docs, reason = "the macros make public items")]
#![expect(clippy::disallowed_methods, reason = "gungraun writes `main`")]

use gungraun::{library_benchmark, library_benchmark_group, main};

use ipc_counts::{Bare, Calls, JsonCalls, JsonCodec, OneWay, RouterOneshot, Streams};

#[library_benchmark]
#[bench::unkeyed(OneWay::ready(None))]
#[bench::one_key(OneWay::ready(Some(b"order-7")))]
fn one_way(scene: OneWay) -> OneWay {
    scene.consume();
    scene
}

#[library_benchmark]
#[bench::loop_by_hand(Bare::ready())]
fn transport(mut scene: Bare) -> Bare {
    scene.consume();
    scene
}

#[library_benchmark]
#[bench::sixteen_bytes(Calls::ready())]
fn call(scene: Calls) -> Calls {
    scene.call();
    scene
}

#[library_benchmark]
#[bench::through_axum(JsonCalls::ready())]
fn json_call(scene: JsonCalls) -> JsonCalls {
    scene.call();
    scene
}

#[library_benchmark]
#[bench::of_the_caller(JsonCodec)]
fn json_codec(scene: JsonCodec) -> JsonCodec {
    scene.write_and_read();
    scene
}

#[library_benchmark]
#[bench::of_the_router(RouterOneshot::ready())]
fn oneshot(scene: RouterOneshot) -> RouterOneshot {
    scene.call();
    scene
}

#[library_benchmark]
#[bench::of_one_stream(Streams::ready())]
fn stream_record(scene: Streams) -> Streams {
    scene.read();
    scene
}

library_benchmark_group!(
    name = messages,
    benchmarks = [
        one_way,
        transport,
        call,
        json_call,
        json_codec,
        oneshot,
        stream_record
    ]
);

main!(library_benchmark_groups = messages);
