//! What a key means.

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// To leave.
    Quit,
    /// To stop for now, as Ctrl-Z does.
    Suspend,
    /// A line up.
    Up,
    /// A line down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// The first task.
    Home,
    /// The last task.
    End,
}

/// The keys in what a terminal has sent. What isn't known is passed over.
pub(super) fn keys(bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let (key, used) = match first {
            0x1b => sequence(after),
            b'q' | b'Q' | 0x03 | 0x04 => (Some(Key::Quit), 0),
            0x1a => (Some(Key::Suspend), 0),
            b'k' => (Some(Key::Up), 0),
            b'j' => (Some(Key::Down), 0),
            b' ' => (Some(Key::PageDown), 0),
            b'b' => (Some(Key::PageUp), 0),
            b'g' => (Some(Key::Home), 0),
            b'G' => (Some(Key::End), 0),
            _ => (None, 0),
        };
        keys.extend(key);
        rest = after.get(used..).unwrap_or_default();
    }
    keys
}

/// What comes after an escape, and how many bytes that is.
fn sequence(bytes: &[u8]) -> (Option<Key>, usize) {
    let Some([b'[' | b'O', parameters @ ..]) = bytes.get(..) else { return (None, 0) };
    let length = parameters.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    let key = match (parameters.get(..length), parameters.get(length)) {
        (_, Some(b'A')) => Some(Key::Up),
        (_, Some(b'B')) => Some(Key::Down),
        (_, Some(b'H')) | (Some(b"1" | b"7"), Some(b'~')) => Some(Key::Home),
        (_, Some(b'F')) | (Some(b"4" | b"8"), Some(b'~')) => Some(Key::End),
        (Some(b"5"), Some(b'~')) => Some(Key::PageUp),
        (Some(b"6"), Some(b'~')) => Some(Key::PageDown),
        _ => None,
    };
    (key, length + 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_known_by_what_terminals_send() {
        for (bytes, wanted) in [
            (&b"q"[..], &[Key::Quit][..]),
            (b"\x03", &[Key::Quit]),
            (b"\x1b[A\x1b[B", &[Key::Up, Key::Down]),
            (b"\x1bOA", &[Key::Up]),
            (b"\x1b[5~\x1b[6~jk", &[Key::PageUp, Key::PageDown, Key::Down, Key::Up]),
            (b"\x1b[H\x1b[4~gG", &[Key::Home, Key::End, Key::Home, Key::End]),
            (b"\x1b[1;5A", &[Key::Up]),
            (b"\x1b", &[]),
            (b"\x1bq", &[Key::Quit]),
            (b"xyz\x1b[99~", &[]),
        ] {
            assert_eq!(keys(bytes), wanted, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_is_too_much(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(keys(&bytes).len() <= bytes.len());
        }
    }
}
