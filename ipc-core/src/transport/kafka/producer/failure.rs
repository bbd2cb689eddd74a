//! What librdkafka says of a record that failed, and what that proves.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::transport::SendError;

/// Librdkafka reports success without an offset where no broker confirmed the
/// record, but a later one of the same partition. On a partition that has nothing
/// of this producer yet the broker takes any first record, so the conclusion is
/// wrong when the very first one was turned away, and that one is lost.
pub(super) fn concluded(topic: &str) -> SendError {
    SendError::Unacknowledged {
        topic: topic.to_owned(),
        reason: "the broker confirmed a later record only".to_owned(),
    }
}

/// A record that librdkafka had taken came back. That proves "not sent" only
/// where librdkafka or the broker refused the record as such.
pub(super) fn returned(error: &KafkaError, topic: &str) -> SendError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => SendError::Closed,
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => too_large(topic),
        code => match code.and_then(reason) {
            Some(reason) => refused(topic, reason),
            None => SendError::Unacknowledged {
                topic: topic.to_owned(),
                reason: error.to_string(),
            },
        },
    }
}

/// Why no attempt at writing this very record can help, where that is what the error
/// says.
pub(in crate::transport::kafka) fn of_the_record(
    error: &KafkaError,
    topic: &str,
) -> Option<SendError> {
    match error.rdkafka_error_code()? {
        RDKafkaErrorCode::MessageSizeTooLarge => Some(too_large(topic)),
        code => reason(code).map(|reason| refused(topic, reason)),
    }
}

/// Librdkafka did not take the record at all.
pub(super) fn not_taken(error: &KafkaError, topic: &str) -> SendError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => too_large(topic),
        code => match code.and_then(reason) {
            Some(reason) => refused(topic, reason),
            None => refused(
                topic,
                &code.map_or_else(|| error.to_string(), |c| c.to_string()),
            ),
        },
    }
}

pub(super) fn refused(topic: &str, reason: &str) -> SendError {
    SendError::Refused {
        topic: topic.to_owned(),
        reason: reason.to_owned(),
    }
}

fn too_large(topic: &str) -> SendError {
    SendError::TooLarge {
        topic: topic.to_owned(),
        reason: "it is larger than the client's message.max.bytes or the topic's \
                 max.message.bytes: send it in chunks or raise the limit"
            .to_owned(),
    }
}

/// Why a record as such is refused, and what to do about it.
fn reason(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as Code;
    Some(match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition => "the topic does not exist: create it",
        Code::UnknownPartition => "the partition does not exist",
        Code::InvalidTopic => "not a valid topic name",
        Code::TopicAuthorizationFailed => "the cluster's ACLs do not allow writing",
        Code::InvalidRecord => "the topic refuses it as it is: a compacted one needs a key",
        _ => return None,
    })
}
