//! Lines in the order of what they tell, not of who was told first.

use std::collections::BTreeMap;
use std::time::Duration;

use anstream::println;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How long a line waits for one that tells of something earlier: a sender learns
/// its record's offset after the reader has the record.
const SETTLE: Duration = Duration::from_millis(50);

/// A line, and when what it tells took place.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) at: Instant,
    pub(crate) text: String,
}

/// Prints until nobody is left to tell anything.
pub(crate) async fn print(mut lines: mpsc::Receiver<Line>) {
    let mut held = BTreeMap::new();
    let mut count = 0_u64;
    loop {
        let next = match held.first_key_value() {
            Some((&(at, _), _)) => timeout_at(at + SETTLE, lines.recv()).await,
            None => Ok(lines.recv().await),
        };
        match next {
            Ok(Some(Line { at, text })) => {
                held.insert((at, count), text);
                count += 1;
            }
            Ok(None) => break,
            Err(_settled) => {
                if let Some((_, text)) = held.pop_first() {
                    println!("{text}");
                }
            }
        }
    }
    for text in held.into_values() {
        println!("{text}");
    }
}
