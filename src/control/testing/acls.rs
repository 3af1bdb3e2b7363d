//! A cluster with an authorizer in memory, for tests. What an entry permits is written out here once more, from Kafka's
//! documentation, so that both can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::config::LinkConfig;
use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::acl::entry::{AclEntry, AclPurpose, AclState, Permission};
use crate::kafka::acl::{AclOperation, Grantee, PatternType, Resource, ResourceType};
use crate::model::{LinkIntents, TopicName};

use crate::control::acls::cluster::{AclSite, AclView, Permitted};
use crate::control::acls::judge::{Observation, for_operator, judge, status};
use crate::control::acls::plan::Recorded;
use crate::control::acls::status::{AclBoard, AclStatus};

pub(crate) const LINK: &str = "User:link";
pub(crate) const ALICE: &str = "User:alice";
pub(crate) const BOB: &str = "User:bob";

/// An authorizer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authorizer {
    pub(crate) entries: BTreeSet<AclEntry>,
    /// `allow.everyone.if.no.acl.found`
    pub(crate) is_open: bool,
}

impl Authorizer {
    /// Whether a principal may do something with a topic from a host.
    pub(crate) fn allows(
        &self,
        principal: &str,
        host: &str,
        operation: AclOperation,
        topic: &str,
    ) -> bool {
        let is_on = |it: &&AclEntry| {
            let Resource {
                kind,
                pattern,
                name,
            } = &it.resource;
            let fits = match pattern {
                PatternType::Literal => *name == topic || name == "*",
                PatternType::Prefixed => topic.starts_with(name.as_str()),
            };
            *kind == ResourceType::Topic && fits
        };
        let on_topic: Vec<&AclEntry> = self.entries.iter().filter(is_on).collect();
        if on_topic.is_empty() {
            return self.is_open;
        }
        let mut allowed = false;
        for entry in on_topic {
            let is_for = entry.principal == principal || entry.principal == "User:*";
            let is_from = entry.host == host || entry.host == "*";
            if !is_for || !is_from {
                continue;
            }
            let is_same = entry.operation == operation || entry.operation == AclOperation::All;
            match entry.permission {
                Permission::Deny if is_same => return false,
                Permission::Deny => {}
                Permission::Allow => allowed |= is_same || implies(entry.operation, operation),
            }
        }
        allowed
    }
}

/// Whether the right to one operation includes the right to another.
fn implies(one: AclOperation, other: AclOperation) -> bool {
    use AclOperation::{Alter, AlterConfigs, Delete, Describe, DescribeConfigs, Read, Write};
    match other {
        Describe => matches!(one, Read | Write | Delete | Alter),
        DescribeConfigs => one == AlterConfigs,
        _ => false,
    }
}

/// An entry on topics.
pub(crate) fn entry(
    permission: Permission,
    operation: AclOperation,
    (pattern, name): (PatternType, &str),
    principal: &str,
) -> AclEntry {
    AclEntry {
        resource: Resource {
            kind: ResourceType::Topic,
            pattern,
            name: name.to_owned(),
        },
        principal: principal.to_owned(),
        host: "*".to_owned(),
        operation,
        permission,
    }
}

/// An entry that allows an operation on one topic.
pub(crate) fn allow(principal: &str, operation: AclOperation, topic: &str) -> AclEntry {
    let on = (PatternType::Literal, topic);
    entry(Permission::Allow, operation, on, principal)
}

/// An entry that denies an operation on one topic.
pub(crate) fn deny(principal: &str, operation: AclOperation, topic: &str) -> AclEntry {
    let on = (PatternType::Literal, topic);
    entry(Permission::Deny, operation, on, principal)
}

/// A cluster with an authorizer, on which farshore is `User:link`.
#[derive(Debug, Default)]
pub(crate) struct FakeAcls(Mutex<Inner>);

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way to fail")]
pub(crate) struct Inner {
    pub(crate) authorizer: Authorizer,
    pub(crate) has_no_authorizer: bool,
    pub(crate) is_gone: bool,
    /// Changes are refused because a right is missing.
    pub(crate) refuses_changes: bool,
    /// Whether farshore knows its principal.
    pub(crate) is_known: bool,
    /// How many more changes are answered: the next one isn't, and nothing after it.
    pub(crate) answers: Option<usize>,
    /// Whether that change is made all the same.
    pub(crate) makes_last: bool,
    /// Nothing is answered.
    pub(crate) is_silent: bool,
    is_mute: bool,
    /// The changes made, and whether farshore could write to each topic after each of them.
    pub(crate) changes: usize,
    pub(crate) refused_itself: usize,
}

impl FakeAcls {
    pub(crate) fn with(entries: &[AclEntry]) -> Self {
        let site = Self::default();
        site.set(|inner| {
            inner.authorizer.entries = entries.iter().cloned().collect();
            inner.is_known = true;
        });
        site
    }

    pub(crate) fn set<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock())
    }

    pub(crate) fn entries(&self) -> BTreeSet<AclEntry> {
        self.set(|inner| inner.authorizer.entries.clone())
    }

    pub(crate) fn allows(&self, principal: &str, operation: AclOperation, topic: &str) -> bool {
        self.set(|inner| inner.authorizer.allows(principal, "h", operation, topic))
    }

    /// Answers again, to the next process.
    pub(crate) fn recover(&self) {
        self.set(|inner| {
            inner.is_mute = false;
            inner.answers = None;
        });
    }

    fn change(
        &self,
        change: impl FnOnce(&mut BTreeSet<AclEntry>),
    ) -> BoxFuture<'_, Result<Vec<(AclEntry, Error)>>> {
        let mut inner = self.0.lock();
        let inner = &mut *inner;
        if inner.refuses_changes {
            let error = Error::new(Kind::Broker(BrokerCode(31)), "not permitted");
            return async { Err(error) }.boxed();
        }
        let is_last = inner.answers == Some(0);
        if inner.is_mute || is_last && !inner.makes_last {
            inner.is_mute = true;
            return std::future::pending().boxed();
        }
        change(&mut inner.authorizer.entries);
        inner.changes += 1;
        let may_write = (inner.authorizer).allows(LINK, "h", AclOperation::Write, "t");
        inner.refused_itself += usize::from(!may_write);
        if is_last {
            inner.is_mute = true;
            return std::future::pending().boxed();
        }
        inner.answers = inner.answers.map(|it| it - 1);
        async { Ok(Vec::new()) }.boxed()
    }
}

impl AclSite for FakeAcls {
    fn acls(&self) -> BoxFuture<'_, Result<Option<BTreeSet<AclEntry>>>> {
        async { Ok(self.acls_and_permitted(&[]).await?.map(|it| it.entries)) }.boxed()
    }

    fn acls_and_permitted<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<Option<AclView>>> {
        let inner = self.0.lock();
        if inner.is_mute || inner.is_silent {
            return std::future::pending().boxed();
        }
        if inner.is_gone {
            let error = Error::new(Kind::Disconnected, "nobody answers");
            return async { Err(error) }.boxed();
        }
        if inner.has_no_authorizer {
            return async { Ok(None) }.boxed();
        }
        let operations = [
            AclOperation::Read,
            AclOperation::Write,
            AclOperation::Describe,
        ];
        let permitted = |topic: &TopicName| -> Permitted {
            let all = operations.into_iter();
            let may = |it: &AclOperation| inner.authorizer.allows(LINK, "h", *it, topic.as_str());
            all.filter(may).collect()
        };
        let permitted = topics.iter().map(|topic| (topic.clone(), permitted(topic)));
        let view = AclView {
            entries: inner.authorizer.entries.clone(),
            permitted: permitted.collect::<BTreeMap<_, _>>(),
        };
        async { Ok(Some(view)) }.boxed()
    }

    fn add<'a>(&'a self, entries: &'a [AclEntry]) -> BoxFuture<'a, Result<Vec<(AclEntry, Error)>>> {
        self.change(|all| all.extend(entries.iter().cloned()))
    }

    fn remove<'a>(
        &'a self,
        entries: &'a [AclEntry],
    ) -> BoxFuture<'a, Result<Vec<(AclEntry, Error)>>> {
        self.change(|all| all.retain(|it| !entries.contains(it)))
    }

    fn grantee(&self) -> Grantee {
        Grantee {
            bootstrap: "k:9092".to_owned(),
            principal: "link".to_owned(),
        }
    }

    fn own_principal(&self) -> Option<String> {
        self.set(|inner| inner.is_known.then(|| LINK.to_owned()))
    }
}

/// The configuration of a link with these lines.
pub(crate) fn link_config(rules: &str) -> LinkConfig {
    let text = format!(
        "[clusters.paris]\nbootstrap_servers = [\"p:9092\"]\n[clusters.oslo]\nbootstrap_servers = [\"o:9092\"]\n\
         [links.paris-oslo]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\".*\"]\n{rules}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("farshore.toml");
    std::fs::write(&file, text).unwrap();
    let config = crate::config::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
    config.links.into_iter().next().unwrap()
}

/// What a link shows that guards topic `orders` and could carry over an ACL of a group.
pub(crate) fn example() -> Arc<AclBoard> {
    let config = link_config("sync_acls = true\nguard_mirrors = true");
    let denial = deny(ALICE, AclOperation::Write, "orders");
    let of_group = AclEntry {
        resource: Resource::literal(ResourceType::Group, "billing"),
        ..allow(ALICE, AclOperation::Read, "")
    };
    let writer = allow(ALICE, AclOperation::Write, "orders");
    let seen = Observation {
        topics: [("orders".into(), "orders".into())].into(),
        source: Some([of_group].into()),
        target: [writer, denial.clone()].into(),
        permitted: BTreeMap::new(),
        at: Timestamp::from_second(1_794_694_400).unwrap(),
    };
    let recorded = Recorded {
        topic: "orders".into(),
        added: [(denial, (AclPurpose::Guard, AclState::Added))].into(),
    };
    let records = [("orders".into(), recorded)].into();
    let own = BTreeSet::from([LINK.to_owned()]);
    let judged = judge(config.acls, &seen, &LinkIntents::default(), &own, &records);
    let [paris, oslo] = ["paris:9092", "oslo:9092"].map(|bootstrap| Grantee {
        bootstrap: bootstrap.to_owned(),
        principal: "link".to_owned(),
    });
    let by_hand = for_operator(&config, &seen, &judged, (&paris, &oslo));
    let board = AclBoard::default();
    board.show(AclStatus {
        by_hand,
        ..status(config.acls, &seen, judged, |_| None)
    });
    Arc::new(board)
}
