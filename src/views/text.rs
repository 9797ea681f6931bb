//! Text that can be shown: cleaned, measured in columns of a terminal, and coloured at last.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

/// How a piece of text is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    #[default]
    Plain,
    /// A heading.
    Strong,
    /// Of less weight.
    Faint,
    /// As wanted.
    Good,
    /// To be looked at.
    Warning,
    /// Wrong.
    Bad,
}

impl Style {
    /// The terminal's code for it.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("31"),
        }
    }
}

/// A line of text in pieces that look differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(Style, String)>,
}

impl Line {
    /// Text as it is.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self::styled(Style::Plain, text)
    }

    /// Text in a style.
    #[must_use]
    pub fn styled(style: Style, text: &str) -> Self {
        Self::default().and(style, text)
    }

    /// The same with more text.
    #[must_use]
    pub fn and(mut self, style: Style, text: &str) -> Self {
        match self.pieces.last_mut() {
            Some((last, before)) if *last == style => before.push_str(&clean(text)),
            _ if text.is_empty() => {}
            _ => self.pieces.push((style, clean(text))),
        }
        self
    }

    /// The same with another line behind it.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// The same, with spaces until it is this wide.
    #[must_use]
    pub fn padded(self, width: usize) -> Self {
        let missing = width.saturating_sub(self.width());
        self.and(Style::Plain, &" ".repeat(missing))
    }

    /// How many columns of a terminal it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.chars().map(|(_, c)| width_of(c)).sum()
    }

    /// As much of it as is no wider than this, with `..` at the end where something was cut and there is room for it.
    #[must_use]
    pub fn cut(&self, width: usize) -> Self {
        if self.width() <= width {
            return self.clone();
        }
        let mark = if width > 4 { ".." } else { "" };
        let (mut kept, mut used) = (Self::default(), mark.len());
        for (style, c) in self.chars() {
            used += width_of(c);
            if used > width {
                break;
            }
            match kept.pieces.last_mut() {
                Some((last, text)) if *last == style => text.push(c),
                _ => kept.pieces.push((style, c.to_string())),
            }
        }
        let style = kept.pieces.last().map_or(Style::Plain, |(style, _)| *style);
        kept.and(style, mark)
    }

    /// The text, without spaces at the end, and with the terminal's codes for its styles if there are to be colours.
    #[must_use]
    pub fn render(&self, colours: bool) -> String {
        if !colours {
            let text: String = self.pieces.iter().map(|(_, text)| text.as_str()).collect();
            return text.trim_end().to_owned();
        }
        self.pieces.iter().fold(String::new(), |mut line, (style, text)| {
            let _ = match style.code() {
                Some(code) => write!(line, "\x1b[{code}m{text}\x1b[0m"),
                None => write!(line, "{text}"),
            };
            line
        })
    }

    fn chars(&self) -> impl Iterator<Item = (Style, char)> {
        self.pieces.iter().flat_map(|(style, text)| text.chars().map(|c| (*style, c)))
    }
}

fn width_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Text of others without what a terminal would act on or hide: control characters, among them those that begin
/// commands, and marks that turn the direction of text around, or that nobody sees, become `?`; line breaks become
/// spaces.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
            c if is_harmful(c) => '?',
            c => c,
        })
        .collect()
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// JSON that says the same with escapes for what a terminal would act on. In JSON such characters stand in strings only.
#[must_use]
pub fn harmless_json(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        if c != '\n' && is_harmful(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_gone() {
        for (text, shown) in [
            ("\x1b[2J\x1b]0;owned\x07", "?[2J?]0;owned?"),
            ("\u{9b}31m", "?31m"),
            ("a\r\nb\tc", "a  b c"),
            ("\u{202e}txt.exe\u{202c}", "?txt.exe?"),
            ("in\u{200b}visible\u{e0041}", "in?visible?"),
            ("迁移-北京-01", "迁移-北京-01"),
            ("naïve café ✓ 👍", "naïve café ✓ 👍"),
        ] {
            assert_eq!(clean(text), shown);
            assert_eq!(Line::plain(text).render(false), shown);
        }
    }

    #[test]
    fn chinese_characters_take_two_columns() {
        let line = Line::plain("迁移任务-01");
        assert_eq!(line.width(), 11);
        assert_eq!(line.cut(7).render(false), "迁移..");
        assert_eq!(line.cut(8).render(false), "迁移任..");
        assert_eq!(line.cut(3).render(false), "迁");
        assert_eq!(line.clone().padded(13).width(), 13);
    }

    #[test]
    fn colours_are_closed_again() {
        let line = Line::styled(Style::Bad, "down").and(Style::Plain, " since").and(Style::Faint, " 5m");
        assert_eq!(line.render(true), "\x1b[31mdown\x1b[0m since\x1b[2m 5m\x1b[0m");
        assert_eq!(line.render(false), "down since 5m");
        assert_eq!(line.cut(6).render(true), "\x1b[31mdown..\x1b[0m");
    }

    #[test]
    fn harmless_json_says_the_same() {
        let value = serde_json::json!({"name": "\x1b[2J \u{9b}1m \u{7f} \u{202e} \u{e0041} 迁移"});
        let text = harmless_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.chars().any(|c| c != '\n' && is_harmful(c)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    proptest! {
        #[test]
        fn a_cut_line_fits_and_begins_as_before(text in "(?s).{0,40}", width in 0usize..50) {
            let line = Line::styled(Style::Bad, &text).and(Style::Plain, &text);
            let cut = line.cut(width);
            prop_assert!(cut.width() <= width);
            prop_assert!(!cut.render(false).chars().any(is_harmful));
            let (shown, whole) = (cut.render(false), line.render(false));
            prop_assert!(whole.starts_with(shown.trim_end_matches('.')));
        }
    }
}
