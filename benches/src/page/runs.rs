use anyhow::{Result, ensure};

use crate::measure;
use crate::report::{Machine, Report, Taken};

/// What is known from several runs on one machine.
pub(super) struct Runs(Vec<Report>);

impl Runs {
    /// Puts runs together, the earliest first.
    ///
    /// # Errors
    ///
    /// When there is none, or they were not taken on one machine.
    pub(super) fn of(mut reports: Vec<Report>) -> Result<Self> {
        reports.sort_by(|a, b| a.began.cmp(&b.began));
        for pair in reports.windows(2) {
            ensure!(
                pair[0].machine == pair[1].machine,
                "the runs of {} and {} were taken on different machines ({} and {}): \
                 absolute figures of two do not belong on one page",
                pair[0].began,
                pair[1].began,
                pair[0].machine,
                pair[1].machine
            );
        }
        ensure!(!reports.is_empty(), "there is no run to tell of");
        Ok(Self(reports))
    }

    /// The last take of a measure.
    pub(super) fn measure(&self, name: &str) -> Option<&Taken> {
        let mut measures = self.0.iter().rev().flat_map(|report| &report.measures);
        measures.find(|taken| taken.name == name)
    }

    /// The last take of each measure, in the order in which they run.
    pub(super) fn measures(&self) -> impl Iterator<Item = &Taken> {
        measure::ALL.iter().filter_map(|it| self.measure(it.name))
    }

    /// Where, when and how they were taken.
    pub(super) fn described(&self) -> String {
        let machine: Option<&Machine> = self.0.first().map(|report| &report.machine);
        let mut text = machine.map_or(String::new(), |it| format!("Machine: {it}.\n"));
        for report in &self.0 {
            let names: Vec<&str> = report.measures.iter().map(|it| it.name.as_str()).collect();
            let seconds: f64 = report.measures.iter().map(|it| it.seconds).sum();
            text.push_str(&format!(
                "\n- {}, commit {}, Kafka {}, {} rounds, {:.0} min: {}.",
                report.began,
                report.commit,
                report.kafka,
                report.rounds,
                seconds / 60.0,
                names.join(", ")
            ));
            if report.quick {
                text.push_str(" **Taken with `--quick`: shows that it runs, and no more.**");
            }
        }
        text
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::figure::{Figure, Unit};

    pub(crate) fn taken(name: &str, figures: Vec<Figure>) -> Taken {
        Taken {
            name: name.to_owned(),
            about: String::new(),
            seconds: 60.0,
            figures,
            remarks: Vec::new(),
        }
    }

    fn report(began: &str, measures: Vec<Taken>) -> Report {
        Report {
            began: began.to_owned(),
            commit: "0123456789ab".to_owned(),
            kafka: "4.3.0".to_owned(),
            rounds: 5,
            quick: false,
            machine: Machine {
                processor: "a processor".to_owned(),
                cores: 2,
                memory: 8 << 30,
                kernel: "Linux 6.1.0".to_owned(),
            },
            measures,
        }
    }

    pub(crate) fn runs(measures: Vec<Taken>) -> Runs {
        Runs::of(vec![report("2026-01-01T00:00:00Z", measures)]).expect("one run is in order")
    }

    #[test]
    fn the_last_take_of_a_measure_counts() {
        let take = |value| {
            let figure = Figure::new("p50", Unit::Seconds, vec![value]);
            vec![taken("call", vec![figure])]
        };
        let late = report("2026-01-02T00:00:00Z", take(2.0));
        let early = report("2026-01-01T00:00:00Z", take(1.0));
        let runs = Runs::of(vec![late, early]).expect("one machine");
        let call = runs.measure("call").expect("it was taken");
        assert_eq!(call.figures[0].median(), 2.0);
        assert_eq!(runs.measures().count(), 1);
    }

    #[test]
    fn runs_of_two_machines_do_not_mix() {
        let here = report("2026-01-01T00:00:00Z", Vec::new());
        let mut there = here.clone();
        there.machine.cores = 64;
        assert!(Runs::of(vec![here, there]).is_err());
        assert!(Runs::of(Vec::new()).is_err());
    }

    #[test]
    fn the_description_says_where_when_and_how() {
        let runs = runs(vec![taken("call", Vec::new())]);
        assert_eq!(
            runs.described(),
            "Machine: 2 cores (a processor), 8 GiB, Linux 6.1.0.\n\n\
             - 2026-01-01T00:00:00Z, commit 0123456789ab, Kafka 4.3.0, 5 rounds, \
             1 min: call."
        );
    }
}
