//! Files of plots.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};

/// A file that a plot goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlotFile {
    /// Its path.
    pub(crate) path: PathBuf,
    /// What it holds.
    pub(crate) format: PlotFormat,
}

/// What a plot is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlotFormat {
    /// Scalable Vector Graphics.
    Svg,
    /// Portable Network Graphics.
    Png,
}

impl PlotFile {
    /// What reads the value of `--plot`.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        PathBufValueParser::new().try_map(Self::of)
    }

    fn of(path: PathBuf) -> Result<Self, &'static str> {
        let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        let format = match extension.as_deref() {
            Some("svg") => PlotFormat::Svg,
            Some("png") => PlotFormat::Png,
            _ => return Err("the name of a plot's file ends in `.svg` or `.png`"),
        };
        Ok(Self { path, format })
    }
}
