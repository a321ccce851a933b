//! Apple's IDs of resources.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use serde::{Serialize, Serializer};

/// Apple's ID of a resource of type `T`, such as `8FW3K2LM9Q` of a bundle ID. It is never empty, and it is no identifier
/// that people choose, such as `com.example.app`.
pub struct ResourceId<T> {
    text: String,
    of: PhantomData<fn() -> T>,
}

impl<T> ResourceId<T> {
    /// The ID, as Apple gave it; `None` where it is empty.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.trim().is_empty()).then_some(Self {
            text,
            of: PhantomData,
        })
    }

    /// As Apple writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T> Clone for ResourceId<T> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            of: PhantomData,
        }
    }
}

impl<T> PartialEq for ResourceId<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for ResourceId<T> {}

impl<T> PartialOrd for ResourceId<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for ResourceId<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl<T> Hash for ResourceId<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<T> Serialize for ResourceId<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<T> fmt::Debug for ResourceId<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceId({:?})", self.text)
    }
}

impl<T> fmt::Display for ResourceId<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_id_is_none() {
        assert_eq!(ResourceId::<()>::new(""), None);
        assert_eq!(ResourceId::<()>::new(" "), None);
        let id = ResourceId::<()>::new("8FW3K2LM9Q");
        assert_eq!(id.as_ref().map(ResourceId::as_str), Some("8FW3K2LM9Q"));
    }
}
