//! What a reader of a plot would notice.

use super::*;

fn figure(scale: Scale, layers: Vec<Layer>) -> Figure {
    Figure {
        title: "Latency & load".to_owned(),
        subtitle: String::new(),
        spans: Vec::new(),
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
fn a_logarithmic_axis_has_the_ticks_it_has_room_for_and_leaves_out_what_has_no_logarithm() {
    let ticks = |low: f64, high: f64| -> Vec<String> {
        let line = Layer::new("", 0, Shape::Line(vec![(1.0, 0.0), (2.0, low), (3.0, high)]));
        let panel = figure(Scale::Logarithmic, vec![line]).panels.remove(0);
        panel.along(0.0, 1.0).ticks().into_iter().map(|(_, text)| text).collect()
    };
    assert_eq!(ticks(30.0, 4000.0), ["50", "100", "200", "500", "1000", "2000"]);
    assert_eq!(ticks(3.0, 400_000.0), ["10", "100", "1000", "10000", "100000"]);
    assert_eq!(ticks(45.0, 190.0), ["40", "50", "60", "80", "100", "150", "200"]);
    assert_eq!(ticks(100.0, 100.0), ["100", "150", "200"]);
    assert!(ticks(1e-290, 1e290).len() <= 9);
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

fn curve_like() -> Figure {
    let mut figure = figure(
        Scale::Logarithmic,
        vec![
            Layer::new("eight of ten", 0, Shape::Band(vec![(1.0, 80.0, 200.0), (9.0, 150.0, 400.0)])),
            Layer::new("TTFT", 0, Shape::Line(vec![(1.0, 100.0), (5.0, 130.0), (9.0, 250.0)])),
            Layer::new("target", 6, Shape::Level(300.0)),
            Layer::new("", 0, Shape::Marks(vec![(9.0, 250.0, "knee".to_owned())])),
        ],
    );
    figure.subtitle = "226/195 tokens".to_owned();
    let span = |name: &str, from, until| Span { name: name.to_owned(), color: 2, from, until };
    figure.spans =
        vec![span("ideal", 0.0, 9.0), span("knee", 9.0, 9.5), span("unstable", 9.5, f64::INFINITY)];
    figure
}

#[test]
fn spans_lie_behind_all_panels_and_go_on_to_the_end_of_the_axis() {
    let svg = curve_like().svg();
    let (spans, others) = svg.split_once("<path d=\"M80 ").unwrap();
    // From 0 to 12 over 630 pixels from 80 on.
    for rectangle in
        ["x=\"80\" y=\"56\" width=\"472.5\"", "x=\"552.5\"", "x=\"578.75\" y=\"56\" width=\"131.25\""]
    {
        assert!(spans.contains(rectangle), "no {rectangle} before the grid: {svg}");
    }
    assert!(others.contains(">unstable</text>"), "{svg}");
    insta::assert_snapshot!(svg);
}

#[test]
fn a_terminal_gets_the_same_figure_in_characters() {
    let text = curve_like().text();
    assert_eq!(text, curve_like().text());
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn characters_say_how_high_a_line_is_and_where_steps_are() {
    let line = Layer::new("", 0, Shape::Line(vec![(0.0, 0.0), (8.0, 8.0)]));
    let text = figure(Scale::Linear, vec![line]).text();
    let rows: Vec<&str> = text.lines().skip(3).take(11).collect();
    let first_dot = |row: &&str| row.chars().position(|letter| ('\u{2801}'..='\u{28ff}').contains(&letter));
    let places: Vec<usize> = rows.iter().filter_map(first_dot).collect();
    assert_eq!(places.len(), 11, "a rising line is in every row: {text}");
    assert!(places.windows(2).all(|pair| pair[0] > pair[1]), "{places:?}");
    let steps = Layer::new("", 0, Shape::Steps(vec![(0.0, 1.0), (4.0, 4.0), (8.0, 4.0)]));
    let text = figure(Scale::Linear, vec![steps]).text();
    assert!(
        text.lines().nth(3).unwrap().starts_with("        4 ┤                                        "),
        "{text}"
    );
}

#[test]
fn characters_survive_what_cannot_be_drawn() {
    let layers = vec![
        Layer::new("a\u{1b}[31m", 0, Shape::Line(vec![(f64::NAN, 1.0), (1.0, f64::INFINITY)])),
        Layer::new("", 0, Shape::Band(vec![(1.0, 0.0, -1.0)])),
        Layer::new("", 0, Shape::Marks(vec![(1e300, 1e-300, "x".repeat(200))])),
        Layer::new("", 0, Shape::Level(-1.0)),
    ];
    for scale in [Scale::Linear, Scale::Logarithmic, Scale::Time] {
        let mut figure = figure(scale, layers.clone());
        figure.spans = vec![Span { name: String::new(), color: 0, from: f64::NAN, until: f64::NAN }];
        let text = figure.text();
        assert!(text.contains("TTFT (ms)") && !text.contains('\u{1b}'), "{text}");
        assert!(!figure.svg().contains("NaN"));
    }
    assert!(figure(Scale::Linear, Vec::new()).text().contains('└'));
}

#[test]
fn labels_of_near_marks_do_not_cover_each_other() {
    let marks = ["one of them", "the other", "a third"];
    let points = marks.iter().zip([9.0, 9.2, 9.4]).map(|(label, x)| (x, 60.0, (*label).to_owned()));
    let marks_layer = Layer::new("", 0, Shape::Marks(points.collect()));
    let figure = figure(Scale::Linear, vec![Layer::new("", 6, Shape::Level(100.0)), marks_layer]);
    let text = figure.text();
    for label in marks {
        assert!(text.contains(label), "no {label}: {text}");
    }
    let svg = figure.svg();
    let height = |line: &str| line.split('"').nth(3).unwrap().to_owned();
    let heights: Vec<String> = svg.lines().filter(|line| line.contains("paint-order")).map(height).collect();
    assert_eq!(heights.len(), 3, "{svg}");
    // All of them are as far to the right as they can be.
    let distinct: std::collections::BTreeSet<&String> = heights.iter().collect();
    assert_eq!(distinct.len(), 3, "{heights:?}");
}
