#!/usr/bin/env bash
# Provides everything that building and testing farshore needs (with "kerberos" or "record-tls", also for that build).
# Does nothing, silently, if everything is present. Missing packages are installed with apt-get when run as root;
# otherwise the commands that install them are printed.
set -euo pipefail
cd "$(dirname "$0")/.."

features=${1-}
java_needed=17
deny_version=0.20.2
rust_needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)

has() { command -v "$1" >/dev/null; }

# Whether version $1 is at least version $2.
at_least() { [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

has_java() {
  has java || return 1
  local version
  version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  at_least "${version:-0}" "$java_needed"
}

has_rust() {
  has cargo && has rustc && at_least "$(rustc --version | cut -d ' ' -f 2)" "$rust_needed" \
    && cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1
}

# The oldest suitable Java runtime of this distribution.
java_package() {
  local version
  for version in 17 21 25; do
    if apt-cache show "openjdk-$version-jre-headless" >/dev/null 2>&1; then
      echo "openjdk-$version-jre-headless"
      return
    fi
  done
  echo default-jre-headless
}

# librdkafka, which the tests use, is C with a bit of C++; zlib and zstd come with its crates.
missing_packages() {
  has cc || echo gcc libc6-dev
  has c++ || echo g++
  has make || echo make
  has_java || java_package
  has mvn || echo maven
  # librdkafka is built with OpenSSL for Kerberos, too.
  if [[ $features == *record-tls* || $features == *kerberos* ]]; then
    [[ -e /usr/include/openssl/ssl.h ]] || echo libssl-dev
    has pkg-config || echo pkg-config
  fi
  if [[ $features == *kerberos* ]]; then
    has krb5-config || echo libkrb5-dev
    has_libclang || echo libclang-dev
    [[ -e /usr/include/sasl/sasl.h ]] || echo libsasl2-dev
    compgen -G '/usr/lib/*/sasl2/libgssapiv2.so*' >/dev/null || echo libsasl2-modules-gssapi-mit
    has krb5kdc || [[ -x /usr/sbin/krb5kdc ]] || echo krb5-kdc
    has kadmin.local || [[ -x /usr/sbin/kadmin.local ]] || echo krb5-admin-server
  fi
}

# Bindings to the Kerberos library are generated from its headers. libclang-cpp, which other packages install, is a
# different library.
has_libclang() {
  compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null \
    || compgen -G '/usr/lib/llvm-*/lib/libclang-[0-9]*.so*' >/dev/null \
    || ldconfig -p | grep -qE 'libclang(-[0-9]+|\.so)'
}

install_packages() {
  local packages
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  # The names depend on the updated package lists.
  mapfile -t packages < <(missing_packages | tr ' ' '\n')
  apt-get install -q -y --no-install-recommends "${packages[@]}"
}

if ! has_rust; then
  cat >&2 <<EOF
Rust $rust_needed or later with rustfmt and clippy is missing. With rustup (https://rustup.rs):
  rustup toolchain install stable --profile default
EOF
  exit 1
fi

# Checks dependencies; built without optimization, which is quicker than what it saves.
if [[ $features == *deny* ]] && ! has cargo-deny; then
  cargo install --quiet --locked --debug cargo-deny@"$deny_version"
fi

missing=$(missing_packages | tr '\n' ' ')
if [[ -z $missing ]]; then
  exit 0
fi
if has apt-get && [[ $(id -u) == 0 ]]; then
  install_packages
  missing=$(missing_packages | tr '\n' ' ')
  if [[ -z $missing ]]; then
    exit 0
  fi
fi
cat >&2 <<EOF
Missing: a C and C++ compiler, make, Java $java_needed or later, Maven, or another requested package. On Debian and Ubuntu:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing
EOF
exit 1
