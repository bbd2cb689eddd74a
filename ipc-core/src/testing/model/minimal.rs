//! The smallest trial that breaks the same promise.

use super::check::{Promise, check};
use super::cut::{Cut, Kept};
use super::history::History;
use super::trial::Trial;

/// How often everything is gone through again because something was left out.
const ROUNDS: u32 = 5;

impl Trial {
    /// The history of the smallest trial of this seed that still breaks `promise`; `None`
    /// where it does not break it as it is.
    ///
    /// Fewer operations of each caller, fewer instances and fewer poison records are
    /// tried first, then single operations and single faults are left out, until each one
    /// that is left is needed: without it the promise is kept, or another is broken. What
    /// is left out changes what follows, so there may be a smaller trial that this search
    /// does not find.
    ///
    /// `run` runs a trial, on a runtime of its own: see [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// Those of `run`.
    pub fn minimal<E>(
        self,
        promise: Promise,
        run: impl FnMut(Self) -> Result<History, E>,
    ) -> Result<Option<History>, E> {
        let mut search = Search {
            smallest: self.clone(),
            history: History::default(),
            promise,
            run,
        };
        if !search.takes(self)? {
            return Ok(None);
        }
        search.shape()?;
        for _ in 0..ROUNDS {
            let operations = search.operations()?;
            let faults = search.faults()?;
            if !operations && !faults {
                break;
            }
        }
        Ok(Some(search.history))
    }
}

struct Search<F> {
    smallest: Trial,
    /// Of the smallest.
    history: History,
    promise: Promise,
    run: F,
}

impl<E, F: FnMut(Trial) -> Result<History, E>> Search<F> {
    /// Takes a smaller trial if it breaks the promise too.
    fn takes(&mut self, trial: Trial) -> Result<bool, E> {
        let history = (self.run)(trial.clone())?;
        let breaks = check(&history).iter().any(|it| it.promise == self.promise);
        if breaks {
            (self.smallest, self.history) = (trial, history);
        }
        Ok(breaks)
    }

    fn shape(&mut self) -> Result<(), E> {
        let most = self.smallest.operations;
        self.lower(1..most, |trial, operations| trial.operations = operations)?;
        let most = self.smallest.instances;
        self.lower(1..most, |trial, instances| trial.instances = instances)?;
        let most = self.smallest.poison;
        self.lower(0..most, |trial, poison| trial.poison = poison)
    }

    /// Takes the lowest number of something that breaks the promise.
    fn lower<N>(
        &mut self,
        numbers: impl Iterator<Item = N>,
        set: fn(&mut Trial, N),
    ) -> Result<(), E> {
        for number in numbers {
            let mut trial = self.smallest.clone();
            set(&mut trial, number);
            if self.takes(trial)? {
                break;
            }
        }
        Ok(())
    }

    fn operations(&mut self) -> Result<bool, E> {
        let all = self.history.operations.len() as u32;
        let kept = self.smallest.cut.operations.numbers(all);
        self.leave_out(kept, |cut, kept| cut.operations = kept)
    }

    fn faults(&mut self) -> Result<bool, E> {
        let kept = self.smallest.cut.faults.numbers(self.history.faults);
        self.leave_out(kept, |cut, kept| cut.faults = kept)
    }

    /// Leaves out what it can of `kept`, many at once at first; answers whether that was
    /// any.
    fn leave_out(&mut self, mut kept: Vec<u32>, set: fn(&mut Cut, Kept)) -> Result<bool, E> {
        let before = kept.len();
        let mut many = before;
        while many > 0 {
            let mut at = 0;
            while at < kept.len() {
                let end = (at + many).min(kept.len());
                let rest: Vec<u32> = [&kept[..at], &kept[end..]].concat();
                let mut trial = self.smallest.clone();
                set(&mut trial.cut, rest.iter().copied().collect());
                match self.takes(trial)? {
                    true => kept = rest,
                    false => at = end,
                }
            }
            many /= 2;
        }
        Ok(kept.len() < before)
    }
}
