//! A key distribution centre (MIT's) for one test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::leash::{Leash, Leashed};
use crate::support::ports::Port;
use crate::support::wait::eventually;

/// The name of the realm.
pub(crate) const NAME: &str = "FARSHORE.TEST";

/// A running centre, and a keytab of each of its principals.
#[derive(Debug)]
pub(crate) struct Realm {
    _centre: Leashed,
    leash: Leash,
    _port: Port,
}

impl Realm {
    /// Starts a centre with these principals.
    pub(crate) async fn start(principals: &[&str]) -> Self {
        let (leash, port) = (Leash::new("realm"), Port::reserve());
        let dir = leash.dir().to_owned();
        fs::write(dir.join("krb5.conf"), client(&port)).expect("the clients' configuration");
        fs::write(dir.join("kdc.conf"), centre(&port, &dir)).expect("the centre's configuration");
        let create = ["-r", NAME, "-P", "master", "create", "-s", "-W"];
        run(tool(&dir, "kdb5_util").args(create));
        for principal in principals {
            let keytab = keytab(&dir, principal);
            let keytab = keytab.to_str().expect("a path of letters");
            for query in [
                format!("addprinc -randkey {principal}"),
                format!("ktadd -k {keytab} {principal}"),
            ] {
                run(tool(&dir, "kadmin.local").args(["-r", NAME, "-q", &query]));
            }
        }
        let wrapper = write_wrapper(&dir, "centre", &found("krb5kdc"));
        let centre = leash.spawn("krb5kdc", wrapper, ["-n", "-r", NAME]);
        let address = port.address();
        eventually(Duration::from_secs(30), "the centre listens", async || {
            std::net::TcpStream::connect(&address).map_err(|error| error.to_string())
        })
        .await;
        Self {
            _centre: centre,
            leash,
            _port: port,
        }
    }

    /// The keytab of a principal.
    pub(crate) fn keytab(&self, principal: &str) -> PathBuf {
        keytab(self.leash.dir(), principal)
    }

    /// The configuration read by a client's Kerberos library.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.leash.dir().join("krb5.conf")
    }

    /// A wrapper for a program that takes its tickets from the keytab of the same name.
    pub(crate) fn wrap(&self, name: &str, program: &str) -> PathBuf {
        write_wrapper(self.leash.dir(), name, Path::new(program))
    }
}

fn keytab(dir: &Path, principal: &str) -> PathBuf {
    dir.join(format!("{}.keytab", principal.replace('/', "-")))
}

fn client(port: &Port) -> String {
    format!(
        "[libdefaults]\ndefault_realm = {NAME}\ndns_lookup_kdc = false\ndns_lookup_realm = false\n\
         dns_canonicalize_hostname = false\nrdns = false\nudp_preference_limit = 1\n\
         [realms]\n{NAME} = {{\n  kdc = {}\n}}\n[domain_realm]\nlocalhost = {NAME}\n",
        port.address()
    )
}

fn centre(port: &Port, dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "[kdcdefaults]\nkdc_listen = \"\"\nkdc_tcp_listen = {address}\n[realms]\n{NAME} = {{\n  \
         database_name = {dir}/principal\n  key_stash_file = {dir}/stash\n  acl_file = {dir}/kadm5.acl\n}}\n",
        address = port.address()
    )
}

/// Administration programs are not in every user's path.
fn found(name: &str) -> PathBuf {
    let path = std::env::var("PATH").expect("a path");
    let dirs = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    dirs.map(|dir| Path::new(dir).join(name))
        .find(|program| program.exists())
        .unwrap_or_else(|| panic!("{name} is missing; deploy/setup.sh kerberos sees to it"))
}

fn environment(dir: &Path, name: &str) -> [(&'static str, PathBuf); 4] {
    [
        ("KRB5_CONFIG", dir.join("krb5.conf")),
        ("KRB5_KDC_PROFILE", dir.join("kdc.conf")),
        ("KRB5_CLIENT_KTNAME", keytab(dir, name)),
        ("KRB5CCNAME", dir.join(format!("{name}.tickets"))),
    ]
}

fn tool(dir: &Path, name: &str) -> Command {
    let mut command = Command::new(found(name));
    command.envs(environment(dir, name));
    command
}

fn run(command: &mut Command) {
    let output = command.output().expect("a program of Kerberos runs");
    assert!(output.status.success(), "{command:?}: {output:?}");
}

fn write_wrapper(dir: &Path, name: &str, program: &Path) -> PathBuf {
    let exports = environment(dir, name)
        .map(|(variable, value)| format!("export {variable}='{}'\n", value.display()))
        .concat();
    let text = format!("#!/bin/sh\n{exports}exec '{}' \"$@\"\n", program.display());
    let path = dir.join(format!("{name}.sh"));
    fs::write(&path, text).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable script");
    path
}
