//! Resources of a kind, in the order in which they came, and which of them lists show.

use std::ops::{Deref, DerefMut};

use serde::Serialize;

/// A resource that has an ID.
pub trait Identified {
    /// The ID.
    fn id(&self) -> &str;
}

/// Resources of a kind, oldest first. They are read as a slice.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Records<T>(Vec<T>);

impl<T> Default for Records<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Records<T> {
    /// Adds one.
    pub fn push(&mut self, one: T) {
        self.0.push(one);
    }

    /// Removes all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T: Identified> Records<T> {
    /// The one with an ID.
    pub fn by_id(&self, id: &str) -> Option<&T> {
        self.0.iter().find(|one| one.id() == id)
    }

    /// The one with an ID, to be changed.
    pub fn by_id_mut(&mut self, id: &str) -> Option<&mut T> {
        self.0.iter_mut().find(|one| one.id() == id)
    }

    /// Whether there is one with an ID.
    pub fn has(&self, id: &str) -> bool {
        self.by_id(id).is_some()
    }

    /// Takes the one with an ID away.
    pub fn remove(&mut self, id: &str) -> Option<T> {
        let index = self.0.iter().position(|one| one.id() == id)?;
        Some(self.0.remove(index))
    }
}

impl<T> Deref for Records<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Records<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> FromIterator<T> for Records<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl<'a, T> IntoIterator for &'a Records<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Records<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

/// Lists lag behind creations, where they are told to: what was created is hidden from so many of them.
#[derive(Debug, Default, Serialize)]
pub struct Lists {
    #[serde(rename = "lists_served")]
    served: u32,
    /// For how many list requests a created object stays hidden.
    pub hidden_for: u32,
}

impl Lists {
    /// Lists that hide what was created from so many requests.
    pub(crate) fn hiding_for(hidden_for: u32) -> Self {
        Self {
            served: 0,
            hidden_for,
        }
    }

    /// A list was served.
    pub(crate) fn advance(&mut self) {
        self.served += 1;
    }

    /// Until which list request something that is made now stays hidden, and for so many at least.
    pub(crate) fn hidden_until(&self, least: u32) -> u32 {
        self.served + self.hidden_for.max(least)
    }

    /// Whether lists show what is hidden until a list request.
    pub(crate) fn shows(&self, hidden_until: u32) -> bool {
        hidden_until <= self.served
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_is_hidden_from_as_many_lists_as_are_told() {
        let mut lists = Lists::hiding_for(2);
        let (made, slower) = (lists.hidden_until(0), lists.hidden_until(3));
        assert_eq!(
            [lists.shows(0), lists.shows(made), lists.shows(slower)],
            [true, false, false]
        );
        lists.advance();
        lists.advance();
        assert_eq!([lists.shows(made), lists.shows(slower)], [true, false]);
    }
}
