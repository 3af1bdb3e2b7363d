//! The principals that `--principal` names: one for a single cluster, or one for all that have none of their own. Pure.
//!
//! A principal may contain `=` itself, as that of a certificate does. What begins with `User:` is therefore a principal for
//! all clusters, and of anything else the part before the first `=` is the name of a cluster.

use std::collections::BTreeMap;

use crate::config::{Config, suggestion};
use crate::model::ClusterName;

/// The type of every principal that farshore prints.
const TYPE: &str = "User:";

/// Principals without their type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Principals {
    of: BTreeMap<ClusterName, String>,
    others: Option<String>,
}

impl Principals {
    /// Reads the values of `--principal`.
    ///
    /// Errors: one of them names an unknown cluster or no principal, or two are for the same cluster.
    pub(super) fn read(given: &[String], config: &Config) -> Result<Self, String> {
        let known: Vec<&str> = config.clusters.keys().map(ClusterName::as_str).collect();
        let mut read = Self::default();
        for value in given {
            let wrong = |why: String| format!("--principal {value}: {why}");
            let (cluster, principal) = split(value, &known).map_err(wrong)?;
            let name = principal.strip_prefix(TYPE).unwrap_or(principal);
            if name.is_empty() {
                return Err(wrong("the principal is missing".to_owned()));
            }
            let former = match cluster {
                Some(cluster) => read.of.insert(ClusterName::new(cluster), name.to_owned()),
                None => read.others.replace(name.to_owned()),
            };
            if former.is_some() {
                let of = cluster.map_or("all clusters".to_owned(), |it| format!("cluster {it}"));
                return Err(wrong(format!("a principal for {of} is given before")));
            }
        }
        Ok(read)
    }

    /// Returns the principal that is given for a cluster.
    pub(super) fn of(&self, cluster: &ClusterName) -> Option<&str> {
        let own = self.of.get(cluster);
        own.or(self.others.as_ref()).map(String::as_str)
    }
}

/// The cluster and the principal.
fn split<'a>(value: &'a str, known: &[&str]) -> Result<(Option<&'a str>, &'a str), String> {
    let named = value.split_once('=').filter(|_| !value.starts_with(TYPE));
    match named {
        None => Ok((None, value)),
        Some((cluster, principal)) if known.contains(&cluster) => Ok((Some(cluster), principal)),
        Some((cluster, _)) => {
            let hint = suggestion(cluster, known);
            Err(format!(
                "no cluster {cluster:?} is configured; {hint} (a principal with \"=\" begins with \"{TYPE}\")"
            ))
        }
    }
}

#[cfg(test)]
mod tests;
