//! Draws a machine as an SVG: layers from top to bottom, branches and iterations as groups.

mod labels;
mod layers;
mod routes;
mod svg;

use indexmap::IndexMap;

use crate::machine::{FlowId, Kind, Machine, Next, State};
use layers::{Edge, Graph, Size};
use svg::Block;

const NARROW: Size = Size { width: 26.0, height: 26.0 };
const TITLE_HEIGHT: f64 = 50.0;
const MARGIN: f64 = 24.0;

/// Draws the machine as an SVG document that contains its styles. Its colours follow the viewer's
/// light or dark scheme.
#[must_use]
pub fn draw_svg(machine: &Machine) -> String {
    draw_svg_at(machine, &[])
}

/// Draws the machine and marks the states named in `current`, such as those that
/// [`Execution::current_states`](crate::Execution::current_states) returns.
#[must_use]
pub fn draw_svg_at(machine: &Machine, current: &[&str]) -> String {
    let block = Drawing { machine, current }.flow(0);
    svg::document(&block, MARGIN, machine.comment().unwrap_or("State machine"))
}

struct Drawing<'a> {
    machine: &'a Machine,
    /// The names of the states to mark.
    current: &'a [&'a str],
}

impl Drawing<'_> {
    /// Draws a flow: the top level, a branch or an item processor, with its start and its end.
    fn flow(&self, id: FlowId) -> Block {
        let Some(flow) = self.machine.flows.get(id) else { return Block::default() };
        let mut blocks = vec![svg::terminal("start", NARROW)];
        let mut places = IndexMap::new();
        for (name, state) in &flow.states {
            places.insert(name.as_str(), blocks.len());
            blocks.push(self.block(name, state));
        }
        let end = blocks.len();
        blocks.push(svg::terminal("end", NARROW));
        let mut edges = Vec::new();
        let mut connect = |from: usize, to: usize, label: &str, style| {
            let (label, tooltip) = labels::edge_label(label);
            edges.push(Edge { from, to, label, tooltip, style });
        };
        if let Some(start) = places.get(flow.start_at.as_str()) {
            connect(0, *start, "", "next");
        }
        for (name, state) in &flow.states {
            let from = places[name.as_str()];
            if state.next == Some(Next::End) || matches!(state.kind, Kind::Succeed) {
                connect(from, end, "", "next");
            }
            for (target, label, style) in labels::edges(state) {
                if let Some(to) = places.get(target) {
                    connect(from, *to, &label, style);
                }
            }
        }
        let ends = edges.iter().any(|edge| edge.to == end);
        if !ends {
            blocks.pop();
        }
        let sizes = blocks.iter().map(|block| block.size).collect();
        let placed = Graph::new(sizes, edges).place();
        svg::flow(&blocks, &placed)
    }

    /// Draws a state: a box, or a group with the flows inside it.
    fn block(&self, name: &str, state: &State) -> Block {
        let title = labels::title(name);
        let subtitle = labels::subtitle(&state.kind);
        let class = state.kind.name().to_lowercase();
        let current = self.current.contains(&name);
        let inner: Vec<Block> = match &state.kind {
            Kind::Parallel(_, branches) => branches.iter().map(|id| self.flow(*id)).collect(),
            Kind::Map(_, map) => vec![self.flow(map.processor)],
            _ => Vec::new(),
        };
        let tooltip = labels::tooltip(name, state);
        let heading = svg::Heading {
            class: &class,
            current,
            title: &title,
            subtitle: &subtitle,
            tooltip: &tooltip,
        };
        if inner.is_empty() {
            svg::leaf(&heading, TITLE_HEIGHT)
        } else {
            svg::group(&heading, &inner)
        }
    }
}
