//! Librdkafka's refusals in our words.

use rdkafka::error::KafkaError;

use crate::transport::TransportError;

/// A client could not be made.
pub(super) fn refused(error: &KafkaError) -> TransportError {
    let reason = match error {
        // The full text of this one holds the value, which may be a secret.
        KafkaError::ClientConfig(_, reason, property, _) => format!("{property}: {reason}"),
        KafkaError::ClientCreation(reason) => reason.clone(),
        other => other.to_string(),
    };
    TransportError::configuration(format!("librdkafka refused its configuration: {reason}"))
}

/// Checks what would make rdkafka panic: it takes a topic's name for a C string.
pub(super) fn named(topic: &str) -> Result<(), TransportError> {
    if topic.contains('\0') {
        return Err(TransportError::configuration(format!(
            "topic {topic:?} cannot exist: its name holds a NUL byte"
        )));
    }
    Ok(())
}
