//! What was asked of a server, and how long it took.

use std::time::Duration;

use askama::Template;

use crate::filters;

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method and path.
    pub label: String,
    /// The answer's status.
    pub status: String,
    /// When it began, counted from the first one.
    pub start: Duration,
    /// How long it took.
    pub duration: Duration,
}

#[derive(Debug, Clone)]
struct Bar {
    label: String,
    status: String,
    is_error: bool,
    start: f64,
    width: f64,
    milliseconds: u128,
}

/// Requests on one time axis.
#[derive(Debug, Clone, Template)]
#[template(path = "waterfall.html")]
pub struct Waterfall {
    heading: String,
    total: u128,
    bars: Vec<Bar>,
}

impl Waterfall {
    /// The waterfall of `requests`, in the order in which they began.
    pub fn new(heading: impl Into<String>, mut requests: Vec<Request>) -> Self {
        requests.sort_by_key(|request| request.start);
        let first = requests.first().map_or(Duration::ZERO, |request| request.start);
        let end = requests
            .iter()
            .map(|request| request.start + request.duration)
            .max()
            .unwrap_or(first);
        let total = (end - first).max(Duration::from_millis(1));
        let percent = |part: Duration| (part.as_secs_f64() / total.as_secs_f64() * 1000.0).round() / 10.0;
        let bars = requests.into_iter().map(|request| Bar {
            start: percent(request.start - first),
            // A bar that can't be seen tells nothing.
            width: percent(request.duration).max(0.4),
            milliseconds: request.duration.as_millis(),
            is_error: !request.status.starts_with('2'),
            label: request.label,
            status: request.status,
        });
        Self {
            heading: heading.into(),
            total: total.as_millis(),
            bars: bars.collect(),
        }
    }

    /// Every text that others wrote.
    pub(crate) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let bars = self.bars.iter_mut();
        std::iter::once(&mut self.heading).chain(bars.flat_map(|bar| [&mut bar.label, &mut bar.status]))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bars.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_lie_on_one_axis() {
        let request = |label: &str, status: &str, start, duration| Request {
            label: label.to_owned(),
            status: status.to_owned(),
            start: Duration::from_millis(start),
            duration: Duration::from_millis(duration),
        };
        let waterfall = Waterfall::new(
            "Requests",
            vec![request("b", "429", 150, 50), request("a", "200", 100, 100)],
        );
        assert_eq!(waterfall.total, 100);
        let shown: Vec<_> = waterfall
            .bars
            .iter()
            .map(|bar| (bar.label.as_str(), bar.start, bar.width, bar.is_error))
            .collect();
        assert_eq!(shown, [("a", 0.0, 100.0, false), ("b", 50.0, 50.0, true)]);
    }
}
