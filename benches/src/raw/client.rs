use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use parking_lot::Mutex;

use super::Place;
use super::caller::Caller;
use crate::load::{Load, Recorder, Sample};
use crate::worker::Subject;

/// The callers of one process, each on a thread of its own.
pub(crate) struct RawClient(Vec<Caller>);

impl RawClient {
    pub(crate) fn start(place: Place) -> Result<Self> {
        let callers = (0..place.spread.callers).map(|nth| Caller::start(place.clone(), nth));
        Ok(Self(callers.collect::<Result<_>>()?))
    }
}

impl Subject for RawClient {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        let recorder = Mutex::new(Recorder::new());
        match *load {
            Load::Closed {
                in_flight, span, ..
            } => {
                let each = in_flight / self.0.len();
                let recorder = &recorder;
                thread::scope(|scope| {
                    let callers = self.0.iter_mut();
                    let at_work =
                        callers.map(|it| scope.spawn(move || it.closed(each, span, recorder)));
                    let at_work: Vec<_> = at_work.collect();
                    let ended = at_work.into_iter().map(|it| match it.join() {
                        Ok(ended) => ended,
                        Err(_) => Err(anyhow!("a caller panicked")),
                    });
                    ended.collect::<Result<()>>()
                })?;
            }
            Load::Open {
                per_second, span, ..
            } => {
                let only = self.0.first_mut().context("there is no caller")?;
                only.open(per_second, span, &recorder)?;
            }
            _ => bail!("this is a client by hand, it cannot do that"),
        }
        let sample = recorder.lock().sample();
        Ok(sample)
    }
}
