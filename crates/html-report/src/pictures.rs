//! Sets of pictures before and after a run, as thumbnails inside the page.

use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::filters;

/// The largest thumbnail that the page carries, in bytes.
pub const LARGEST_THUMBNAIL: usize = 24 << 10;

/// What all thumbnails of a page may weigh together, in bytes.
const LARGEST_TOTAL: usize = 2 << 20;

/// What a run does with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It stays.
    Kept,
    /// It comes.
    New,
    /// It goes.
    Removed,
}

impl Mark {
    fn class(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::New => "new",
            Self::Removed => "removed",
        }
    }
}

/// A picture with its thumbnail, where there is one.
#[derive(Debug, Clone)]
pub struct Picture {
    name: String,
    mark: Mark,
    /// A JPEG in Base64, so that the page loads nothing.
    data: Option<String>,
}

impl Picture {
    /// A picture; a thumbnail that is empty or above [`LARGEST_THUMBNAIL`] is left out, and the name stands alone.
    pub fn new(name: impl Into<String>, mark: Mark, jpeg: Option<&[u8]>) -> Self {
        let jpeg = jpeg.filter(|jpeg| (1..=LARGEST_THUMBNAIL).contains(&jpeg.len()));
        Self {
            name: name.into(),
            mark,
            data: jpeg.map(|jpeg| BASE64_STANDARD.encode(jpeg)),
        }
    }
}

/// A set of pictures, before and after, in its order.
#[derive(Debug, Clone)]
pub struct PictureSet {
    /// What the set is for.
    pub title: String,
    /// What it shows before the run.
    pub before: Vec<Picture>,
    /// What it shows after the run.
    pub after: Vec<Picture>,
}

impl PictureSet {
    fn sides(&self) -> [(&'static str, &[Picture]); 2] {
        [("before", &self.before), ("after", &self.after)]
    }
}

/// Sets of pictures.
#[derive(Debug, Clone, Template)]
#[template(path = "pictures.html")]
pub struct Pictures {
    heading: String,
    sets: Vec<PictureSet>,
}

impl Pictures {
    /// Sets of pictures. Thumbnails beyond what a page may weigh are left out; the names stay.
    pub fn new(heading: impl Into<String>, mut sets: Vec<PictureSet>) -> Self {
        let mut total = 0;
        let all = sets
            .iter_mut()
            .flat_map(|set| set.before.iter_mut().chain(&mut set.after));
        for picture in all {
            total += picture.data.as_ref().map_or(0, String::len);
            if total > LARGEST_TOTAL {
                picture.data = None;
            }
        }
        Self {
            heading: heading.into(),
            sets,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    pub(crate) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let sets = self.sets.iter_mut().flat_map(|set| {
            let names = set.before.iter_mut().chain(&mut set.after);
            std::iter::once(&mut set.title).chain(names.map(|picture| &mut picture.name))
        });
        std::iter::once(&mut self.heading).chain(sets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_are_bounded_one_by_one_and_together() {
        assert!(
            Picture::new("a", Mark::New, Some(&vec![0; LARGEST_THUMBNAIL + 1]))
                .data
                .is_none()
        );
        let full = vec![0; LARGEST_THUMBNAIL];
        let many = |count| {
            (0..count)
                .map(|_| Picture::new("a", Mark::Kept, Some(&full)))
                .collect::<Vec<_>>()
        };
        let pictures = Pictures::new(
            "x",
            vec![PictureSet {
                title: "t".to_owned(),
                before: many(100),
                after: many(100),
            }],
        );
        let set = &pictures.sets[0];
        let weight: usize = set
            .before
            .iter()
            .chain(&set.after)
            .filter_map(|picture| picture.data.as_ref())
            .map(String::len)
            .sum();
        assert!(weight <= LARGEST_TOTAL && weight > LARGEST_TOTAL / 2, "{weight}");
        assert_eq!(set.after.len(), 100);
    }
}
