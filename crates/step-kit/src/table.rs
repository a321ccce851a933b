//! Tables for logs: columns that line up, whatever width a terminal gives their characters.

use unicode_width::UnicodeWidthStr as _;

/// Between two columns.
const GAP: usize = 2;

/// The lines of a table: the columns' names in capitals, and the rows. A row may be shorter than there are columns.
pub(crate) fn lines(columns: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let names = columns.iter().map(|name| name.to_uppercase()).collect();
    let all: Vec<Vec<String>> = std::iter::once(names).chain(rows.iter().cloned()).collect();
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    all.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        text.push_str(cell);
        text.push_str(&" ".repeat(width.saturating_sub(cell.width()) + GAP));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_for_letters_of_every_width() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let table = lines(
            &["target", "bundle ID"],
            &[
                row(&["Caf\u{e9}", "com.example.cafe"]),
                row(&["\u{6771}\u{4eac}", "com.example.tokyo"]),
                row(&["Empty", ""]),
            ],
        );
        assert_eq!(
            table,
            [
                "TARGET  BUNDLE ID",
                "Caf\u{e9}    com.example.cafe",
                "\u{6771}\u{4eac}    com.example.tokyo",
                "Empty"
            ]
        );
    }
}
