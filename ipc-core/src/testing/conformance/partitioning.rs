//! Which partition a record goes to, and in which order.

use std::collections::BTreeMap;

use super::case::{Case, keyed};
use crate::transport::Placed;

pub(super) async fn one_key_has_the_partition_murmur2_says(case: Case) {
    /// Keys with their hash as the Java client computes it.
    const HASHES: [(&[u8], i32); 7] = [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (
            b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
            -58_897_971,
        ),
        (b"abc", 479_470_107),
        (b"", 275_646_681),
    ];
    let topic = case.topic(12).await;
    for (key, hash) in HASHES {
        for _ in 0..2 {
            let placed = case.placed(keyed(&topic, key, "x")).await;
            let expected = (hash & i32::MAX) % 12;
            assert_eq!(placed.partition, expected, "key {}", key.escape_ascii());
        }
    }
}

pub(super) async fn records_of_one_key_keep_their_order(case: Case) {
    const KEYS: u32 = 7;
    const RECORDS: u32 = 700;
    let topic = case.topic(3).await;
    let mut receipts = Vec::new();
    for i in 0..RECORDS {
        let key = (i % KEYS).to_be_bytes();
        receipts.push(case.send(keyed(&topic, &key, &i.to_string())));
    }
    let mut placed = BTreeMap::new();
    for (i, receipt) in receipts.into_iter().enumerate() {
        let Placed { partition, offset } = receipt.await.unwrap();
        assert!(offset >= 0, "record {i} is nowhere: {offset}");
        let other = placed.insert((partition, offset), i.to_string());
        assert_eq!(other, None, "record {i} is in the same place");
    }
    let member = case.join(&topic).await;
    member
        .until("all came", |seen| seen.records.len() == RECORDS as usize)
        .await;
    let found: BTreeMap<_, _> = member.seen(|seen| {
        let origins = seen.records.iter().map(|record| &record.origin);
        let places = origins.map(|origin| (origin.partition.partition, origin.offset));
        places.zip(seen.payloads()).collect()
    });
    assert_eq!(found, placed, "records are where their receipts said");

    let mut by_key: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    member.seen(|seen| {
        for (record, text) in seen.records.iter().zip(seen.payloads()) {
            let key = record.envelope.key.clone();
            by_key.entry(key).or_default().push(text.parse().unwrap());
        }
    });
    assert_eq!(by_key.len(), KEYS as usize);
    for (key, numbers) in by_key {
        assert_eq!(numbers.len(), (RECORDS / KEYS) as usize, "{key:?}");
        assert!(numbers.is_sorted(), "{key:?}: {numbers:?}");
    }
}

pub(super) async fn an_explicit_partition_wins_over_the_key(case: Case) {
    let topic = case.topic(4).await;
    for number in 0..4 {
        let mut record = keyed(&topic, b"one key", "x");
        record.partition = Some(number);
        assert_eq!(case.placed(record).await.partition, number);
    }
}
