//! Comma-separated values (RFC 4180, with line feeds), figures in full precision.

use super::listing::{Cell, Sheet};

/// The sheet with one header line.
pub(super) fn render(sheet: &Sheet) -> String {
    let mut text = String::new();
    line(&mut text, sheet.columns.iter().map(|column| column.title.to_owned()));
    for row in &sheet.rows {
        line(&mut text, row.iter().map(Cell::exact));
    }
    text
}

fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            text.push(',');
        }
        if field.contains([',', '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&field);
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::listing::Heading;
    use super::*;

    #[test]
    fn fields_are_quoted_only_where_a_reader_would_be_misled() {
        let heading = |title| Heading { title, wide: false, figures: false };
        let sheet = Sheet {
            columns: vec![heading("A"), heading("B (ms)"), heading("C")],
            rows: vec![vec![
                Cell::Text("one, \"two\"".to_owned()),
                Cell::Number { value: 0.123_456_789, decimals: 1 },
                Cell::Missing,
            ]],
        };
        assert_eq!(render(&sheet), "A,B (ms),C\n\"one, \"\"two\"\"\",0.123456789,\n");
    }
}
