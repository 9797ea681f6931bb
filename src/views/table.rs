//! Tables that fit the terminal.

use super::text::{Line, Style};

/// Between two columns, as kubectl has it.
const GAP: usize = 3;

/// At which side the cells of a column begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// At which side its cells begin.
    pub align: Align,
    /// Columns with the highest rank go first when there isn't room for all; those of rank 0 stay.
    pub rank: u8,
    /// The width that no cell exceeds.
    pub most: usize,
    /// Whether its cells can be cut where it is the last one that fits. Half a number or a name is a wrong one.
    pub is_prose: bool,
}

impl Column {
    /// A column of text.
    #[must_use]
    pub fn left(title: &'static str, rank: u8) -> Self {
        Self { title, align: Align::Left, rank, most: usize::MAX, is_prose: false }
    }

    /// A column of sentences, which still tell something when they are cut.
    #[must_use]
    pub fn prose(title: &'static str, rank: u8) -> Self {
        Self { is_prose: true, ..Self::left(title, rank) }
    }

    /// A column of numbers.
    #[must_use]
    pub fn right(title: &'static str, rank: u8) -> Self {
        Self { align: Align::Right, ..Self::left(title, rank) }
    }

    /// The same, with cells no wider than this.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }
}

/// Rows under headings. Every row has a cell for each column.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Line>>,
}

impl Table {
    /// A table of these columns.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Line>) {
        self.rows.push(row);
    }

    /// The headings and then the rows; with a width, those columns that fit into it, and each line cut to it.
    #[must_use]
    pub fn lines(&self, width: Option<usize>) -> Vec<Line> {
        let shown = self.fitting(width);
        let headings = self.columns.iter().map(|column| Line::styled(Style::Strong, column.title)).collect();
        let rows = std::iter::once(&headings).chain(&self.rows);
        rows.map(|row| line(row, &shown))
            .map(|line| width.map_or(line.clone(), |width| line.cut(width)))
            .collect()
    }

    /// Those columns that fit.
    fn fitting(&self, width: Option<usize>) -> Vec<Shown> {
        let all = self.columns.iter().enumerate();
        let mut shown: Vec<Shown> = all.map(|(place, column)| self.measured(place, *column)).collect();
        while width.is_some_and(|width| total(&shown) > width) {
            let last = shown.iter().rposition(|one| one.column.rank == highest_rank(&shown));
            match last.filter(|_| highest_rank(&shown) > 0) {
                Some(place) => shown.remove(place),
                None => break,
            };
        }
        shown
    }

    fn measured(&self, place: usize, column: Column) -> Shown {
        let cells = self.rows.iter().filter_map(|row| row.get(place)).map(Line::width);
        let width = cells.max().unwrap_or(0).min(column.most).max(column.title.len());
        Shown { place, column, width }
    }
}

/// A column with the width that it takes.
#[derive(Clone, Copy)]
struct Shown {
    place: usize,
    column: Column,
    width: usize,
}

fn highest_rank(shown: &[Shown]) -> u8 {
    shown.iter().map(|one| one.column.rank).max().unwrap_or(0)
}

/// The width of all; of sentences in the last one the heading alone, since they are cut where they have to be.
fn total(shown: &[Shown]) -> usize {
    let last = shown
        .last()
        .map_or(0, |last| if last.column.is_prose { last.column.title.len() } else { last.width });
    shown.iter().rev().skip(1).map(|one| one.width + GAP).sum::<usize>() + last
}

fn line(row: &[Line], shown: &[Shown]) -> Line {
    let mut line = Line::default();
    let mut column_start = 0;
    for one in shown {
        let cell = row.get(one.place).cloned().unwrap_or_default().cut(one.column.most);
        let indent = match one.column.align {
            Align::Left => 0,
            Align::Right => one.width.saturating_sub(cell.width()),
        };
        line = line.padded(column_start + indent).then(cell);
        column_start += one.width + GAP;
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table {
        let columns = vec![Column::left("NAME", 0), Column::right("TOTAL", 2), Column::prose("NOTE", 1)];
        let mut table = Table::new(columns);
        rows.iter().for_each(|row| table.push(row.iter().map(|cell| Line::plain(cell)).collect()));
        table
    }

    fn texts(table: &Table, width: Option<usize>) -> Vec<String> {
        table.lines(width).iter().map(|line| line.render(false)).collect()
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let table = table(&[["wave-1", "12", "ok"], ["迁移", "3", ""]]);
        assert_eq!(texts(&table, None), ["NAME     TOTAL   NOTE", "wave-1      12   ok", "迁移         3"]);
    }

    #[test]
    fn what_matters_least_goes_first() {
        let table = table(&[["wave-1", "12", "a long note"]]);
        assert_eq!(texts(&table, Some(24))[1], "wave-1      12   a lon..");
        assert_eq!(texts(&table, Some(20))[1], "wave-1   a long note", "TOTAL has the highest rank");
        assert_eq!(texts(&table, Some(8))[1], "wave-1", "and then NOTE");
        assert_eq!(texts(&table, Some(4))[1], "wave");
    }

    #[test]
    fn a_number_is_whole_or_not_there() {
        let mut table = Table::new(vec![Column::left("NAME", 0), Column::right("ETA", 1)]);
        table.push(vec![Line::plain("wave-1"), Line::plain("8m27s")]);
        assert_eq!(texts(&table, Some(14)), ["NAME       ETA", "wave-1   8m27s"]);
        assert_eq!(texts(&table, Some(13)), ["NAME", "wave-1"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            rows in prop::collection::vec(["(?s).{0,20}", "[0-9]{0,9}", "(?s).{0,60}"], 0..8),
            width in 0usize..120,
        ) {
            let rows: Vec<[&str; 3]> = rows.iter().map(|[a, b, c]| [a.as_str(), b.as_str(), c.as_str()]).collect();
            let lines = table(&rows).lines(Some(width));
            prop_assert_eq!(lines.len(), rows.len() + 1);
            for line in lines {
                prop_assert!(line.width() <= width);
            }
        }
    }
}
