//! Bounds on text that others wrote.

/// How many bytes of each kind of text are kept. What SMS sends is cut to these where it is decoded, so that
/// neither memory nor status can grow by it.
pub mod limits {
    /// Ids of tasks and servers.
    pub const ID: usize = 128;
    /// Names of tasks and servers, states, steps, types.
    pub const NAME: usize = 256;
    /// Error codes.
    pub const CODE: usize = 64;
    /// Error messages.
    pub const MESSAGE: usize = 512;
}

/// Cuts text to at most `limit` bytes, on a character border.
#[must_use]
pub fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Makes one line of text: control characters and runs of white space become one space, and the whole is cut to
/// `limit` bytes, with an ellipsis where something was cut.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    // Bounds the work on a text of megabytes: what is beyond can't be kept anyway.
    let head = cut(text, limit.saturating_mul(4));
    let words = head.split(|c: char| c.is_whitespace() || c.is_control());
    let mut line = String::with_capacity(head.len().min(limit));
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.len() > limit || head.len() < text.len() {
        line.truncate(cut(&line, limit.saturating_sub('…'.len_utf8())).len());
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cut_text_is_a_prefix_within_the_limit(text in ".{0,80}", limit in 0usize..100) {
            let kept = cut(&text, limit);
            prop_assert!(kept.len() <= limit);
            prop_assert!(text.starts_with(kept));
            // Nothing that would have fitted is lost.
            let next = text[kept.len()..].chars().next().map_or(1, char::len_utf8);
            prop_assert!(kept.len() == text.len() || kept.len() + next > limit);
        }

        #[test]
        fn one_line_has_no_control_characters_and_fits(text in "(?s).{0,200}", limit in 4usize..100) {
            let line = one_line(&text, limit);
            prop_assert!(line.len() <= limit);
            prop_assert!(!line.chars().any(char::is_control));
        }
    }

    #[test]
    fn a_short_text_stays_as_it_is() {
        assert_eq!(one_line("disk is full", 100), "disk is full");
        assert_eq!(one_line(" a\r\n\tb ", 100), "a b");
        assert_eq!(one_line("0123456789", 8), "01234…");
    }
}
