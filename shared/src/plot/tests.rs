//! What a reader of a plot would notice.

use super::*;

fn figure(scale: Scale, layers: Vec<Layer>) -> Figure {
    Figure {
        title: "Latency & load".to_owned(),
        horizontal: Axis::linear("requests/s"),
        panels: vec![Panel { vertical: Axis { label: "TTFT (ms)".to_owned(), scale }, layers }],
    }
}

#[test]
fn the_same_figure_is_the_same_bytes_and_well_formed() {
    let layers = || {
        vec![
            Layer::new("band", 0, Shape::Band(vec![(0.0, 1.0, 2.0), (2.0, 3.0, 5.0)])),
            Layer::new("median <P50>", 0, Shape::Line(vec![(0.0, 1.5), (1.0, f64::NAN), (2.0, 4.0)])),
            Layer::new("knee", 1, Shape::Marks(vec![(1.0, 3.0, "here".to_owned())])),
            Layer::new("target", 2, Shape::Level(3.5)),
            Layer::new("", 3, Shape::Steps(vec![(0.0, 1.0), (1.0, 2.0), (2.0, 2.0)])),
        ]
    };
    let svg = figure(Scale::Linear, layers()).svg();
    assert_eq!(svg, figure(Scale::Linear, layers()).svg());
    assert!(svg.contains("Latency &amp; load") && svg.contains("median &lt;P50&gt;"), "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    let opened = svg.matches('<').count();
    assert_eq!(opened, svg.matches('>').count());
    insta::assert_snapshot!(svg);
}

#[test]
fn a_linear_axis_starts_at_nothing_and_has_round_ticks() {
    let line = Layer::new("", 0, Shape::Line(vec![(10.0, 120.0), (20.0, 870.0)]));
    let svg = figure(Scale::Linear, vec![line]).svg();
    for tick in ["0", "200", "400", "600", "800", "1000"] {
        assert!(svg.contains(&format!(">{tick}</text>")), "{tick}: {svg}");
    }
}

#[test]
fn a_logarithmic_axis_has_decades_and_leaves_out_what_has_no_logarithm() {
    let line = Layer::new("", 0, Shape::Line(vec![(1.0, 0.0), (2.0, 30.0), (3.0, 4000.0)]));
    let svg = figure(Scale::Logarithmic, vec![line]).svg();
    for tick in ["10", "100", "1000", "10000"] {
        assert!(svg.contains(&format!(">{tick}</text>")), "{tick}: {svg}");
    }
}

#[test]
fn a_time_axis_reads_as_a_clock() {
    let line = Layer::new("", 0, Shape::Line(vec![(0.0, 1.0), (86_400.0, 2.0)]));
    let mut figure = figure(Scale::Linear, vec![line]);
    figure.horizontal.scale = Scale::Time;
    let svg = figure.svg();
    for tick in ["0:00", "6:00", "12:00", "24:00"] {
        assert!(svg.contains(&format!(">{tick}</text>")), "{tick}: {svg}");
    }
}

#[test]
fn nothing_to_draw_is_an_empty_frame() {
    let svg = figure(Scale::Linear, Vec::new()).svg();
    assert!(svg.contains("TTFT (ms)") && !svg.contains("NaN"), "{svg}");
}
