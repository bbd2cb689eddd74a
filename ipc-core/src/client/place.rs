//! Which partition of the reply topic an instance listens on.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::transport::{TopicPartition, TopicState, Transport};

/// The partition of the reply topic to which the least was written `recently`; any,
/// where that is not known.
pub(super) async fn choose(
    transport: &dyn Transport,
    topic: &TopicState,
    recently: Duration,
) -> TopicPartition {
    let written = if topic.partitions > 1 {
        let since = transport.now().minus(recently);
        transport.written_since(topic, since).await
    } else {
        Ok(vec![0])
    };
    let written = written.unwrap_or_else(|error| {
        tracing::debug!(%error, "the quietest reply partition is not known");
        (0..topic.partitions).map(|_| 0).collect()
    });
    TopicPartition {
        topic: Arc::clone(&topic.name),
        partition: quietest(&written, Uuid::new_v4().as_u64_pair().0),
    }
}

/// The partition with the fewest records. Of several, `random` picks one, so that
/// instances which start at the same moment spread.
fn quietest(written: &[u64], random: u64) -> i32 {
    let fewest = written.iter().min();
    let quiet: Vec<i32> = (0..)
        .zip(written)
        .filter(|(_, count)| Some(*count) == fewest)
        .map(|(partition, _)| partition)
        .collect();
    let picked = random.checked_rem(quiet.len() as u64);
    let picked = picked.and_then(|number| quiet.get(usize::try_from(number).ok()?));
    picked.copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_partition_is_quieter_than_the_chosen_one(
            written in prop::collection::vec(0..5u64, 1..20),
            random in any::<u64>(),
        ) {
            let chosen = usize::try_from(quietest(&written, random))?;
            prop_assert_eq!(written.get(chosen), written.iter().min());
        }

        #[test]
        fn every_partition_that_is_as_quiet_can_be_chosen(
            written in prop::collection::vec(0..3u64, 1..12),
        ) {
            let chosen: BTreeSet<i32> = (0..12).map(|random| quietest(&written, random)).collect();
            let fewest = written.iter().min();
            let quiet = (0..).zip(&written).filter(|(_, count)| Some(*count) == fewest);
            prop_assert_eq!(chosen, quiet.map(|(partition, _)| partition).collect());
        }

        #[test]
        fn one_after_the_other_takes_a_partition_of_its_own(
            partitions in 1..20usize,
            random in prop::collection::vec(any::<u64>(), 20),
        ) {
            let mut written = vec![0; partitions];
            for random in random.into_iter().take(partitions) {
                let chosen = usize::try_from(quietest(&written, random))?;
                written[chosen] += 1;
            }
            prop_assert_eq!(written, vec![1; partitions]);
        }
    }

    #[test]
    fn a_topic_that_nothing_is_known_of_has_its_first_partition() {
        assert_eq!(quietest(&[], 7), 0);
    }
}
