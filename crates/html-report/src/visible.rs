//! What a person reads on a page.

/// The text of a page as a browser shows it, with the values of attributes: tags and style sheets left out, character
/// references resolved. For checks on pages of this crate, not a parser for the web's HTML.
pub fn visible_text(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&resolved(&rest[..at]));
        rest = &rest[at..];
        let end = if rest.starts_with("<style") {
            rest.find("</style>")
                .map_or(rest.len(), |at| at + "</style>".len())
        } else {
            rest.find('>').map_or(rest.len(), |at| at + 1)
        };
        let (tag, after) = rest.split_at(end);
        if !tag.starts_with("<style") {
            for value in tag.split('"').skip(1).step_by(2) {
                out.push(' ');
                out.push_str(&resolved(value));
                out.push(' ');
            }
        }
        rest = after;
    }
    out.push_str(&resolved(rest));
    out
}

fn resolved(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let reference = rest[at + 1..]
            .split_once(';')
            .and_then(|(name, after)| Some((character(name)?, after)));
        match reference {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            code.ok().and_then(char::from_u32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_a_browser_shows_it() {
        assert_eq!(
            visible_text(
                "<style>p { color: red }</style><p title=\"a&lt;b\">x &amp;amp; &#x27;y&#x2f;&#39;</p> &unknown; &"
            ),
            " a<b x &amp; 'y/' &unknown; &"
        );
    }

    #[test]
    fn whatever_a_page_escapes_is_found_again() {
        let text = "p&w/d<x>\"y'z & &amp; \u{e4}\u{1f34f} `=`";
        let html = crate::Page::new("t", crate::Outcome::Failed)
            .fact(text, text)
            .render();
        assert_eq!(visible_text(&html).matches(text).count(), 2);
    }
}
