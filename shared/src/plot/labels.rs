//! Where the labels of marks stand: beside them, clear of other marks and of each other.

/// A rectangle; heights grow downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Labels of one panel.
#[derive(Debug)]
pub(super) struct Labels {
    panel: Area,
    taken: Vec<Area>,
}

impl Labels {
    /// Labels on a panel, off its marks.
    pub(super) fn around(marks: impl Iterator<Item = Area>, panel: Area) -> Self {
        Self { panel, taken: marks.collect() }
    }

    /// The first free place for a label of this size beside `mark`: at each of `heights` above it, on its right, then
    /// on its left. `None` where all is taken.
    pub(super) fn place(&mut self, mark: Area, (width, height): (f64, f64), heights: &[f64]) -> Option<Area> {
        let beside = |above: &f64| {
            let top = mark.top - above;
            [mark.left + mark.width, mark.left - width].map(|left| Area { left, top, width, height })
        };
        let fits =
            |area: &Area| area.is_inside(&self.panel) && !self.taken.iter().any(|taken| taken.overlaps(area));
        let free = heights.iter().flat_map(beside).find(fits)?;
        self.taken.push(free);
        Some(free)
    }
}

impl Area {
    fn is_inside(&self, other: &Self) -> bool {
        let along = self.left >= other.left && self.left + self.width <= other.left + other.width;
        along && self.top >= other.top && self.top + self.height <= other.top + other.height
    }

    fn overlaps(&self, other: &Self) -> bool {
        let along = self.left < other.left + other.width && other.left < self.left + self.width;
        along && self.top < other.top + other.height && other.top < self.top + self.height
    }
}
