use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::JoinSet,
};

use crate::within;

/// A longer one is none.
const LONGEST_FRAME: usize = 128 * 1024 * 1024;

const INIT_PRODUCER_ID: i16 = 22;
const ADD_PARTITIONS: i16 = 24;
const END: i16 = 26;

/// Stands between clients and a Kafka of one broker, and can lose the end of a transaction: from then on that connection
/// is silent, and whoever asks again hears nothing either until a new producer begins. So what has become of the
/// transaction is not known to its producer.
#[derive(Debug)]
pub struct KafkaProxy {
    address: String,
    wire: Arc<Wire>,
    /// Ends with this.
    _listening: JoinSet<()>,
}

/// What is lost of the exchange that ends a transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lost {
    /// The request: the transaction is open.
    Request,
    /// The answer: the transaction has ended.
    Answer,
}

#[derive(Debug)]
struct Wire {
    broker: String,
    /// How the broker's address is written in an answer, and how this one's is.
    told: Vec<u8>,
    instead: Vec<u8>,
    plan: Mutex<Plan>,
    has_lost: Notify,
    producers: AtomicUsize,
}

/// One connection.
#[derive(Debug, Default)]
struct Talk {
    is_silent: AtomicBool,
    /// The correlation id of the request whose answer is lost.
    unanswered: Mutex<Option<Vec<u8>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Plan {
    Pass,
    /// This is lost of the next end of a transaction with records.
    Lose(Lost),
    /// No end is asked for until a new producer begins.
    Keep,
}

impl KafkaProxy {
    /// In front of the broker at `bootstrap`.
    ///
    /// # Errors
    ///
    /// When the address is none, or there is no port to listen on.
    pub async fn before(bootstrap: &str) -> Result<Self> {
        let (host, port) = bootstrap.rsplit_once(':').context("no port")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?.port();
        let wire = Arc::new(Wire {
            broker: bootstrap.to_owned(),
            told: written(host, port.parse()?),
            instead: written(host, own),
            plan: Mutex::new(Plan::Pass),
            has_lost: Notify::new(),
            producers: AtomicUsize::new(0),
        });
        let carrying = Arc::clone(&wire);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut carried = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let wire = Arc::clone(&carrying);
                // what breaks off breaks off for both ends, which is all they learn of it
                carried.spawn(async move { drop(wire.carry(client).await) });
            }
        });
        Ok(Self {
            address: format!("{host}:{own}"),
            wire,
            _listening: listening,
        })
    }

    /// The `bootstrap.servers` of clients that go through it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Loses the end of the next transaction that has records.
    pub fn lose_next_end(&self, lost: Lost) {
        *self.wire.plan.lock() = Plan::Lose(lost);
    }

    /// Waits until it is lost: where that is the answer, until the broker has given it.
    ///
    /// # Errors
    ///
    /// When no transaction ends.
    pub async fn has_lost(&self) -> Result<()> {
        within("the end of a transaction", self.wire.has_lost.notified()).await
    }

    /// How often a producer has begun, or tried to.
    #[must_use]
    pub fn producers(&self) -> usize {
        self.wire.producers.load(Ordering::SeqCst)
    }
}

/// Host and port as the protocol has them, one behind the other.
fn written(host: &str, port: u16) -> Vec<u8> {
    [host.as_bytes(), &i32::from(port).to_be_bytes()].concat()
}

impl Wire {
    async fn carry(&self, client: TcpStream) -> Result<()> {
        let broker = TcpStream::connect(&self.broker).await?;
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        let (from_client, to_client) = client.into_split();
        let (from_broker, to_broker) = broker.into_split();
        let talk = Talk::default();
        let up = self.ask(&talk, from_client, to_broker);
        let down = self.answer(&talk, from_broker, to_client);
        tokio::try_join!(up, down).map(|((), ())| ())
    }

    async fn ask(
        &self,
        talk: &Talk,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
    ) -> Result<()> {
        let mut has_records = false;
        loop {
            let frame = framed(&mut from).await?;
            let asked = frame.get(..2).context("a request without a head")?;
            let asked = i16::from_be_bytes(asked.try_into()?);
            has_records |= asked == ADD_PARTITIONS;
            match self.lost(asked, has_records) {
                Some(Lost::Request) => self.silence(talk),
                Some(Lost::Answer) => *talk.unanswered.lock() = frame.get(4..8).map(<[u8]>::to_vec),
                None => {}
            }
            has_records &= asked != END;
            if !talk.is_silent.load(Ordering::SeqCst) {
                send(&mut to, &frame).await?;
            }
        }
    }

    async fn answer(
        &self,
        talk: &Talk,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
    ) -> Result<()> {
        loop {
            let mut frame = framed(&mut from).await?;
            let unanswered = talk.unanswered.lock().clone();
            if unanswered.is_some() && unanswered.as_deref() == frame.get(..4) {
                self.silence(talk);
            }
            if !talk.is_silent.load(Ordering::SeqCst) {
                self.redirect(&mut frame);
                send(&mut to, &frame).await?;
            }
        }
    }

    /// Nothing passes any more.
    fn silence(&self, talk: &Talk) {
        talk.is_silent.store(true, Ordering::SeqCst);
        self.has_lost.notify_one();
    }

    /// What is lost of this exchange.
    fn lost(&self, asked: i16, has_records: bool) -> Option<Lost> {
        let mut plan = self.plan.lock();
        match *plan {
            Plan::Lose(lost) if asked == END && has_records => {
                *plan = Plan::Keep;
                Some(lost)
            }
            Plan::Keep if asked == END => Some(Lost::Request),
            now => {
                if asked == INIT_PRODUCER_ID {
                    self.producers.fetch_add(1, Ordering::SeqCst);
                    if now == Plan::Keep {
                        *plan = Plan::Pass;
                    }
                }
                None
            }
        }
    }

    /// Has clients that are told of the broker come here.
    fn redirect(&self, frame: &mut [u8]) {
        let mut at = 0;
        while at + self.told.len() <= frame.len() {
            let end = at + self.told.len();
            if frame[at..end] == *self.told {
                frame[at..end].copy_from_slice(&self.instead);
            }
            at += 1;
        }
    }
}

async fn framed(from: &mut OwnedReadHalf) -> Result<Vec<u8>> {
    let length = usize::try_from(from.read_i32().await?)?;
    ensure!(length <= LONGEST_FRAME, "a frame of {length} bytes");
    let mut frame = vec![0; length];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn send(to: &mut OwnedWriteHalf, frame: &[u8]) -> Result<()> {
    to.write_i32(i32::try_from(frame.len())?).await?;
    to.write_all(frame).await?;
    Ok(to.flush().await?)
}
