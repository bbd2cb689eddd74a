//! HTTP applications behind `HttpAdapter`, without a broker: what a caller
//! encodes becomes a delivery, its outcome is what the caller decodes.

mod back_pressure;
mod caller;
mod carry;
mod extractors;
mod fidelity;
mod one_way;
mod refusals;
mod replies;
