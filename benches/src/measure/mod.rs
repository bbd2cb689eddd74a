//! What is measured, one file each.

mod call;
mod contest;
mod cpu;
mod instructions;

use anyhow::{Result, bail};

use crate::bench::Bench;
use crate::figure::Figure;

/// One thing that is measured.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// A command of its own, which runs only where it is named.
    pub(crate) by_name_only: bool,
    pub(crate) run: fn(&Bench) -> Result<Vec<Figure>>,
}

/// Every measure, in the order in which they run.
pub(crate) const ALL: &[Measure] = &[
    Measure {
        name: "instructions",
        about: "instructions and allocations per message, without a broker",
        by_name_only: false,
        run: instructions::run,
    },
    Measure {
        name: "call",
        about: "typed calls over the same round trip by hand, at 1, 8, 64 and 256 in flight",
        by_name_only: false,
        run: call::run,
    },
];

impl Measure {
    /// Those that are named; without a name all but the commands of their own.
    pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Self>> {
        let unknown = names
            .iter()
            .find(|name| ALL.iter().all(|it| it.name != **name));
        if let Some(unknown) = unknown {
            let known: Vec<_> = ALL.iter().map(|measure| measure.name).collect();
            bail!(
                "there is no measure {unknown}: name one of {}",
                known.join(", ")
            );
        }
        let chosen = |measure: &&Self| match names.is_empty() {
            true => !measure.by_name_only,
            false => names.iter().any(|name| name == measure.name),
        };
        Ok(ALL.iter().filter(chosen).collect())
    }
}
