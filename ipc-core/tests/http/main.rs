//! HTTP applications behind `HttpAdapter`, without a broker: what a caller
//! encodes becomes a delivery, its outcome is what the caller decodes.

mod carry;
mod one_way;
