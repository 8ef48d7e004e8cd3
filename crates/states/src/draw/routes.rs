//! Draws lines for the edges of a graph whose nodes have been laid out. Each edge has its own port
//! (point of attachment) at each of its two nodes. An edge that closes a loop runs along the left
//! or the right side of the nodes.

use super::layers::{Edge, Graph, Size};

/// The minimum vertical distance between layers, in pixels.
const LAYER_GAP: f64 = 64.0;
/// The height of each label between two layers, in pixels.
const LABEL_ROW: f64 = 13.0;
/// The vertical distance of the first label from the layer above the label, in pixels.
const LABEL_TOP: f64 = 18.0;
/// The horizontal distance between two ports of a node, in pixels; less if the node is too narrow.
const PORT: f64 = 24.0;
/// The minimum distance of a port from the corner of its node, in pixels.
const CORNER: f64 = 8.0;
/// The distance between two loops that leave the same node, or enter the same node, in pixels.
const APART: f64 = 4.0;
/// How many loops at one node are moved apart by `APART`; further loops may overlap.
const MOST_APART: usize = 2;
/// The horizontal distance between the nodes and the innermost loop, and between a loop and the
/// next outer loop, in pixels.
const LOOP: f64 = 20.0;
pub(super) const CHARACTER: f64 = 5.9;

/// A point of the drawing: its distance from the left and from the top, in pixels.
pub(super) type Point = (f64, f64);

/// An edge with the line that is drawn for it.
pub(super) struct Route {
    pub(super) edge: Edge,
    /// The points of the line, from the start to the arrow.
    pub(super) points: Vec<Point>,
    /// Whether the edge closes a loop. The line of a loop has corners; all other lines are curves.
    pub(super) is_loop: bool,
    /// The point on which the label is centred.
    pub(super) label: Point,
}

/// A graph with the positions of its nodes and the lines of its edges.
pub(super) struct Placed {
    pub(super) size: Size,
    /// The upper left corner of each node.
    pub(super) corners: Vec<Point>,
    pub(super) routes: Vec<Route>,
}

/// The top and the height of a layer.
#[derive(Clone, Copy)]
struct Line {
    top: f64,
    height: f64,
}

struct Router<'g> {
    graph: &'g Graph,
    lines: Vec<Line>,
    /// Per edge, the positions of two ports: at the node that the edge leaves, and at the node that
    /// the edge enters. A position is the horizontal distance from the middle of the node.
    ports: Vec<(f64, f64)>,
    /// Per loop drawn so far: its first and its last layer, its side (as in [`LoopEnd`]), and how
    /// far the loop and its label reach to that side.
    loops: Vec<(usize, usize, f64, f64)>,
    /// The ends of the loops drawn so far: the node, and whether the loop leaves it (true) or
    /// enters it.
    loop_ends: Vec<(usize, bool)>,
}

impl Placed {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut router = Router::new(graph);
        let mut routes: Vec<Route> = Vec::with_capacity(graph.edges.len());
        let mut labels = vec![0_u32; graph.rows.len()];
        for (position, edge) in graph.edges.iter().enumerate() {
            let is_loop = graph.chains[position].is_empty();
            let (points, label) = if is_loop {
                router.around(edge)
            } else {
                let points = router.down(position);
                let row = &mut labels[graph.layer[edge.from]];
                let label = router.label_position(edge, &points, *row);
                *row += u32::from(!edge.label.is_empty());
                (points, label)
            };
            routes.push(Route { edge: edge.clone(), points, is_loop, label });
        }
        let corner = |node: usize| {
            let left = graph.middles[node] - graph.sizes[node].width / 2.0;
            (left, router.line(node).top)
        };
        let corners = (0..graph.layer.len()).map(corner).collect();
        Self { size: Size::default(), corners, routes }.fitted(graph)
    }

    /// Moves the drawing to the right until no x coordinate is negative, and computes its size.
    fn fitted(mut self, graph: &Graph) -> Self {
        let half = |edge: &Edge| edge.label.chars().count() as f64 * CHARACTER / 2.0;
        let (mut left, mut right, mut bottom) = (0.0_f64, 0.0_f64, 0.0_f64);
        for ((x, y), size) in self.corners.iter().zip(&graph.sizes) {
            (left, right) = (left.min(*x), right.max(x + size.width));
            bottom = bottom.max(y + size.height);
        }
        for route in &self.routes {
            for (x, y) in &route.points {
                (left, right) = (left.min(*x), right.max(*x));
                bottom = bottom.max(*y);
            }
            if !route.edge.label.is_empty() {
                let (x, half) = (route.label.0, half(&route.edge));
                (left, right) = (left.min(x - half), right.max(x + half));
            }
        }
        for (x, _) in &mut self.corners {
            *x -= left;
        }
        for route in &mut self.routes {
            route.label.0 -= left;
            route.points.iter_mut().for_each(|(x, _)| *x -= left);
        }
        self.size = Size { width: right - left, height: bottom };
        self
    }
}

/// The place where a loop leaves or enters a node.
struct LoopEnd {
    /// -1 if the loop runs along the left side, 1 if along the right side.
    side: f64,
    /// Whether the node is the outermost of its layer on the side of the loop.
    outermost: bool,
    /// The horizontal position of the loop's vertical part.
    lane: f64,
    leaves: bool,
    /// If this loop leaves the node: how many of the loops drawn so far leave it, too. Otherwise:
    /// how many of them enter the node.
    beside: usize,
}

impl<'g> Router<'g> {
    fn new(graph: &'g Graph) -> Self {
        let mut top = 0.0;
        let lines = graph.rows.iter().enumerate().map(|(layer, row)| {
            let height = row.iter().map(|node| graph.sizes[*node].height).fold(0.0, f64::max);
            let line = Line { top, height };
            let labels = graph.edges.iter().zip(&graph.chains).filter(|(edge, chain)| {
                graph.layer[edge.from] == layer && !edge.label.is_empty() && !chain.is_empty()
            });
            let gap = LABEL_TOP * 2.0 + LABEL_ROW * labels.count() as f64;
            top += height + gap.max(LAYER_GAP);
            line
        });
        let lines = lines.collect();
        let mut ports = vec![(0.0, 0.0); graph.edges.len()];
        for node in 0..graph.layer.len() {
            for (edge, offset) in spread(graph, node, true) {
                ports[edge].0 = offset;
            }
            for (edge, offset) in spread(graph, node, false) {
                ports[edge].1 = offset;
            }
        }
        Self { graph, lines, ports, loops: Vec::new(), loop_ends: Vec::new() }
    }

    fn line(&self, node: usize) -> Line {
        self.lines[self.graph.layer[node]]
    }

    /// Returns the points of an edge that leads down.
    fn down(&self, position: usize) -> Vec<Point> {
        let (chain, (out, into)) = (&self.graph.chains[position], self.ports[position]);
        let mut points = Vec::new();
        for (place, node) in chain.iter().enumerate() {
            let (middle, line) = (self.graph.middles[*node], self.line(*node));
            let bottom = line.top + line.height;
            if place == 0 {
                let own = line.top + self.graph.sizes[*node].height;
                points.push((middle + out, own));
                if bottom > own {
                    points.push((middle + out, bottom));
                }
            } else if place + 1 == chain.len() {
                points.push((middle + into, line.top));
            } else if bottom > line.top {
                // The edge passes vertically through a layer, beside the layer's nodes.
                points.extend([(middle, line.top), (middle, bottom)]);
            } else {
                points.push((middle, line.top));
            }
        }
        points
    }

    /// Returns the position of an edge's label, in the given row of labels below the layer that the
    /// edge leaves.
    fn label_position(&self, edge: &Edge, points: &[Point], row: u32) -> Point {
        let line = self.line(edge.from);
        let y = line.top + line.height + LABEL_TOP + f64::from(row) * LABEL_ROW;
        let around = points.windows(2).find(|pair| pair[0].1 <= y && y <= pair[1].1);
        let Some(&[from, to]) = around else {
            return points.first().map_or((0.0, y), |at| (at.0, y));
        };
        let part = if to.1 > from.1 { (y - from.1) / (to.1 - from.1) } else { 0.0 };
        // Approximates the curve, which is vertical at both ends.
        (from.0 + (to.0 - from.0) * part * part * (3.0 - 2.0 * part), y)
    }

    /// Returns the points of an edge that closes a loop, and the position of its label.
    fn around(&mut self, edge: &Edge) -> (Vec<Point>, Point) {
        let graph = self.graph;
        let (lower, upper) = (graph.layer[edge.from], graph.layer[edge.to]);
        let (first, last) = (lower.min(upper), lower.max(upper));
        let beyond = |node: usize, side: f64| {
            let row = &graph.rows[graph.layer[node]];
            row.iter()
                .filter(|other| (graph.middle(**other) - graph.middle(node)) * side > 0.0)
                .count()
        };
        let crowd = |side: f64| beyond(edge.from, side) + beyond(edge.to, side);
        let side = if crowd(-1.0) < crowd(1.0) { -1.0 } else { 1.0 };
        let edges = graph.rows[first..=last].iter().flatten();
        let reach = edges.map(|node| graph.middle(*node) * side + graph.half(*node));
        let taken = self
            .loops
            .iter()
            .filter(|(from, to, other, _)| *other == side && *from <= last && first <= *to);
        let reach = reach.chain(taken.map(|taken| taken.3)).fold(f64::NEG_INFINITY, f64::max);
        let lane = (reach + LOOP) * side;
        let width = edge.label.chars().count() as f64 * CHARACTER;
        let out = reach + LOOP + if width > 0.0 { width + CORNER } else { 0.0 };
        self.loops.push((first, last, side, out));
        let end_at = |node: usize, leaves: bool| LoopEnd {
            side,
            outermost: beyond(node, side) == 0,
            lane,
            leaves,
            beside: self.loop_ends.iter().filter(|end| **end == (node, leaves)).count(),
        };
        let mut points = self.end(edge.from, &end_at(edge.from, true));
        let mut end = self.end(edge.to, &end_at(edge.to, false));
        self.loop_ends.extend([(edge.from, true), (edge.to, false)]);
        end.reverse();
        points.extend(end);
        let line = self.line(edge.from);
        let label = (lane + (width / 2.0 + CORNER) * side, line.top + line.height / 2.0 + 4.0);
        (points, label)
    }

    /// Returns the points from a node to the vertical part of a loop. If the node is the outermost
    /// of its layer, the points start at the node's side. Otherwise they start at the node's bottom
    /// if the loop leaves the node, and at its top if the loop enters.
    fn end(&self, node: usize, end: &LoopEnd) -> Vec<Point> {
        let LoopEnd { side, outermost, lane, leaves, beside } = *end;
        let apart = beside.min(MOST_APART) as f64 * APART;
        let (middle, half, top) =
            (self.graph.middle(node), self.graph.half(node), self.line(node).top);
        let height = self.graph.sizes[node].height;
        if outermost {
            // A loop from a node to itself leaves the node below the point where it enters.
            let y = if leaves { top + height * 0.65 + apart } else { top + height * 0.35 - apart };
            return vec![(middle + half * side, y), (lane, y)];
        }
        let port = middle + (half - CORNER * 1.5 - apart).max(0.0) * side;
        let (from, y) = if leaves {
            let line = self.line(node);
            (top + height, line.top + line.height + CORNER + apart)
        } else {
            (top, top - CORNER * 2.0 - apart)
        };
        vec![(port, from), (port, y), (lane, y)]
    }
}

/// Returns the edges that leave a node (`out`) or enter it, each with the horizontal distance of
/// its port from the node's middle. From left to right, the ports have the order of the nodes at
/// the other ends of the edges. An edge of the main line ([`Graph::main`]) gets the middle port.
fn spread(graph: &Graph, node: usize, out: bool) -> Vec<(usize, f64)> {
    let mut edges: Vec<(usize, f64)> = Vec::new();
    for (position, chain) in graph.chains.iter().enumerate() {
        let ends = if out { chain.first() } else { chain.last() };
        let next = if out { chain.get(1) } else { chain.iter().rev().nth(1) };
        if let (Some(end), Some(next)) = (ends, next)
            && *end == node
        {
            edges.push((position, graph.middles[*next]));
        }
    }
    edges.sort_by(|one, other| one.1.total_cmp(&other.1));
    let most = (graph.sizes[node].width / 2.0 - CORNER).max(0.0);
    let main = edges.iter().position(|(position, _)| graph.main[*position]);
    let anchor = main.map_or(edges.len().saturating_sub(1) as f64 / 2.0, |place| place as f64);
    let widest = anchor.max(edges.len().saturating_sub(1) as f64 - anchor).max(1.0);
    let step = PORT.min(most / widest);
    let ports = edges.iter().enumerate();
    ports.map(|(place, (position, _))| (*position, (place as f64 - anchor) * step)).collect()
}
