//! Order per key, whatever handlers do.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use ipc_core::http::Reserved;
use ipc_core::response::FailureExt as _;
use parking_lot::Mutex;

use super::system::{System, TestResult, keyed};

/// The last one fails: when its dead letter is there all are done with.
const RECORDS: usize = 72;

/// What the handlers of one lane did.
#[derive(Default)]
struct Lane {
    running: bool,
    overlapped: bool,
    /// Those that were begun, in order, with their repetitions.
    begun: Vec<usize>,
}

impl Lane {
    fn begin(&mut self, nth: usize) -> bool {
        let again = self.begun.contains(&nth);
        self.begun.push(nth);
        self.overlapped |= std::mem::replace(&mut self.running, true);
        again
    }
}

/// Ends at once or waits, succeeds, asks for a repetition, fails or panics, as the
/// number has it.
async fn work(lane: Arc<Mutex<Lane>>, nth: usize) -> Response {
    let again = lane.lock().begin(nth);
    if nth.is_multiple_of(9) {
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    lane.lock().running = false;
    match nth {
        _ if nth % 7 == 3 && !again => StatusCode::SERVICE_UNAVAILABLE
            .retry_after(Duration::from_secs(1))
            .into_response(),
        _ if nth % 11 == 5 => StatusCode::GONE.into_response(),
        _ if nth % 13 == 8 => panic!("as the test wants it"),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_keeps_its_order_whatever_its_handlers_do() -> TestResult {
    let lane: Arc<Mutex<Lane>> = Arc::default();
    let seen = Arc::clone(&lane);
    let handler = move |nth: String| work(Arc::clone(&seen), nth.parse().unwrap_or(usize::MAX));
    let system = System::new();
    let (service, client) = system.working(handler).await?;
    let failing = |nth: &usize| nth % 11 == 5 || nth % 13 == 8;
    let failures = (0..RECORDS).filter(failing).count();
    let mut letters = system.watch("orders.dlq", 1).await?;
    for nth in 0..RECORDS {
        let request = Request::post("http://orders/work").body(Body::from(nth.to_string()))?;
        client
            .http_one_way(keyed(request, "lane"), Reserved::Refuse)
            .await?;
    }
    for _ in 0..failures {
        letters.next().await?;
    }
    client.close().await;
    service.stop().await;

    let expected: Vec<usize> = (0..RECORDS)
        .flat_map(|nth| std::iter::repeat_n(nth, if nth % 7 == 3 { 2 } else { 1 }))
        .collect();
    let lane = lane.lock();
    assert_eq!(lane.begun, expected);
    assert!(!lane.overlapped, "two of one lane at once");
    assert_eq!(system.committed("orders", 0), Some(RECORDS as i64));
    Ok(())
}
