//! The figure as text: lines in dots of Braille cells, eight of which are one character; areas, levels, marks and
//! names in characters.

use super::axis::Mapped;
use super::labels::{Area, Labels};
use super::{Figure, Layer, Panel, Shape, Span};

/// Size of a panel, in characters.
const COLUMNS: usize = 80;
const ROWS: usize = 11;

/// Dots of a character.
const ACROSS: usize = 2;
const DOWN: usize = 4;

/// Longest text of a tick on the vertical axis.
const GUTTER: usize = 9;

const BAND: char = '░';
const LEVEL: char = '╌';
const MARK: char = '●';
const EDGE: char = '┊';
/// Spans by their order, on the strip below the panels; more than these start again.
const SPANS: [char; 4] = ['─', '░', '▒', '▓'];

pub(super) fn write(figure: &Figure) -> String {
    let horizontal = figure.across(0.0, (COLUMNS * ACROSS - 1) as f64);
    let mut lines = Vec::new();
    lines.extend([&figure.title, &figure.subtitle].into_iter().filter(|line| !line.is_empty()).cloned());
    for panel in &figure.panels {
        lines.push(String::new());
        lines.push(keys(panel));
        lines.extend(panel_lines(figure, panel, &horizontal));
    }
    lines.push(tick_texts(&horizontal));
    lines.push(centred(&figure.horizontal.label));
    lines.extend(strip(&figure.spans, &horizontal));
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let line = |line: String| line.chars().map(plain).collect::<String>().trim_end().to_owned() + "\n";
    lines.into_iter().map(line).collect()
}

/// What the vertical axis shows, and what stands for which layer.
fn keys(panel: &Panel) -> String {
    let named = panel.layers.iter().filter(|layer| !layer.name.is_empty());
    let key = |layer: &Layer| {
        let sign = match layer.shape {
            Shape::Line(_) | Shape::Steps(_) => '⠒',
            Shape::Band(_) => BAND,
            Shape::Marks(_) => MARK,
            Shape::Level(_) => LEVEL,
        };
        format!("   {sign}{sign} {}", layer.name)
    };
    format!("{:>GUTTER$}{}", panel.vertical.label, named.map(key).collect::<String>())
}

fn panel_lines(figure: &Figure, panel: &Panel, horizontal: &Mapped) -> Vec<String> {
    let height = (ROWS * DOWN - 1) as f64;
    let vertical = panel.along(height, -height);
    let mut canvas = Canvas::new();
    let places = panel.marks().filter_map(|(x, y, _)| mark_area(horizontal.pixel(*x)?, vertical.pixel(*y)?));
    let mut labels =
        Labels::around(places, Area { left: 0.0, top: 0.0, width: COLUMNS as f64, height: ROWS as f64 });
    for layer in &panel.layers {
        canvas.layer(layer, horizontal, &vertical, &mut labels);
    }
    for span in &figure.spans {
        canvas.edge(span, horizontal);
    }
    let mut lefts = vec![format!("{:GUTTER$} │", ""); ROWS];
    for (tick, text) in vertical.ticks() {
        let row = vertical.pixel(tick).and_then(|y| cell(y, DOWN, ROWS));
        if let Some(left) = row.and_then(|row| lefts.get_mut(row)) {
            *left = format!("{text:>GUTTER$} ┤");
        }
    }
    let rows = canvas.cells.chunks(COLUMNS).map(|cells| cells.iter().map(Cell::letter).collect::<String>());
    let mut lines: Vec<String> = lefts.into_iter().zip(rows).map(|(left, row)| left + &row).collect();
    let mut axis = vec!['─'; COLUMNS];
    for (column, _) in columns_of_ticks(horizontal) {
        axis.splice(column..=column, ['┬']);
    }
    lines.push(format!("{:GUTTER$} └{}", "", axis.into_iter().collect::<String>()));
    lines
}

fn columns_of_ticks(horizontal: &Mapped) -> Vec<(usize, String)> {
    let column = |(tick, text)| Some((cell(horizontal.pixel(tick)?, ACROSS, COLUMNS)?, text));
    horizontal.ticks().into_iter().filter_map(column).collect()
}

/// Texts of the horizontal axis, each below its tick.
fn tick_texts(horizontal: &Mapped) -> String {
    let mut line = String::new();
    for (column, text) in columns_of_ticks(horizontal) {
        let start = (GUTTER + 2 + column).saturating_sub(text.chars().count() / 2);
        let free = start.saturating_sub(line.chars().count());
        // Texts that would touch are left out.
        if line.is_empty() || free > 0 {
            line.push_str(&" ".repeat(free));
            line.push_str(&text);
        }
    }
    line
}

fn centred(text: &str) -> String {
    format!("{:GUTTER$}  {text:^COLUMNS$}", "")
}

/// The spans below the panels, and what they mean.
fn strip(spans: &[Span], horizontal: &Mapped) -> Vec<String> {
    if spans.is_empty() {
        return Vec::new();
    }
    let mut cells = vec![' '; COLUMNS];
    let mut keys = String::new();
    for (span, sign) in spans.iter().zip(SPANS.iter().cycle()) {
        let ends = (horizontal.nearest_pixel(span.from), horizontal.nearest_pixel(span.until));
        let (Some(from), Some(until)) = ends else { continue };
        let ends = (cell(from, ACROSS, COLUMNS), cell(until, ACROSS, COLUMNS));
        let (Some(from), Some(until)) = ends else { continue };
        for cell in cells.iter_mut().take(until + 1).skip(from) {
            *cell = *sign;
        }
        keys.push_str(&format!("{sign}{sign} {}   ", span.name));
    }
    let strip: String = cells.into_iter().collect();
    vec![format!("{:GUTTER$}  {strip}", ""), format!("{:GUTTER$}  {keys}", "")]
}

/// Which of `cells` characters a place in dots is in.
fn cell(dots: f64, of_cell: usize, cells: usize) -> Option<usize> {
    let index = (dots.round() / of_cell as f64).floor();
    (index >= 0.0 && index < cells as f64).then_some(index as usize)
}

/// The character of a mark at a place in dots.
fn mark_area(x: f64, y: f64) -> Option<Area> {
    let (left, top) = (cell(x, ACROSS, COLUMNS)? as f64, cell(y, DOWN, ROWS)? as f64);
    Some(Area { left, top, width: 1.0, height: 1.0 })
}

/// What is at one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Empty,
    /// An area or a level, which lines are drawn over.
    Ground(char),
    /// Dots of lines, a bit each.
    Dots(u8),
    /// A mark or a letter, which nothing is drawn over.
    Letter(char),
}

impl Cell {
    fn letter(&self) -> char {
        match self {
            Self::Empty => ' ',
            Self::Ground(letter) | Self::Letter(letter) => *letter,
            // The block of Unicode has a character for every set of bits, in order.
            Self::Dots(bits) => char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' '),
        }
    }
}

/// Cells of a panel, row by row.
struct Canvas {
    cells: Vec<Cell>,
}

impl Canvas {
    fn new() -> Self {
        Self { cells: vec![Cell::Empty; COLUMNS * ROWS] }
    }

    fn at(&mut self, column: usize, row: usize) -> Option<&mut Cell> {
        (column < COLUMNS).then(|| self.cells.get_mut(row * COLUMNS + column)).flatten()
    }

    fn layer(&mut self, layer: &Layer, horizontal: &Mapped, vertical: &Mapped, labels: &mut Labels) {
        let place = |x: f64, y: f64| Some((horizontal.pixel(x)?, vertical.pixel(y)?));
        match &layer.shape {
            Shape::Line(points) => {
                self.line(points.iter().filter_map(|(x, y)| place(*x, *y)));
            }
            Shape::Steps(points) => {
                let places: Vec<_> = points.iter().filter_map(|(x, y)| place(*x, *y)).collect();
                let corners = places.windows(2).filter_map(|pair| match pair {
                    [(_, y), (x, _)] => Some((*x, *y)),
                    _ => None,
                });
                let ends = places.iter().copied().take(1);
                let later = corners.zip(places.iter().copied().skip(1));
                self.line(ends.chain(later.flat_map(|(corner, place)| [corner, place])));
            }
            Shape::Band(points) => {
                let low = points.iter().filter_map(|(x, low, _)| place(*x, *low)).collect::<Vec<_>>();
                let high = points.iter().filter_map(|(x, _, high)| place(*x, *high)).collect::<Vec<_>>();
                self.band(&low, &high);
            }
            Shape::Marks(points) => {
                for (x, y, label) in points {
                    if let Some(mark) = place(*x, *y).and_then(|(x, y)| mark_area(x, y)) {
                        self.mark(mark, label, labels);
                    }
                }
            }
            Shape::Level(level) => {
                if let Some(row) = vertical.pixel(*level).and_then(|y| cell(y, DOWN, ROWS)) {
                    (0..COLUMNS).for_each(|column| self.ground(column, row, LEVEL));
                }
            }
        }
    }

    fn line(&mut self, places: impl Iterator<Item = (f64, f64)>) {
        let mut last = None;
        for (x, y) in places {
            let (from_x, from_y) = last.unwrap_or((x, y));
            let steps = (x - from_x).abs().max((y - from_y).abs()).ceil().max(1.0);
            for step in 0..=steps as usize {
                let share = step as f64 / steps;
                self.dot(from_x + (x - from_x) * share, from_y + (y - from_y) * share);
            }
            last = Some((x, y));
        }
    }

    fn dot(&mut self, x: f64, y: f64) {
        /// Bits of the dots, row by row, as Unicode numbers them.
        const BITS: [[u8; ACROSS]; DOWN] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        let (Some(column), Some(row)) = (cell(x, ACROSS, COLUMNS), cell(y, DOWN, ROWS)) else { return };
        let (x, y) = (x.round() as usize % ACROSS, y.round() as usize % DOWN);
        let bit = BITS.get(y).and_then(|row| row.get(x)).copied().unwrap_or_default();
        match self.at(column, row) {
            Some(Cell::Dots(bits)) => *bits |= bit,
            Some(cell @ (Cell::Empty | Cell::Ground(_))) => *cell = Cell::Dots(bit),
            Some(Cell::Letter(_)) | None => {}
        }
    }

    fn band(&mut self, low: &[(f64, f64)], high: &[(f64, f64)]) {
        for column in 0..COLUMNS {
            let middle = ((column * ACROSS) as f64) + 0.5;
            let (Some(below), Some(above)) = (height_at(low, middle), height_at(high, middle)) else {
                continue;
            };
            for row in 0..ROWS {
                let middle = ((row * DOWN) as f64) + 1.5;
                if (above..=below).contains(&middle) {
                    self.ground(column, row, BAND);
                }
            }
        }
    }

    fn ground(&mut self, column: usize, row: usize, letter: char) {
        if let Some(cell @ (Cell::Empty | Cell::Ground(_))) = self.at(column, row) {
            *cell = Cell::Ground(letter);
        }
    }

    fn mark(&mut self, mark: Area, label: &str, labels: &mut Labels) {
        /// On the line that the mark is on, above it, and below it.
        const HEIGHTS: [f64; 5] = [0.0, 1.0, -1.0, 2.0, -2.0];
        let label = if label.is_empty() { String::new() } else { format!(" {label} ") };
        let size = (label.chars().count() as f64, 1.0);
        if let Some(place) = labels.place(mark, size, &HEIGHTS) {
            for (index, letter) in label.chars().enumerate() {
                self.letter(place.left as usize + index, place.top as usize, letter);
            }
        }
        self.letter(mark.left as usize, mark.top as usize, MARK);
    }

    fn letter(&mut self, column: usize, row: usize, letter: char) {
        if let Some(cell) = self.at(column, row) {
            *cell = Cell::Letter(letter);
        }
    }

    /// Where a span starts, if that is not where the axis does.
    fn edge(&mut self, span: &Span, horizontal: &Mapped) {
        let column = horizontal.pixel(span.from).and_then(|x| cell(x, ACROSS, COLUMNS));
        if let Some(column) = column.filter(|column| *column > 0) {
            (0..ROWS).for_each(|row| self.ground(column, row, EDGE));
        }
    }
}

/// Height at `x` of a line through `places`, which rise in `x`.
fn height_at(places: &[(f64, f64)], x: f64) -> Option<f64> {
    places.windows(2).find_map(|pair| match pair {
        [from, to] if (from.0..=to.0).contains(&x) => {
            let share = if to.0 > from.0 { (x - from.0) / (to.0 - from.0) } else { 0.0 };
            Some(from.1 + (to.1 - from.1) * share)
        }
        _ => None,
    })
}
