//! Aligned columns without borders: text to the left, figures to the right, two spaces between.

use std::fmt::Write;
use std::num::NonZeroUsize;

use super::listing::{Cell, Heading, Sheet};
use super::printable;

/// What of a sheet is printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// With the columns that only `wide` shows.
    pub(super) wide: bool,
    /// With a header.
    pub(super) header: bool,
    /// Rows after which the header is repeated.
    pub(super) page: Option<NonZeroUsize>,
}

const GAP: &str = "  ";

/// The sheet as lines; every page is aligned like the whole.
pub(super) fn render(sheet: &Sheet, layout: Layout) -> String {
    let shown: Vec<usize> = (0..sheet.columns.len())
        .filter(|&index| layout.wide || sheet.columns.get(index).is_some_and(|column| !column.wide))
        .collect();
    let columns: Vec<Rendered> =
        shown.iter().map(|&index| Rendered::of(sheet, index, layout.header)).collect();
    let page = layout.page.map_or(sheet.rows.len().max(1), NonZeroUsize::get);
    let mut text = String::new();
    for start in (0..sheet.rows.len().max(1)).step_by(page) {
        if start > 0 {
            text.push('\n');
        }
        if layout.header {
            line(&mut text, &columns, |column| column.title);
        }
        for row in start..sheet.rows.len().min(start + page) {
            line(&mut text, &columns, |column| column.cells.get(row).map_or("", String::as_str));
        }
    }
    text
}

/// Lines of text under titles, aligned.
pub(crate) fn aligned(titles: &[&'static str], rows: &[Vec<String>]) -> String {
    let heading = |title: &&'static str| Heading { title, wide: false, figures: false };
    let cells = |row: &Vec<String>| row.iter().map(|text| Cell::Text(printable(text))).collect();
    let sheet =
        Sheet { columns: titles.iter().map(heading).collect(), rows: rows.iter().map(cells).collect() };
    render(&sheet, Layout { wide: false, header: true, page: None })
}

/// One column, ready to print.
struct Rendered {
    title: &'static str,
    cells: Vec<String>,
    width: usize,
    right: bool,
}

impl Rendered {
    fn of(sheet: &Sheet, index: usize, header: bool) -> Self {
        let column: Vec<&Cell> = sheet.rows.iter().filter_map(|row| row.get(index)).collect();
        let cells: Vec<String> = column.iter().map(|cell| cell.rounded()).collect();
        let heading = sheet.columns.get(index);
        let title = heading.map_or("", |heading| heading.title);
        let title_width = if header { title.chars().count() } else { 0 };
        let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        Self {
            title,
            cells,
            width: width.max(title_width),
            right: heading.is_some_and(|heading| heading.figures),
        }
    }
}

fn line<'a>(text: &mut String, columns: &'a [Rendered], cell: impl Fn(&'a Rendered) -> &'a str) {
    let mut line = String::new();
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            line.push_str(GAP);
        }
        let cell = cell(column);
        let width = column.width;
        // Writing to a string cannot fail.
        let _ = if column.right { write!(line, "{cell:>width$}") } else { write!(line, "{cell:<width$}") };
    }
    text.push_str(line.trim_end());
    text.push('\n');
}
