//! Whether a route goes on, goes back or stays.

use std::time::Duration;

use super::{Bounds, Counts, Migration, Position, Stage};

/// The share of answers that the bound for 99 of 100 leaves.
const SLOWER_THAN_P99: f64 = 0.01;

/// What is to become of a route, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Stay(String),
    GoOn(Stage, String),
    GoBack(Stage, String),
}

/// Judges a route that has stood at `position` for `lasted`, by what was counted in the
/// window.
///
/// A window that already holds more faults than its bound allows of as many requests as
/// it must hold is judged at once: the rest could not mend it.
pub(crate) fn judge(
    rules: &Migration,
    position: &Position,
    lasted: Duration,
    window: &Counts,
) -> Verdict {
    let bounds = &rules.bounds;
    let stage = position.stage;
    match (fault(bounds, stage, window), stage) {
        (Some(fault), Stage::Percent(_) | Stage::Kafka) => {
            return Verdict::GoBack(rules.refuge(), fault);
        }
        (Some(fault), Stage::Legacy | Stage::Shadow) => return Verdict::Stay(fault),
        (None, _) => {}
    }
    let Some(next) = rules.after(stage) else {
        return Verdict::Stay("it has arrived".to_owned());
    };
    if let Some(why) = &position.held {
        return Verdict::Stay(format!("held: {why}"));
    }
    if stage == Stage::Legacy {
        return Verdict::Stay("nothing is tried here: it goes on when it is promoted".to_owned());
    }
    let judged = judged(stage, window);
    if judged < bounds.requests {
        return Verdict::Stay(format!("{judged} of {} requests", bounds.requests));
    }
    if lasted < bounds.over {
        let left = (bounds.over - lasted).as_secs() + 1;
        return Verdict::Stay(format!("{judged} requests are good; {left} s are left"));
    }
    let over = bounds.over.as_secs();
    Verdict::GoOn(next, format!("{judged} requests within {over} s are good"))
}

/// How many requests speak for or against a stage.
fn judged(stage: Stage, window: &Counts) -> u64 {
    match stage {
        Stage::Legacy => 0,
        Stage::Shadow => window.compared,
        Stage::Percent(_) | Stage::Kafka => window.kafka,
    }
}

/// The first bound that is broken.
fn fault(bounds: &Bounds, stage: Stage, window: &Counts) -> Option<String> {
    let broken = |faults: u64, of: u64, share: f64, what: &str| {
        let allowed = share * of.max(bounds.requests) as f64;
        (faults as f64 > allowed).then(|| {
            let percent = share * 100.0;
            format!(
                "{faults} of {of} {what}; {percent}% of {} may",
                of.max(bounds.requests)
            )
        })
    };
    let differ = || {
        let share = bounds.differences;
        broken(window.differ(), window.compared, share, "answers differ")
    };
    let failed = || {
        broken(
            window.kafka_failed,
            window.kafka,
            bounds.errors,
            "requests failed",
        )
    };
    let slow = || {
        let what = format!("answers took longer than {:?}", bounds.p99);
        broken(window.kafka_slow, window.kafka, SLOWER_THAN_P99, &what)
    };
    match stage {
        Stage::Legacy => None,
        Stage::Shadow => differ().or_else(failed).or_else(slow),
        Stage::Percent(_) | Stage::Kafka => failed().or_else(slow),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> Migration {
        let mut rules = Migration::default();
        rules.bounds.requests = 100;
        rules
    }

    fn at(stage: Stage) -> Position {
        Position::first(stage)
    }

    const LONG: Duration = Duration::from_secs(3600);

    fn good(requests: u64) -> Counts {
        Counts {
            kafka: requests,
            compared: requests,
            ..Counts::default()
        }
    }

    #[test]
    fn enough_good_requests_over_long_enough_go_on_to_the_next_step() {
        for (stage, next) in [
            (Stage::Shadow, Stage::Percent(10)),
            (Stage::Percent(10), Stage::Percent(50)),
            (Stage::Percent(20), Stage::Percent(50)),
            (Stage::Percent(50), Stage::Kafka),
        ] {
            let verdict = judge(&rules(), &at(stage), LONG, &good(100));
            assert!(
                matches!(verdict, Verdict::GoOn(to, _) if to == next),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn too_few_requests_too_short_a_time_and_a_hold_stay() {
        let held = Position {
            held: Some("by hand".to_owned()),
            ..at(Stage::Shadow)
        };
        for (position, lasted, requests) in [
            (at(Stage::Shadow), LONG, 99),
            (at(Stage::Shadow), Duration::from_secs(1), 100),
            (held, LONG, 100),
            (at(Stage::Legacy), LONG, 100),
            (at(Stage::Kafka), LONG, 100),
        ] {
            let verdict = judge(&rules(), &position, lasted, &good(requests));
            assert!(
                matches!(verdict, Verdict::Stay(_)),
                "{position:?}: {verdict:?}"
            );
        }
    }

    #[test]
    fn one_difference_keeps_a_shadow_where_it_is() {
        let counts = Counts {
            differ_json: 1,
            ..good(100_000)
        };
        let Verdict::Stay(why) = judge(&rules(), &at(Stage::Shadow), LONG, &counts) else {
            panic!("it must stay");
        };
        assert_eq!(why, "1 of 100000 answers differ; 0% of 100000 may");
    }

    #[test]
    fn a_fault_goes_back_as_soon_as_the_rest_could_not_mend_it_though_it_is_held() {
        let position = Position {
            held: Some("by hand".to_owned()),
            ..at(Stage::Percent(10))
        };
        let counts = |kafka_failed| Counts {
            kafka: 2,
            kafka_failed,
            ..Counts::default()
        };
        // One of a hundred may fail.
        let one = judge(&rules(), &position, Duration::ZERO, &counts(1));
        assert!(matches!(one, Verdict::Stay(_)), "{one:?}");
        let two = judge(&rules(), &position, Duration::ZERO, &counts(2));
        assert!(matches!(two, Verdict::GoBack(Stage::Shadow, _)), "{two:?}");
    }

    #[test]
    fn slow_answers_are_a_fault() {
        let counts = Counts {
            kafka_slow: 2,
            ..good(100)
        };
        let verdict = judge(&rules(), &at(Stage::Kafka), LONG, &counts);
        assert!(
            matches!(verdict, Verdict::GoBack(Stage::Shadow, _)),
            "{verdict:?}"
        );
    }

    proptest! {
        #[test]
        fn nothing_goes_on_with_a_fault_and_nothing_goes_back_without_one(
            kafka in 0..1000u64,
            failed in 0..50u64,
            differ in 0..5u64,
            percent in 1..=99u8,
            shadow in any::<bool>(),
        ) {
            let stage = if shadow { Stage::Shadow } else { Stage::Percent(percent) };
            let counts = Counts {
                kafka_failed: failed,
                differ_json: differ,
                ..good(kafka)
            };
            let rules = rules();
            let faulty = fault(&rules.bounds, stage, &counts).is_some();
            match judge(&rules, &at(stage), LONG, &counts) {
                Verdict::GoOn(next, _) => prop_assert!(!faulty && next > stage && kafka >= 100),
                Verdict::GoBack(to, _) => prop_assert!(faulty && to < stage),
                Verdict::Stay(_) => {}
            }
        }
    }
}
