//! Liveness and readiness of the process, with reasons.

use serde::Serialize;
use utoipa::ToSchema;

/// Whether the process can still do its work; if not, only a restart helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Liveness {
    /// Whether the process should be left running.
    pub alive: bool,
    /// The reasons why it isn't alive.
    pub reasons: Vec<String>,
}

impl Liveness {
    /// Returns alive, unless there are reasons against it.
    pub fn unless(reasons: Vec<String>) -> Self {
        Self {
            alive: reasons.is_empty(),
            reasons,
        }
    }
}

/// Whether links mirror; if not, waiting may help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether every configured link is working.
    pub ready: bool,
    /// The reasons why it isn't ready.
    pub reasons: Vec<String>,
}

impl Readiness {
    /// Returns ready, unless there are reasons against it.
    pub fn unless(reasons: Vec<String>) -> Self {
        Self {
            ready: reasons.is_empty(),
            reasons,
        }
    }
}

#[cfg(test)]
mod tests;
