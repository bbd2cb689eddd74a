//! Where every route stands, as one instance has read it, and what is to be done.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::judge::{Verdict, judge};
use super::record::{Command, CountedAt, Decided, Record, Told, Wanted};
use super::route::MovingRoute;
use super::webhook::Step;
use super::window::Window;
use super::{Backlog, Counts, Position, Stage};

/// How long a decision may take to be read back before it is made again.
const READ_BACK: Duration = Duration::from_secs(5);

/// How many steps of a route are kept that no webhook was told of.
const UNTOLD: usize = 64;

/// All routes that move, and what instances tell of them.
#[derive(Debug)]
pub(crate) struct Board {
    /// Whether everything that stood in the topic at first is read. What was counted
    /// before that may be long ago.
    is_caught_up: bool,
    /// Whether a webhook is told of steps.
    reports: bool,
    places: BTreeMap<Arc<str>, Place>,
}

/// One route.
#[derive(Debug)]
struct Place {
    route: Arc<MovingRoute>,
    /// Since when it has been where it is, by this instance's clock.
    since: Instant,
    window: Window,
    /// What each instance has told last.
    told: BTreeMap<String, CountedAt>,
    /// The offset before which every command is obeyed.
    obeyed: i64,
    /// What somebody wants, and at which offset: the last one counts.
    wanted: Option<(i64, Wanted)>,
    /// What was decided and is not read back yet.
    decided: Option<Instant>,
    /// Steps the webhook was not told of yet, in order.
    untold: VecDeque<Step>,
}

impl Board {
    pub(crate) fn new(routes: &[Arc<MovingRoute>], reports: bool, now: Instant) -> Self {
        let place = |route: &Arc<MovingRoute>| Place {
            since: now,
            window: Window::new(route.rules().bounds.over),
            told: BTreeMap::new(),
            obeyed: 0,
            wanted: None,
            decided: None,
            untold: VecDeque::new(),
            route: Arc::clone(route),
        };
        Self {
            is_caught_up: false,
            reports,
            places: routes
                .iter()
                .map(|route| (Arc::clone(route.name()), place(route)))
                .collect(),
        }
    }

    pub(crate) fn caught_up(&mut self) {
        self.is_caught_up = true;
    }

    /// Takes a record that stands at `offset`. Of routes that are not ours nothing is
    /// kept.
    pub(crate) fn take(&mut self, record: Record, offset: i64, now: Instant) {
        match record {
            Record::Position { route, decided } => {
                let Some(place) = self.places.get_mut(&*route) else {
                    return;
                };
                if let Some(step) = place.go(decided, now)
                    && self.reports
                {
                    place.untold.push_back(step);
                    if place.untold.len() > UNTOLD {
                        place.untold.pop_front();
                    }
                }
            }
            Record::Counts { instance, told } => self.count(&instance, told, now),
            Record::Command { route, wanted } => {
                if let Some(place) = self.places.get_mut(&*route)
                    && offset >= place.obeyed
                {
                    place.wanted = Some((offset, wanted));
                }
            }
            Record::Reported { route, generation } => self.reported(&route, generation),
        }
    }

    /// The webhook was told of a route's steps up to `generation`.
    pub(crate) fn reported(&mut self, route: &str, generation: u64) {
        if let Some(place) = self.places.get_mut(route) {
            let told = |step: &Step| step.position.generation <= generation;
            place.untold.retain(|step| !told(step));
        }
    }

    /// Of each route the first step that the webhook was not told of yet.
    pub(crate) fn untold(&self) -> Vec<(Arc<str>, Step)> {
        let first = |(name, place): (&Arc<str>, &Place)| {
            let step = place.untold.front()?.clone();
            Some((Arc::clone(name), step))
        };
        self.places.iter().filter_map(first).collect()
    }

    fn count(&mut self, instance: &str, told: Option<Told>, now: Instant) {
        let is_new = self.is_caught_up;
        let mut told = told.map(|told| told.routes).unwrap_or_default();
        for (name, place) in &mut self.places {
            match told.remove(&**name) {
                Some(counted) if is_new => place.count(instance, counted, now),
                Some(counted) => drop(place.told.insert(instance.to_owned(), counted)),
                None => drop(place.told.remove(instance)),
            }
        }
    }

    /// What this instance has counted.
    pub(crate) fn tell(&self) -> Told {
        let counted = |place: &Place| {
            let standing = place.route.standing();
            CountedAt {
                generation: standing.position.generation,
                counts: standing.counts(),
            }
        };
        let routes = self.places.iter();
        Told {
            routes: routes
                .map(|(name, place)| (name.to_string(), counted(place)))
                .collect(),
        }
    }

    /// What the one who decides has to write, by route. `at` is the present in Unix
    /// milliseconds.
    pub(crate) fn decide(&mut self, now: Instant, at: u64) -> Vec<(Arc<str>, Decided)> {
        let decided = |(name, place): (&Arc<str>, &mut Place)| {
            let decided = place.decide(now, at)?;
            place.decided = Some(now);
            Some((Arc::clone(name), decided))
        };
        self.places.iter_mut().filter_map(decided).collect()
    }
}

impl Place {
    /// Goes where it is decided to, and answers what step that is; none where it is there
    /// or beyond.
    fn go(&mut self, decided: Decided, now: Instant) -> Option<Step> {
        let before = self.route.standing();
        if decided.position.generation <= before.position.generation {
            return None;
        }
        tracing::info!(
            route = &**self.route.name(),
            generation = decided.position.generation,
            stage = %decided.position.stage,
            before = %before.position.stage,
            held = decided.position.held,
            why = decided.position.why,
            backlog = decided.position.backlog.as_ref().and_then(|left| left.records),
            "a route moves"
        );
        self.obeyed = self.obeyed.max(decided.commands);
        let obeyed = self.obeyed;
        self.wanted.take_if(|(offset, _)| *offset < obeyed);
        if decided.position.stage != before.position.stage {
            self.window = Window::new(self.route.rules().bounds.over);
            self.since = now;
        }
        self.decided = None;
        // Of what was compacted away nothing is known.
        let follows = decided.position.generation == before.position.generation + 1;
        let step = Step {
            from: follows.then_some(before.position.stage),
            position: decided.position.clone(),
        };
        self.route.go(decided.position);
        Some(step)
    }

    /// Adds what an instance has counted since it told last. What it counted at another
    /// position is another matter.
    fn count(&mut self, instance: &str, counted: CountedAt, now: Instant) {
        let before = self.told.insert(instance.to_owned(), counted);
        if counted.generation != self.route.standing().position.generation {
            return;
        }
        let before = before.filter(|before| before.generation == counted.generation);
        let before = before.map(|before| before.counts).unwrap_or_default();
        let more = counted.counts.zip(before, u64::saturating_sub);
        if more != Counts::default() {
            self.window.add(now, more);
        }
    }

    fn decide(&mut self, now: Instant, at: u64) -> Option<Decided> {
        if self
            .decided
            .is_some_and(|decided| now < decided + READ_BACK)
        {
            return None;
        }
        let position = self.route.standing().position.clone();
        if let Some((offset, wanted)) = &self.wanted {
            let mut next = self.obey(&position, wanted);
            next.generation = position.generation + 1;
            next.since = at;
            next.backlog = self.backlog(&position, next.stage);
            return Some(Decided {
                position: next,
                commands: offset + 1,
            });
        }
        let rules = self.route.rules();
        let window = self.window.total(now);
        let (stage, held, why) = match judge(rules, &position, now - self.since, &window) {
            _ if !rules.automatic => return None,
            Verdict::Stay(_) => return None,
            Verdict::GoOn(stage, why) => (stage, None, why),
            Verdict::GoBack(stage, why) => (stage, Some(why.clone()), why),
        };
        Some(Decided {
            position: Position {
                generation: position.generation + 1,
                stage,
                held,
                since: at,
                why,
                backlog: self.backlog(&position, stage),
            },
            commands: self.obeyed,
        })
    }

    /// What is left to the service where the route goes to `next`.
    fn backlog(&self, position: &Position, next: Stage) -> Option<Backlog> {
        match next.cmp(&position.stage) {
            Ordering::Less => self.route.left_behind(),
            Ordering::Equal => position.backlog.clone(),
            Ordering::Greater => None,
        }
    }

    /// The position after a command.
    fn obey(&self, position: &Position, wanted: &Wanted) -> Position {
        let rules = self.route.rules();
        let why = match &*wanted.by {
            "" => wanted.command.to_string(),
            by => format!("{}: {by}", wanted.command),
        };
        let (stage, held) = match wanted.command {
            Command::Promote(to) => {
                let next = to.or_else(|| rules.after(position.stage));
                (next.unwrap_or(position.stage), None)
            }
            Command::Rollback(to) => {
                let back: Stage = to.unwrap_or_else(|| rules.refuge());
                (back.min(position.stage), Some(why.clone()))
            }
            Command::Pause => (position.stage, Some(why.clone())),
            Command::Resume => (position.stage, None),
        };
        Position {
            stage,
            held,
            why,
            ..position.clone()
        }
    }
}
