//! Places the nodes of a graph in layers from top to bottom, and routes its edges between them.

/// The room between nodes of a layer, and between layers.
const GAP: f64 = 36.0;
pub(super) const LAYER_GAP: f64 = 64.0;
/// How wide an edge is that passes a layer.
const LANE: f64 = 14.0;
const SWEEPS: usize = 12;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: String,
    pub(super) style: &'static str,
}

/// A point of the drawing.
pub(super) type Point = (f64, f64);

/// A graph with its places.
pub(super) struct Placed {
    pub(super) size: Size,
    /// The upper left corner of each node.
    pub(super) corners: Vec<Point>,
    /// Each edge with the points it passes, in the direction of its arrow.
    pub(super) routes: Vec<(Edge, Vec<Point>)>,
}

/// A graph to be placed; the first node is its source.
pub(super) struct Graph {
    sizes: Vec<Size>,
    edges: Vec<Edge>,
    layer: Vec<usize>,
    /// Per edge, the nodes it passes from the upper end to the lower, the ends included.
    chains: Vec<Vec<usize>>,
    rows: Vec<Vec<usize>>,
    /// The horizontal middle of each node.
    middles: Vec<f64>,
}

impl Graph {
    pub(super) fn new(sizes: Vec<Size>, edges: Vec<Edge>) -> Self {
        let count = sizes.len();
        Self {
            sizes,
            edges,
            layer: vec![0; count],
            chains: Vec::new(),
            rows: Vec::new(),
            middles: Vec::new(),
        }
    }

    pub(super) fn place(mut self) -> Placed {
        let downward = self.downward();
        self.assign_layers(&downward);
        self.make_chains(&downward);
        self.order_rows();
        self.assign_middles();
        self.finish(&downward)
    }

    /// The edges as pairs from the upper to the lower node: those that close a loop are turned.
    fn downward(&self) -> Vec<(usize, usize)> {
        let mut entered = vec![false; self.sizes.len()];
        let mut left = vec![false; self.sizes.len()];
        let mut turned = vec![false; self.edges.len()];
        for root in 0..self.sizes.len() {
            let mut stack = vec![(root, 0)];
            while let Some((node, next)) = stack.pop() {
                entered[node] = true;
                let out = self.edges.iter().enumerate().filter(|(_, edge)| edge.from == node);
                match out.clone().nth(next) {
                    None => left[node] = true,
                    Some((position, edge)) => {
                        stack.push((node, next + 1));
                        if !entered[edge.to] {
                            stack.push((edge.to, 0));
                        } else if !left[edge.to] {
                            turned[position] = true;
                        }
                    }
                }
            }
        }
        let pair = |(edge, turned): (&Edge, &bool)| {
            if *turned { (edge.to, edge.from) } else { (edge.from, edge.to) }
        };
        self.edges.iter().zip(&turned).map(pair).collect()
    }

    /// Every edge leads at least one layer down.
    fn assign_layers(&mut self, downward: &[(usize, usize)]) {
        for _ in 0..self.sizes.len() {
            let mut moved = false;
            for (upper, lower) in downward {
                if upper != lower && self.layer[*lower] <= self.layer[*upper] {
                    self.layer[*lower] = self.layer[*upper] + 1;
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// An edge that passes layers gets a place in each of them.
    fn make_chains(&mut self, downward: &[(usize, usize)]) {
        for (upper, lower) in downward {
            let mut chain = vec![*upper];
            for layer in self.layer[*upper] + 1..self.layer[*lower] {
                chain.push(self.sizes.len());
                self.sizes.push(Size { width: LANE, height: 0.0 });
                self.layer.push(layer);
            }
            chain.push(*lower);
            self.chains.push(chain);
        }
        let layers = self.layer.iter().max().map_or(0, |last| last + 1);
        self.rows = vec![Vec::new(); layers];
        for (node, layer) in self.layer.iter().enumerate() {
            self.rows[*layer].push(node);
        }
    }

    fn neighbours(&self, up: bool) -> Vec<Vec<usize>> {
        let mut neighbours = vec![Vec::new(); self.sizes.len()];
        for pair in self.chains.iter().flat_map(|chain| chain.windows(2)) {
            let (node, other) = if up { (pair[1], pair[0]) } else { (pair[0], pair[1]) };
            neighbours[node].push(other);
        }
        neighbours
    }

    /// Sorts each layer by the middle of its neighbours, downwards and upwards by turns.
    fn order_rows(&mut self) {
        let (above, below) = (self.neighbours(true), self.neighbours(false));
        let mut position = vec![0.0; self.sizes.len()];
        for sweep in 0..SWEEPS {
            for row in &self.rows {
                for (place, node) in row.iter().enumerate() {
                    position[*node] = place as f64;
                }
            }
            let down = sweep % 2 == 0;
            let neighbours = if down { &above } else { &below };
            let mut order: Vec<usize> = (0..self.rows.len()).collect();
            if !down {
                order.reverse();
            }
            for layer in order {
                let key = |node: &usize| middle(&neighbours[*node], &position, position[*node]);
                self.rows[layer].sort_by(|one, other| key(one).total_cmp(&key(other)));
                for (place, node) in self.rows[layer].iter().enumerate() {
                    position[*node] = place as f64;
                }
            }
        }
    }

    /// Moves each node towards its neighbours as far as its row lets it.
    fn assign_middles(&mut self) {
        let (above, below) = (self.neighbours(true), self.neighbours(false));
        self.middles = vec![0.0; self.sizes.len()];
        for row in &self.rows {
            spread(row, &self.sizes, &mut self.middles);
        }
        for sweep in 0..SWEEPS * 2 {
            let neighbours = if sweep % 2 == 0 { &above } else { &below };
            for row in &self.rows {
                let wished: Vec<f64> = row
                    .iter()
                    .map(|node| middle(&neighbours[*node], &self.middles, self.middles[*node]))
                    .collect();
                settle(row, &wished, &self.sizes, &mut self.middles);
            }
        }
    }

    fn finish(self, downward: &[(usize, usize)]) -> Placed {
        let nodes = self.layer.len();
        let left = (0..nodes).map(|node| self.middles[node] - self.sizes[node].width / 2.0);
        let left = left.fold(f64::INFINITY, f64::min);
        // The row of each node: its top and its height.
        let mut lines = vec![(0.0, 0.0); nodes];
        let (mut height, mut width) = (0.0, 0.0_f64);
        for row in &self.rows {
            let tallest = row.iter().map(|node| self.sizes[*node].height).fold(0.0, f64::max);
            for node in row {
                lines[*node] = (height, tallest);
                width = width.max(self.middles[*node] + self.sizes[*node].width / 2.0 - left);
            }
            height += tallest + LAYER_GAP;
        }
        let corner =
            |node: usize| (self.middles[node] - left - self.sizes[node].width / 2.0, lines[node].0);
        let corners: Vec<Point> = (0..nodes).map(corner).collect();
        let mut routes = Vec::with_capacity(self.edges.len());
        for ((chain, pair), edge) in self.chains.iter().zip(downward).zip(&self.edges) {
            let mut points = Vec::new();
            for (place, node) in chain.iter().enumerate() {
                let middle = self.middles[*node] - left;
                let (top, tallest) = lines[*node];
                if place == 0 {
                    let own = self.sizes[*node].height;
                    points.push((middle, top + own));
                    if tallest > own {
                        points.push((middle, top + tallest));
                    }
                } else if place + 1 == chain.len() {
                    points.push((middle, top));
                } else {
                    // An edge passes a row upright, beside whatever stands in it.
                    points.extend([(middle, top), (middle, top + tallest)]);
                }
            }
            if *pair != (edge.from, edge.to) {
                points.reverse();
            }
            routes.push((edge.clone(), points));
        }
        Placed { size: Size { width, height: height - LAYER_GAP }, corners, routes }
    }
}

fn middle(neighbours: &[usize], values: &[f64], otherwise: f64) -> f64 {
    if neighbours.is_empty() {
        return otherwise;
    }
    neighbours.iter().map(|node| values[*node]).sum::<f64>() / neighbours.len() as f64
}

fn spread(row: &[usize], sizes: &[Size], middles: &mut [f64]) {
    let total: f64 = row.iter().map(|node| sizes[*node].width + GAP).sum();
    let mut left = -total / 2.0;
    for node in row {
        middles[*node] = left + (sizes[*node].width + GAP) / 2.0;
        left += sizes[*node].width + GAP;
    }
}

/// Gives each node of a row the wished place, moved apart where they would overlap: the mean of
/// what packing from the left and packing from the right give.
fn settle(row: &[usize], wished: &[f64], sizes: &[Size], middles: &mut [f64]) {
    let apart =
        |one: usize, other: usize| (sizes[row[one]].width + sizes[row[other]].width) / 2.0 + GAP;
    let mut from_left = wished.to_vec();
    for place in 1..row.len() {
        from_left[place] = wished[place].max(from_left[place - 1] + apart(place - 1, place));
    }
    let mut from_right = wished.to_vec();
    for place in (0..row.len().saturating_sub(1)).rev() {
        from_right[place] = wished[place].min(from_right[place + 1] - apart(place, place + 1));
    }
    for (place, node) in row.iter().enumerate() {
        middles[*node] = f64::midpoint(from_left[place], from_right[place]);
    }
}
