//! What an endpoint promises and asks for, as plain data.

/// How an endpoint answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// One request, one reply.
    #[default]
    Call,
    /// No reply; a caller that asks for one gets 202 after completion.
    OneWay,
    /// One request, many replies.
    Stream,
}

/// How often a handler may see one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Guarantee {
    /// At least once: the offset is stored after the work.
    #[default]
    AtLeastOnce,
    /// At most once: the offset is committed before the work.
    AtMostOnce,
    /// At least once, and what the handler writes through `extract::Outputs` appears
    /// exactly once: it is committed together with the offset.
    ExactlyOnce,
}

/// What an endpoint does with idempotency keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Idempotency {
    /// Nothing is stored.
    #[default]
    Off,
    /// A request with a key is answered from the store the second time.
    Optional,
    /// A request without a key is refused with 400.
    Required,
    /// The key is derived from the record's coordinates: redelivery alone is caught.
    Derived,
}

/// What is done with requests whose claim cannot be looked up, because the dedup
/// store is away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum StoreDown {
    /// They wait for the store, and consumption stops until it is back. Calls are
    /// answered 503 where their deadline comes first.
    #[default]
    FailClosed,
    /// They are handled as if there were no store: a repetition is not noticed.
    FailOpen,
}

/// What decides a request's record key, and with it its partition and lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeyRule {
    /// Nothing for GET, HEAD and OPTIONS; else the single path parameter, else
    /// the idempotency key, else nothing.
    #[default]
    Default,
    /// The named path parameter.
    Path(&'static str),
    /// The named request header.
    Header(&'static str),
    /// Nothing: no order is kept.
    None,
}
