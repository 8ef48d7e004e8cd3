//! Lays out the nodes of a graph in layers from top to bottom. The main line, the longest path from
//! the start, is straight.

use super::routes::Placed;

/// The horizontal distance, in pixels, between neighbouring nodes of a layer.
const GAP: f64 = 36.0;
/// The width, in pixels, that a layer reserves for an edge that passes through the layer.
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
    /// The full label, if `label` had to be shortened.
    pub(super) tooltip: Option<String>,
    pub(super) style: &'static str,
}

/// A graph to lay out. Its first node is the start.
pub(super) struct Graph {
    pub(super) sizes: Vec<Size>,
    pub(super) edges: Vec<Edge>,
    pub(super) layer: Vec<usize>,
    /// Per edge, its chain: the nodes from the edge's start to its end, both included. In each
    /// layer that the edge passes through, the chain has an extra node of no height. An edge that
    /// closes a loop has an empty chain, because the edge is drawn around the side.
    pub(super) chains: Vec<Vec<usize>>,
    pub(super) rows: Vec<Vec<usize>>,
    /// The horizontal middle of each node.
    pub(super) middles: Vec<f64>,
    /// Per edge, whether it is part of the main line: the longest path from the start that takes no
    /// `catch` edge.
    pub(super) main: Vec<bool>,
}

impl Graph {
    pub(super) fn new(sizes: Vec<Size>, edges: Vec<Edge>) -> Self {
        let count = sizes.len();
        Self {
            main: vec![false; edges.len()],
            sizes,
            edges,
            layer: vec![0; count],
            chains: Vec::new(),
            rows: Vec::new(),
            middles: Vec::new(),
        }
    }

    pub(super) fn place(mut self) -> Placed {
        let turned = self.turned();
        self.assign_layers(&turned);
        self.find_main(&turned);
        self.make_chains(&turned);
        self.order_rows();
        self.assign_middles();
        Placed::of(&self)
    }

    pub(super) fn middle(&self, node: usize) -> f64 {
        self.middles[node]
    }

    pub(super) fn half(&self, node: usize) -> f64 {
        self.sizes[node].width / 2.0
    }

    /// Returns for each edge whether it closes a loop.
    fn turned(&self) -> Vec<bool> {
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
        turned
    }

    fn forward<'a>(&'a self, turned: &'a [bool]) -> impl Iterator<Item = (usize, &'a Edge)> {
        self.edges.iter().enumerate().filter(|(position, _)| !turned[*position])
    }

    /// Assigns the layers so that each edge leads down by at least one layer. Edges that close a
    /// loop are ignored.
    fn assign_layers(&mut self, turned: &[bool]) {
        let mut layer = self.layer.clone();
        for _ in 0..self.sizes.len() {
            let mut moved = false;
            for (_, edge) in self.forward(turned) {
                if layer[edge.to] <= layer[edge.from] {
                    layer[edge.to] = layer[edge.from] + 1;
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
        self.layer = layer;
    }

    /// Marks the edges of the main line: the longest path from the start that takes no `catch`
    /// edge.
    fn find_main(&mut self, turned: &[bool]) {
        let mut longest: Vec<(usize, Option<usize>)> = vec![(0, None); self.sizes.len()];
        let mut nodes: Vec<usize> = (0..self.sizes.len()).collect();
        nodes.sort_by_key(|node| std::cmp::Reverse(self.layer[*node]));
        for node in nodes {
            for (position, edge) in self.forward(turned) {
                let length = longest[edge.to].0 + 1;
                if edge.from == node && edge.style != "catch" && length > longest[node].0 {
                    longest[node] = (length, Some(position));
                }
            }
        }
        let mut node = 0;
        while let Some(position) = longest.get(node).and_then(|(_, edge)| *edge) {
            self.main[position] = true;
            node = self.edges[position].to;
        }
    }

    /// Makes the chain of each edge, with an extra node in each layer that the edge passes through.
    /// Then collects the nodes of each layer in a row.
    fn make_chains(&mut self, turned: &[bool]) {
        for (edge, turned) in self.edges.iter().zip(turned) {
            if *turned {
                self.chains.push(Vec::new());
                continue;
            }
            let mut chain = vec![edge.from];
            for layer in self.layer[edge.from] + 1..self.layer[edge.to] {
                chain.push(self.sizes.len());
                self.sizes.push(Size { width: LANE, height: 0.0 });
                self.layer.push(layer);
            }
            chain.push(edge.to);
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

    /// Sorts the nodes of each layer by the mean position of their neighbours, in several sweeps:
    /// down the layers by the neighbours above, then up by the neighbours below, and so on.
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

    /// Moves each node towards its neighbours as far as its row allows. Then moves each long edge
    /// so that the edge passes vertically through its layers.
    fn assign_middles(&mut self) {
        let (above, below) = (self.neighbours(true), self.neighbours(false));
        let main = self.chains.iter().zip(&self.main).filter(|(_, main)| **main);
        let fixed: Vec<usize> = main.flat_map(|(chain, _)| chain.iter().copied()).collect();
        self.middles = vec![0.0; self.sizes.len()];
        for row in &self.rows {
            spread(row, &self.sizes, &mut self.middles);
        }
        for sweep in 0..SWEEPS * 2 {
            let neighbours = if sweep % 2 == 0 { &above } else { &below };
            let wish = |graph: &Self, node: usize| {
                middle(&neighbours[node], &graph.middles, graph.middles[node])
            };
            self.settle_rows(&fixed, wish);
        }
        for _ in 0..SWEEPS {
            let upright = self.align_long_edges();
            self.settle_rows(&fixed, |graph, node| upright[node].unwrap_or(graph.middles[node]));
        }
    }

    fn settle_rows(&mut self, fixed: &[usize], wish: impl Fn(&Self, usize) -> f64) {
        for layer in 0..self.rows.len() {
            let row = &self.rows[layer];
            let wished: Vec<f64> = row.iter().map(|node| wish(self, *node)).collect();
            match row.iter().position(|node| fixed.contains(node)) {
                Some(anchor) => keep_clear(row, anchor, &wished, &self.sizes, &mut self.middles),
                None => settle(row, &wished, &self.sizes, &mut self.middles),
            }
        }
    }

    /// Returns new positions for the extra nodes of edges that pass through several layers (one
    /// extra node in each of these layers): all extra nodes of an edge get the position of the one
    /// farthest from the main line. `None` for any other node, and if an edge has extra nodes on
    /// both sides of the main line.
    fn align_long_edges(&self) -> Vec<Option<f64>> {
        let mut upright = vec![None; self.sizes.len()];
        for chain in self.chains.iter().filter(|chain| chain.len() > 3) {
            let passed = &chain[1..chain.len() - 1];
            let places = passed.iter().map(|node| self.middles[*node]);
            let (least, most) =
                places.fold((f64::MAX, f64::MIN), |(least, most), x| (least.min(x), most.max(x)));
            let clear = match (least >= 0.0, most <= 0.0) {
                (true, _) => most,
                (_, true) => least,
                _ => continue,
            };
            passed.iter().for_each(|node| upright[*node] = Some(clear));
        }
        upright
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

/// Puts each node of a row at its wished position, and moves overlapping nodes apart. The row is
/// packed once from the left and once from the right; each node gets the mean of both positions.
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

/// Puts the main line's node (`anchor`) at 0, and the remaining nodes at their wished positions. If
/// a node would overlap its neighbour on the main line's side, moves the node outwards.
fn keep_clear(row: &[usize], anchor: usize, wished: &[f64], sizes: &[Size], middles: &mut [f64]) {
    let apart =
        |one: usize, other: usize| (sizes[row[one]].width + sizes[row[other]].width) / 2.0 + GAP;
    middles[row[anchor]] = 0.0;
    for place in anchor + 1..row.len() {
        let clear = middles[row[place - 1]] + apart(place - 1, place);
        middles[row[place]] = wished[place].max(clear);
    }
    for place in (0..anchor).rev() {
        let clear = middles[row[place + 1]] - apart(place, place + 1);
        middles[row[place]] = wished[place].min(clear);
    }
}
