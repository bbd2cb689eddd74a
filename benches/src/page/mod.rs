//! `docs/performance.md`: what runs have found, in tables and plots.

mod markers;
mod runs;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use self::runs::Runs;
use crate::bounds::Bounds;
use crate::measure;
use crate::plot::{self, Plot};
use crate::report::{Report, Taken};

/// Both below the root of the work tree.
const PAGE: &str = "docs/performance.md";
const PLOTS: &str = "docs/performance";

/// The parts of the page that are not a measure's own.
const MACHINE: &str = "machine";
const BOUNDS: &str = "bounds";

/// Writes the page and its plots anew from what runs have written.
pub(crate) fn write(files: &[PathBuf], bounds: &Bounds) -> Result<()> {
    let reports = files.iter().map(|file| Report::read(file));
    let runs = Runs::of(reports.collect::<Result<_>>()?)?;
    let page = fs::read_to_string(PAGE).with_context(|| format!("cannot read {PAGE}"))?;
    let plots = runs
        .measures()
        .map(plot::plots)
        .collect::<Result<Vec<_>>>()?;
    let plots = plots.concat();
    let page = filled(&page, &runs, &plots, bounds).with_context(|| format!("in {PAGE}"))?;
    replace_plots(Path::new(PLOTS), &plots)?;
    fs::write(PAGE, page).with_context(|| format!("cannot write {PAGE}"))
}

fn filled(page: &str, runs: &Runs, plots: &[Plot], bounds: &Bounds) -> Result<String> {
    let homeless = runs.measures().find(|taken| {
        let mut parts = markers::names(page);
        !parts.any(|part| part == taken.name)
    });
    if let Some(Taken { name, .. }) = homeless {
        bail!("there is no place for the measure {name}: write <!-- bench: {name} -->");
    }
    markers::fill(page, |part| match part {
        MACHINE => Ok(runs.described()),
        BOUNDS => Ok(tables::comparisons(runs, bounds)),
        name => {
            let known = measure::ALL.iter().any(|measure| measure.name == name);
            ensure!(known, "there is no measure {name} to tell of");
            Ok(told(name, runs, plots))
        }
    })
}

/// The plots and the table of one measure, and what was remarked.
fn told(name: &str, runs: &Runs, plots: &[Plot]) -> String {
    let Some(taken) = runs.measure(name) else {
        return "Not measured in these runs.".to_owned();
    };
    let mut text = format!("Measured: {}.\n\n", taken.about);
    for plot in plots.iter().filter(|plot| plot.measure == name) {
        text.push_str(&format!(
            "![{}](performance/{}.svg)\n\n",
            plot.title, plot.file
        ));
    }
    text.push_str(&tables::medians(taken));
    for remark in &taken.remarks {
        text.push_str(&format!("\n- {remark}"));
    }
    text
}

/// Writes the plots, and leaves none of earlier runs.
fn replace_plots(folder: &Path, plots: &[Plot]) -> Result<()> {
    let shown = folder.display();
    fs::create_dir_all(folder).with_context(|| format!("cannot make {shown}"))?;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {shown}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "svg") {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    for plot in plots {
        let path = folder.join(plot.file).with_extension("svg");
        fs::write(&path, &plot.svg).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::runs::tests::{runs, taken};
    use super::*;
    use crate::figure::{Figure, Unit};

    fn slow_key() -> Runs {
        let with = Figure::new("p99 of the others", Unit::Seconds, vec![0.004]);
        let without = Figure::new("p99 of the others without it", Unit::Seconds, vec![0.002]);
        let ratio = with.over(&without, "p99 of the others over that without it");
        runs(vec![taken("slow-key", vec![without, with, ratio])])
    }

    fn fill(page: &str) -> Result<String> {
        let runs = slow_key();
        let plots: Vec<Plot> = runs
            .measures()
            .map(plot::plots)
            .collect::<Result<Vec<_>>>()?
            .concat();
        filled(page, &runs, &plots, &Bounds::read()?)
    }

    #[test]
    fn a_measure_has_its_plots_and_its_table() {
        let page = "<!-- bench: slow-key -->\n<!-- end: slow-key -->\n";
        let page = fill(page).expect("the page is in order");
        assert!(page.contains("(performance/slow-key.svg)"), "{page}");
        assert!(page.contains("| 2.00 ms | 4.00 ms |"), "{page}");
    }

    #[test]
    fn remarks_follow_the_table() {
        let slow_key = runs(vec![Taken {
            remarks: vec!["one side has more memory".to_owned()],
            ..slow_key()
                .measure("slow-key")
                .expect("it was taken")
                .clone()
        }]);
        let told = told("slow-key", &slow_key, &[]);
        assert!(told.ends_with("|\n\n- one side has more memory"), "{told}");
    }

    #[test]
    fn an_old_figure_does_not_outlive_its_run() {
        let page = "<!-- bench: slow-key -->\n<!-- end: slow-key -->\n\
                    <!-- bench: call -->\n0.1 ms\n<!-- end: call -->\n";
        let page = fill(page).expect("the page is in order");
        assert!(!page.contains("0.1 ms"), "{page}");
        assert!(page.contains("Not measured in these runs."), "{page}");
    }

    #[test]
    fn a_part_that_is_no_measure_is_an_error() {
        let page = "<!-- bench: slow-key -->\n<!-- end: slow-key -->\n\
                    <!-- bench: magic -->\n<!-- end: magic -->\n";
        let error = fill(page)
            .expect_err("there is no such measure")
            .to_string();
        assert_eq!(error, "there is no measure magic to tell of");
    }

    #[test]
    fn a_measure_without_a_part_is_an_error() {
        let error = fill("# Performance\n")
            .expect_err("it has no place")
            .to_string();
        assert!(
            error.contains("no place for the measure slow-key"),
            "{error}"
        );
    }

    #[test]
    fn the_page_of_this_project_has_a_part_for_every_measure() {
        let page = include_str!("../../../docs/performance.md");
        let parts: Vec<&str> = markers::names(page).collect();
        for measure in measure::ALL {
            assert!(parts.contains(&measure.name), "{}", measure.name);
        }
        for part in parts {
            let known = measure::ALL.iter().any(|measure| measure.name == part);
            assert!(known || [MACHINE, BOUNDS].contains(&part), "{part}");
        }
    }
}
