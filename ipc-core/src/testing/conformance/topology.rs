//! Which topics there are, and making them.

use super::case::Case;
use crate::transport::{TopicSpec, TopicState};

pub(super) async fn a_topic_made_twice_stays_as_it_is(case: Case) {
    let topic = case.topic(3).await;
    let other = TopicSpec::new(topic.clone(), 5);
    let new = TopicSpec::new(case.name("new"), 1);
    case.transport
        .create_topics(&[other, new.clone()])
        .await
        .unwrap();
    case.topic_like(new).await;
    let states = case.transport.topics(&[topic]).await.unwrap();
    assert_eq!(states[0].as_ref().map(|state| state.partitions), Some(3));
}

pub(super) async fn states_come_in_the_order_asked_for(case: Case) {
    let missing = case.name("never.made");
    let one = case.topic_like(TopicSpec::new(case.name("one"), 1)).await;
    let two = case.topic_like(TopicSpec::new(case.name("two"), 2)).await;
    let names = [two.clone(), missing, one.clone()];
    let states = case.transport.topics(&names).await.unwrap();
    let state = |name, partitions| Some(TopicState { name, partitions });
    assert_eq!(states, [state(two, 2), None, state(one, 1)]);
}

pub(super) async fn a_topic_that_cannot_be_made_is_named(case: Case) {
    let bad = case.name("not a name");
    let none = case.name("no.partitions");
    let good = TopicSpec::new(case.name("good"), 1);
    let specs = [
        TopicSpec::new(bad.clone(), 1),
        good.clone(),
        TopicSpec::new(none.clone(), 0),
    ];
    let error = case.transport.create_topics(&specs).await.unwrap_err();
    for name in [bad, none] {
        assert!(error.to_string().contains(&*name), "{error}");
    }
    assert!(!error.to_string().contains(&*good.name), "{error}");
}
