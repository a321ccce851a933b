//! How templates write text that others wrote. What a template writes without one of these filters, askama escapes.

use std::fmt::{self, Display, Formatter, Write as _};

use askama::Values;
use askama::filters::Safe;

/// Text in HTML, between tags or in a quoted attribute.
#[askama::filter_fn]
pub(crate) fn text(text: impl AsRef<str>, _: &dyn Values) -> askama::Result<Safe<String>> {
    Ok(Safe(Escaped(text.as_ref()).to_string()))
}

/// Text that a browser may break after a dot or a slash: identifiers and paths are longer than a phone is wide, and
/// words, dates, and numbers stay whole.
#[askama::filter_fn]
pub(crate) fn breakable(text: impl AsRef<str>, _: &dyn Values) -> askama::Result<Safe<String>> {
    let pieces = text.as_ref().split_inclusive(['.', '/']);
    Ok(Safe(
        pieces
            .map(|piece| {
                let end = if piece.ends_with(['.', '/']) { "<wbr>" } else { "" };
                format!("{}{end}", Escaped(piece))
            })
            .collect(),
    ))
}

/// Text with the character references that `redaction` looks for. askama's own escaping is as safe, but writes `&#60;` for
/// `<`, and a secret written that way would not be found on the page.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#x27;"),
            '/' => f.write_str("&#x2f;"),
            _ => f.write_char(c),
        })
    }
}
