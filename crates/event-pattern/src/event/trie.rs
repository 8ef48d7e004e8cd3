//! The paths of patterns, as a tree of names.

use std::sync::Arc;

use crate::condition::Condition;
use foldhash::HashMap;

/// The number of a node of the tree, which identifies the path to this node.
pub(crate) type PathId = u32;

/// The node for the event itself.
pub(crate) const ROOT: PathId = 0;

/// Up to this number of children, a linear search is faster than a hash table.
const MAX_LINEAR_SEARCH: usize = 8;

/// A condition and the path at which it applies.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) path: PathId,
    pub(crate) condition: Arc<Condition>,
}

impl Term {
    /// Adds the condition's path to `trie`.
    pub(crate) fn enter(trie: &mut PathTrie, condition: &Arc<Condition>) -> Self {
        Self { path: trie.enter(&condition.path), condition: Arc::clone(condition) }
    }
}

/// A tree of names. As in EventBridge's engine, a name with dots is treated as several names.
#[derive(Debug)]
pub(crate) struct PathTrie {
    nodes: Vec<Node>,
    free: Vec<PathId>,
    /// How many paths have conditions.
    asked: usize,
}

#[derive(Debug, Default)]
struct Node {
    parent: PathId,
    name: Box<str>,
    /// How many conditions apply at exactly this path.
    terms: u32,
    few: Vec<(Box<str>, PathId)>,
    many: HashMap<Box<str>, PathId>,
}

impl Default for PathTrie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], free: Vec::new(), asked: 0 }
    }
}

impl Node {
    #[inline]
    fn child(&self, name: &str) -> Option<PathId> {
        if self.many.is_empty() {
            let found = self.few.iter().find(|(own, _)| **own == *name);
            return found.map(|(_, child)| *child);
        }
        self.many.get(name).copied()
    }

    fn add_child(&mut self, name: Box<str>, child: PathId) {
        if self.many.is_empty() && self.few.len() < MAX_LINEAR_SEARCH {
            self.few.push((name, child));
            return;
        }
        self.many.extend(self.few.drain(..));
        self.many.insert(name, child);
    }

    fn remove_child(&mut self, name: &str) {
        self.few.retain(|(own, _)| **own != *name);
        self.many.remove(name);
        if self.many.is_empty() {
            self.many = HashMap::default();
        }
    }

    fn has_children(&self) -> bool {
        !self.few.is_empty() || !self.many.is_empty()
    }
}

impl PathTrie {
    /// One more than the highest number of a node.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many paths have conditions.
    #[inline]
    pub(crate) fn asked(&self) -> usize {
        self.asked
    }

    /// Whether a condition applies at exactly this path.
    #[inline]
    pub(crate) fn is_asked(&self, node: PathId) -> bool {
        self.nodes[node as usize].terms > 0
    }

    /// Whether a condition applies at a path below this path.
    #[inline]
    pub(crate) fn leads_on(&self, node: PathId) -> bool {
        self.nodes[node as usize].has_children()
    }

    /// Goes from `node` to the node for an event's member with this name, and returns that node;
    /// `None` if no condition's path goes through this member.
    #[inline]
    pub(crate) fn follow(&self, node: PathId, name: &str) -> Option<PathId> {
        let found = self.nodes[node as usize].child(name);
        if found.is_some() || !name.as_bytes().contains(&b'.') {
            return found;
        }
        name.split('.').try_fold(node, |node, part| self.nodes[node as usize].child(part))
    }

    /// Counts one more condition at `path`, and returns the path's node.
    pub(crate) fn enter(&mut self, path: &str) -> PathId {
        let node = path.split('.').fold(ROOT, |node, name| {
            self.nodes[node as usize].child(name).unwrap_or_else(|| self.grow(node, name))
        });
        self.asked += usize::from(!self.is_asked(node));
        self.nodes[node as usize].terms += 1;
        node
    }

    fn grow(&mut self, parent: PathId, name: &str) -> PathId {
        let node = Node { parent, name: name.into(), ..Node::default() };
        let child = match self.free.pop() {
            Some(child) => {
                self.nodes[child as usize] = node;
                child
            }
            None => {
                self.nodes.push(node);
                PathId::try_from(self.nodes.len() - 1).expect("fewer paths than 2^32 fit in memory")
            }
        };
        self.nodes[parent as usize].add_child(name.into(), child);
        child
    }

    /// Counts one condition less at `path`, and removes the nodes that no condition needs anymore.
    pub(crate) fn leave(&mut self, path: PathId) {
        self.nodes[path as usize].terms -= 1;
        self.asked -= usize::from(!self.is_asked(path));
        let mut at = path;
        while at != ROOT && !self.is_asked(at) && !self.leads_on(at) {
            let gone = std::mem::take(&mut self.nodes[at as usize]);
            self.nodes[gone.parent as usize].remove_child(&gone.name);
            self.free.push(at);
            at = gone.parent;
        }
        if self.free.len() + 1 == self.nodes.len() {
            *self = Self::default();
        }
    }
}
