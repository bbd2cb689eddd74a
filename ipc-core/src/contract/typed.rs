//! Contracts with values.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;

use super::{
    CallRequest, Contract, DecodeError, DecodeReply, EncodeBody, EncodeError, EncodePath,
    EncodeQuery, EncodedRequest, IsCall, IsOneWay, IsStream, KeyRule, OneWayRequest, RawReply,
    Request, SameMode, StreamRequest, Template, Terms, nested,
};
use crate::envelope::{Headers, RequestHead, names};

/// A contract with the values of one request. The values need nothing to be
/// held here; they must serialise only where the request is sent.
#[must_use = "a request does nothing until it is handed to a client"]
pub struct TypedRequest<C: Contract> {
    path: C::Path,
    query: C::Query,
    body: C::Body,
    headers: Headers,
    prefix: String,
}

impl<C: Contract> TypedRequest<C> {
    /// A request of the contract `C`.
    pub fn new(path: C::Path, query: C::Query, body: C::Body) -> Self {
        Self {
            path,
            query,
            body,
            headers: Headers::new(),
            prefix: String::new(),
        }
    }

    /// Sends it below a path, as a service serves it that has nested the
    /// endpoint there. The prefix is sent as it is: percent-encoded.
    pub fn below(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Adds an HTTP header. The name is sent in lower case; names of the wire
    /// protocol are refused when the request is sent.
    pub fn header(mut self, name: &str, value: impl Into<Bytes>) -> Self {
        self.headers.push(name.to_ascii_lowercase(), value);
        self
    }
}

/// Shows the contract and no value: any of them may be secret.
impl<C: Contract> fmt::Debug for TypedRequest<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedRequest({})", C::TERMS)
    }
}

impl<C> Request for TypedRequest<C>
where
    C: Contract<Path: EncodePath, Query: EncodeQuery, Body: EncodeBody>,
{
    const TERMS: Terms = C::TERMS;
    type Error = C::Error;

    fn encode(self) -> Result<EncodedRequest, EncodeError> {
        let terms = C::TERMS;
        let template = Template::parse(terms.path)?;
        let values = self.path.path_values(&template)?;

        let mut path = template.expand(&values)?;
        if !self.prefix.is_empty() {
            path = nested(&self.prefix, &path).into();
        }
        let query = self.query.query()?;
        if !query.is_empty() {
            let path = path.to_mut();
            path.push('?');
            path.push_str(&query);
        }

        let mut headers = self.headers;
        if let Some(reserved) = headers
            .iter()
            .find(|header| names::is_reserved(&header.name))
        {
            return Err(EncodeError::ReservedHeader(reserved.name.to_string()));
        }
        let body = match self.body.encode_body()? {
            None => Bytes::new(),
            Some((media_type, bytes)) => {
                headers.reserve(1 + RequestHead::HEADERS);
                if !headers.contains("content-type") {
                    headers.push_static("content-type", media_type);
                }
                bytes
            }
        };

        let key = record_key(&terms, &template, values, &headers)?;
        Ok(EncodedRequest {
            method: ByteString::from_static(terms.method),
            path: match path {
                Cow::Borrowed(path) => ByteString::from_static(path),
                Cow::Owned(path) => path.into(),
            },
            idempotency_key_is_key: key.is_none()
                && terms.key == KeyRule::Default
                && !is_keyless(terms.method),
            headers,
            key,
            body,
            timeout: terms.timeout,
            topic: terms.topic,
        })
    }
}

/// Methods whose requests have no key and no lane unless one is declared.
fn is_keyless(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

fn record_key(
    terms: &Terms,
    template: &Template<'_>,
    mut values: Vec<String>,
    headers: &Headers,
) -> Result<Option<Bytes>, EncodeError> {
    match terms.key {
        KeyRule::None => Ok(None),
        KeyRule::Default if is_keyless(terms.method) || values.len() != 1 => Ok(None),
        KeyRule::Default => Ok(values.pop().map(Bytes::from)),
        KeyRule::Path(name) => template
            .params()
            .position(|param| param == name)
            .map(|at| Some(Bytes::from(values.swap_remove(at))))
            .ok_or(EncodeError::UnknownKeyParameter(name)),
        KeyRule::Header(name) => headers
            .get(name)
            .map(|value| Some(value.clone()))
            .ok_or(EncodeError::MissingKeyHeader(name)),
    }
}

impl<C> CallRequest for TypedRequest<C>
where
    C: Contract<Mode: SameMode<IsCall>, Reply: DecodeReply<Value: Send + 'static>>,
    Self: Request,
{
    type Reply = <C::Reply as DecodeReply>::Value;

    fn decode(reply: RawReply) -> Result<Self::Reply, DecodeError> {
        C::Reply::decode_reply(reply)
    }
}

impl<C> OneWayRequest for TypedRequest<C>
where
    C: Contract<Mode: SameMode<IsOneWay>>,
    Self: Request,
{
}

impl<C> StreamRequest for TypedRequest<C>
where
    C: Contract<Mode: SameMode<IsStream>, Reply: DecodeReply<Value: Send + 'static>>,
    Self: Request,
{
    type Item = <C::Reply as DecodeReply>::Value;

    fn decode_item(reply: RawReply) -> Result<Self::Item, DecodeError> {
        C::Reply::decode_reply(reply)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::contract::{
        BytesBody, FormBody, JsonBody, NoBody, NoPath, NoQuery, OptionalBody, PathValues,
        QueryValues, TextBody,
    };

    #[derive(Serialize)]
    struct Page {
        after: &'static str,
    }

    /// A contract with the given terms and types, as the macros write it.
    macro_rules! contract {
        ($name:ident: $mode:ty, $path:ty, $query:ty, $body:ty, $terms:expr) => {
            struct $name;
            impl Contract for $name {
                const TERMS: Terms = $terms;
                type Mode = $mode;
                type Path = $path;
                type Query = $query;
                type Body = $body;
                type Reply = JsonBody<u8>;
                type Error = ();
            }
        };
    }

    contract!(Place: IsCall, PathValues<&'static str>, QueryValues<Page>, JsonBody<u8>,
        Terms::new("place", "POST", "/orders/{id}/place").topic("orders.priority"));
    contract!(Line: IsStream, PathValues<(u8, &'static str)>, NoQuery, NoBody,
        Terms::new("line", "GET", "/orders/{id}/lines/{no}").key(KeyRule::Path("no")));
    contract!(Create: IsOneWay, NoPath, NoQuery, OptionalBody<JsonBody<u8>>,
        Terms::new("create", "POST", "/orders"));
    contract!(Tenant: IsCall, PathValues<u8>, NoQuery, TextBody,
        Terms::new("tenant", "PUT", "/x/{id}").key(KeyRule::Header("x-tenant")));
    contract!(Unordered: IsCall, PathValues<u8>, NoQuery, FormBody<Page>,
        Terms::new("unordered", "PUT", "/x/{id}").key(KeyRule::None));
    contract!(Lost: IsCall, PathValues<u8>, NoQuery, BytesBody,
        Terms::new("lost", "PUT", "/x/{id}").key(KeyRule::Path("no")));

    fn place(id: &'static str) -> TypedRequest<Place> {
        TypedRequest::new(
            PathValues(id),
            QueryValues(Page { after: "a b" }),
            JsonBody(7),
        )
    }

    #[test]
    fn path_query_body_and_key_come_from_the_values() {
        let encoded = place("ä/1").encode().unwrap();
        assert_eq!(encoded.method, "POST");
        assert_eq!(encoded.path, "/orders/%C3%A4%2F1/place?after=a+b");
        assert_eq!(encoded.body, "7");
        assert_eq!(
            encoded.headers.get_str("content-type"),
            Some("application/json")
        );
        assert_eq!(encoded.key.as_deref(), Some("ä/1".as_bytes()));
        assert!(!encoded.idempotency_key_is_key);
        assert_eq!(encoded.topic, Some("orders.priority"));
    }

    #[test]
    fn a_prefix_comes_before_the_path_and_leaves_the_key() {
        for prefix in ["/api/acme", "/api/acme/"] {
            let encoded = place("1").below(prefix).encode().unwrap();
            assert_eq!(encoded.path, "/api/acme/orders/1/place?after=a+b");
            assert_eq!(encoded.key.as_deref(), Some(&b"1"[..]));
        }
    }

    #[test]
    fn debug_output_shows_no_value() {
        let shown = format!("{:?}", place("secret").header("token", "secret"));
        assert_eq!(shown, "TypedRequest(POST /orders/{id}/place)");
    }

    #[test]
    fn a_declared_key_wins_even_for_get() {
        let request: TypedRequest<Line> =
            TypedRequest::new(PathValues((1, "two")), NoQuery, NoBody);
        let encoded = request.encode().unwrap();
        assert_eq!(encoded.path, "/orders/1/lines/two");
        assert_eq!(encoded.key.as_deref(), Some(&b"two"[..]));
        assert!(encoded.headers.is_empty());
        assert!(encoded.body.is_empty());
    }

    #[test]
    fn without_a_path_value_the_idempotency_key_may_be_the_key() {
        let request: TypedRequest<Create> = TypedRequest::new(NoPath, NoQuery, OptionalBody(None));
        let encoded = request.encode().unwrap();
        assert_eq!(encoded.key, None);
        assert!(encoded.idempotency_key_is_key);
        assert!(!encoded.headers.contains("content-type"));

        let request: TypedRequest<Create> =
            TypedRequest::new(NoPath, NoQuery, OptionalBody(Some(JsonBody(1))));
        assert_eq!(request.encode().unwrap().body, "1");
    }

    #[test]
    fn a_key_header_must_be_there() {
        let tenant = || -> TypedRequest<Tenant> {
            TypedRequest::new(PathValues(1), NoQuery, TextBody("hi".into()))
        };
        assert!(matches!(
            tenant().encode(),
            Err(EncodeError::MissingKeyHeader("x-tenant"))
        ));
        let encoded = tenant().header("X-Tenant", "acme").encode().unwrap();
        assert_eq!(encoded.key.as_deref(), Some(&b"acme"[..]));
        assert_eq!(
            encoded.headers.get_str("content-type"),
            Some("text/plain; charset=utf-8")
        );
    }

    #[test]
    fn a_contract_may_want_no_key_at_all() {
        let request: TypedRequest<Unordered> =
            TypedRequest::new(PathValues(1), NoQuery, FormBody(Page { after: "&" }));
        let encoded = request.encode().unwrap();
        assert_eq!(encoded.key, None);
        assert!(!encoded.idempotency_key_is_key);
        assert_eq!(encoded.body, "after=%26");
    }

    #[test]
    fn a_key_parameter_the_path_does_not_have_is_named() {
        let request: TypedRequest<Lost> =
            TypedRequest::new(PathValues(1), NoQuery, BytesBody(Bytes::new()));
        assert!(matches!(
            request.encode(),
            Err(EncodeError::UnknownKeyParameter("no"))
        ));
    }

    #[test]
    fn reserved_headers_are_refused_and_a_media_type_is_overridden() {
        assert!(matches!(
            place("1").header("Kafka_ReplyTopic", "mine").encode(),
            Err(EncodeError::ReservedHeader(name)) if name == "kafka_replytopic"
        ));
        let encoded = place("1")
            .header("Content-Type", "application/vnd.order+json")
            .encode()
            .unwrap();
        let sent: Vec<_> = encoded.headers.get_all("content-type").collect();
        assert_eq!(sent, [Some(&Bytes::from("application/vnd.order+json"))]);
    }

    #[test]
    fn a_reply_is_read_as_the_contract_says() {
        let reply = |body: &'static str| RawReply {
            status: 200,
            headers: Headers::new(),
            body: body.into(),
        };
        assert_eq!(TypedRequest::<Place>::decode(reply("7")).unwrap(), 7);
        assert_eq!(TypedRequest::<Line>::decode_item(reply("8\n")).unwrap(), 8);
        assert!(TypedRequest::<Place>::decode(reply("no")).is_err());
    }
}
