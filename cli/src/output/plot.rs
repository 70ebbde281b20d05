//! Plots in files: SVG as the core writes it, PNG drawn from the same SVG.

use infer_core::plot::Figure;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::Destination;
use crate::arguments::{PlotFile, PlotFormat};
use crate::failure::Failure;

/// Pixels of a PNG for one of the SVG: sharp on today's screens, and in print at the width of a page.
const PIXELS: f32 = 2.0;

/// A plot, drawn in full, and where it goes.
pub(crate) struct Plot {
    destination: Destination,
    bytes: Vec<u8>,
}

impl Plot {
    /// Draws the figure in the format that the file's name asks for.
    pub(crate) fn of(figure: &Figure, file: &PlotFile) -> Result<Self, Failure> {
        let bytes = match file.format {
            PlotFormat::Svg => figure.svg().into_bytes(),
            PlotFormat::Png => png(&figure.svg())?,
        };
        Ok(Self { destination: Destination::of(Some(&file.path)), bytes })
    }

    /// Writes it.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        self.destination.write_bytes(&self.bytes)
    }
}

/// The same bytes on every machine: letters come from the font inside the program and never from the system.
fn png(svg: &str) -> Result<Vec<u8>, Failure> {
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_font_data(ttf_noto_sans::REGULAR.to_vec());
    fonts.set_sans_serif_family("Noto Sans");
    let tree = Tree::from_str(svg, &options).map_err(Failure::unexpected)?;
    let none = || Failure::unexpected(anyhow::anyhow!("the plot has no size"));
    let size = tree.size().to_int_size().scale_by(PIXELS).ok_or_else(none)?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(none)?;
    resvg::render(&tree, Transform::from_scale(PIXELS, PIXELS), &mut pixels.as_mut());
    pixels.encode_png().map_err(Failure::unexpected)
}
