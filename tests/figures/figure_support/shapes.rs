//! What is drawn on a page.

use equisplit::report::figure::Page;
use resvg::usvg::roxmltree::{Document, Node};

/// Something drawn: a line, a polygon or a rectangle.
#[derive(Debug)]
pub struct Shape {
    /// Corners; of a rectangle the upper left and the lower right one.
    pub points: Vec<[f64; 2]>,
    pub stroke: String,
    /// Width of the stroke.
    pub width: String,
    pub fill: String,
    /// Whether nothing shows through.
    pub opaque: bool,
}

/// All lines, polygons and rectangles of a page, in the order that they're drawn in.
pub fn shapes(page: &Page) -> Vec<Shape> {
    let document = Document::parse(page.svg()).unwrap();
    document.descendants().filter_map(shape).collect()
}

fn shape(node: Node) -> Option<Shape> {
    let text = |name: &str| node.attribute(name).unwrap_or_default().to_owned();
    let number = |name: &str| node.attribute(name).map_or(0.0, |value| value.parse::<f64>().unwrap());
    let pair = |pair: &str| {
        let (x, y) = pair.split_once(',').unwrap();
        [x, y].map(|value| value.parse::<f64>().unwrap())
    };
    let points = match node.tag_name().name() {
        "polyline" | "polygon" => node.attribute("points")?.split(' ').map(pair).collect(),
        "line" => vec![[number("x1"), number("y1")], [number("x2"), number("y2")]],
        "rect" => {
            let [x, y] = [number("x"), number("y")];
            vec![[x, y], [x + number("width"), y + number("height")]]
        }
        _ => return None,
    };
    let opaque = node.attribute("fill-opacity").is_none();
    Some(Shape { points, stroke: text("stroke"), width: text("stroke-width"), fill: text("fill"), opaque })
}
