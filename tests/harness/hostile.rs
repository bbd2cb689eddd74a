use anyhow::{Context as _, Result, ensure};
use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::Raw;

/// Writes `raw` to its partition, else to 0, with one header more at its end, whose name is any bytes: a broker takes it, and
/// no client library lets one write it. The broker at `bootstrap` must lead the partition.
///
/// # Errors
///
/// When the broker does not take it.
pub async fn write_with_header_named(
    bootstrap: &str,
    topic: &str,
    raw: &Raw,
    name: &[u8],
) -> Result<()> {
    let request = produce(topic, raw.partition.unwrap_or(0), &batch(raw, name));
    let mut broker = TcpStream::connect(bootstrap).await?;
    broker.write_i32(i32::try_from(request.len())?).await?;
    broker.write_all(&request).await?;
    let length = broker.read_i32().await?;
    let mut answer = vec![0; usize::try_from(length)?];
    broker.read_exact(&mut answer).await?;
    // Before the error code lie correlation id, topic count, the topic's name, partition count and number.
    let before = 4 + 4 + 2 + topic.len() + 4 + 4;
    let mut code = answer.get(before..).context("a short answer")?;
    let code = code.try_get_i16()?;
    ensure!(code == 0, "not taken: error {code}");
    Ok(())
}

/// A produce request, version 3.
fn produce(topic: &str, partition: i32, batch: &[u8]) -> BytesMut {
    const PRODUCE: i16 = 0;
    const NULL: i16 = -1;
    const ALL_IN_SYNC: i16 = -1;
    let mut request = BytesMut::new();
    request.put_i16(PRODUCE);
    request.put_i16(3);
    request.put_i32(1);
    request.put_i16(NULL);
    request.put_i16(NULL);
    request.put_i16(ALL_IN_SYNC);
    request.put_i32(10_000);
    request.put_i32(1);
    request.put_i16(topic.len() as i16);
    request.put_slice(topic.as_bytes());
    request.put_i32(1);
    request.put_i32(partition);
    request.put_i32(batch.len() as i32);
    request.put_slice(batch);
    request
}

/// A batch of one record in the format that brokers keep.
fn batch(raw: &Raw, name: &[u8]) -> BytesMut {
    let record = record(raw, name);
    let mut checked = BytesMut::new();
    // Neither compressed nor in a transaction; the only record; no timestamp; no producer id.
    checked.put_i16(0);
    checked.put_i32(0);
    checked.put_i64(-1);
    checked.put_i64(-1);
    checked.put_i64(-1);
    checked.put_i16(-1);
    checked.put_i32(-1);
    checked.put_i32(1);
    put_sized(&mut checked, Some(&record));

    let mut batch = BytesMut::new();
    batch.put_i64(0);
    // Of what follows: epoch, format and checksum are 9 bytes.
    batch.put_i32(9 + checked.len() as i32);
    batch.put_i32(-1);
    batch.put_i8(2);
    batch.put_u32(crc32c::crc32c(&checked));
    batch.put_slice(&checked);
    batch
}

fn record(raw: &Raw, name: &[u8]) -> BytesMut {
    let mut record = BytesMut::new();
    record.put_i8(0);
    put_varint(&mut record, 0);
    put_varint(&mut record, 0);
    put_sized(&mut record, raw.key.as_deref());
    put_sized(&mut record, raw.payload.as_deref());
    put_varint(&mut record, raw.headers.len() as i32 + 1);
    for (name, value) in &raw.headers {
        put_sized(&mut record, Some(name.as_bytes()));
        put_sized(&mut record, value.as_deref());
    }
    put_sized(&mut record, Some(name));
    put_sized(&mut record, Some(b"value"));
    record
}

fn put_sized(to: &mut BytesMut, bytes: Option<&[u8]>) {
    put_varint(to, bytes.map_or(-1, |bytes| bytes.len() as i32));
    to.put_slice(bytes.unwrap_or_default());
}

/// Zigzag, seven bits at a time.
fn put_varint(to: &mut BytesMut, number: i32) {
    let mut left = ((number << 1) ^ (number >> 31)) as u32;
    while left >= 0x80 {
        to.put_u8(left as u8 | 0x80);
        left >>= 7;
    }
    to.put_u8(left as u8);
}
