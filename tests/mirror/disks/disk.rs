//! Disks that can be filled, limited and made read-only, each by the means the environment permits.
//!
//! Where mounting is permitted, to root or in a user namespace, farshore runs in its own mount namespace with a small
//! filesystem for its checkpoint DB; the mount disappears with the process. Elsewhere, and for one test everywhere, the
//! process gets a limit on file sizes. No test is skipped.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tempfile::TempDir;

use crate::support::farshore::Farshore;

/// What happens to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The disk fills up.
    Full,
    Limited,
    /// The disk turns read-only.
    ReadOnly,
    /// The disk is read-only from the start.
    ReadOnlyFromTheStart,
}

/// The means by which it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    /// A small filesystem in memory, filled up.
    Memory,
    /// A limit on the size of files, set to their current sizes.
    Size,
    /// A limit on the size of files, set to zero.
    NoSize,
    /// An ext4 filesystem in a file, whose error is simulated.
    Image,
    ReadOnlyMount,
    /// A directory without write permission.
    Permissions,
}

/// A disk, and the program that starts farshore on it.
#[derive(Debug)]
pub(super) struct Disk {
    means: Means,
    directory: TempDir,
}

const NO_LIMIT: Rlimit = Rlimit {
    current: None,
    maximum: None,
};

impl Disk {
    /// Chooses the means.
    pub(super) fn new(kind: Kind) -> Self {
        let means = match kind {
            Kind::Full if may_mount() => Means::Memory,
            Kind::Full | Kind::Limited => Means::Size,
            Kind::ReadOnly if may_mount_images() => Means::Image,
            Kind::ReadOnly => Means::NoSize,
            Kind::ReadOnlyFromTheStart if may_mount() => Means::ReadOnlyMount,
            Kind::ReadOnlyFromTheStart => Means::Permissions,
        };
        println!("{kind:?} by {means:?}");
        let directory = tempfile::tempdir().expect("a directory");
        Self { means, directory }
    }

    /// The program that runs in place of farshore, and becomes it.
    pub(super) fn program(&self) -> PathBuf {
        self.directory.path().join("farshore.sh")
    }

    /// Writes the program; once, before the first start.
    pub(super) fn prepare(&self, farshore: &Farshore) {
        let place = farshore.checkpoint_path();
        fs::create_dir_all(&place).expect("the checkpoint directory");
        let (binary, place) = (env!("CARGO_BIN_EXE_farshore"), place.display());
        let unshare = unshare().join(" ");
        let mounted = |mount: &str| {
            format!(
                "exec {unshare} sh -c 'mount {mount} {place} && exec \"$0\" \"$@\"' {binary} \"$@\""
            )
        };
        let line = match self.means {
            Means::Memory => mounted("-t tmpfs -o size=16m none"),
            Means::ReadOnlyMount => mounted("-t tmpfs -o ro none"),
            Means::Image => {
                let image = self.directory.path().join("image");
                let file = File::create(&image).expect("an image");
                file.set_len(32 << 20).expect("an image");
                let made = Command::new("mkfs.ext4").arg("-qF").arg(&image).status();
                assert!(made.expect("mkfs.ext4 runs").success());
                mounted(&format!("-o loop,errors=remount-ro {}", image.display()))
            }
            // Without this, the signal would end the process.
            Means::Size | Means::NoSize => format!("trap '' XFSZ; exec {binary} \"$@\""),
            Means::Permissions => {
                let read_only = Permissions::from_mode(0o555);
                fs::set_permissions(farshore.checkpoint_path(), read_only).expect("its owner may");
                format!("exec {binary} \"$@\"")
            }
        };
        fs::write(self.program(), format!("#!/bin/sh\n{line}\n")).expect("the program");
        let executable = Permissions::from_mode(0o755);
        fs::set_permissions(self.program(), executable).expect("the program");
    }

    /// Stops the running farshore from writing.
    pub(super) fn spoil(&self, farshore: &Farshore) {
        match self.means {
            Means::Memory => fill(&ballast(farshore)),
            Means::Size => limit(farshore, largest_file(&farshore.checkpoint_path())),
            Means::NoSize => limit(farshore, 0),
            Means::Image => {
                let process = farshore.process().pid().to_string();
                let remount = ["-t", &process, "-m", "mount", "-o", "remount,abort"];
                let mut command = Command::new("nsenter");
                let command = command.args(remount).arg(farshore.checkpoint_path());
                assert!(command.status().expect("nsenter runs").success());
            }
            Means::ReadOnlyMount | Means::Permissions => {}
        }
    }

    /// Lets it write again.
    pub(super) fn mend(&self, farshore: &Farshore) {
        match self.means {
            Means::Memory => fs::remove_file(ballast(farshore)).expect("the ballast"),
            Means::Size | Means::NoSize => set_limit(farshore, NO_LIMIT),
            Means::Image | Means::ReadOnlyMount | Means::Permissions => {}
        }
    }

    /// The remedy shown to an operator.
    pub(super) fn remedy(&self) -> &'static str {
        match self.means {
            Means::Memory => "free space on its filesystem",
            Means::Size | Means::NoSize => "raise the limit on the size of files",
            Means::Image | Means::ReadOnlyMount => "mount its filesystem read-write",
            Means::Permissions => "let the user that runs farshore write there",
        }
    }
}

/// A file on the disk of a running farshore, as seen from outside its namespace.
fn ballast(farshore: &Farshore) -> PathBuf {
    let root = format!("/proc/{}/root", farshore.process().pid());
    let place = farshore.checkpoint_path();
    let place = place.strip_prefix("/").expect("an absolute path");
    Path::new(&root).join(place).join("ballast")
}

fn fill(path: &Path) {
    let mut file = File::create(path).expect("a file on the small disk");
    while file.write_all(&[0; 4096]).is_ok() {}
}

fn largest_file(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("the checkpoint DB");
    let sizes = entries.map(|entry| entry.and_then(|it| it.metadata()).map_or(0, |it| it.len()));
    sizes.max().expect("the DB has files")
}

fn limit(farshore: &Farshore, bytes: u64) {
    let current = Some(bytes);
    set_limit(
        farshore,
        Rlimit {
            current,
            ..NO_LIMIT
        },
    );
}

fn set_limit(farshore: &Farshore, limit: Rlimit) {
    let process = i32::try_from(farshore.process().pid())
        .ok()
        .and_then(Pid::from_raw);
    prlimit(process, Resource::Fsize, limit).expect("a limit of one's own process");
}

fn unshare() -> Vec<&'static str> {
    if rustix::process::getuid().is_root() {
        vec!["unshare", "--mount"]
    } else {
        vec!["unshare", "--user", "--map-root-user", "--mount"]
    }
}

fn may_mount() -> bool {
    let directory = tempfile::tempdir().expect("a directory");
    works(&format!(
        "mount -t tmpfs -o size=1m none {}",
        directory.path().display()
    ))
}

fn may_mount_images() -> bool {
    let root = rustix::process::getuid().is_root();
    root && may_mount() && works("losetup --find && command -v mkfs.ext4 nsenter")
}

/// Whether a command works in a mount namespace.
fn works(command: &str) -> bool {
    let unshare = unshare();
    let mut tried = Command::new(unshare[0]);
    let tried = tried
        .args(&unshare[1..])
        .args(["sh", "-c", command])
        .output();
    tried.is_ok_and(|output| output.status.success())
}
