//! Changes to the members of an object, with everything around them kept: comments, spacing, commas, spelling.

use super::string::{is_line_end, written_with};
use super::{Member, Node};

/// The members of an object in pieces, which render as the text that they were read from.
#[derive(Debug, Clone)]
pub(crate) struct ObjectEdit {
    /// What follows `{` in its line.
    opening: String,
    slots: Vec<Slot>,
    /// What stands before `}`.
    closing: String,
    /// Whether a comma follows the last member.
    has_trailing_comma: bool,
}

/// A member, with what stands around it.
#[derive(Debug, Clone)]
struct Slot {
    key: String,
    /// From the end of the line before to the key: indentation, and comments in lines of their own.
    above: String,
    /// The key as it is spelled.
    key_text: String,
    /// From the key to the value.
    middle: String,
    /// The value as it is spelled.
    value_text: String,
    /// From the value to its comma.
    gap: String,
    /// From the comma to the end of the line.
    trail: String,
}

/// The white space before members of a layout: a line break with indentation, or blanks.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Before a member.
    pub(crate) lead: String,
    /// What one level adds to the indentation.
    pub(crate) unit: String,
    pub(crate) has_trailing_comma: bool,
}

impl ObjectEdit {
    /// The object that stands in `text`.
    pub(crate) fn of(text: &str, object: &Node) -> Self {
        let members = object.members();
        let end = object.span.end - 1;
        let inside = &text[object.span.start + 1..end];
        let first = members
            .first()
            .map_or(inside, |first| &text[object.span.start + 1..first.key_span.start]);
        let (opening, mut above) = split_line(first);
        let mut slots = Vec::with_capacity(members.len());
        for (number, member) in members.iter().enumerate() {
            let value_end = member.node.span.end;
            let after = member.comma.map_or(value_end, |comma| comma + 1);
            let next = members.get(number + 1).map_or(end, |next| next.key_span.start);
            let (trail, rest) = split_line(&text[after..next]);
            slots.push(Slot {
                above: above.to_owned(),
                gap: text[value_end..member.comma.unwrap_or(value_end)].to_owned(),
                trail: trail.to_owned(),
                ..Slot::of(text, member)
            });
            above = rest;
        }
        Self {
            opening: opening.to_owned(),
            slots,
            closing: above.to_owned(),
            has_trailing_comma: members.last().is_some_and(|last| last.comma.is_some()),
        }
    }

    /// An object without members, whose members will stand one level below those of `around`.
    pub(crate) fn empty(around: &Layout) -> Self {
        Self {
            opening: String::new(),
            slots: Vec::new(),
            closing: around.lead.clone(),
            has_trailing_comma: around.has_trailing_comma,
        }
    }

    /// The keys, in order.
    pub(crate) fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.slots.iter().map(|slot| slot.key.as_str())
    }

    /// The number of the first member with this key.
    pub(crate) fn position(&self, key: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.key == key)
    }

    /// The value of a member as it is spelled.
    pub(crate) fn value_text(&self, number: usize) -> &str {
        &self.slots[number].value_text
    }

    /// Writes the value of a member in another spelling.
    pub(crate) fn set_value_text(&mut self, number: usize, text: String) {
        self.slots[number].value_text = text;
    }

    /// Makes the value of a member a string, in the quotes that it had.
    pub(crate) fn set_text(&mut self, number: usize, text: &str) {
        let quote = quote_of(&self.slots[number].value_text).unwrap_or_else(|| self.quote());
        self.slots[number].value_text = written_with(text, quote);
    }

    /// Gives a member another key, in the quotes that it had.
    pub(crate) fn rename(&mut self, number: usize, key: &str) {
        let quote = quote_of(&self.slots[number].key_text).unwrap_or_else(|| self.quote());
        let slot = &mut self.slots[number];
        slot.key_text = written_with(key, quote);
        key.clone_into(&mut slot.key);
    }

    /// A string as the object has them.
    pub(crate) fn spell(&self, text: &str) -> String {
        written_with(text, self.quote())
    }

    /// The quotes of the object's strings.
    fn quote(&self) -> char {
        let spellings = self
            .slots
            .iter()
            .flat_map(|slot| [&slot.key_text, &slot.value_text]);
        spellings
            .into_iter()
            .find_map(|spelling| quote_of(spelling))
            .unwrap_or('"')
    }

    /// Puts a member before the one with this number, or at the end; `around` is the layout of the object itself.
    pub(crate) fn insert(&mut self, number: usize, key: &str, value_text: String, around: Option<&Layout>) {
        let layout = self.layout(number, around);
        if self.slots.is_empty() {
            self.has_trailing_comma = layout.has_trailing_comma;
            // What was empty in one line is filled in lines of its own, as Xcode does it.
            if self.closing.trim().is_empty() && !self.closing.contains(is_line_end) {
                self.closing = match around.filter(|_| layout.lead.contains(is_line_end)) {
                    Some(around) => around.lead.clone(),
                    None => layout.lead.clone(),
                };
            }
        }
        let slot = Slot {
            key: key.to_owned(),
            above: layout.lead,
            key_text: self.spell(key),
            middle: ": ".to_owned(),
            value_text,
            gap: String::new(),
            trail: String::new(),
        };
        self.slots.insert(number, slot);
    }

    /// Takes a member out with its line; comments stay.
    pub(crate) fn remove(&mut self, number: usize) {
        let slot = self.slots.remove(number);
        let lead = lead_of(&slot.above);
        let mut kept = String::new();
        if !slot.above.trim().is_empty() {
            kept.push_str(slot.above.strip_suffix(lead.as_str()).unwrap_or(&slot.above));
        }
        for comment in [&slot.middle, &slot.gap, &slot.trail]
            .into_iter()
            .flat_map(|text| comments(text))
        {
            let before = kept.clone();
            end_comment(&mut kept, &before, &lead);
            kept.push_str(&lead);
            kept.push_str(comment);
        }
        if !kept.is_empty() {
            let next = self.slots.get_mut(number);
            let next = next.map_or(&mut self.closing, |next| &mut next.above);
            *next = joined(kept, next);
        }
    }

    /// How members stand where one with this number would be.
    pub(crate) fn layout(&self, number: usize, around: Option<&Layout>) -> Layout {
        let neighbor = self.slots.get(number.saturating_sub(1)).or(self.slots.first());
        let outer = lead_of(&self.closing);
        let unit_of = |lead: &str| {
            let deeper = lead
                .strip_prefix(outer.as_str())
                .filter(|deeper| !deeper.is_empty());
            deeper.filter(|_| outer.contains(is_line_end)).map(str::to_owned)
        };
        let of_around = around.map(|around| around.unit.clone());
        let default = || of_around.clone().unwrap_or_else(|| "  ".to_owned());
        match neighbor {
            Some(neighbor) => {
                let lead = lead_of(&neighbor.above);
                Layout {
                    unit: unit_of(&lead).unwrap_or_else(default),
                    lead,
                    has_trailing_comma: self.has_trailing_comma,
                }
            }
            None => {
                let lead = match around.filter(|around| around.lead.contains(is_line_end)) {
                    _ if outer.contains(is_line_end) => format!("{outer}{}", default()),
                    Some(around) => format!("{}{}", around.lead, around.unit),
                    None => " ".to_owned(),
                };
                Layout {
                    lead,
                    unit: default(),
                    has_trailing_comma: around.is_some_and(|around| around.has_trailing_comma),
                }
            }
        }
    }

    /// The object as text.
    pub(crate) fn render(&self) -> String {
        let mut out = format!("{{{}", self.opening);
        let mut comment = self.opening.as_str();
        for (number, slot) in self.slots.iter().enumerate() {
            end_comment(&mut out, comment, &slot.above);
            let pieces = [
                &slot.above,
                &slot.key_text,
                &slot.middle,
                &slot.value_text,
                &slot.gap,
            ];
            out.extend(pieces.map(String::as_str));
            if number + 1 < self.slots.len() || self.has_trailing_comma {
                out.push(',');
            }
            out.push_str(&slot.trail);
            comment = &slot.trail;
        }
        end_comment(&mut out, comment, &self.closing);
        out.push_str(&self.closing);
        out.push('}');
        out
    }
}

impl Slot {
    fn of(text: &str, member: &Member) -> Self {
        Self {
            key: member.key.clone().into_owned(),
            above: String::new(),
            key_text: text[member.key_span.clone()].to_owned(),
            middle: text[member.key_span.end..member.node.span.start].to_owned(),
            value_text: text[member.node.span.clone()].to_owned(),
            gap: String::new(),
            trail: String::new(),
        }
    }
}

/// White space and comments, parted where the first line ends; all is the second part if it does not end.
fn split_line(text: &str) -> (&str, &str) {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if is_line_end(c) {
            return text.split_at(at);
        }
        let rest = &text[at..];
        at += if let Some(inside) = rest.strip_prefix("/*") {
            inside.find("*/").map_or(rest.len(), |length| length + 4)
        } else if rest.starts_with("//") {
            rest.find(is_line_end).unwrap_or(rest.len())
        } else {
            c.len_utf8()
        };
    }
    ("", text)
}

/// The comments in a text that holds nothing else but white space and a colon or comma.
fn comments(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('/') {
        rest = &rest[start..];
        let length = match rest.strip_prefix("/*") {
            Some(inside) => inside.find("*/").map(|length| length + 4),
            None => rest.find(is_line_end),
        };
        let (comment, after) = rest.split_at(length.unwrap_or(rest.len()));
        all.push(comment);
        rest = after;
    }
    all
}

/// The line break before a key with its indentation, or the blanks before one that stands in a line with others.
fn lead_of(above: &str) -> String {
    let Some(line) = above.rfind(is_line_end) else {
        return if above.is_empty() {
            String::new()
        } else {
            " ".to_owned()
        };
    };
    let (before, line) = above.split_at(line);
    let line_break = if line.starts_with('\n') && before.ends_with('\r') {
        "\r\n"
    } else {
        &line[..line.chars().next().map_or(0, char::len_utf8)]
    };
    let rest = line.trim_start_matches(is_line_end);
    let indentation = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    format!("{line_break}{}", &rest[..indentation])
}

/// Ends the line of a comment, so that what follows is not part of it.
fn end_comment(out: &mut String, comment: &str, next: &str) {
    if comment.contains("//") && !next.starts_with(is_line_end) {
        out.push('\n');
    }
}

fn joined(kept: String, next: &str) -> String {
    let mut out = kept.clone();
    end_comment(&mut out, &kept, next);
    out.push_str(next);
    out
}

/// The quotes of a spelling, where it has any.
fn quote_of(spelling: &str) -> Option<char> {
    spelling.chars().next().filter(|c| matches!(c, '"' | '\''))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json5::Document;

    fn edited(text: &str, change: impl FnOnce(&mut ObjectEdit)) -> String {
        let document = Document::parse(text).unwrap();
        let mut object = ObjectEdit::of(text, document.root());
        assert_eq!(object.render(), text, "what is not changed is not changed");
        change(&mut object);
        let after = object.render();
        let read = Document::parse(&after).unwrap_or_else(|error| panic!("{after}: {error}"));
        let keys: Vec<&str> = read
            .root()
            .members()
            .iter()
            .map(|member| member.key.as_ref())
            .collect();
        assert_eq!(keys, object.keys().collect::<Vec<_>>(), "{after}");
        after
    }

    const LINES: &str =
        "{ // all\n  a: 'x', // one\n  // for b\n  'b': [\n    1,\n  ] /* gap */,\n  c: 3 // three\n}";

    #[test]
    fn a_member_goes_with_its_line_and_leaves_comments() {
        let without = |number| edited(LINES, |object| object.remove(number));
        assert_eq!(
            without(0),
            "{ // all\n  // one\n  // for b\n  'b': [\n    1,\n  ] /* gap */,\n  c: 3 // three\n}"
        );
        assert_eq!(
            without(1),
            "{ // all\n  a: 'x', // one\n  // for b\n  /* gap */\n  c: 3 // three\n}"
        );
        assert_eq!(
            without(2),
            "{ // all\n  a: 'x', // one\n  // for b\n  'b': [\n    1,\n  ] /* gap */\n  // three\n}"
        );
        for (text, expected) in [
            ("{a:1}", "{}"),
            ("{ a: 1, b: 2 }", "{ b: 2 }"),
            ("{ z: 1, // note\n a: 2, b: 3 }", "{ z: 1, // note\n b: 3 }"),
            ("{\r\n\ta: 1,\r\n\tb: 2,\r\n}", "{\r\n\tb: 2,\r\n}"),
        ] {
            let number = usize::from(text.contains('z'));
            assert_eq!(edited(text, |object| object.remove(number)), expected);
        }
    }

    #[test]
    fn a_new_member_stands_like_its_neighbors() {
        let add =
            |text: &str, number| edited(text, |object| object.insert(number, "n", object.spell("v"), None));
        assert_eq!(add("{\n  'a': 1,\n}", 1), "{\n  'a': 1,\n  'n': 'v',\n}");
        assert_eq!(add("{\n  a: 1\n}", 1), "{\n  a: 1,\n  \"n\": \"v\"\n}");
        assert_eq!(add("{\n  a: 1 // x\n}", 1), "{\n  a: 1, // x\n  \"n\": \"v\"\n}");
        assert_eq!(
            add("{\n  // of a\n  a: 1,\n}", 0),
            "{\n  \"n\": \"v\",\n  // of a\n  a: 1,\n}"
        );
        assert_eq!(add("{ a: 1, b: 2 }", 1), "{ a: 1, \"n\": \"v\", b: 2 }");
        assert_eq!(add("{ a: 1, // x\n}", 1), "{ a: 1, // x\n \"n\": \"v\",\n}");
        assert_eq!(
            add("{\r\n\ta: 1,\r\n}", 1),
            "{\r\n\ta: 1,\r\n\t\"n\": \"v\",\r\n}"
        );
        assert_eq!(add("{}", 0), "{ \"n\": \"v\" }");
        assert_eq!(add("{\n}", 0), "{\n  \"n\": \"v\"\n}");
    }

    #[test]
    fn quotes_are_kept() {
        let after = edited("{ 'a': 'x', b: \"y\" }", |object| {
            object.rename(0, "it's");
            object.set_text(0, "\"q\"");
            object.rename(1, "b[c]");
            object.set_text(1, "it's");
        });
        assert_eq!(after, r#"{ 'it\'s': '"q"', 'b[c]': "it's" }"#);
    }
}
