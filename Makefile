# twostep. `make` alone lists the targets. CI calls these same ones: .ci/run.
#
# PREFIX (/usr), DESTDIR (empty) and PAMDIR (found by itself) are for install and uninstall.

SHELL = /bin/bash
CARGO = packaging/cargo
PREFIX ?= /usr
DESTDIR ?=
export PREFIX DESTDIR
ifdef PAMDIR
export PAMDIR
endif

.PHONY: help deps build check test e2e hosts compare bench fuzz mutants asan soak model linkers powercut night demo install uninstall deb rpm dist packages release-check clean

help: ## lists the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | expand -t 14

deps: ## installs the system's packages that build and tests need (apt-get or dnf; as root)
	tests/deps test

build: ## builds the module, the command and the helper, in target/release
	$(CARGO) build --release --locked

check: ## format, lints, documentation, scripts, man pages, dependencies; changes nothing
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --workspace --locked --document-private-items
	packaging/lint
	packaging/audit

test: ## all tests; installs what they need (as root)
	tests/run

e2e: build ## the end-to-end tests alone: real sshd, login, sudo and su in the sandbox (as root)
	$(CARGO) build --locked -p twostep-doctor --example fix
	tests/e2e/run

hosts: build ## the end-to-end tests on Debian 12, 13 and sid, each with its own sshd, login, sudo and su (as root)
	tests/deps test
	$(CARGO) build --locked -p twostep-doctor --example fix
	tests/hosts

compare: ## the black-box cases on twostep, google-authenticator and pam_oath; writes docs/COMPARISON.md (as root)
	tests/deps test
	$(CARGO) build --release --locked
	tests/compare/all

bench: ## measures logins with twostep and the other modules, and the command: ROUNDS (20), REPORT=1 writes docs/PERFORMANCE.md (as root)
	tests/deps test
	$(CARGO) build --release --locked
	benches/run $(or $(ROUNDS),20) $(if $(REPORT),report)

fuzz: ## looks for inputs that break a promise: TARGETS (all), SECONDS_EACH (60); needs the nightly toolchain
	fuzz/run $(TARGETS)

mutants: ## mutation tests of the code that decides a login: ARGS: those of cargo-mutants
	[ -x target/tools/bin/cargo-mutants ] || $(CARGO) install cargo-mutants --version 27.1.0 --locked --root target/tools
	tests/mutants/verify
	PATH="$$PWD/target/tools/bin:$$PATH" $(CARGO) mutants --output target $(ARGS)

soak: build ## 10,000 logins in one process, on 16 threads, and under valgrind: nothing may grow; prints the figures
	tests/deps test
	TWOSTEP_LOGINS=10000 $(CARGO) test --locked -p twostep-tests --test flat -- --nocapture --test-threads 1

model: build ## compares 2,000 random histories, and as many crowds at once, with the reference model
	tests/deps test
	PROPTEST_CASES=2000 $(CARGO) test --locked -p twostep-tests --test model -- --nocapture

asan: ## the tests of tests/libpam with the module under AddressSanitizer (nightly Rust), and with overflow checks
	tests/deps test
	tests/asan

powercut: build ## the disks that a power cut during logins may leave, from a machine in qemu (as root)
	tests/deps night
	tests/powercut/run

linkers: build ## links the module with GNU ld, and for aarch64, and lets it panic; needs rustup and Debian (as root)
	tests/deps linkers
	tests/linkers

night: ## the tests that take longer than CI may (docs/NIGHT.md): REPORT=1 writes their results there (as root)
	tests/night $(if $(REPORT),report)

demo: ## shows real logins with a code, in a sandbox; installs what it needs (as root)
	tests/deps demo
	$(CARGO) build --release --locked
	tests/demo

install: ## installs what was built; never touches /etc/pam.d (as root, or with DESTDIR)
	@packaging/install

uninstall: ## removes it; keeps policy and enrollments; refuses while a PAM file names the module
	@packaging/uninstall

deb: ## builds libpam-twostep and twostep for Debian and Ubuntu, in target/deb (as root, for what that needs)
	tests/deps deb
	packaging/debian/build

rpm: ## builds twostep and twostep-selinux for Fedora and its relatives, in target/rpm (as root, for what that needs)
	tests/deps rpm
	packaging/rpm/build

dist: ## makes archives of the tree and of all crates, in target/dist, for builds without a network
	packaging/dist

packages: ## installs, upgrades under load, removes and purges the packages in fresh roots of Debian 12 and 13 (as root)
	tests/deps test
	packaging/pam.d/build --check
	$(CARGO) build --release --locked
	$(CARGO) build --locked -p twostep-doctor --example fix
	packaging/debian/build
	packaging/rpm/build
	tests/packages/lint
	tests/packages/run bookworm trixie
	tests/e2e/in-root trixie
	tests/sandbox /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/ansible

release-check: ## checks that this commit can be released, and collects its files: version, licences, SBOM, same bytes twice (as root)
	tests/deps rpm
	packaging/release-check

clean: ## removes what was built
	$(CARGO) clean
