//! Tests of ST1 to ST10, which hold for every store: on the files of both formats, and on a cluster whose network
//! loses a fifth of the writes.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

mod cluster;
mod crowd;
mod suite;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Store;
use super::files;
use super::files::credential::Credential;
use crate::proof::state::State;
use crate::test_support::{Scratch, phone};
use cluster::{Cluster, Host};

/// A store under test. Its accounts have the uid 7.
trait Site: Sync {
    type Store: Store;
    /// Whether the outcome of a write is always known.
    const IS_SURE: bool;
    /// An empty store.
    fn new(name: &str) -> Self;
    /// The store as this host sees it.
    fn store(&self, host: u64) -> Self::Store;
    /// Puts credential and state into the store without its functions.
    fn plant(&self, credential: Option<Credential>, state: Option<State>);
    /// After this, nothing can be read.
    fn spoil(&self);
}

impl Site for Scratch {
    type Store = files::Store;
    const IS_SURE: bool = true;

    fn new(name: &str) -> Self {
        Self::new(&format!("contract-{name}"))
    }

    fn store(&self, _: u64) -> files::Store {
        Self::store(self)
    }

    fn plant(&self, credential: Option<Credential>, state: Option<State>) {
        let store = Self::store(self);
        credential.iter().for_each(|credential| assert!(store.create_credential(credential).unwrap()));
        state.into_iter().for_each(|state| assert!(store.create_state(7, state).unwrap()));
    }

    /// Every user may write the files.
    fn spoil(&self) {
        for name in ["users/7.toml", "state/7"] {
            let path = self.0.join("var/lib/twostep").join(name);
            fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
        }
    }
}

/// A store whose states are of format 1.
struct Older(Scratch);

impl Site for Older {
    type Store = files::Store;
    const IS_SURE: bool = true;

    fn new(name: &str) -> Self {
        Self(Scratch::of_format_1(&format!("older-{name}")))
    }

    fn store(&self, host: u64) -> files::Store {
        Site::store(&self.0, host)
    }

    fn plant(&self, credential: Option<Credential>, state: Option<State>) {
        self.0.plant(credential, state);
    }

    fn spoil(&self) {
        self.0.spoil();
    }
}

impl Site for Cluster {
    type Store = Host;
    const IS_SURE: bool = false;

    fn new(_: &str) -> Self {
        Self::default()
    }

    fn store(&self, host: u64) -> Host {
        self.host(host)
    }

    fn plant(&self, credential: Option<Credential>, state: Option<State>) {
        self.put(7, credential, state);
    }

    fn spoil(&self) {
        Self::spoil(self);
    }
}

/// Runs each of these tests on the files of both formats and on the cluster.
macro_rules! on_each {
    ($($test:ident),* $(,)?) => {
        mod on_files {
            $(#[test] fn $test() { super::$test(&<$crate::test_support::Scratch as super::Site>::new(stringify!($test))); })*
        }
        mod on_older_files {
            $(#[test] fn $test() { super::$test(&<$crate::store::tests::Older as super::Site>::new(stringify!($test))); })*
        }
        mod on_a_cluster {
            $(#[test] fn $test() { super::$test(&<$crate::store::tests::cluster::Cluster as super::Site>::new(stringify!($test))); })*
        }
    };
}
use on_each;

/// The credential of the account of this name.
fn credential(name: &str) -> Credential {
    let authenticators = vec![phone("phone")];
    Credential { uid: 7, name: name.to_owned(), id: "an id".to_owned(), authenticators }
}
