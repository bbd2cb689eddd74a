//! How long an answer says that it is.

use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;

/// Leaves one `content-length` at most, and none that the body belies: a client would
/// wait for bytes that never come, or take some for another answer. `method` is that of
/// the request.
pub(super) fn correct(response: &mut Response<Body>, method: &Method) {
    if !response.headers().contains_key(CONTENT_LENGTH) {
        return;
    }
    let said = said(response.headers());
    let is_of_another = *method == Method::HEAD || response.status() == StatusCode::NOT_MODIFIED;
    if is_of_another {
        // It speaks of a body that is not there, and a service that sends one has it go
        // nowhere.
        *response.body_mut() = Body::empty();
    }
    let size = response.body().size_hint().exact();
    let is_right = |length: &u64| is_of_another || size.is_none_or(|size| size == *length);
    let right = said.filter(is_right);
    // Nor of one that cannot be (RFC 9110, 8.6).
    let right = right.filter(|_| response.status() != StatusCode::NO_CONTENT);
    match right {
        Some(length) => drop(response.headers_mut().insert(CONTENT_LENGTH, length.into())),
        None => drop(response.headers_mut().remove(CONTENT_LENGTH)),
    }
}

/// What all of them say, where they agree on a number.
fn said(headers: &HeaderMap) -> Option<u64> {
    let mut said = headers.get_all(CONTENT_LENGTH).iter().map(number);
    let first = said.next()??;
    said.all(|other| other == Some(first)).then_some(first)
}

fn number(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What remains of these lengths on an answer with five bytes.
    fn corrected(status: u16, method: &Method, lengths: &[&'static str]) -> Vec<String> {
        let mut response = Response::new(Body::from("abcde"));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        for length in lengths {
            let length = HeaderValue::from_static(length);
            response.headers_mut().append(CONTENT_LENGTH, length);
        }
        correct(&mut response, method);
        let left = response.headers().get_all(CONTENT_LENGTH).iter();
        left.map(|it| it.to_str().expect("text").to_owned())
            .collect()
    }

    #[test]
    fn one_right_length_is_left_or_none() {
        for (lengths, left) in [
            (&["5"][..], &["5"][..]),
            (&["5", "5"], &["5"]),
            (&["05"], &["5"]),
            (&["6"], &[]),
            (&["5", "6"], &[]),
            (&["5, 5"], &[]),
            (&["+5"], &[]),
            (&["-1"], &[]),
            (&[""], &[]),
            (&["18446744073709551621"], &[]),
            (&[], &[]),
        ] {
            assert_eq!(corrected(200, &Method::GET, lengths), left, "{lengths:?}");
        }
    }

    #[test]
    fn the_length_of_a_body_that_is_not_there_is_left_where_it_is_one() {
        for (status, method) in [(200, Method::HEAD), (304, Method::GET)] {
            assert_eq!(corrected(status, &method, &["7"]), ["7"]);
            assert_eq!(corrected(status, &method, &["7", "8"]), [""; 0]);
        }
        assert_eq!(corrected(204, &Method::GET, &["5"]), [""; 0]);
    }
}
