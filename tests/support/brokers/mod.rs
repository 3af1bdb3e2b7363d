//! Clusters of real Kafka brokers on free loopback ports.

mod pool;
mod properties;
mod ready;
mod spec;
mod version;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::leash::{Leash, Leashed};
use super::line::{Line, Weather};
use super::ports::Port;
use super::timing;
use properties::Place;
use spec::Role;
pub(crate) use spec::{CONTROLLER, Listener, OAUTHBEARER, Spec, TlsListener};
pub(crate) use version::KafkaVersion;

/// Generous, for a machine that is busy with other work: a start takes about two seconds.
const START: Duration = Duration::from_secs(90);

/// A running cluster. After the drop it is gone, or kept for another test if nothing but its clients changed it.
#[derive(Debug)]
pub(crate) struct Cluster(Option<Nodes>);

/// The processes and files of a cluster, gone after the drop.
#[derive(Debug)]
pub(crate) struct Nodes {
    spec: Spec,
    // Declared before the leash: the processes must end before their directory is removed.
    by_id: BTreeMap<i32, Node>,
    /// The nodes that hold the metadata.
    keepers: BTreeMap<i32, Port>,
    /// The line over which each broker reaches the first keeper, if the spec asks for lines.
    lines: BTreeMap<i32, Line>,
    leash: Leash,
    /// Whether anything but its clients changed it.
    is_touched: AtomicBool,
}

#[derive(Debug)]
struct Node {
    role: Role,
    version: KafkaVersion,
    port: Port,
    process: Option<Leashed>,
}

impl Cluster {
    /// Starts a cluster, or takes a kept one, and waits until all its brokers serve requests.
    pub(crate) async fn start(spec: Spec) -> Self {
        timing::begin();
        let kept = if spec.is_plain() {
            pool::take(&spec).await
        } else {
            None
        };
        Self(Some(match kept {
            Some(nodes) => nodes,
            None => Nodes::start(spec).await,
        }))
    }
}

impl Deref for Cluster {
    type Target = Nodes;

    fn deref(&self) -> &Nodes {
        self.0.as_ref().expect("present until the drop")
    }
}

impl DerefMut for Cluster {
    fn deref_mut(&mut self) -> &mut Nodes {
        self.touch();
        self.0.as_mut().expect("present until the drop")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(nodes) = self.0.take()
            && nodes.spec.is_plain()
            && !nodes.is_touched.load(Ordering::Relaxed)
            && !thread::panicking()
        {
            pool::keep(nodes);
        }
    }
}

impl Nodes {
    async fn start(spec: Spec) -> Self {
        let leash = Leash::new(spec.version.word());
        let order = spec.nodes();
        let version = spec.version;
        let idle = |role| Node {
            role,
            version,
            port: Port::reserve(),
            process: None,
        };
        let keeps = |(_, role): &&(i32, Role)| *role != Role::Broker;
        let keepers = order.iter().filter(keeps);
        let mut cluster = Self {
            by_id: order.iter().map(|(id, role)| (*id, idle(*role))).collect(),
            keepers: keepers.map(|(id, _)| (*id, Port::reserve())).collect(),
            lines: BTreeMap::new(),
            spec,
            leash,
            is_touched: AtomicBool::new(false),
        };
        if cluster.spec.lines {
            cluster.lay_lines();
        }
        cluster.write_properties();
        cluster.format().await;
        for (id, _) in order {
            cluster.launch(id);
        }
        cluster.wait_ready().await;
        cluster
    }

    /// Keeps other tests from using it.
    pub(crate) fn touch(&self) {
        self.is_touched.store(true, Ordering::Relaxed);
    }

    /// The addresses of all brokers, separated by commas.
    pub(crate) fn bootstrap(&self) -> String {
        let addresses: Vec<String> = self
            .by_id
            .values()
            .filter(|node| node.role.is_broker())
            .map(|node| node.port.address())
            .collect();
        addresses.join(",")
    }

    /// The address of the controller, or of `ZooKeeper`.
    pub(crate) fn controller(&self) -> String {
        self.keeper().1.address()
    }

    fn keeper(&self) -> (i32, &Port) {
        let first = self.keepers.first_key_value();
        let (id, port) = first.expect("somebody keeps the metadata");
        (*id, port)
    }

    fn lay_lines(&mut self) {
        let controller = self.controller();
        let brokers = self.by_id.iter().filter(|(_, node)| node.role.is_broker());
        let line = |(id, _): (&i32, &Node)| (*id, Line::open(&controller));
        self.lines = brokers.map(line).collect();
    }

    /// Whether brokers can be cut off from the controller.
    pub(crate) fn has_lines(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Cuts a broker off from the controller only: it goes on believing that it leads what it led.
    pub(crate) fn cut_off(&self, id: i32) {
        self.lines[&id].set(Weather {
            lost_there: true,
            lost_back: true,
            ..Weather::default()
        });
    }

    /// Reconnects a broker that was cut off from the controller.
    pub(crate) fn let_hear(&self, id: i32) {
        self.lines[&id].set(Weather::default());
    }

    /// The Kafka version of the cluster.
    pub(crate) fn version(&self) -> KafkaVersion {
        self.spec.version
    }

    /// The data directory of a node.
    pub(crate) fn data_dir(&self, id: i32) -> PathBuf {
        self.touch();
        self.files(id)
    }

    fn files(&self, id: i32) -> PathBuf {
        self.leash.dir().join(format!("node{id}"))
    }

    /// The process ids of the running nodes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.touch();
        let running = self.by_id.values().filter_map(|node| node.process.as_ref());
        running.map(Leashed::pid).collect()
    }

    /// Kills a node without warning (SIGKILL).
    pub(crate) fn kill(&mut self, id: i32) {
        self.take_process(id).kill();
    }

    /// Terminates a node (SIGTERM) and waits until it has ended.
    pub(crate) async fn stop(&mut self, id: i32) {
        let mut process = self.take_process(id);
        process.signal(Signal::TERM);
        process.wait(START).await;
    }

    /// Freezes a node (SIGSTOP): its connections stay open, but nothing answers.
    pub(crate) fn pause(&self, id: i32) {
        self.touch();
        self.process(id).freeze();
    }

    /// Resumes a frozen node (SIGCONT).
    pub(crate) fn resume(&self, id: i32) {
        self.process(id).signal(Signal::CONT);
    }

    /// Moves a further listener of a broker: it listens and is advertised elsewhere from its next start on.
    pub(crate) fn move_listener(&mut self, id: i32, name: &str, (own, told): (&str, &str)) {
        let mut named = self.spec.listeners.iter_mut();
        let listener = named.find(|it| it.name == name).expect("a listener");
        let place = (own.to_owned(), told.to_owned());
        listener.brokers.insert(id, place);
        self.write_properties();
    }

    /// Restarts a killed or stopped node with its data and on its port, and waits until the cluster has registered it.
    pub(crate) async fn restart(&mut self, id: i32) {
        self.start_node(id).await;
        self.wait_ready().await;
    }

    /// Like [`Self::restart`], but doesn't wait for the cluster.
    pub(crate) async fn start_node(&mut self, id: i32) {
        if self.spec.version.uses_zookeeper() && self.by_id[&id].role.is_broker() {
            // A broker exits if its former registration still exists.
            ready::wait_unregistered(self.keeper().1.number(), id).await;
        }
        self.launch(id);
    }

    /// Stops a node in order and starts it with its data as another release. The cluster's features stay as they are.
    pub(crate) async fn upgrade(&mut self, id: i32, to: KafkaVersion) {
        self.stop(id).await;
        self.node(id).version = to;
        self.restart(id).await;
    }

    /// Waits until every running broker is part of the cluster. Panics if one has ended.
    pub(crate) async fn wait_ready(&mut self) {
        let running = self.by_id.iter().filter(|(_, node)| node.process.is_some());
        let brokers = running.filter(|(_, node)| node.role.is_broker());
        let ids = brokers.map(|(id, _)| *id).collect();
        let bootstrap = self.bootstrap();
        let all_run = || {
            for (id, node) in &mut self.by_id {
                if let Some(status) = node.process.as_mut().and_then(Leashed::exited) {
                    panic!("node {id} ended by itself: {status}");
                }
            }
        };
        ready::wait_registered(&bootstrap, ids, START, all_run).await;
    }

    fn write_properties(&self) {
        let port = |(id, port): (&i32, &Port)| (*id, port.number());
        let direct: Vec<(i32, u16)> = self.keepers.iter().map(port).collect();
        for (id, node) in &self.by_id {
            let line = self.lines.get(id);
            let over_line = line.map(|line| vec![(self.keeper().0, line.port())]);
            let place = Place {
                id: *id,
                role: node.role,
                data: &self.files(*id),
                client_port: node.port.number(),
                keepers: over_line.as_ref().unwrap_or(&direct),
            };
            let text = properties::properties(&self.spec, &place);
            fs::write(self.properties_file(*id), text).expect("a property file");
        }
    }

    fn properties_file(&self, id: i32) -> PathBuf {
        self.leash.dir().join(format!("node{id}.properties"))
    }

    /// Gives the `KRaft` nodes their cluster id.
    async fn format(&self) {
        if self.spec.version.uses_zookeeper() {
            return;
        }
        // 16 bytes in base64 are 22 characters with four bits to spare, so the last character is a zero.
        let cluster_id: String = std::iter::repeat_with(fastrand::alphanumeric)
            .take(21)
            .chain(['A'])
            .collect();
        let start = |id: &i32| {
            let mut arguments = self.java(self.spec.version, "kafka.tools.StorageTool");
            arguments.extend(["format", "-t", cluster_id.as_str(), "-c"].map(OsString::from));
            arguments.push(self.properties_file(*id).into());
            for user in &self.spec.scram_users {
                arguments.extend(["--add-scram", user.as_str()].map(OsString::from));
            }
            self.leash.spawn(&format!("format{id}"), "java", arguments)
        };
        let formatting: Vec<Leashed> = self.by_id.keys().map(start).collect();
        for mut process in formatting {
            let status = process.wait(START).await;
            assert!(status.success(), "formatting failed: {status}");
        }
    }

    fn launch(&mut self, id: i32) {
        let class = match self.by_id[&id].role {
            Role::ZooKeeper => "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            Role::Combined | Role::Broker | Role::Controller => "kafka.Kafka",
        };
        let mut arguments = self.java(self.by_id[&id].version, class);
        arguments.push(self.properties_file(id).into());
        let process = self.leash.spawn(&format!("node{id}"), "java", arguments);
        let former = self.node(id).process.replace(process);
        assert!(former.is_none(), "node {id} runs already");
    }

    fn java(&self, version: KafkaVersion, class: &str) -> Vec<OsString> {
        let mut options = self.spec.jvm_options.clone();
        if version != self.spec.version {
            // The archived classes are those of a release.
            let archived = self.spec.version.archived_classes();
            options.retain(|option| archived.as_ref() != Some(option));
            options.extend(version.archived_classes());
        }
        let mut arguments = version.java_arguments(&options);
        arguments.push(class.into());
        arguments
    }

    fn node(&mut self, id: i32) -> &mut Node {
        self.by_id.get_mut(&id).expect("a node of this cluster")
    }

    fn take_process(&mut self, id: i32) -> Leashed {
        let process = self.node(id).process.take();
        process.expect("the node runs")
    }

    fn process(&self, id: i32) -> &Leashed {
        self.by_id[&id].process.as_ref().expect("the node runs")
    }
}
