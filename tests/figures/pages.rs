//! Every figure is drawn from made-up numbers: something is there, within the margins, and no text is in the way of another.

use crate::figure_support::{CASES, Made, Shape, pictures, raster, shapes};
use equisplit::group::PointGroup;
use equisplit::report::figure::{
    Against, BudgetFigure, BudgetPoint, CayleyFigure, Estimate, Figure, FilterFigure, FilterRow, Format, GroupMaps,
    Page, Rect, Spread,
};

/// Draws a figure and checks its texts; writes it to the folder in EQUISPLIT_FIGURES, if it's set, to be looked at.
pub fn page(figure: &dyn Figure, case: &str) -> Page {
    let page = Page::draw(figure).unwrap();
    if let Some(folder) = std::env::var_os("EQUISPLIT_FIGURES") {
        for format in [Format::Svg, Format::Png, Format::Pdf] {
            let name = format!("{case}-{}.{}", figure.name(), format.extension());
            std::fs::write(std::path::Path::new(&folder).join(name), page.encode(format).unwrap()).unwrap();
        }
    }
    check_texts(figure, case, &page);
    page
}

/// No text overlaps another or leaves the page's margin of 1 mm.
fn check_texts(figure: &dyn Figure, case: &str, page: &Page) {
    let [width, height] = page.size().map(|mm| (100.0 * mm).round() as i32);
    // Half a unit is lost where a text is centred.
    let inner = Rect { left: 0, top: 0, right: width, bottom: height }.shrunk(99);
    let texts = page.texts();
    for (n, text) in texts.iter().enumerate() {
        let name = figure.name();
        let numbers = text.text.contains('%') || text.text.starts_with("n =");
        assert!(!(numbers && text.text.contains('…')), "{case} {name}: {text:?} lacks digits");
        assert!(inner.holds(text.rect), "{case} {name}: {text:?} leaves {inner:?}");
        for other in &texts[..n] {
            assert!(!text.rect.overlaps(other.rect), "{case} {name}: {text:?} overlaps {other:?}");
        }
    }
}

#[test]
fn no_text_overlaps_or_leaves_the_page() {
    for (case, made) in CASES {
        for figure in made.all() {
            let page = page(figure.as_ref(), case);
            let [width, height] = page.size();
            assert!(width <= 178.0 && height <= 230.0, "{case} {}: {width} × {height} mm", figure.name());
            assert!(page.texts().len() > 3, "{case} {}", figure.name());
        }
    }
    for figure in pictures() {
        page(figure.as_ref(), "pictures");
    }
}

/// All figures whose numbers come from files without a bound, every one of them `value` for one arm.
fn extreme(value: f64) -> Vec<Box<dyn Figure>> {
    let made = Made { controls: 1, seeds: 2, failed: false };
    let wide = Estimate { value, interval: Some([-value, value]) };
    let spread = Spread { mean: value, ends: [value; 2] };
    let mut learning = made.learning();
    for run in &mut learning.arms[0].runs {
        (run.loss, run.error) = (vec![value; 20], vec![value; 20]);
    }
    let mut sizes = made.training_size();
    sizes.errors[0].points[0].value = wide;
    sizes.shares[0].points[0].value.interval = wide.interval;
    let mut rotation = made.rotation();
    rotation.curves[0].runs[0] = vec![value; 24];
    let mut equivariance = made.equivariance();
    equivariance.curves[0].new[0] = Some(spread);
    equivariance.curves[0].scores[0] = spread;
    let mut paired = made.paired();
    paired.rows[0].differences[0].1 = value;
    let mut attribution = made.attribution();
    attribution.shares[0].share = Some(Estimate { value: 0.5, interval: Some([-1e6, value.clamp(0.5, 1e6)]) });
    let mut budget = made.budget(Against::Size);
    (budget.points[0].parameters, budget.points[0].multiply_adds) = (value as usize, value as u64);
    let maps = || GroupMaps { image: raster(4, |_, _| value), maps: vec![raster(4, |row, _| value * row as f64); 4] };
    let row = FilterRow { name: "1".to_owned(), copies: vec![raster(3, |row, _| value * row as f64)] };
    vec![
        Box::new(learning),
        Box::new(sizes),
        Box::new(rotation),
        Box::new(equivariance),
        Box::new(paired),
        Box::new(attribution),
        Box::new(budget),
        Box::new(CayleyFigure::new("p4", 0, "conv1", PointGroup::c4(), [maps(), maps()])),
        Box::new(FilterFigure::new(["p4", "conv1"], 0, vec!["1".to_owned()], "its orbit under C4", vec![vec![row]])),
    ]
}

#[test]
fn no_number_hangs_a_figure_or_leaves_it() {
    for value in [5e-324, 1e-308, 0.0, 1e19, 1e308, f64::MAX, f64::INFINITY, f64::NAN, -1e308] {
        for figure in extreme(value) {
            let case = format!("{value:e}");
            let page = page(figure.as_ref(), &case);
            let [width, height] = page.size().map(|mm| (100.0 * mm).round());
            for point in shapes(&page).iter().flat_map(|shape| &shape.points) {
                let inside = (0.0..=width).contains(&point[0]) && (0.0..=height).contains(&point[1]);
                assert!(inside, "{case} {}: {point:?} leaves the page", figure.name());
            }
        }
    }
}

/// Horizontal lines of a colour and width: their left ends, right ends, and heights.
fn horizontal(shapes: &[Shape], colour: &str, width: &str) -> Vec<[f64; 3]> {
    let lines = shapes.iter().filter(|shape| shape.stroke == colour && shape.width == width && shape.points.len() == 2);
    let lines = lines.map(|shape| (shape.points[0], shape.points[1])).filter(|(a, b)| a[1] == b[1]);
    lines.map(|(a, b)| [a[0].min(b[0]), a[0].max(b[0]), a[1]]).collect()
}

#[test]
fn whiskers_of_steps_are_their_intervals_on_the_scale_of_the_errors() {
    let figure = Made::USUAL.attribution();
    let page = page(&figure, "whiskers");
    let all = shapes(&page);
    let bars: Vec<&Shape> = all.iter().filter(|shape| shape.fill == "#adadad").collect();
    let whiskers = horizontal(&all, "#000000", "35");
    assert_eq!((bars.len(), whiskers.len()), (2, 2));
    for ((bar, whisker), step) in bars.iter().zip(&whiskers).zip(&figure.steps) {
        let [left, right] = [bar.points[0][0], bar.points[1][0]];
        let scale = (right - left) / (step.errors[0] - step.errors[1]);
        let [low, high] = step.interval.unwrap().map(|end| left + scale * (step.errors[0] - end - step.errors[1]));
        assert!((whisker[0] - high).abs() < 3.0 && (whisker[1] - low).abs() < 3.0, "{whisker:?}: {high} to {low}");
    }
    for text in ["0: baseline z2", "100: target p4", "Gain: 2.75 points [2.54, 2.96]", "0.62 points [0.32, 0.92]"] {
        assert!(page.texts().iter().any(|found| found.text == text), "{text}");
    }
    assert!(page.texts().iter().any(|found| found.text.starts_with("Share of the gain, 95 % interval")));
}

#[test]
fn an_interval_that_goes_on_has_an_arrow_head_and_no_bar() {
    let mut figure = Made::USUAL.attribution();
    let heads = |page: &Page| {
        let green = |shape: &&Shape| shape.fill == "#009e73" && shape.points.len() == 3;
        shapes(page).iter().filter(green).map(|shape| shape.points[0]).collect::<Vec<_>>()
    };
    assert_eq!(heads(&page(&figure, "whole")), Vec::<[f64; 2]>::new());
    // Shares are drawn from -100 to 200 %.
    figure.shares[1].share = Some(Estimate { value: 0.4, interval: Some([-0.1, 7.0]) });
    let cut = page(&figure, "cut");
    let [tip] = heads(&cut)[..] else { panic!("one arrow head") };
    let [whisker] = horizontal(&shapes(&cut), "#009e73", "35")[..] else { panic!("one whisker") };
    assert_eq!([tip[0], tip[1]], [whisker[1], whisker[2]]);
    assert!(figure.caption().contains("as far as it lies between −100 and 200 %"), "{}", figure.caption());
}

/// An arm of the made-up study with a budget.
fn point(n: usize, parameters: usize, multiply_adds: u64) -> BudgetPoint {
    let error =
        Estimate { value: 0.02 + 0.01 * n as f64, interval: Some([0.018 + 0.01 * n as f64, 0.022 + 0.01 * n as f64]) };
    BudgetPoint {
        arm: Made::USUAL.arms()[n].clone(),
        parameters,
        one_bit_parameters: 0,
        multiply_adds,
        error,
        seeds: 5,
    }
}

#[test]
fn points_stand_where_their_cost_is_and_a_cost_that_all_share_has_no_panel() {
    let figure = BudgetFigure {
        against: Against::Size,
        points: vec![point(0, 5_534, 700_000), point(1, 5_534, 703_000), point(2, 9_000, 705_000)],
    };
    let page = page(&figure, "matched");
    let upright =
        |shape: &&Shape| shape.width == "35" && shape.points.len() == 2 && shape.points[0][0] == shape.points[1][0];
    let all = shapes(&page);
    let places: Vec<f64> = all.iter().filter(upright).map(|shape| shape.points[0][0]).collect();
    assert_eq!(places.len(), 3, "one panel: {places:?}");
    assert!(places[0] == places[1] && places[2] > places[0] + 1000.0, "{places:?}");
    let texts: Vec<&str> = page.texts().iter().map(|text| text.text.as_str()).collect();
    assert!(texts.contains(&"All arms have 700 k to 705 k multiply-adds per image."), "{texts:?}");
    assert!(texts.contains(&"Learned real parameters") && !texts.contains(&"Multiply-adds per image"), "{texts:?}");
    let differing = BudgetFigure {
        against: Against::Size,
        points: vec![point(0, 5_534, 700_000), point(1, 5_534, 720_000), point(2, 9_000, 700_000)],
    };
    let texts: Vec<String> = self::page(&differing, "differing").texts().iter().map(|text| text.text.clone()).collect();
    assert!(
        ["a", "b", "Multiply-adds per image"].iter().all(|text| texts.iter().any(|found| found == text)),
        "{texts:?}"
    );
}

#[test]
fn what_is_learned_stands_beside_real_parameters_in_bits() {
    let signs = |one_bit_parameters, point| BudgetPoint { one_bit_parameters, ..point };
    // 4,096 bits each: 128 real parameters, or 64 and 2,048 signs.
    let points = vec![point(0, 128, 1), signs(2048, point(1, 64, 1)), point(2, 64, 1)];
    let figure = BudgetFigure { against: Against::Information, points };
    let page = page(&figure, "information");
    let upright =
        |shape: &&Shape| shape.width == "35" && shape.points.len() == 2 && shape.points[0][0] == shape.points[1][0];
    let places: Vec<f64> = shapes(&page).iter().filter(upright).map(|shape| shape.points[0][0]).collect();
    let [a, b, c, d, e, f] = places[..] else { panic!("{places:?}") };
    assert!(b == c && a > b + 100.0 && d == e && d > f + 100.0, "{places:?}");
    assert!(figure.caption().contains("in bits (32 a real parameter and one a sign)"), "{}", figure.caption());
}

#[test]
fn no_errors_stand_below_a_break_and_say_so() {
    let mut figure = Made::USUAL.learning();
    let zeros = |figure: &dyn Figure, case: &str| {
        let page = page(figure, case);
        let zeros = page.texts().iter().filter(|text| text.text == "0").map(|text| text.rect.left).collect::<Vec<_>>();
        (zeros, page.size()[0] * 50.0)
    };
    assert_eq!(zeros(&figure, "positive").0.len(), 0);
    figure.arms[0].runs.iter_mut().for_each(|run| run.error[19] = 0.0);
    let (found, half) = zeros(&figure, "zero");
    assert!(found.len() == 1 && f64::from(found[0]) > half, "no loss is 0: {found:?}");
    assert!(figure.caption().contains("0 stands below a break"), "{}", figure.caption());
}

#[test]
fn of_many_lines_those_in_question_are_told_apart_and_the_rest_is_grey() {
    let made = Made::USUAL;
    let figures: [(Box<dyn Figure>, usize); 4] = [
        (Box::new(made.learning()), 2),
        (Box::new(made.training_size()), 2),
        (Box::new(made.equivariance()), 3),
        (Box::new(made.rotation()), 1),
    ];
    for (figure, panels) in figures {
        let page = page(figure.as_ref(), "grey");
        let thin = shapes(&page).iter().filter(|shape| shape.stroke == "#aaaaaa").count();
        // Two arms in every panel, and a sample of the line.
        assert_eq!(thin, 2 * panels + 1, "{}", figure.name());
        assert!(page.texts().iter().any(|text| text.text == "2 other arms"), "{}", figure.name());
        assert!(
            figure.caption().contains("Thin grey lines: the means of repeat-linear, wide."),
            "{}",
            figure.caption()
        );
    }
    let few = Made { controls: 4, ..made };
    assert!(!few.learning().caption().contains("grey"));
}

#[test]
fn filters_of_coloured_images_are_shown_whole_and_counted_as_filters() {
    let row =
        |n: usize, channel: usize| FilterRow { name: format!("{n}.{channel}"), copies: vec![raster(1, |_, _| 1.0)] };
    let figure = |filters: usize, channels: usize| {
        let filters = (1..=filters).map(|n| (1..=channels).map(|channel| row(n, channel)).collect()).collect();
        FilterFigure::new(["p4", "conv1"], 0, vec!["1".to_owned()], "its orbit under C4", filters)
    };
    for (filters, channels, rows, hidden) in
        [(16, 3, 18, 10), (16, 1, 16, 0), (30, 1, 20, 10), (3, 3, 9, 0), (2, 40, 20, 1)]
    {
        let found = figure(filters, channels);
        assert_eq!((found.rows.len(), found.hidden), (rows, hidden), "{filters} of {channels}");
    }
    assert!(figure(16, 3).caption().contains("10 more filters aren't shown"));
    page(&figure(16, 3), "coloured");
}
