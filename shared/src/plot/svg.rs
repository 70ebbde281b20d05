//! The document.

use std::fmt::Write;

use super::axis::{Mapped, number};
use super::labels::{Area, Labels};
use super::{Figure, Layer, Panel, Shape, Span};

const WIDTH: f64 = 900.0;
const PANEL_HEIGHT: f64 = 200.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 56.0;
const BETWEEN: f64 = 28.0;
const BOTTOM: f64 = 54.0;
const KEY_HEIGHT: f64 = 18.0;

/// Opacities of areas: what stands on them is read through them.
const BAND_TINT: &str = "0.18";
const SPAN_TINT: &str = "0.12";

/// What keeps letters apart from the lines under them.
const HALO: &str = "paint-order=\"stroke\" stroke=\"#ffffff\" stroke-opacity=\"0.9\" stroke-width=\"3\"";
const DASHES: &str = "stroke-dasharray=\"6 4\"";

/// Okabe and Ito's colours, without the yellow that is faint on white.
const COLORS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];

pub(super) fn write(figure: &Figure) -> String {
    let count = figure.panels.len() as f64;
    let height = TOP + count * PANEL_HEIGHT + (count - 1.0).max(0.0) * BETWEEN + BOTTOM;
    let horizontal = figure.across(LEFT, WIDTH - LEFT - RIGHT);
    let mut document = Document(String::new());
    document.line(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">"
    ));
    document.line(&format!("<title>{}</title>", escaped(&figure.title)));
    document.line("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
    document.text(LEFT, 24.0, "start", "font-size=\"15\" font-weight=\"bold\"", &figure.title);
    if !figure.subtitle.is_empty() {
        document.text(LEFT, 42.0, "start", "", &figure.subtitle);
    }
    for (index, panel) in figure.panels.iter().enumerate() {
        let top = TOP + index as f64 * (PANEL_HEIGHT + BETWEEN);
        document.panel(figure, panel, &horizontal, top);
        let x = WIDTH - RIGHT + 14.0;
        let below = document.legend(panel, x, top + 8.0);
        if index == 0 {
            document.legend_of_spans(&figure.spans, x, below + 8.0);
        }
    }
    let below = height - BOTTOM;
    for (tick, text) in horizontal.ticks() {
        if let Some(x) = horizontal.pixel(tick) {
            document.text(x, below + 18.0, "middle", "", &text);
        }
    }
    let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
    document.text(middle, below + 40.0, "middle", "", &figure.horizontal.label);
    document.line("</svg>");
    document.0
}

struct Document(String);

impl Document {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, attributes: &str, text: &str) {
        let space = if attributes.is_empty() { "" } else { " " };
        self.line(&format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\"{space}{attributes}>{}</text>",
            pixel(x),
            pixel(y),
            escaped(text)
        ));
    }

    fn panel(&mut self, figure: &Figure, panel: &Panel, horizontal: &Mapped, top: f64) {
        let (right, bottom) = (WIDTH - RIGHT, top + PANEL_HEIGHT);
        let vertical = panel.along(bottom, -PANEL_HEIGHT);
        for span in &figure.spans {
            self.span(span, horizontal, top);
        }
        for (tick, text) in vertical.ticks() {
            if let Some(y) = vertical.pixel(tick) {
                self.stroke(&format!("M{} {}H{}", pixel(LEFT), pixel(y), pixel(right)), "#e4e4e4", "1", "");
                self.text(LEFT - 8.0, y + 4.0, "end", "", &text);
            }
        }
        for (tick, _) in horizontal.ticks() {
            if let Some(x) = horizontal.pixel(tick) {
                self.stroke(&format!("M{} {}V{}", pixel(x), pixel(top), pixel(bottom)), "#f0f0f0", "1", "");
            }
        }
        let places = panel.marks().filter_map(|(x, y, _)| Some((horizontal.pixel(*x)?, vertical.pixel(*y)?)));
        let area = Area { left: LEFT, top, width: right - LEFT, height: PANEL_HEIGHT };
        let mut labels = Labels::around(places.map(|(x, y)| mark_area(x, y)), area);
        for layer in &panel.layers {
            self.layer(layer, horizontal, &vertical, &mut labels);
        }
        let frame = format!("M{} {}V{}H{}", pixel(LEFT), pixel(top), pixel(bottom), pixel(right));
        self.stroke(&frame, "#222222", "1", "");
        let (x, y) = (18.0, f64::midpoint(top, bottom));
        let turned = format!("transform=\"rotate(-90 {} {})\"", pixel(x), pixel(y));
        self.text(x, y, "middle", &turned, &panel.vertical.label);
    }

    fn span(&mut self, span: &Span, horizontal: &Mapped, top: f64) {
        let ends = (horizontal.nearest_pixel(span.from), horizontal.nearest_pixel(span.until));
        if let (Some(from), Some(until)) = ends
            && until > from
        {
            self.tinted((from, top), (until - from, PANEL_HEIGHT), SPAN_TINT, span.color);
            if from > LEFT {
                let edge = format!("M{} {}V{}", pixel(from), pixel(top), pixel(top + PANEL_HEIGHT));
                self.stroke(&edge, color(span.color), "1", "stroke-opacity=\"0.6\"");
            }
        }
    }

    fn tinted(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), tint: &str, index: usize) {
        let (x, y, width, height) = (pixel(x), pixel(y), pixel(width), pixel(height));
        let color = color(index);
        self.line(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{color}\" \
             fill-opacity=\"{tint}\"/>"
        ));
    }

    fn layer(&mut self, layer: &Layer, horizontal: &Mapped, vertical: &Mapped, labels: &mut Labels) {
        let color = color(layer.color);
        let place = |x: f64, y: f64| Some((horizontal.pixel(x)?, vertical.pixel(y)?));
        match &layer.shape {
            Shape::Line(points) => {
                let places = points.iter().filter_map(|(x, y)| place(*x, *y));
                self.stroke(&lines(places), color, "1.6", "stroke-linejoin=\"round\"");
            }
            Shape::Steps(points) => {
                let mut path = String::new();
                for (x, y) in points.iter().filter_map(|(x, y)| place(*x, *y)) {
                    let start = path.is_empty();
                    // Writing to a string cannot fail.
                    let _ = if start {
                        write!(path, "M{} {}", pixel(x), pixel(y))
                    } else {
                        write!(path, "H{}V{}", pixel(x), pixel(y))
                    };
                }
                self.stroke(&path, color, "1.6", "");
            }
            Shape::Band(points) => {
                let above = points.iter().filter_map(|(x, _, high)| place(*x, *high));
                let below = points.iter().rev().filter_map(|(x, low, _)| place(*x, *low));
                let path = lines(above.chain(below));
                if !path.is_empty() {
                    self.line(&format!(
                        "<path d=\"{path}Z\" fill=\"{color}\" fill-opacity=\"{BAND_TINT}\"/>"
                    ));
                }
            }
            Shape::Marks(points) => {
                for (x, y, label) in points {
                    let Some((x, y)) = place(*x, *y) else { continue };
                    self.circle(x, y, color);
                    self.mark_label(mark_area(x, y), label, labels);
                }
            }
            Shape::Level(level) => {
                if let Some(y) = vertical.pixel(*level) {
                    let path = format!("M{} {}H{}", pixel(LEFT), pixel(y), pixel(WIDTH - RIGHT));
                    self.stroke(&path, color, "1.2", DASHES);
                }
            }
        }
    }

    fn mark_label(&mut self, mark: Area, label: &str, labels: &mut Labels) {
        /// A little more than letters of this size are wide in the mean.
        const LETTER: f64 = 7.0;
        const HEIGHT: f64 = 12.0;
        /// Above the line that the mark is on, below it, and farther up.
        const HEIGHTS: [f64; 4] = [10.0, -10.0, 24.0, -24.0];
        let width = LETTER * label.chars().count() as f64;
        let place = labels.place(mark, (width, HEIGHT), &HEIGHTS);
        if let Some(place) = place.filter(|_| !label.is_empty()) {
            let after = place.left > mark.left;
            let (x, anchor) = if after { (place.left, "start") } else { (place.left + place.width, "end") };
            self.text(x, place.top + HEIGHT - 1.0, anchor, HALO, label);
        }
    }

    fn circle(&mut self, x: f64, y: f64, color: &str) {
        self.line(&format!("<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{color}\"/>", pixel(x), pixel(y)));
    }

    fn stroke(&mut self, path: &str, color: &str, width: &str, attributes: &str) {
        if path.is_empty() {
            return;
        }
        let space = if attributes.is_empty() { "" } else { " " };
        self.line(&format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"{space}{attributes}/>"
        ));
    }

    /// Names of layers from `top` down; returns where they end.
    fn legend(&mut self, panel: &Panel, x: f64, top: f64) -> f64 {
        let named = panel.layers.iter().filter(|layer| !layer.name.is_empty());
        let mut y = top;
        for layer in named {
            self.key(layer, x, y);
            self.text(x + 24.0, y + 4.0, "start", "", &layer.name);
            y += KEY_HEIGHT;
        }
        y
    }

    fn key(&mut self, layer: &Layer, x: f64, y: f64) {
        let along = format!("M{} {}h18", pixel(x), pixel(y));
        match layer.shape {
            Shape::Marks(_) => self.circle(x + 9.0, y, color(layer.color)),
            Shape::Band(_) => self.tinted((x, y - 4.0), (18.0, 8.0), BAND_TINT, layer.color),
            Shape::Level(_) => self.stroke(&along, color(layer.color), "1.2", DASHES),
            Shape::Line(_) | Shape::Steps(_) => self.stroke(&along, color(layer.color), "1.6", ""),
        }
    }

    fn legend_of_spans(&mut self, spans: &[Span], x: f64, top: f64) {
        for (index, span) in spans.iter().enumerate() {
            let y = top + index as f64 * KEY_HEIGHT;
            self.tinted((x, y - 6.0), (18.0, 12.0), SPAN_TINT, span.color);
            self.text(x + 24.0, y + 4.0, "start", "", &span.name);
        }
    }
}

/// What a mark takes, with the space beside it.
fn mark_area(x: f64, y: f64) -> Area {
    Area { left: x - 8.0, top: y - 4.0, width: 16.0, height: 8.0 }
}

fn color(index: usize) -> &'static str {
    COLORS[index % COLORS.len()]
}

fn lines(places: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in places {
        let letter = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(path, "{letter}{} {}", pixel(x), pixel(y));
    }
    path
}

/// Hundredths of a pixel are finer than anyone sees.
fn pixel(value: f64) -> String {
    number((value * 100.0).round() / 100.0)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML 1.0 has no way to write these.
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
