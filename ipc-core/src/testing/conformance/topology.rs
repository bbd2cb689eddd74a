//! Which topics there are, and making them.

use super::case::{Case, partition, to};
use crate::transport::{Cleanup, Start, TopicSpec, TopicState, TopologyPlan};

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

pub(super) async fn a_new_topic_keeps_its_first_records(case: Case) {
    for number in 0..8 {
        let spec = TopicSpec::new(case.name(&format!("topic{number}")), 1);
        let from = partition(&case.topic_like(spec).await, 0);
        let texts: Vec<String> = (0..20).map(|text| text.to_string()).collect();
        let receipts: Vec<_> = texts
            .iter()
            .map(|text| case.send(to(&from, text)))
            .collect();
        for (offset, receipt) in (0..).zip(receipts) {
            assert_eq!(receipt.await.unwrap().offset, offset);
        }
        let reader = case.read(&from, Start::Beginning).await;
        reader
            .until("the first ones are there", |seen| seen.payloads() == texts)
            .await;
    }
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

pub(super) async fn a_topic_that_is_cleaned_up_otherwise_is_told(case: Case) {
    let spec = |noun, policy| {
        let spec = TopicSpec::new(case.name(noun), 1);
        spec.with(Cleanup::SETTING, policy)
    };
    let plan = |specs: &[TopicSpec]| {
        let specs = specs.iter().cloned();
        specs.fold(TopologyPlan::new(), TopologyPlan::topic)
    };
    let made = [
        spec("deleted", "delete"),
        spec("compacted", "compact"),
        spec("both", "compact,delete"),
    ];
    for made in &made {
        case.topic_like(made.clone()).await;
    }
    case.transport.check(&plan(&made)).await.unwrap();

    let wanted = [
        spec("deleted", "compact"),
        spec("compacted", "delete"),
        spec("both", "compact"),
    ];
    let told = case.transport.check(&plan(&wanted)).await.unwrap_err();
    assert!(told.is_missing_topic(), "{told}");
    for (made, wanted) in made.iter().zip(&wanted) {
        let (name, found) = (&made.name, &made.settings[Cleanup::SETTING]);
        let wanted = &wanted.settings[Cleanup::SETTING];
        let part = format!("topic {name} has cleanup.policy={found}, {wanted} wanted");
        assert!(told.to_string().contains(&part), "{part} is not in: {told}");
    }
}
