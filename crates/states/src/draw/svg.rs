//! Writes the drawing as SVG: boxes, groups and curves.

use std::fmt::Write;

use super::layers::Size;
use super::routes::{CHARACTER, Placed, Point, Route};

const TITLE_WIDTH: f64 = 7.6;
const PADDING: f64 = 16.0;
/// The radius of the corners of a loop, in pixels.
const ROUND: f64 = 9.0;
const GROUP_HEAD: f64 = 46.0;
const GROUP_GAP: f64 = 20.0;

/// A piece of the drawing, with its upper left corner at 0, 0.
#[derive(Default)]
pub(super) struct Block {
    pub(super) size: Size,
    body: String,
}

/// The texts and the style of a state's box.
pub(super) struct Heading<'a> {
    pub(super) class: &'a str,
    /// Whether an execution is in the state.
    pub(super) current: bool,
    pub(super) title: &'a str,
    pub(super) subtitle: &'a str,
    pub(super) tooltip: &'a str,
}

impl Heading<'_> {
    fn classes(&self) -> String {
        format!("{}{}", self.class, if self.current { " current" } else { "" })
    }
}

const STYLE: &str = "
svg { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
.page { fill: #ffffff; } .title { fill: #1b2330; font-weight: 600; }
.subtitle { fill: #566274; font-size: 10.5px; }
.label, .halo { font-size: 10.5px; } .label { fill: #3b4656; }
.halo { fill: none; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
.edge { fill: none; stroke: #7a8698; stroke-width: 1.4px; } .edge.catch { stroke: #c2502f;
  stroke-dasharray: 5 4; } .tip { fill: #7a8698; } .tip.catch { fill: #c2502f; }
.box { stroke-width: 1.3px; } .group { fill-opacity: .35; }
.pass { fill: #eef1f5; stroke: #94a0b2; } .task { fill: #fdebd8; stroke: #dd8a2e; }
.choice { fill: #e6e9fb; stroke: #6273d6; } .wait { fill: #fbf5d3; stroke: #c0a21f; }
.succeed { fill: #ddf3e2; stroke: #3f9a58; } .fail { fill: #fbe0dc; stroke: #cc4b39; }
.parallel { fill: #e1f1f4; stroke: #3b94a5; } .map { fill: #efe4f7; stroke: #8f5bb8; }
.current { stroke: #c2185b; stroke-width: 3.5px; }
.terminal { fill: #566274; stroke: none; } .ring { fill: none; stroke: #566274; }
@media (prefers-color-scheme: dark) {
.page { fill: #14181f; } .title { fill: #eef2f8; } .subtitle { fill: #a7b2c3; }
.label { fill: #cdd6e3; } .halo { stroke: #14181f; } .edge { stroke: #8b97a9; } .tip { fill: #8b97a9; }
.edge.catch { stroke: #ee8464; } .tip.catch { fill: #ee8464; }
.pass { fill: #262d38; } .task { fill: #3d2c18; } .choice { fill: #23294a; } .wait { fill: #38321a; }
.succeed { fill: #1b3524; } .fail { fill: #40211d; } .parallel { fill: #19343a; }
.map { fill: #33243f; } .current { stroke: #ff6fa5; } .terminal { fill: #a7b2c3; } .ring { stroke: #a7b2c3; } }
";

pub(super) fn document(block: &Block, margin: f64, title: &str) -> String {
    let (width, height) = (block.size.width + 2.0 * margin, block.size.height + 2.0 * margin);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n\
         <g transform=\"translate({margin} {margin})\">\n{}</g>\n</svg>\n",
        escape(title),
        block.body
    )
}

/// Draws the dot where a flow starts or, if `kind` is `end`, the dot with a ring where it ends.
pub(super) fn terminal(kind: &str, size: Size) -> Block {
    let middle = size.width / 2.0;
    // The dot of a start is at the bottom, where the start's edge begins.
    let down = if kind == "end" { middle } else { size.height - 7.0 };
    let mut body = format!("<circle class=\"terminal\" cx=\"{middle}\" cy=\"{down}\" r=\"7\"/>\n");
    if kind == "end" {
        let ring = format!(
            "<circle class=\"ring\" cx=\"{middle}\" cy=\"{middle}\" r=\"11\" stroke-width=\"1.5\"/>\n"
        );
        body.push_str(&ring);
    }
    Block { size, body }
}

pub(super) fn leaf(heading: &Heading<'_>, height: f64) -> Block {
    let width = head_width(heading);
    let radius = if matches!(heading.class, "choice" | "succeed" | "fail") { 24.0 } else { 8.0 };
    let mut body = format!(
        "<g><title>{}</title>\n<rect class=\"box {}\" width=\"{width:.0}\" height=\"{height}\" \
         rx=\"{radius}\"/>\n",
        escape(heading.tooltip),
        heading.classes()
    );
    texts(&mut body, heading, width / 2.0);
    body.push_str("</g>\n");
    Block { size: Size { width, height }, body }
}

/// Draws a state with the flows inside it, side by side.
pub(super) fn group(heading: &Heading<'_>, inner: &[Block]) -> Block {
    let gaps = GROUP_GAP * (inner.len() + 1) as f64;
    let content = inner.iter().map(|block| block.size.width).sum::<f64>() + gaps;
    let width = content.max(head_width(heading));
    let tallest = inner.iter().map(|block| block.size.height).fold(0.0, f64::max);
    let height = GROUP_HEAD + tallest + GROUP_GAP;
    let mut body = format!(
        "<g><title>{}</title>\n<rect class=\"box group {}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" rx=\"10\"/>\n",
        escape(heading.tooltip),
        heading.classes()
    );
    texts(&mut body, heading, width / 2.0);
    body.push_str("</g>\n");
    let mut left = GROUP_GAP + (width - content) / 2.0;
    for block in inner {
        place(&mut body, block, (left, GROUP_HEAD));
        left += block.size.width + GROUP_GAP;
    }
    Block { size: Size { width, height }, body }
}

/// Draws a flow that has been laid out: first the edges, then the nodes, and the labels on top.
pub(super) fn flow(blocks: &[Block], placed: &Placed) -> Block {
    let mut body = String::new();
    let (mut halos, mut labels) = (String::new(), String::new());
    for route in &placed.routes {
        line(&mut body, route);
        let edge = &route.edge;
        if edge.label.is_empty() {
            continue;
        }
        // The halo is a separate text, because not every renderer paints a text's stroke below its
        // fill.
        text(&mut halos, "halo", route.label, &edge.label);
        match &edge.tooltip {
            None => text(&mut labels, "label", route.label, &edge.label),
            Some(whole) => {
                write!(labels, "<g><title>{}</title>", escape(whole)).unwrap_or_default();
                text(&mut labels, "label", route.label, &edge.label);
                labels.push_str("</g>\n");
            }
        }
    }
    for (block, corner) in blocks.iter().zip(&placed.corners) {
        place(&mut body, block, *corner);
    }
    body.push_str(&halos);
    body.push_str(&labels);
    Block { size: placed.size, body }
}

fn head_width(heading: &Heading<'_>) -> f64 {
    let title = heading.title.chars().count() as f64 * TITLE_WIDTH;
    let subtitle = heading.subtitle.chars().count() as f64 * CHARACTER;
    (title.max(subtitle) + 2.0 * PADDING).max(96.0).round()
}

fn texts(body: &mut String, heading: &Heading<'_>, middle: f64) {
    text(body, "title", (middle, 21.0), heading.title);
    text(body, "subtitle", (middle, 37.0), heading.subtitle);
}

// Writing to a String cannot fail, so the functions below ignore the results of `write!`.

fn text(body: &mut String, class: &str, at: Point, content: &str) {
    let (x, y) = at;
    let content = escape(content);
    writeln!(
        body,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{content}</text>"
    )
    .unwrap_or_default();
}

fn place(body: &mut String, block: &Block, corner: Point) {
    let (x, y) = corner;
    writeln!(body, "<g transform=\"translate({x:.1} {y:.1})\">\n{}</g>", block.body)
        .unwrap_or_default();
}

/// Draws an edge with an arrow at its end: a curve that is vertical at both ends or, for a loop,
/// straight lines with rounded corners.
fn line(body: &mut String, route: &Route) {
    let (points, style) = (&route.points, route.edge.style);
    let [.., before, (x, y)] = points[..] else { return };
    let path = if route.is_loop { corners(points) } else { curve(points) };
    writeln!(body, "<path class=\"edge {style}\" d=\"{path}\"/>").unwrap_or_default();
    let tip = if (before.1 - y).abs() > 0.5 {
        format!("l-4.5 {back} l9 0 z", back = if before.1 > y { 9.0 } else { -9.0 })
    } else {
        format!("l{back} -4.5 l0 9 z", back = if before.0 > x { 9.0 } else { -9.0 })
    };
    writeln!(body, "<path class=\"tip {style}\" d=\"M{x:.1} {y:.1} {tip}\"/>").unwrap_or_default();
}

fn curve(points: &[Point]) -> String {
    let mut path = String::new();
    let mut last: Option<Point> = None;
    for (x, y) in points {
        match last {
            None => write!(path, "M{x:.1} {y:.1}"),
            Some((left, top)) => {
                let half = f64::midpoint(top, *y);
                write!(path, " C{left:.1} {half:.1} {x:.1} {half:.1} {x:.1} {y:.1}")
            }
        }
        .unwrap_or_default();
        last = Some((*x, *y));
    }
    path
}

fn corners(points: &[Point]) -> String {
    let toward = |from: Point, to: Point| {
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let length = across.hypot(down).max(1.0);
        let part = ROUND.min(length / 2.0) / length;
        (from.0 + across * part, from.1 + down * part)
    };
    let mut path = String::new();
    for (place, (x, y)) in points.iter().enumerate() {
        let neighbours = (place.checked_sub(1).map(|before| points[before]), points.get(place + 1));
        match neighbours {
            (None, _) => write!(path, "M{x:.1} {y:.1}"),
            (_, None) => write!(path, " L{x:.1} {y:.1}"),
            (Some(before), Some(after)) => {
                let (start, end) = (toward((*x, *y), before), toward((*x, *y), *after));
                let (ax, ay, bx, by) = (start.0, start.1, end.0, end.1);
                write!(path, " L{ax:.1} {ay:.1} Q{x:.1} {y:.1} {bx:.1} {by:.1}")
            }
        }
        .unwrap_or_default();
    }
    path
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
