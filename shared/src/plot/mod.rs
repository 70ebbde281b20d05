//! Plots as SVG and as text: same figures, same bytes.
//!
//! A [`Figure`] is panels above each other that share the horizontal axis and its [`Span`]s; a [`Panel`] holds
//! [`Layer`]s in the order in which they are drawn. Colours are Okabe and Ito's, which people tell apart however they see colours
//! (jfly.uni-koeln.de/color).

mod axis;
mod labels;
mod svg;
#[cfg(test)]
mod tests;
mod text;

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What stands above it.
    pub title: String,
    /// What stands below the title, smaller; nothing where it is empty.
    pub subtitle: String,
    /// The horizontal axis of all panels.
    pub horizontal: Axis,
    /// Stretches of the horizontal axis, behind all panels; named once, beside the first.
    pub spans: Vec<Span>,
    /// Panels, from the top.
    pub panels: Vec<Panel>,
}

/// A stretch of the horizontal axis that means something.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// What it means.
    pub name: String,
    /// Which colour.
    pub color: usize,
    /// Where it starts.
    pub from: f64,
    /// Where it ends; infinite where it goes on past the end of the axis.
    pub until: f64,
}

/// Layers over one vertical axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The vertical axis.
    pub vertical: Axis,
    /// What is drawn, the first at the back.
    pub layers: Vec<Layer>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows, with the unit.
    pub label: String,
    /// How values lie on it.
    pub scale: Scale,
}

/// How values lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, from 0 where all values are positive.
    Linear,
    /// By their logarithm; values that have none are left out.
    Logarithmic,
    /// Seconds, as hours and minutes.
    Time,
}

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name in the legend; none where it is empty.
    pub name: String,
    /// Which colour: layers that belong together share one.
    pub color: usize,
    /// What it is.
    pub shape: Shape,
}

/// What a layer draws. Points with a value that is not finite are left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Straight lines between points `(x, y)`.
    Line(Vec<(f64, f64)>),
    /// Levels that hold from each point to the next.
    Steps(Vec<(f64, f64)>),
    /// The area between `(x, low, high)`.
    Band(Vec<(f64, f64, f64)>),
    /// Marks at `(x, y)`, each with a label that may be empty.
    Marks(Vec<(f64, f64, String)>),
    /// A level over the whole width.
    Level(f64),
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: &str) -> Self {
        Self { label: label.to_owned(), scale: Scale::Linear }
    }
}

impl Layer {
    /// A layer with a name.
    pub fn new(name: &str, color: usize, shape: Shape) -> Self {
        Self { name: name.to_owned(), color, shape }
    }
}

impl Figure {
    /// The figure as one SVG document.
    pub fn svg(&self) -> String {
        svg::write(self)
    }

    /// The figure as lines of at most a hundred characters, for a terminal. Colours are lost: layers of one panel are
    /// told apart by their shapes, so that two lines in one panel are not.
    pub fn text(&self) -> String {
        text::write(self)
    }

    /// The horizontal axis over `length` from `start`.
    fn across(&self, start: f64, length: f64) -> axis::Mapped {
        let layers = self.panels.iter().flat_map(|panel| &panel.layers);
        let values = layers.flat_map(Layer::horizontal).chain(self.spans.iter().flat_map(Span::ends));
        axis::Mapped::of(self.horizontal.scale, values, start, length)
    }
}

impl Panel {
    /// All marks.
    fn marks(&self) -> impl Iterator<Item = &(f64, f64, String)> {
        self.layers.iter().flat_map(|layer| match &layer.shape {
            Shape::Marks(points) => points.as_slice(),
            _ => &[],
        })
    }

    /// The vertical axis over `length` from `start`.
    fn along(&self, start: f64, length: f64) -> axis::Mapped {
        axis::Mapped::of(self.vertical.scale, self.layers.iter().flat_map(Layer::vertical), start, length)
    }
}

impl Span {
    /// What of the axis has to be there to see it.
    fn ends(&self) -> [f64; 2] {
        // As much past the start of what has no end as shows a legend's colour.
        const SEEN: f64 = 1.06;
        [self.from, if self.until.is_finite() { self.until } else { self.from * SEEN }]
    }
}

impl Layer {
    /// Where its points lie.
    fn horizontal(&self) -> Vec<f64> {
        match &self.shape {
            Shape::Line(points) | Shape::Steps(points) => points.iter().map(|(x, _)| *x).collect(),
            Shape::Band(points) => points.iter().map(|(x, ..)| *x).collect(),
            Shape::Marks(points) => points.iter().map(|(x, ..)| *x).collect(),
            Shape::Level(_) => Vec::new(),
        }
    }

    /// How high they lie.
    fn vertical(&self) -> Vec<f64> {
        match &self.shape {
            Shape::Line(points) | Shape::Steps(points) => points.iter().map(|(_, y)| *y).collect(),
            Shape::Band(points) => points.iter().flat_map(|(_, low, high)| [*low, *high]).collect(),
            Shape::Marks(points) => points.iter().map(|(_, y, _)| *y).collect(),
            Shape::Level(level) => vec![*level],
        }
    }
}
