//! Circles: chains of links that lead a topic back to its cluster under its own name, so that each record would be
//! mirrored again and again.
//!
//! Pure. Under identity naming a topic goes round if all links of a cycle of clusters select it. Prefix naming makes the
//! name longer each time, so that it goes round only if the longer names are selected, too. Which clusters are the same is
//! up to the caller: the configuration knows their addresses, `check` their ids.

use std::collections::{BTreeMap, BTreeSet};

use super::overlap::{NameCondition, Overlap, Overlaps};
use super::settings::{LinkConfig, Naming};
use crate::model::{ClusterName, TopicName};

/// The limit of partial chains of links that are followed; real configurations need a few.
const CHAINS: usize = 100_000;

/// A link between two clusters, which are numbered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop<'a> {
    pub(crate) source: usize,
    pub(crate) target: usize,
    pub(crate) link: &'a LinkConfig,
}

impl<'a> Hop<'a> {
    /// The link between its clusters; `None` if one of them has no number.
    pub(crate) fn of(
        link: &'a LinkConfig,
        numbers: &BTreeMap<&ClusterName, usize>,
    ) -> Option<Self> {
        Some(Self {
            source: *numbers.get(&link.source)?,
            target: *numbers.get(&link.target)?,
            link,
        })
    }
}

/// A cycle of links in which topics go round, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Circle {
    /// Indices of the links, in the order in which a topic passes them.
    pub(crate) links: Vec<usize>,
    /// A topic that goes round; `None` if that couldn't be decided.
    pub(crate) topic: Option<TopicName>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Circles {
    /// The circles, those of few links first.
    pub(crate) found: Vec<Circle>,
    /// Whether all cycles of links were examined.
    pub(crate) complete: bool,
}

/// Finds the circles among links.
pub(crate) fn circles(all: &[Hop<'_>]) -> Circles {
    let on_cycles = lie_on_cycles(all);
    let indices: Vec<usize> = (0..all.len()).filter(|it| on_cycles[*it]).collect();
    let hops: Vec<Hop<'_>> = indices.iter().map(|it| all[*it]).collect();
    let mut search = Search {
        hops: &hops,
        overlaps: Overlaps::new(hops.iter().map(|hop| &hop.link.topics)),
        disjoint: BTreeMap::new(),
        chains_left: CHAINS,
        found: Vec::new(),
    };
    let clusters: BTreeSet<usize> = hops.iter().map(|hop| hop.source).collect();
    let follow = |cluster| search.follow(cluster, cluster, &mut Vec::new());
    let complete = clusters
        .into_iter()
        .map(follow)
        .all(|ended| ended.is_some());
    let mut found = search.found;
    for circle in &mut found {
        circle.links.iter_mut().for_each(|it| *it = indices[*it]);
    }
    found.sort_by_key(|circle| circle.links.len());
    Circles { found, complete }
}

/// For each hop, whether links lead from its target back to its source, which is another cluster.
fn lie_on_cycles(hops: &[Hop<'_>]) -> Vec<bool> {
    let mut targets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for hop in hops {
        targets.entry(hop.source).or_default().push(hop.target);
    }
    let reached_from = |cluster| {
        let mut reached = BTreeSet::from([cluster]);
        let mut waiting = vec![cluster];
        while let Some(cluster) = waiting.pop() {
            let next = targets.get(&cluster).into_iter().flatten().copied();
            waiting.extend(next.filter(|it| reached.insert(*it)));
        }
        reached
    };
    let mut reached: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let leads_back = |hop: &Hop<'_>| {
        let from = reached.entry(hop.target);
        let reached = from.or_insert_with(|| reached_from(hop.target));
        hop.source != hop.target && reached.contains(&hop.source)
    };
    hops.iter().map(leads_back).collect()
}

/// Whether a topic of this name on the source of the first link goes round at least twice.
pub(crate) fn goes_round(links: &[&LinkConfig], topic: &TopicName) -> bool {
    let mut name = topic.clone();
    links.iter().chain(links).all(|link| {
        let selected = link.topics.matches(&name);
        name = link.mirror_topic(&name);
        selected
    })
}

/// The links that keep names and mirror a topic of this name on a cycle of clusters, by their indices.
pub(crate) fn on_cycle(all: &[Hop<'_>], topic: &TopicName) -> Vec<usize> {
    let passes = |hop: &Hop<'_>| {
        let link = hop.link;
        link.naming == Naming::Identity && link.topics.matches(topic)
    };
    let indices: Vec<usize> = (0..all.len()).filter(|it| passes(&all[*it])).collect();
    let hops: Vec<Hop<'_>> = indices.iter().map(|it| all[*it]).collect();
    let found = indices.into_iter().zip(lie_on_cycles(&hops));
    found
        .filter_map(|(index, lies_there)| lies_there.then_some(index))
        .collect()
}

struct Search<'a> {
    hops: &'a [Hop<'a>],
    overlaps: Overlaps<'a>,
    /// Whether two links select no topic in common, by their indices.
    disjoint: BTreeMap<(usize, usize), bool>,
    chains_left: usize,
    found: Vec<Circle>,
}

impl Search<'_> {
    /// Follows all chains of links from `first` through clusters of higher numbers, each at most once, that continue
    /// `chain` at `cluster`. `None` if there are too many.
    fn follow(&mut self, first: usize, cluster: usize, chain: &mut Vec<usize>) -> Option<()> {
        for (index, hop) in self.hops.iter().enumerate() {
            let passed = |it: &usize| self.hops[*it].source == hop.target;
            let leads_on = hop.target > first && !chain.iter().any(passed);
            if hop.source != cluster || !(leads_on || hop.target == first) {
                continue;
            }
            self.chains_left = self.chains_left.checked_sub(1)?;
            if self.parts(chain, index) {
                continue;
            }
            chain.push(index);
            if hop.target == first {
                self.close(chain);
            } else {
                self.follow(first, hop.target, chain)?;
            }
            chain.pop();
        }
        Some(())
    }

    /// Whether no topic passes all of `chain` and then the link `next`, as far as pairs of links tell.
    fn parts(&mut self, chain: &[usize], next: usize) -> bool {
        let keeps = |it: &&usize| self.hops[**it].link.naming == Naming::Identity;
        // These links see the topic under the same name as the next one.
        let unchanged = chain.iter().rev().take_while(keeps);
        let pairs: Vec<(usize, usize)> = unchanged.map(|it| (*it, next)).collect();
        pairs.into_iter().any(|pair| {
            let overlaps = &mut self.overlaps;
            let known = self.disjoint.entry(pair);
            *known.or_insert_with(|| {
                let conditions = [pair.0, pair.1].map(|filter| NameCondition {
                    filter,
                    prefix: String::new(),
                });
                overlaps.find(&conditions) == Overlap::Disjoint
            })
        })
    }

    fn close(&mut self, chain: &[usize]) {
        let mut prefix = String::new();
        let mut conditions = Vec::new();
        for filter in chain {
            conditions.push(NameCondition {
                filter: *filter,
                prefix: prefix.clone(),
            });
            let link = self.hops[*filter].link;
            let longer = link.mirror_topic(&TopicName::new(&*prefix));
            longer.as_str().clone_into(&mut prefix);
        }
        let topic = match self.overlaps.find_endless(&conditions, &prefix) {
            Overlap::Disjoint => return,
            Overlap::Example(topic) => Some(topic),
            Overlap::Undecided => None,
        };
        self.found.push(Circle {
            links: chain.to_vec(),
            topic,
        });
    }
}

#[cfg(test)]
mod tests;
