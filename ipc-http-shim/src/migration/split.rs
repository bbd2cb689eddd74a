//! On which side a request is.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::Stage;

/// Whether the service answers requests of this identity. The same for every route and
/// every instance: one identity is never on both sides of routes at one stage, and one
/// that has moved stays there as the percentage grows.
pub(crate) fn is_on_kafka(stage: Stage, identity: &[u8]) -> bool {
    match stage {
        Stage::Legacy | Stage::Shadow => false,
        Stage::Percent(percent) => place(identity) < u64::from(percent),
        Stage::Kafka => true,
    }
}

/// Where an identity stands among a hundred.
fn place(identity: &[u8]) -> u64 {
    // Keys of our own: std's hasher may change with a release, and instances of two
    // releases must agree.
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(identity);
    hasher.finish() % 100
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn who_is_on_kafka_stays_there_as_the_percentage_grows(
            identity in any::<Vec<u8>>(),
            one in 1..=99u8,
            other in 1..=99u8,
        ) {
            let (less, more) = (one.min(other), one.max(other));
            if is_on_kafka(Stage::Percent(less), &identity) {
                prop_assert!(is_on_kafka(Stage::Percent(more), &identity));
            }
            prop_assert!(is_on_kafka(Stage::Kafka, &identity));
            prop_assert!(!is_on_kafka(Stage::Shadow, &identity));
        }
    }

    #[test]
    fn the_share_on_kafka_is_about_the_percentage() {
        for percent in [1, 10, 50, 90] {
            let stage = Stage::Percent(percent);
            let on_kafka = (0..100_000_u32)
                .filter(|number| is_on_kafka(stage, number.to_string().as_bytes()))
                .count();
            let expected = usize::from(percent) * 1000;
            assert!(on_kafka.abs_diff(expected) < 1000, "{percent}%: {on_kafka}");
        }
    }

    #[test]
    fn every_release_places_an_identity_alike() {
        assert_eq!([place(b""), place(b"order-7"), place(&[0xff])], PLACES);
    }

    /// Written down once; instances of several releases run beside each other.
    const PLACES: [u64; 3] = [40, 52, 19];
}
