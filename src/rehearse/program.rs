//! What a program tells libpam, by the service that it uses.

use serde::{Deserialize, Serialize};
use twostep_core::os::root::Root;
use twostep_hostconf::sshd::services::services;

use crate::pam::Item;

/// Services of set-uid programs: their real uid is that of the user who started them.
const SET_UID: [&str; 13] = [
    "chage",
    "chfn",
    "chsh",
    "doas",
    "newrole",
    "passwd",
    "physlock",
    "polkit-1",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "userhelper",
];
/// Services of programs that run as the user who started them, such as screen lockers.
const OF_USERS: [&str; 14] = [
    "budgie-screensaver",
    "cinnamon-screensaver",
    "gnome-screensaver",
    "gtklock",
    "hyprlock",
    "i3lock",
    "kde",
    "kscreensaver",
    "light-locker",
    "mate-screensaver",
    "swaylock",
    "waylock",
    "xfce4-screensaver",
    "xscreensaver",
];

/// Whose ids the program has.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ids {
    Root,
    /// The real uid is the user's, and the effective uid is root's.
    SetUid,
    User,
}

/// The program that uses a service.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    pub ids: Ids,
    pub is_sshd: bool,
}

/// The address of the client (RFC 5737), with which sshd sets its variable.
const CLIENT: &str = "192.0.2.7";
const CONNECTION: &str = "SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22";
/// What sshd puts there after it has accepted a key (sshd_config(5), ExposeAuthInfo; auth-pam.c).
const KEY: &str = "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";

impl Program {
    /// The program that uses the service called `name` on this machine.
    pub(crate) fn of(name: &str) -> Self {
        let ids = if SET_UID.contains(&name) {
            Ids::SetUid
        } else if OF_USERS.contains(&name) {
            Ids::User
        } else {
            Ids::Root
        };
        Self { ids, is_sshd: name == "sshd" || services(&Root::SYSTEM).contains(name) }
    }

    /// The PAM items that it sets, beside service and user.
    pub(crate) fn items(self, user: &str) -> Vec<(Item, String)> {
        let item = |item, text: &str| (item, text.to_owned());
        match self.ids {
            _ if self.is_sshd => vec![item(Item::Host, CLIENT), item(Item::Terminal, "ssh")],
            Ids::Root => vec![item(Item::Terminal, "tty1")],
            Ids::SetUid => vec![item(Item::Terminal, "pts/0"), item(Item::Caller, user)],
            Ids::User => Vec::new(),
        }
    }

    /// The PAM environment. `has_key` is whether sshd has accepted a key.
    pub(crate) fn environment(self, has_key: bool) -> Vec<&'static str> {
        let key = has_key.then_some(KEY);
        if self.is_sshd { [CONNECTION].into_iter().chain(key).collect() } else { Vec::new() }
    }
}
