//! The clean form as comma-separated values.

use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::cells::{Cells, Fault};
use super::{Column, MeasuredRow, RowPlace, TableError, Tag, UnusableRow};

/// Largest table that is read.
pub const MAX_TABLE_BYTES: usize = 16 * 1024 * 1024;

/// Most rows of a table.
pub const MAX_TABLE_ROWS: usize = 200_000;

/// A table of measurements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeasuredTable {
    /// Rows that could be read, in the order of the table.
    pub rows: Vec<MeasuredRow>,
    /// Rows that could not.
    pub unusable: Vec<UnusableRow>,
    /// What was left aside, one sentence each.
    pub notes: Vec<String>,
}

impl MeasuredTable {
    /// Reads `text`, comma-separated values with a header line; `document` is what messages call it.
    ///
    /// Columns stand in any order, and unknown ones are left aside; RFC 4180's quotes, line ends of any system and a
    /// byte-order mark are understood; lines without a value are passed over.
    ///
    /// # Errors
    /// A text that is too large or is no table of measurements: it lacks a required column, or has one twice. A row
    /// that makes no sense is no error: it stands in [`Self::unusable`].
    pub fn read(document: &str, text: &str) -> Result<Self, TableError> {
        if text.len() > MAX_TABLE_BYTES {
            return Err(TableError::TooLarge { document: document.to_owned(), bytes: text.len() });
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(text.as_bytes());
        let malformed = |error: csv::Error| TableError::Malformed {
            document: document.to_owned(),
            reason: error.to_string(),
        };
        let header = Header::read(document, reader.headers().map_err(malformed)?)?;
        let mut table = Self { notes: header.note(document).into_iter().collect(), ..Self::default() };
        let name: Arc<str> = document.into();
        let mut lines = Lines { bytes: text.as_bytes(), at: 0, line: 1 };
        for (index, record) in reader.records().enumerate() {
            if index >= MAX_TABLE_ROWS {
                return Err(TableError::TooManyRows { document: document.to_owned() });
            }
            let record = record.map_err(malformed)?;
            if record.iter().any(|cell| !cell.is_empty()) {
                let line = record.position().and_then(|position| lines.line_of(position.byte()));
                table.add(&header, &record, RowPlace { document: name.clone(), row: index + 1, line });
            }
        }
        Ok(table)
    }

    fn add(&mut self, header: &Header, record: &StringRecord, at: RowPlace) {
        match header.row(record, at.clone()) {
            Ok(row) => self.rows.push(row),
            Err(Fault { column, reason }) => {
                let cells = header.cells(record);
                self.unusable.push(UnusableRow { at, column, reason, cells });
            }
        }
    }
}

/// Lines of a text, counted on the way through it. The reader's own count is that of the line before where a line ends
/// in two characters or empty ones precede the row.
struct Lines<'t> {
    bytes: &'t [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the first character from `byte` on that ends no line; places only rise.
    fn line_of(&mut self, byte: u64) -> Option<u64> {
        let byte = usize::try_from(byte).ok()?;
        let ends = self.bytes.get(byte..)?.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = self.bytes.get(self.at..byte + ends)?;
        let is_end = |(index, byte): (usize, &u8)| {
            *byte == b'\n' || *byte == b'\r' && passed.get(index + 1) != Some(&b'\n')
        };
        self.line += passed.iter().enumerate().map(is_end).filter(|is_end| *is_end).count() as u64;
        self.at = byte + ends;
        Some(self.line)
    }
}

/// Which column stands where.
struct Header {
    /// Place of each column of [`Column::ALL`]; `None`: the table lacks it.
    places: [Option<usize>; Column::ALL.len()],
    /// Cells of a row.
    width: usize,
    unknown: Vec<String>,
}

impl Header {
    fn read(document: &str, record: &StringRecord) -> Result<Self, TableError> {
        let mut header = Self { places: Default::default(), width: record.len(), unknown: Vec::new() };
        for (index, name) in record.iter().enumerate() {
            match name.parse::<Column>() {
                Ok(column) => {
                    let place = &mut header.places[column as usize];
                    if place.replace(index).is_some() {
                        return Err(TableError::RepeatedColumn { document: document.to_owned(), column });
                    }
                }
                Err(()) => header.unknown.push(name.to_owned()),
            }
        }
        let lacks = |column: &Column| header.places[*column as usize].is_none();
        let mut missing: Vec<Column> = Column::REQUIRED.into_iter().filter(lacks).collect();
        if Column::FIGURES.iter().all(lacks) {
            missing.extend(Column::FIGURES);
        }
        if missing.is_empty() {
            return Ok(header);
        }
        Err(TableError::MissingColumns { document: document.to_owned(), missing })
    }

    /// Which columns are left aside.
    fn note(&self, document: &str) -> Option<String> {
        const MOST: usize = 8;
        let named: Vec<String> = self.unknown.iter().take(MOST).map(|name| format!("`{name}`")).collect();
        let more = match self.unknown.len().saturating_sub(MOST) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!named.is_empty())
            .then(|| format!("{document}: unknown columns left aside: {}{more}", named.join(", ")))
    }

    fn row(&self, record: &StringRecord, at: RowPlace) -> Result<MeasuredRow, Fault> {
        if record.len() != self.width {
            return Err(self.wrong_width(record));
        }
        let get = |column| self.cell(record, column);
        let cells = Cells { get: &get };
        Ok(MeasuredRow {
            at,
            experiment: cells.experiment()?,
            figures: cells.figures()?,
            tags: Tag::all(get(Column::Tags)),
            source: get(Column::Source).to_owned(),
        })
    }

    fn wrong_width(&self, record: &StringRecord) -> Fault {
        let mut reason = format!("has {} cells where the header has {}", record.len(), self.width);
        if record.iter().any(|cell| cell.contains('\n')) {
            reason.push_str(": a quotation mark in it is closed only on a later line, or never");
        }
        Fault::row(reason)
    }

    fn cell<'r>(&self, record: &'r StringRecord, column: Column) -> &'r str {
        self.places[column as usize].and_then(|place| record.get(place)).unwrap_or_default()
    }

    fn cells(&self, record: &StringRecord) -> Vec<(Column, String)> {
        const LONGEST: usize = 500;
        let start = |text: &str| text.chars().take(LONGEST).collect::<String>();
        let cells = Column::ALL.into_iter().map(|column| (column, start(self.cell(record, column))));
        cells.filter(|(_, text)| !text.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::OfferedLoad;
    use super::*;
    use crate::catalog::Precision;
    use crate::curve::Parallelism;
    use crate::workload::{Lengths, Statistic, Traffic};

    const HEADER: &str = "model,precision,server,server_version,accelerator,accelerators,tp,dp,ep,input_tokens,\
                          output_tokens,lengths,engine_args,load_kind,load,ttft_statistic,itl_statistic,ttft_ms,\
                          itl_ms,ntpot_ms,output_tokens_per_s,tags,source";
    const ROW: &str = "openai/gpt-oss-120b,mxfp4,vllm,0.19.0,nvidia-h100-80gb,4,,,,1024,1024,uniform0.8-1.0,\
                       --max-num-seqs 512,closed,64,mean,p50,120.5,9.5,,,wip;mine,someone/somewhere@12ab file.csv";

    fn read(text: &str) -> MeasuredTable {
        MeasuredTable::read("t.csv", text).unwrap()
    }

    #[test]
    fn a_row_is_read_with_what_the_form_says_of_empty_cells() {
        let table = read(&format!("{HEADER}\n{ROW}\n"));
        assert_eq!((table.unusable.len(), table.notes.len()), (0, 0));
        let row = &table.rows[0];
        assert_eq!(row.at.to_string(), "t.csv, row 1 (line 2)");
        let experiment = &row.experiment;
        assert_eq!(experiment.configuration.precision, Some(Precision::Mxfp4));
        assert_eq!(experiment.configuration.parallelism, Parallelism { tensor: 4, data: 1, expert: 1 });
        assert_eq!(experiment.engine.max_sequences, Some(512));
        let traffic =
            Traffic { input_tokens: 1024.0, output_tokens: 1024.0, lengths: Lengths::UniformFourFifths };
        assert_eq!(experiment.traffic, traffic);
        assert_eq!(experiment.load, OfferedLoad::InFlight(64.0));
        assert_eq!((experiment.ttft_statistic, experiment.itl_statistic), (Statistic::Mean, Statistic::P50));
        assert_eq!(row.figures.output_tokens_per_second, None);
        assert!(row.tags.contains(&Tag::Wip) && row.tags.contains(&Tag::Other("mine".to_owned())));
        assert_eq!(row.publisher(), "someone/somewhere");
        // 120.5 + 9.5 · (921.6 − 1) ms for 921.6 tokens, 64 at a time.
        let throughput = row.output_tokens_per_second_by_littles_law().unwrap();
        let wanted = 64.0 * 921.6 / (0.1205 + 0.0095 * 920.6);
        assert!((throughput - wanted).abs() < 1e-9 * wanted, "{throughput} for {wanted}");
    }

    #[test]
    fn what_spreadsheets_do_to_a_file_changes_nothing() {
        let plain = read(&format!("{HEADER}\n{ROW}\n"));
        let quoted: Vec<String> = ROW.split(',').map(|cell| format!("\"{cell}\"")).collect();
        let quoted = format!(
            "\u{feff}{}\r\n{}\r\n,,,,,,,,,,,,,,,,,,,,,,\r\n\r\n",
            HEADER.to_uppercase(),
            quoted.join(",")
        );
        assert_eq!(read(&quoted), plain);
        let turn = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(" , ");
        assert_eq!(read(&format!("{}\n{}", turn(HEADER), turn(ROW))).rows, plain.rows);
    }

    #[test]
    fn a_row_is_found_by_its_line_whatever_stands_before_it() {
        for end in ["\n", "\r\n", "\r"] {
            let quoted = ROW.replacen("wip;mine", &format!("\"wip{end}mine\""), 1);
            let text = [HEADER, "", ROW, &quoted, ROW].join(end);
            let table = read(&text);
            let lines: Vec<_> = table.rows.iter().map(|row| row.at.line).collect();
            assert_eq!(lines, [Some(3), Some(4), Some(6)], "{end:?}");
        }
    }

    #[test]
    fn few_columns_are_enough_and_unknown_ones_are_named() {
        let table = read(
            "power_w,model,server,accelerator,accelerators,input_tokens,output_tokens,load_kind,load,itl_ms\n\
             700,m/x,vllm,nvidia-l4,1,226,195,constant,1.5,30\n",
        );
        assert_eq!(table.notes, ["t.csv: unknown columns left aside: `power_w`"]);
        let experiment = &table.rows[0].experiment;
        assert_eq!(experiment.load, OfferedLoad::Constant(1.5));
        assert_eq!(experiment.configuration.precision, None);
        assert_eq!(experiment.traffic.lengths, Lengths::Fixed);
    }

    #[test]
    fn a_row_that_makes_no_sense_is_named_and_the_others_are_read() {
        let with = |old: &str, new: &str| ROW.replacen(old, new, 1);
        let rows = [
            with(",64,", ",NaN,"),
            with(",64,", ",,"),
            with("mxfp4", "fp3"),
            with("120.5,9.5", "0,9.5"),
            with("120.5,9.5", ","),
            with("120.5", "1e99"),
            with("closed", "open"),
            with("openai/gpt-oss-120b", ""),
            with(",4,,,,", ",4,0,,,"),
            with("wip;mine,", ""),
            with("wip", "\"wip"),
        ];
        let table = read(&format!("{HEADER}\n{ROW}\n{}", rows.join("\n")));
        assert_eq!(table.rows.len(), 1);
        let said: Vec<String> = table.unusable.iter().map(|row| format!("{} {row}", row.at.row)).collect();
        let wanted = [
            "2 column `load` is `NaN`: a number above 0 and up to 10000000 is accepted",
            "3 column `load` is empty: a row needs it",
            "4 column `precision` is `fp3`: accepted are bf16, fp16, fp8, int8, int4, nvfp4, mxfp4",
            "5 column `ttft_ms` is `0`: a number above 0 and up to 604800000 is accepted",
            "6 has no figure: at least one of TTFT, ITL, NTPOT and throughput is needed",
            "7 column `ttft_ms` is `1e99`: a number above 0 and up to 604800000 is accepted",
            "8 column `load_kind` is `open`: accepted are closed, poisson, constant, burst, offline, at_throughput",
            "9 column `model` is empty: a row needs it",
            "10 column `tp` is `0`: a whole number from 1 to 100000 is accepted",
            "11 has 22 cells where the header has 23",
            "12 has 22 cells where the header has 23",
        ];
        assert_eq!(said, wanted);
        assert_eq!(table.unusable[2].cell(Column::Server), Some("vllm"));
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_pointed_at() {
        let table = read(&format!("{HEADER}\n{}\n{ROW}\n", ROW.replacen("vllm", "\"vllm", 1)));
        assert_eq!(table.rows.len(), 0);
        assert!(table.unusable[0].reason.contains("quotation mark"), "{}", table.unusable[0]);
    }

    #[test]
    fn what_is_no_such_table_is_refused_with_what_is_required() {
        let refused = |text: &str| MeasuredTable::read("t.csv", text).unwrap_err().to_string();
        for text in ["", "\n\n", "apiVersion: v1\nkind: Pod\n", "a,b\n1,2\n"] {
            let message = refused(text);
            assert!(message.contains("required are `model`, `server`"), "{text:?}: {message}");
        }
        let message = refused(&HEADER.replace("load_kind,", ""));
        assert!(message.starts_with("t.csv: is no table of measurements: its first line lacks `load_kind`;"));
        assert_eq!(
            refused(&format!("{HEADER},Model")),
            "t.csv: column `model` stands twice: keep one of the two"
        );
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_table_no_row_is_lost(cells in prop::collection::vec(r#"[-0-9a-z."é ]{0,6}"#, 0..60)) {
            let text = format!("{HEADER}\n{ROW}\n{}", cells.join(","));
            let table = read(&text);
            prop_assert_eq!(table.rows.len(), 1);
            prop_assert!(table.unusable.len() <= 1);
        }
    }
}
