//! The Apache Kafka version, and how its JVMs are started.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::support::leash::root;

/// A release and where it keeps its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KafkaVersion {
    /// 4.3.1: the newest release that the set-up can fetch.
    V4_3,
    /// 4.1.1: the release of every test that isn't about versions.
    V4_1,
    /// 3.9.1 with `KRaft`.
    V3_9,
    /// 3.9.1 with `ZooKeeper`.
    V3_9Zk,
    /// 2.8.2 with `ZooKeeper`: the last release line that stores the message formats v0 and v1.
    V2_8,
}

impl KafkaVersion {
    /// Every release that tests run on, newest first.
    pub(crate) const ALL: [Self; 5] =
        [Self::V4_3, Self::V4_1, Self::V3_9, Self::V3_9Zk, Self::V2_8];

    /// The version number of the release.
    pub(crate) fn release(self) -> &'static str {
        match self {
            Self::V4_3 => "4.3.1",
            Self::V4_1 => "4.1.1",
            Self::V3_9 | Self::V3_9Zk => "3.9.1",
            Self::V2_8 => "2.8.2",
        }
    }

    /// A short name for directories.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::V4_3 => "kafka4.3",
            Self::V4_1 => "kafka4.1",
            Self::V3_9 => "kafka3.9",
            Self::V3_9Zk => "kafka3.9zk",
            Self::V2_8 => "kafka2.8",
        }
    }

    /// Whether the metadata is kept in `ZooKeeper`.
    pub(crate) fn uses_zookeeper(self) -> bool {
        match self {
            Self::V3_9Zk | Self::V2_8 => true,
            Self::V4_3 | Self::V4_1 | Self::V3_9 => false,
        }
    }

    fn libraries(self) -> PathBuf {
        let home = root().join(".kafka").join(self.release());
        assert!(
            home.join("complete").exists(),
            "the libraries of Kafka {0} are missing: run deploy/kafka-libs.sh {0}",
            self.release()
        );
        home.join("libs")
    }

    /// The option that saves a JVM from loading Kafka's classes one by one, if `deploy/kafka-libs.sh` has archived them.
    pub(crate) fn archived_classes(self) -> Option<String> {
        let archive = self.libraries().with_file_name("classes.jsa");
        archive
            .exists()
            .then(|| format!("-XX:SharedArchiveFile={}", archive.display()))
    }

    /// The arguments of `java` before the main class.
    pub(crate) fn java_arguments(self, jvm_options: &[impl AsRef<OsStr>]) -> Vec<OsString> {
        let logging = root().join("tests/support/kafka");
        let mut arguments: Vec<OsString> = jvm_options
            .iter()
            .map(|it| it.as_ref().to_owned())
            .collect();
        for (option, file) in [
            ("-Dlog4j2.configurationFile=", "log4j2.properties"),
            ("-Dlog4j.configuration=file:", "log4j.properties"),
        ] {
            let mut argument = OsString::from(option);
            argument.push(logging.join(file));
            arguments.push(argument);
        }
        arguments.push("-cp".into());
        arguments.push(self.libraries().join("*").into());
        arguments
    }
}
