//! Record headers: an ordered list of names with optional byte values.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;

use super::names;

/// One record header. Kafka allows any name, repeated names and null values.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// The name, case-sensitive as on the wire.
    pub name: ByteString,
    /// The value; `None` is Kafka's null.
    pub value: Option<Bytes>,
}

impl Header {
    /// A header whose name is known at compile time.
    pub(super) fn of(name: &'static str, value: impl Into<Bytes>) -> Self {
        Self {
            name: ByteString::from_static(name),
            value: Some(value.into()),
        }
    }
}

/// Record headers in wire order, repeats kept.
///
/// Where a name repeats, [`get`](Headers::get) answers the last one, as Kafka
/// clients do. Clones share the list until one of them is changed.
#[derive(Clone, Default)]
pub struct Headers(Option<Arc<Vec<Header>>>);

impl Headers {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// An empty list with room for `capacity` headers.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Some(Arc::new(Vec::with_capacity(capacity))))
    }

    fn list(&self) -> &[Header] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The list, to append several headers to at once.
    pub(super) fn list_mut(&mut self) -> &mut Vec<Header> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// Makes room for `additional` more headers.
    pub fn reserve(&mut self, additional: usize) {
        match &mut self.0 {
            None => *self = Self::with_capacity(additional),
            Some(list) => Arc::make_mut(list).reserve(additional),
        }
    }

    /// Appends a header.
    pub fn push(&mut self, name: impl Into<ByteString>, value: impl Into<Bytes>) {
        self.push_value(name, Some(value.into()));
    }

    /// Appends a header whose name is known at compile time, without copying it.
    pub fn push_static(&mut self, name: &'static str, value: impl Into<Bytes>) {
        self.push(ByteString::from_static(name), value);
    }

    /// Appends a header whose value may be null.
    pub fn push_value(&mut self, name: impl Into<ByteString>, value: Option<Bytes>) {
        self.list_mut().push(Header {
            name: name.into(),
            value,
        });
    }

    /// Replaces every header of this name by one, in the place of the first.
    pub fn set(&mut self, name: &'static str, value: impl Into<Bytes>) {
        let mut value = Some(value.into());
        self.list_mut().retain_mut(|header| {
            if header.name != name {
                return true;
            }
            let first = value.is_some();
            if first {
                header.value = value.take();
            }
            first
        });
        if value.is_some() {
            self.push_value(ByteString::from_static(name), value);
        }
    }

    /// Removes every header of this name.
    pub fn remove(&mut self, name: &str) {
        self.list_mut().retain(|header| header.name != name);
    }

    /// Keeps the headers for which `keep` answers true.
    pub fn retain(&mut self, keep: impl FnMut(&Header) -> bool) {
        self.list_mut().retain(keep);
    }

    /// The last value of this name. A null value counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.list()
            .iter()
            .rev()
            .find(|header| header.name == name)
            .and_then(|header| header.value.as_ref())
    }

    /// The last value of this name where it is UTF-8 text.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value of this name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Option<&'a Bytes>> + 'a {
        self.list()
            .iter()
            .filter(move |header| header.name == name)
            .map(|header| header.value.as_ref())
    }

    /// Whether a header of this name is there, null values included.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.list().iter().any(|header| header.name == name)
    }

    /// The headers in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.list().iter()
    }

    /// The headers in order, to be changed in place.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Header> {
        self.list_mut().iter_mut()
    }

    /// How many headers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.list() == other.list()
    }
}

impl Eq for Headers {}

impl Extend<Header> for Headers {
    fn extend<I: IntoIterator<Item = Header>>(&mut self, headers: I) {
        self.list_mut().extend(headers);
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        Self(Some(Arc::new(headers.into_iter().collect())))
    }
}

impl IntoIterator for Headers {
    type Item = Header;
    type IntoIter = std::vec::IntoIter<Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0
            .map(Arc::unwrap_or_clone)
            .unwrap_or_default()
            .into_iter()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.list().iter()
    }
}

/// Shows names, and the values that [`names::is_loggable`] allows: what an
/// application sends may be secret.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for header in self {
            match &header.value {
                Some(value) if names::is_loggable(&header.name) => map.entry(&&*header.name, value),
                Some(_) => map.entry(&&*header.name, &format_args!("..")),
                None => map.entry(&&*header.name, &None::<()>),
            };
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_set_replaces_the_first_of_its_name_where_it_stands() {
        let mut headers = Headers::new();
        for name in ["a", "b", "a", "c"] {
            headers.push_static(name, "old");
        }
        headers.set("a", "new");
        headers.set("d", "new");
        let mut expected = Headers::new();
        for (name, value) in [("a", "new"), ("b", "old"), ("c", "old"), ("d", "new")] {
            expected.push_static(name, value);
        }
        assert_eq!(headers, expected);
    }
}
