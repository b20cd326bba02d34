//! What is known of the programs that use a service, by its name.

/// Services that check a password and start no session: they run jobs, change the user's own account, or unlock a session whose
/// login has asked for the code.
const LETS_NOBODY_IN: [&str; 40] = [
    "atd",
    "budgie-screensaver",
    "chage",
    "chfn",
    "chpasswd",
    "chsh",
    "cinnamon-screensaver",
    "config-util",
    "cron",
    "crond",
    "gnome-screensaver",
    "groupadd",
    "groupdel",
    "groupmems",
    "groupmod",
    "gtklock",
    "hyprlock",
    "i3lock",
    "kde",
    "kde-fingerprint",
    "kde-smartcard",
    "kscreensaver",
    "light-locker",
    "mate-screensaver",
    "newusers",
    "passwd",
    "physlock",
    "screen",
    "slock",
    "sssd-shadowutils",
    "swaylock",
    "systemd-user",
    "useradd",
    "userdel",
    "usermod",
    "vlock",
    "waylock",
    "xfce4-screensaver",
    "xlock",
    "xscreensaver",
];

/// Services that check a password for one request over the network. They cannot ask for a code, and start no session.
const WITHOUT_DIALOGUE: [&str; 5] = ["cups", "smtp", "smtp.postfix", "smtp.sendmail", "squid"];

/// Services that programs use, though other services include their files.
const INCLUDED_AND_ASKED_FOR: [&str; 11] = [
    "cockpit",
    "doas",
    "gdm-password",
    "kdm",
    "lightdm",
    "lxdm",
    "polkit-1",
    "remote",
    "sddm",
    "vsftpd",
    "xdm",
];

/// Whether the service called `name` starts a session, and can ask for a code.
pub(crate) fn lets_in(name: &str) -> bool {
    !LETS_NOBODY_IN.contains(&name) && !WITHOUT_DIALOGUE.contains(&name)
}

/// Whether programs are known to use the service called `name`, though other services include its file.
pub(crate) fn is_included_and_asked_for(name: &str) -> bool {
    INCLUDED_AND_ASKED_FOR.contains(&name)
}
