//! What ends when: profiles, certificates, sessions.

use askama::Template;
use time::OffsetDateTime;

use crate::filters;

/// Something that ends.
#[derive(Debug, Clone)]
pub struct Expiry {
    name: String,
    kind: String,
    date: String,
    days: i64,
    at: OffsetDateTime,
    percent: f64,
    urgency: &'static str,
}

impl Expiry {
    /// Something of a `kind`, such as a certificate, that ends at a time.
    pub fn new(name: impl Into<String>, kind: impl Into<String>, at: OffsetDateTime) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            date: at.date().to_string(),
            days: 0,
            at,
            percent: 0.0,
            urgency: "",
        }
    }
}

/// A timeline from now on; what ends first stands first.
#[derive(Debug, Clone, Template)]
#[template(path = "timeline.html")]
pub struct Timeline {
    heading: String,
    today: String,
    items: Vec<Expiry>,
}

/// What ends within a month is worth a look, what ends within a week is urgent.
const SOON: i64 = 30;
const URGENT: i64 = 7;

impl Timeline {
    /// The timeline of `items`, seen from `now`.
    pub fn new(heading: impl Into<String>, now: OffsetDateTime, mut items: Vec<Expiry>) -> Self {
        items.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.name.cmp(&b.name)));
        let furthest = items
            .iter()
            .map(|item| (item.at - now).whole_days())
            .max()
            .unwrap_or(0)
            .max(1);
        for item in &mut items {
            item.days = (item.at - now).whole_days();
            let share = f64::from(i32::try_from(item.days.clamp(0, furthest)).unwrap_or(i32::MAX))
                / f64::from(i32::try_from(furthest).unwrap_or(i32::MAX));
            item.percent = (share * 1000.0).round() / 10.0;
            item.urgency = match item.days {
                ..URGENT => "urgent",
                URGENT..SOON => "soon",
                _ => "fine",
            };
        }
        Self {
            heading: heading.into(),
            today: now.date().to_string(),
            items,
        }
    }

    /// Every text that others wrote.
    pub(crate) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let items = self.items.iter_mut();
        std::iter::once(&mut self.heading).chain(items.flat_map(|item| [&mut item.name, &mut item.kind]))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_ends_first_stands_first() {
        let now = datetime!(2026-11-24 12:00 UTC);
        let timeline = Timeline::new(
            "Ends",
            now,
            vec![
                Expiry::new("profile", "profile", datetime!(2027-11-24 12:00 UTC)),
                Expiry::new("old", "certificate", datetime!(2026-11-20 12:00 UTC)),
                Expiry::new("soon", "certificate", datetime!(2026-12-10 12:00 UTC)),
            ],
        );
        let shown: Vec<_> = timeline
            .items
            .iter()
            .map(|item| (item.name.as_str(), item.days, item.percent, item.urgency))
            .collect();
        assert_eq!(
            shown,
            [
                ("old", -4, 0.0, "urgent"),
                ("soon", 16, 4.4, "soon"),
                ("profile", 365, 100.0, "fine"),
            ]
        );
    }
}
