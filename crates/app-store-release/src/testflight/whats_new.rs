//! Texts as TestFlight takes them.

use unicode_properties::{EmojiStatus, UnicodeEmoji as _};

/// The limit of "What to Test", in bytes.
const MOST_BYTES: usize = 4000;

/// The text without what App Store Connect refuses (emoji, `<`), cut to 4,000 bytes.
/// As fastlane 2.237.0, `pilot/lib/pilot/build_manager.rb` (read 2026-07-21).
pub fn clean(text: &str) -> String {
    let kept: String = text.chars().filter(|c| *c != '<' && !is_emoji(*c)).collect();
    let kept = kept.trim();
    if kept.len() <= MOST_BYTES {
        return kept.to_owned();
    }
    let mut end = MOST_BYTES - 3;
    while !kept.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &kept[..end])
}

fn is_emoji(c: char) -> bool {
    let joins = matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{20e3}') || ('\u{1f1e6}'..='\u{1f1ff}').contains(&c);
    let shown = matches!(
        c.emoji_status(),
        EmojiStatus::EmojiPresentation
            | EmojiStatus::EmojiPresentationAndModifierBase
            | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent
            | EmojiStatus::EmojiPresentationAndEmojiComponent
    );
    joins || shown || (u32::from(c) > 0x1_F000 && c.is_emoji_char())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_and_angle_brackets_go_and_the_rest_stays() {
        assert_eq!(
            clean("Fast 🚀 & <b>new</b> №1 ü 日本 👩‍💻🇩🇪 ©"),
            "Fast  & b>new/b> №1 ü 日本  ©"
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let cut = clean(&"ä".repeat(3000));
        assert!(cut.len() <= 4000 && cut.ends_with("ä..."), "{}", cut.len());
        assert_eq!(clean(&"x".repeat(4000)).len(), 4000);
    }
}
