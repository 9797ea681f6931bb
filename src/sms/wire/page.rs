//! A page, read in the parts that it came in. They are read where they stand: only what two of them divide is copied.

use std::mem;

use serde::de::IgnoredAny;

use super::{
    Page, PageError, refusal,
    scan::{Malformed, Scanner},
    task,
};
use crate::{
    core::{
        task::{Earlier, Task},
        text,
    },
    sms::http,
};

/// So much is added at a time to a part that wasn't whole: about two tasks.
const PIECE: usize = 4 * 1024;
/// The longest start of an incomplete character.
const BROKEN: usize = 3;

/// Reads the body of a successful answer. A bad entry is skipped and counted, so that it hides no other. Tasks that are as
/// an earlier listing found them are shared with that.
pub(in crate::sms) struct Reader<'e> {
    earlier: &'e Earlier,
    /// How many entries it may have.
    limit: u32,
    next: Next,
    count: Option<u64>,
    tasks: Vec<Task>,
    skipped: usize,
    /// Whether something else than a list stands in the place of the tasks.
    no_list: bool,
    error: refusal::Collected,
    /// The beginning of a character.
    broken: Vec<u8>,
    /// Text that couldn't be read yet, and how long it must be to be looked at again: twice as long each time, so that
    /// what isn't JSON costs no more than its length.
    rest: String,
    enough: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Page,
    Member,
    Task,
    /// What follows the list of tasks.
    AfterTasks,
    End,
}

impl<'e> Reader<'e> {
    /// Begins a page of at most so many tasks.
    pub(in crate::sms) fn new(earlier: &'e Earlier, limit: u32) -> Self {
        Self {
            earlier,
            limit,
            next: Next::Page,
            count: None,
            tasks: Vec::new(),
            skipped: 0,
            no_list: false,
            error: refusal::Collected::default(),
            broken: Vec::new(),
            rest: String::new(),
            enough: 0,
        }
    }

    /// Whether it has more entries than it may have.
    fn is_over(&self) -> bool {
        self.tasks.len().saturating_add(self.skipped) > self.limit as usize
    }

    fn take_part(&mut self, part: &[u8]) {
        let joined;
        let bytes = if self.broken.is_empty() {
            part
        } else {
            joined = [mem::take(&mut self.broken).as_slice(), part].concat();
            &joined
        };
        let (whole, broken) = bytes.split_at(bytes.len() - incomplete(bytes));
        self.broken.extend_from_slice(broken);
        // The usual case first: looking for what isn't UTF-8 takes longer than seeing that all is.
        match std::str::from_utf8(whole) {
            Ok(text) => self.read(text),
            Err(_) => self.read(&String::from_utf8_lossy(whole)),
        }
    }

    fn end(mut self) -> Result<Page, PageError> {
        let broken = mem::take(&mut self.broken);
        let rest = mem::take(&mut self.rest) + &String::from_utf8_lossy(&broken);
        let read = self.advance(&rest);
        let rest = rest.get(read..).unwrap_or_default();
        if self.is_over() {
            return Err(PageError::Surplus { asked: self.limit });
        }
        if self.next != Next::End || !rest.is_empty() {
            return Err(PageError::Syntax);
        }
        self.error.refuse(self.count.is_none())?;
        if self.no_list {
            return Err(PageError::List("tasks"));
        }
        // Whether all tasks have been seen can't be known without their number.
        let count = self.count.ok_or(PageError::Missing("`count`"))?;
        Ok(Page { count, tasks: self.tasks, skipped: self.skipped })
    }

    fn read(&mut self, mut text: &str) {
        while !self.rest.is_empty() && !text.is_empty() {
            let (piece, after) = text.split_at(text::cut(text, PIECE).len());
            self.rest.push_str(piece);
            if self.rest.len() < self.enough {
                text = after;
                continue;
            }
            let mut rest = mem::take(&mut self.rest);
            let read = self.advance(&rest);
            let left = rest.len() - read;
            if let Some(used) = piece.len().checked_sub(left) {
                // What is left stands in the text as well.
                text = text.get(used..).unwrap_or_default();
            } else {
                rest.drain(..read);
                (self.rest, self.enough, text) = (rest, 2 * left, after);
            }
        }
        if self.rest.is_empty() {
            // Most of a part is read where it stands.
            let read = self.advance(text);
            self.rest.push_str(text.get(read..).unwrap_or_default());
            self.enough = 2 * self.rest.len();
        }
    }

    /// Reads as far as it can, and says how far.
    fn advance(&mut self, text: &str) -> usize {
        let mut scanner = Scanner::new(text);
        let mut read = 0;
        while read < text.len() && !self.is_over() && self.step(&mut scanner).is_ok() {
            read = scanner.place();
        }
        read
    }

    /// Reads one part. Nothing has changed when it isn't whole; a value is, when what follows it is there as well.
    fn step(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        self.next = match self.next {
            Next::Page if scanner.opens(b'{', b'}')? => Next::Member,
            Next::Page => Next::End,
            Next::Member => return self.member(scanner),
            Next::Task => {
                let task = task::decode(scanner, self.earlier)?;
                let next = if scanner.goes_on(b']')? { Next::Task } else { Next::AfterTasks };
                match task {
                    Some(task) => self.tasks.push(task),
                    None => self.skipped += 1,
                }
                next
            }
            Next::AfterTasks => Next::after_member(scanner)?,
            Next::End => {
                scanner.end()?;
                Next::End
            }
        };
        Ok(())
    }

    /// Of repeated keys the last one counts.
    fn member(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        let key = scanner.key()?;
        if key == "tasks" && scanner.peek() == Some(b'[') {
            self.next = if scanner.opens(b'[', b']')? { Next::Task } else { Next::AfterTasks };
            (self.tasks, self.skipped, self.no_list) = (Vec::new(), 0, false);
            return Ok(());
        }
        let value = scanner.value()?;
        self.next = Next::after_member(scanner)?;
        match &*key {
            "count" => self.count = value.integer().and_then(|count| u64::try_from(count).ok()),
            "tasks" => {
                let no_list = value.list::<IgnoredAny>().is_err();
                (self.tasks, self.skipped, self.no_list) = (Vec::new(), 0, no_list);
            }
            key => self.error.add(key, value.as_written()),
        }
        Ok(())
    }
}

impl http::Reader for Reader<'_> {
    type Value = Page;

    fn take(&mut self, part: &[u8]) -> Result<(), PageError> {
        self.take_part(part);
        if self.is_over() { Err(PageError::Surplus { asked: self.limit }) } else { Ok(()) }
    }

    fn kept(&self) -> usize {
        self.rest.len()
    }

    fn finish(self) -> Result<Page, PageError> {
        self.end()
    }
}

impl Next {
    fn after_member(scanner: &mut Scanner<'_>) -> Result<Self, Malformed> {
        Ok(if scanner.goes_on(b'}')? { Self::Member } else { Self::End })
    }
}

/// How many bytes at the end begin a character that isn't complete.
fn incomplete(bytes: &[u8]) -> usize {
    let begins = |length: &usize| {
        let end = bytes.len().checked_sub(*length).and_then(|start| bytes.get(start..));
        end.and_then(|end| std::str::from_utf8(end).err())
            .is_some_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=BROKEN).find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::http::Reader as _;

    #[test]
    fn tasks_are_read_as_their_parts_come() {
        let task = format!(r#"{{"id":"a","unknown":"{}"}}"#, "x".repeat(1_470));
        let page = format!(r#"{{"count":100,"tasks":[{}]}}"#, vec![task.as_str(); 100].join(","));
        for size in [100, 1_000, 1_400, 3_000, 10_000] {
            let earlier = Earlier::default();
            let mut reader = Reader::new(&earlier, 100);
            for part in page.as_bytes().chunks(size) {
                reader.take(part).unwrap();
                assert!(
                    reader.rest.len() < 3 * task.len() + size,
                    "{} of parts of {size}",
                    reader.rest.len()
                );
            }
            assert_eq!(reader.finish().unwrap().tasks.len(), 100);
        }
    }

    #[test]
    fn a_page_of_more_than_was_asked_for_is_refused_as_soon_as_it_is() {
        let page = format!(r#"{{"count":100,"tasks":[{}]}}"#, vec![r#"{"id":"a"}"#; 100].join(","));
        for size in [1, 7, 100, 10_000] {
            for limit in [0, 1, 50, 99] {
                let earlier = Earlier::default();
                let mut reader = Reader::new(&earlier, limit);
                let mut parts = page.as_bytes().chunks(size);
                let error = parts.find_map(|part| reader.take(part).err());
                let error = error.unwrap_or_else(|| reader.finish().unwrap_err());
                assert!(matches!(error, PageError::Surplus { asked } if asked == limit), "{error:?}");
                // A short part is read when there is twice as much.
                let most = 100_usize.saturating_sub(2 * limit as usize + 20) * 11;
                assert!(parts.len() * size + 2 * size >= most, "{} of {size}, {limit}", parts.len());
            }
        }
    }
}
