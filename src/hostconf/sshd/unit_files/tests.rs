use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

const ETC: &str = "/etc/systemd/system";
const USR: &str = "/usr/lib/systemd/system";

/// Links and their targets.
type Links<'a> = &'a [(&'a str, &'a str)];

/// A machine that is nothing but these files, and these links to their targets.
struct Machine {
    folder: PathBuf,
    root: Root,
}

impl Machine {
    fn new(name: &str, files: &[&str], links: Links<'_>) -> Self {
        let folder = std::env::temp_dir().join(format!("twostep-units-{name}-{}", std::process::id()));
        let root = Root::at(&folder).unwrap();
        let place = |file: &str| {
            fs::create_dir_all(root.path(file).parent().unwrap()).unwrap();
            root.path(file)
        };
        files.iter().for_each(|file| fs::write(place(file), "[Service]\n").unwrap());
        links.iter().for_each(|(link, target)| symlink(target, place(link)).unwrap());
        Self { folder, root }
    }

    /// The units, as `FILE: DROP-IN, ...`.
    fn units(&self) -> Vec<String> {
        let said = |unit: &UnitFiles| format!("{}: {}", unit.main, unit.drop_ins.join(", "));
        units(&self.root).iter().map(said).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Each is what `SYSTEMD_UNIT_PATH=ETC:USR systemd-analyze verify a.service` reads, as of systemd 252.
#[test]
fn follows_links_as_systemd_does() {
    let table: [(&str, &[&str], Links<'_>, &[&str]); 11] = [
        ("outside", &["/opt/x.service"], &[("ETC/a.service", "/opt/x.service")], &["/opt/x.service: "]),
        (
            "relative",
            &["/opt/a.service"],
            &[("ETC/a.service", "../../../opt/a.service")],
            &["/opt/a.service: "],
        ),
        (
            "twice",
            &["/opt/x.service"],
            &[("ETC/a.service", "/opt/y.service"), ("/opt/y.service", "x.service")],
            &["/opt/x.service: "],
        ),
        (
            "back",
            &["USR/b.service"],
            &[("ETC/a.service", "/opt/y.service"), ("/opt/y.service", "USR/b.service")],
            &["USR/b.service: ", "USR/b.service: "],
        ),
        ("gone", &["USR/a.service"], &[("ETC/a.service", "/opt/a.service")], &["/opt/a.service: "]),
        ("same name", &["USR/a.service"], &[("ETC/a.service", "USR/a.service")], &["USR/a.service: "]),
        (
            "alias of alias",
            &["USR/b.service", "USR/c.service.d/c.conf", "ETC/a.service.d/a.conf"],
            &[
                ("ETC/a.service", "c.service"),
                ("ETC/c.service", "/lib/systemd/system/b.service"),
                ("/lib", "usr/lib"),
            ],
            &["USR/b.service: ETC/a.service.d/a.conf, USR/c.service.d/c.conf"],
        ),
        (
            "alias first",
            &["USR/a.service", "USR/b.service"],
            &[("ETC/a.service", "USR/b.service")],
            &["USR/b.service: "],
        ),
        (
            "file first",
            &["ETC/a.service", "USR/b.service"],
            &[("USR/a.service", "b.service")],
            &["ETC/a.service: ", "USR/b.service: "],
        ),
        ("mask last", &["ETC/a.service"], &[("USR/a.service", "/dev/null")], &["ETC/a.service: "]),
        ("circle", &[], &[("ETC/a.service", "b.service"), ("ETC/b.service", "a.service")], &[]),
    ];
    let whole = |path: &str| path.replace("ETC", ETC).replace("USR", USR);
    for (name, files, links, expected) in table {
        let files: Vec<_> = files.iter().map(|file| whole(file)).collect();
        let links: Vec<_> = links.iter().map(|(link, target)| (whole(link), whole(target))).collect();
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        let links: Vec<_> = links.iter().map(|(link, target)| (link.as_str(), target.as_str())).collect();
        let machine = Machine::new(&name.replace(' ', "-"), &files, &links);
        let expected: Vec<_> = expected.iter().map(|unit| whole(unit)).collect();
        assert_eq!(machine.units(), expected, "{name}");
    }
}

#[test]
fn leaves_out_what_is_masked() {
    let files =
        [&format!("{USR}/a.service"), &format!("{USR}/b.service"), &format!("{USR}/a.service.d/c.conf")];
    let machine =
        Machine::new("masked", &files.map(String::as_str), &[(&format!("{ETC}/a.service"), "/dev/null")]);
    fs::write(machine.root.path(&format!("{ETC}/b.service")), "").unwrap();
    assert!(machine.units().is_empty(), "{:?}", machine.units());
}
