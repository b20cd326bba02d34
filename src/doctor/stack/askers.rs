//! What is known of the programs that ask for a service, by its name.

/// Services that check a password and let nobody in: they run jobs, change the user's own account, or unlock a session whose
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

/// Services that check a password for one request over the network. They have no dialogue in which to ask for a code, and no
/// session begins.
const WITHOUT_DIALOGUE: [&str; 5] = ["cups", "smtp", "smtp.postfix", "smtp.sendmail", "squid"];

/// Services for which programs ask, though other services include their files.
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

/// Whether users get in by the service called `name`, in a dialogue that can ask for a code.
pub(crate) fn lets_in(name: &str) -> bool {
    !LETS_NOBODY_IN.contains(&name) && !WITHOUT_DIALOGUE.contains(&name)
}

/// Whether programs are known to ask for the service called `name`, though other services include its file.
pub(crate) fn is_included_and_asked_for(name: &str) -> bool {
    INCLUDED_AND_ASKED_FOR.contains(&name)
}
