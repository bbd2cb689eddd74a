//! Which streams are kept.

use std::collections::HashMap;
use std::sync::Arc;

use hashlink::LinkedHashMap;
use tokio::sync::{mpsc, oneshot};

use super::running::{Attach, Attached};
use super::{Asked, Head};

/// The streams that are kept, by the correlation ids of their requests. One that is no
/// longer among them ends once it has no reader.
#[derive(Debug, Default)]
pub(super) struct Places {
    read: HashMap<Arc<str>, Place>,
    /// Those without a reader, in the order in which these left.
    waiting: LinkedHashMap<Arc<str>, Place>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) asked: Arc<Asked>,
    pub(super) head: Arc<Head>,
    pub(super) attaches: mpsc::Sender<Attach>,
}

impl Place {
    /// What a client gets that has everything up to the record at `after`; `None` where
    /// the stream has just ended.
    pub(super) async fn attach(&self, after: u32) -> Option<Attached> {
        let (to, attached) = oneshot::channel();
        self.attaches.send(Attach { after, to }).await.ok()?;
        attached.await.ok()
    }
}

/// There is no place for one more.
#[derive(Debug)]
pub(super) struct Full;

impl Places {
    /// Takes one that is read, where there are fewer than `most`, or one that waits can go:
    /// the one that has waited longest, which is given back.
    pub(super) fn take(
        &mut self,
        id: Arc<str>,
        place: Place,
        most: usize,
    ) -> Result<Option<Place>, Full> {
        if self.get(&id).is_some() {
            return Err(Full);
        }
        let gone = match self.read.len() + self.waiting.len() < most {
            true => None,
            false => Some(self.waiting.pop_front().ok_or(Full)?.1),
        };
        self.read.insert(id, place);
        Ok(gone)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Place> {
        self.read.get(id).or_else(|| self.waiting.get(id))
    }

    /// One is read again, or no more.
    pub(super) fn set_read(&mut self, id: &Arc<str>, is_read: bool) {
        if is_read {
            let place = self.waiting.remove(id);
            self.read.extend(place.map(|place| (Arc::clone(id), place)));
        } else {
            let place = self.read.remove(id);
            self.waiting
                .extend(place.map(|place| (Arc::clone(id), place)));
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.read.remove(id);
        self.waiting.remove(id);
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, StatusCode};

    use super::*;

    fn place(name: &str) -> Place {
        Place {
            asked: Arc::new(Asked {
                route: name.into(),
                owner: None,
                method: Method::GET,
                target: "/a".parse().unwrap(),
            }),
            head: Arc::new(Head {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
            }),
            attaches: mpsc::channel(1).0,
        }
    }

    fn take(places: &mut Places, name: &str) -> Result<Option<Arc<str>>, Full> {
        let gone = places.take(name.into(), place(name), 2)?;
        Ok(gone.map(|gone| Arc::clone(&gone.asked.route)))
    }

    #[test]
    fn the_one_that_has_waited_longest_makes_room_and_none_that_is_read() {
        let mut places = Places::default();
        assert_eq!(take(&mut places, "a").unwrap(), None);
        assert_eq!(take(&mut places, "b").unwrap(), None);
        assert!(take(&mut places, "c").is_err());

        places.set_read(&"b".into(), false);
        places.set_read(&"a".into(), false);

        assert_eq!(take(&mut places, "c").unwrap().as_deref(), Some("b"));
        places.set_read(&"a".into(), true);
        assert!(take(&mut places, "d").is_err());
        assert_eq!(places.waiting(), 0);
    }

    #[test]
    fn one_that_has_no_place_any_more_does_not_come_back() {
        let mut places = Places::default();
        take(&mut places, "a").unwrap();

        places.remove("a");
        places.set_read(&"a".into(), false);
        places.set_read(&"a".into(), true);

        assert!(places.get("a").is_none());
    }
}
