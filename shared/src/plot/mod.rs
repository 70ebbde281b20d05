//! Plots as SVG: same figures, same bytes.
//!
//! A [`Figure`] is panels above each other that share the horizontal axis; a [`Panel`] holds [`Layer`]s in the order
//! in which they are drawn. Colours are Okabe and Ito's, which people tell apart however they see colours
//! (jfly.uni-koeln.de/color).

mod axis;
mod svg;
#[cfg(test)]
mod tests;

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What stands above it.
    pub title: String,
    /// The horizontal axis of all panels.
    pub horizontal: Axis,
    /// Panels, from the top.
    pub panels: Vec<Panel>,
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
}
