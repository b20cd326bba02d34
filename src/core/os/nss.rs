//! The sources of the name service (nsswitch.conf(5)), each asked separately.
//!
//! glibc gives the answer of the last source. If an earlier one is down, or its library cannot be loaded, that answer
//! is "not found" and not an error. Only the source itself can tell, through the interface between glibc and its
//! libraries (The GNU C Library Reference Manual, "NSS Modules Interface").

use std::env::consts::ARCH;
use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::fs;
use std::io::ErrorKind;
use std::mem::{MaybeUninit, transmute};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::errno::Errno;

use crate::fault::{Fault, NamesProblem, Operation};

pub(super) const SWITCH: &str = "/etc/nsswitch.conf";
/// The source that is built into glibc and reads local files. It is the default if [`SWITCH`] names none.
const FILES: &str = "files";
/// The libraries that the dynamic linker knows (ld.so(8)), in addition to those in its own folders.
const LINKER_CACHE: &str = "/etc/ld.so.cache";
const LINKER_DIRS: [&str; 4] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];
/// The files that configure some sources. Distributions name these sources in nsswitch.conf also on machines without
/// those files. The sources are then "unavailable" and have no users.
const SETUPS: [(&str, &[&str]); 4] = [
    (SSS, &["/etc/sssd/sssd.conf", "/etc/sssd/conf.d"]),
    ("db", &["/var/lib/misc/group.db", "/var/db/group.db"]),
    ("extrausers", &["/var/lib/extrausers/group"]),
    ("cache", &["/etc/group.cache"]),
];
/// Bytes for one group. If a group needs more, it is still known to exist.
const GROUP_BUFFER: usize = 16 * 1024;
/// Room for this many groups of a user at first; the library allocates more.
const GROUPS: usize = 64;

/// `enum nss_status` of nss.h.
const TRYAGAIN: c_int = -2;
const UNAVAIL: c_int = -1;
const NOTFOUND: c_int = 0;
const SUCCESS: c_int = 1;
/// Variables that make the libraries of SSSD (sss_client/common.c) and Samba (nsswitch/wb_common.c) say "not found"
/// without asking. They have this effect in set-uid programs too, whose caller can set them.
const SILENCERS: [&str; 2] = ["_SSS_LOOPS", "_NO_WINBINDD"];
/// The source of SSSD, and the socket on which its daemon listens.
const SSS: &str = "sss";
const SSS_SOCKET: &str = "/var/lib/sss/pipes/nss";
/// The source whose answers need no directory.
const SYSTEMD: &str = "systemd";
/// With this error nss-systemd says that no service of systemd has users or groups, as on a machine where systemd does
/// not run.
const NOBODY_THERE: Errno = Errno::ESRCH;

type GroupByName =
    unsafe extern "C" fn(*const c_char, *mut libc::group, *mut c_char, usize, *mut c_int) -> c_int;
type GroupsOfUser = unsafe extern "C" fn(
    *const c_char,
    libc::gid_t,
    *mut c_long,
    *mut c_long,
    *mut *mut libc::gid_t,
    c_long,
    *mut c_int,
) -> c_int;

/// A source other than the local files, with its library loaded. The library stays loaded, as when glibc loads it.
pub(super) struct Source {
    name: String,
    library: *mut c_void,
}

/// The sources that the machine asks for groups and for the groups of a user, without the local files.
pub(super) struct GroupSources {
    pub groups: Vec<Source>,
    /// The sources of the line `initgroups`. Without this line, those of `group`.
    pub memberships: Vec<Source>,
}

impl GroupSources {
    /// Loads the sources. Fails if an installed source cannot be loaded, or if the environment stops one from
    /// answering.
    pub(super) fn load() -> Result<Self, Fault> {
        if let Some(name) = SILENCERS.into_iter().find(|name| is_set(name)) {
            return Err(NamesProblem::Silenced(name).into());
        }
        let text = match fs::read(SWITCH) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Fault::of(SWITCH, Operation::Read, error)),
        };
        let groups = database(&text, "group").unwrap_or_default();
        let memberships = database(&text, "initgroups").unwrap_or_else(|| groups.clone());
        Ok(Self { groups: loaded(&groups)?, memberships: loaded(&memberships)? })
    }

    /// Whether one of them is a directory.
    pub(super) fn has_directory(&self) -> bool {
        self.groups.iter().chain(&self.memberships).any(Source::is_directory)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "that it is set at all makes a verdict stricter, whoever has set it"
)]
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// The sources of one database, without the local files, that are asked in turn while each says "not found". If there
/// are several lines, it depends on glibc's version which one it uses; here all count.
fn database(switch: &str, name: &str) -> Option<Vec<String>> {
    let mut lists = lists(switch, name).map(sources_of);
    let mut all = lists.next()?;
    for source in lists.flatten() {
        if !all.contains(&source) {
            all.push(source);
        }
    }
    Some(all)
}

/// The rest of each line of one database, as it is written.
fn lists<'a>(switch: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let lines =
        switch.lines().map(|line| line.split_once('#').map_or(line, |(before, _)| before).trim_start());
    let databases = lines.filter_map(|line| line.split_once(is_separator));
    databases.filter(move |(database, _)| *database == name).map(|(_, rest)| rest)
}

fn is_separator(c: char) -> bool {
    c == ':' || c.is_whitespace()
}

/// Whether the name service asks the local files for users before all other sources, and takes their answer. If there
/// are several lines, it depends on glibc's version which one it uses.
pub(super) fn takes_users_from_files(switch: &str) -> bool {
    let mut lists = lists(switch, "passwd");
    let (Some(list), None) = (lists.next(), lists.next()) else { return false };
    let Some(rest) = list.trim_start_matches(is_separator).strip_prefix(FILES) else { return false };
    // In brackets there would be actions, which may have the next source asked as well.
    let next = rest.trim_start();
    next.is_empty() || (next.len() < rest.len() && !next.starts_with('['))
}

/// The sources of one line, up to the one whose "not found" is final.
fn sources_of(mut rest: &str) -> Vec<String> {
    let mut sources = Vec::new();
    loop {
        rest = rest.trim_start_matches(is_separator);
        if let Some(bracket) = rest.strip_prefix('[') {
            let (actions, after) = bracket.split_once(']').unwrap_or((bracket, ""));
            if ends_search(actions) {
                return sources;
            }
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '[').unwrap_or(rest.len());
        let (source, after) = rest.split_at(end);
        if source.is_empty() {
            return sources;
        }
        if source != FILES {
            sources.push(source.to_owned());
        }
        rest = after;
    }
}

/// Whether a local file answers first, and what it has ends the search. The line `initgroups` may be missing: then the
/// line `group` counts.
pub(super) fn begins_with_files(name: &str) -> bool {
    match fs::read_to_string(SWITCH) {
        Ok(text) => files_answer_first(&text, name),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn files_answer_first(switch: &str, name: &str) -> bool {
    let mut lists = lists(switch, name).map(|list| list.trim_start_matches(is_separator));
    match (lists.next(), lists.next()) {
        (None, _) => true,
        (Some(list), None) => {
            // The name service merges a group that several sources have.
            let actions = list.to_ascii_lowercase().replace("[success=merge]", " ");
            list.split_whitespace().next() == Some(FILES) && !actions.contains("success")
        }
        _ => false,
    }
}

/// Whether these actions end the search after "not found" from the source before them: `NOTFOUND=return` or, for
/// example, `!SUCCESS=return`. The last action about "not found" counts.
fn ends_search(actions: &str) -> bool {
    let on_not_found = |action: &str| {
        let (status, then) = action.split_once('=')?;
        let is_meant = match status.strip_prefix('!') {
            Some(other) => !other.eq_ignore_ascii_case("notfound"),
            None => status.eq_ignore_ascii_case("notfound"),
        };
        is_meant.then(|| then.eq_ignore_ascii_case("return"))
    };
    actions.split_whitespace().filter_map(on_not_found).next_back().unwrap_or(false)
}

/// The sources in `names` that are installed and configured. glibc skips the others.
fn loaded(names: &[String]) -> Result<Vec<Source>, Fault> {
    names.iter().filter(|name| is_set_up(name)).filter_map(|name| Source::load(name).transpose()).collect()
}

/// Whether the source may be configured.
fn is_set_up(name: &str) -> bool {
    let setup = SETUPS.iter().find(|(source, _)| *source == name);
    setup.is_none_or(|(_, places)| places.iter().any(|place| is_there(place)))
}

/// Whether a path is a file, is a folder that is not empty, or cannot be looked at.
fn is_there(path: &str) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

impl Source {
    fn load(name: &str) -> Result<Option<Self>, Fault> {
        let file = format!("libnss_{name}.so.2");
        let odd = || Fault::from(NamesProblem::OddSource(name.to_owned()));
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            return Err(odd());
        }
        let c_file = CString::new(file.as_str()).map_err(|_| odd())?;
        // SAFETY: the string ends with a zero byte. Root has named the library in nsswitch.conf, and glibc loads it
        // too.
        let library = unsafe { libc::dlopen(c_file.as_ptr(), libc::RTLD_LAZY) };
        if !library.is_null() {
            check_answers(name)?;
            return Ok(Some(Self { name: name.to_owned(), library }));
        }
        if is_installed(&file)? {
            return Err(NamesProblem::NotLoaded(name.to_owned()).into());
        }
        Ok(None)
    }

    /// Whether this source knows a group of that name. It is an error if the source cannot tell, for any reason.
    pub(super) fn has_group(&self, name: &CStr) -> Result<bool, Fault> {
        let Some(function) = self.function("getgrnam_r")? else { return Ok(false) };
        // SAFETY: the function of this name has this type in every such library.
        let ask = unsafe { transmute::<*mut c_void, GroupByName>(function) };
        let (mut group, mut error) = (MaybeUninit::<libc::group>::uninit(), 0);
        let mut buffer = vec![0 as c_char; GROUP_BUFFER];
        // SAFETY: the string ends with a zero byte, the other pointers are valid to write to, and the buffer has the
        // given length.
        let status = unsafe {
            ask(name.as_ptr(), group.as_mut_ptr(), buffer.as_mut_ptr(), GROUP_BUFFER, &raw mut error)
        };
        match (status, Errno::from_raw(error)) {
            (SUCCESS, _) | (TRYAGAIN, Errno::ERANGE) => Ok(true),
            (NOTFOUND, _) => Ok(false),
            (UNAVAIL, NOBODY_THERE) if self.name == SYSTEMD => Ok(false),
            (_, error) => Err(self.away(error)),
        }
    }

    /// The groups of `user`, whose primary group is `gid`, in this source.
    pub(super) fn gids_of(&self, user: &CStr, gid: libc::gid_t) -> Result<Vec<libc::gid_t>, Fault> {
        let Some(function) = self.function("initgroups_dyn")? else { return Ok(Vec::new()) };
        // SAFETY: the function of this name has this type in every such library.
        let ask = unsafe { transmute::<*mut c_void, GroupsOfUser>(function) };
        let mut list = GidList::new(&self.name)?;
        let mut error = 0;
        let GidList { gids, count, room } = &mut list;
        // SAFETY: the string ends with a zero byte. `gids` is from malloc(3) and has `room` places; the library may
        // enlarge it by realloc(3), and keeps all three in step. There is no limit.
        let status = unsafe {
            ask(user.as_ptr(), gid, &raw mut *count, &raw mut *room, &raw mut *gids, -1, &raw mut error)
        };
        match (status, Errno::from_raw(error)) {
            (SUCCESS | NOTFOUND, _) => Ok(list.to_vec()),
            (UNAVAIL, NOBODY_THERE) if self.name == SYSTEMD => Ok(Vec::new()),
            (_, error) => Err(self.away(error)),
        }
    }

    /// The library's function of this name; none if it has no such function.
    fn function(&self, name: &str) -> Result<Option<*mut c_void>, Fault> {
        let symbol = format!("_nss_{}_{name}", self.name);
        let symbol = CString::new(symbol).map_err(|_| NamesProblem::OddSource(self.name.clone()))?;
        // SAFETY: dlopen returned this handle, and no code closes it. The string ends with a zero byte.
        let function = unsafe { libc::dlsym(self.library, symbol.as_ptr()) };
        Ok((!function.is_null()).then_some(function))
    }

    fn away(&self, error: Errno) -> Fault {
        NamesProblem::Away(self.name.clone(), error.into()).into()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether its users and groups come from a directory, which may be down.
    pub(super) fn is_directory(&self) -> bool {
        self.name != SYSTEMD && self.name != "compat"
    }
}

/// Group ids in memory from malloc(3), which the library enlarges.
struct GidList {
    gids: *mut libc::gid_t,
    count: c_long,
    room: c_long,
}

impl GidList {
    fn new(source: &str) -> Result<Self, Fault> {
        // SAFETY: takes two numbers. The memory is all zeros, which is a valid list of ids.
        let gids = unsafe { libc::calloc(GROUPS, size_of::<libc::gid_t>()) };
        if gids.is_null() {
            return Err(NamesProblem::Away(source.to_owned(), Errno::ENOMEM.into()).into());
        }
        Ok(Self { gids: gids.cast(), count: 0, room: GROUPS as c_long })
    }

    fn to_vec(&self) -> Vec<libc::gid_t> {
        if self.gids.is_null() {
            return Vec::new();
        }
        let count = usize::try_from(self.count.min(self.room)).unwrap_or(0);
        // SAFETY: there are `room` places, and the library has written the first `count`.
        unsafe { std::slice::from_raw_parts(self.gids, count) }.to_vec()
    }
}

impl Drop for GidList {
    fn drop(&mut self) {
        // SAFETY: the memory is from calloc or realloc, and nothing else uses it.
        unsafe { libc::free(self.gids.cast()) };
    }
}

/// Fails if no daemon answers for SSSD. In Fedora's build, its library then says "not found".
fn check_answers(source: &str) -> Result<(), Fault> {
    if source != SSS {
        return Ok(());
    }
    let connected = UnixStream::connect(SSS_SOCKET).map(drop);
    connected.map_err(|error| Fault::of(SSS_SOCKET, Operation::Connect, error))
}

/// Whether the dynamic linker may know a library of this name.
fn is_installed(file: &str) -> Result<bool, Fault> {
    let own = [format!("/lib/{ARCH}-linux-gnu"), format!("/usr/lib/{ARCH}-linux-gnu")];
    let mut folders = LINKER_DIRS.into_iter().chain(own.iter().map(String::as_str));
    if folders.any(|folder| !matches!(Path::new(folder).join(file).try_exists(), Ok(false))) {
        return Ok(true);
    }
    match fs::read(LINKER_CACHE) {
        Ok(cache) => {
            let name = [b"/", file.as_bytes(), b"\0"].concat();
            Ok(cache.windows(name.len()).any(|part| part == name))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Fault::of(LINKER_CACHE, Operation::Read, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_sources_up_to_final_not_found() {
        let table: [(&str, Option<&[&str]>); 9] = [
            ("", None),
            ("passwd: files sss\n", None),
            ("group: files systemd\n", Some(&["systemd"])),
            ("group:\tfiles [SUCCESS=merge] systemd # x sss\n", Some(&["systemd"])),
            ("group: sss[NOTFOUND=return]files\n", Some(&["sss"])),
            ("group: files [!UNAVAIL=return] ldap\n", Some(&[])),
            ("group: files [!NOTFOUND=return] ldap\n", Some(&["ldap"])),
            ("group: files [notfound=return NOTFOUND=continue] ldap [x", Some(&["ldap"])),
            ("#group: x\n group : a\ngroup b\ngroup: files a c", Some(&["a", "b", "c"])),
        ];
        for (text, expected) in table {
            let found = database(text, "group");
            assert_eq!(
                found.as_deref(),
                expected
                    .map(|names| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
                    .as_deref(),
                "{text}"
            );
        }
    }

    #[test]
    fn takes_users_from_files_only_if_they_are_asked_first() {
        let first = ["passwd: files", "passwd:files systemd\n", "group: sss\n passwd :: \tfiles  sss [x]#\n"];
        for text in first {
            assert!(takes_users_from_files(text), "{text}");
        }
        let perhaps_not = [
            "",
            "passwd:",
            "#passwd: files",
            "passwd: #files",
            "passwd_compat: files",
            "group: files",
            "passwd: sss files",
            "passwd: compat",
            "passwd: filesystem",
            "passwd: files[SUCCESS=continue] sss",
            "passwd: files [success=merge] sss",
            "passwd: [NOTFOUND=return] files",
            "passwd: files\npasswd: sss files\n",
            "passwd: sss files\npasswd: files\n",
        ];
        for text in perhaps_not {
            assert!(!takes_users_from_files(text), "{text}");
        }
    }

    #[test]
    fn knows_whether_local_files_answer_first() {
        for text in [
            "",
            "group: files systemd",
            "passwd: sss\ngroup:files # sss",
            "group: files [SUCCESS=merge] systemd",
            "group :\tfiles [NOTFOUND=return] ldap",
        ] {
            assert!(files_answer_first(text, "group"), "{text}");
        }
        let others = [
            "group: sss files",
            "group sss files",
            "group: FILES",
            "group: compat",
            "group:",
            "group: files [SUCCESS=continue] ldap",
            "group: files [!SUCCESS=return] ldap",
            "group: files[NOTFOUND=return] sss",
            "group: files\ngroup: files",
        ];
        for text in others {
            assert!(!files_answer_first(text, "group"), "{text}");
        }
    }

    #[test]
    fn takes_file_or_filled_folder_for_a_setup() {
        let empty = std::env::temp_dir().join(format!("twostep-nss-{}", std::process::id()));
        fs::create_dir(&empty).unwrap();
        let found = ["/etc/passwd", "/etc", "/no-such-file", empty.to_str().unwrap()].map(is_there);
        fs::remove_dir(&empty).unwrap();
        assert_eq!(found, [true, true, false, false]);
        assert!(is_set_up("systemd"));
    }

    #[test]
    fn passes_over_source_that_is_not_installed() {
        assert!(Source::load("no-such-source").unwrap().is_none());
        assert!(Source::load("../x").is_err());
    }

    #[test]
    fn knows_what_linker_could_load() {
        assert!(is_installed("libc.so.6").unwrap());
        assert!(!is_installed("libnss_no-such-source.so.2").unwrap());
    }

    #[test]
    fn asks_source_directly() {
        // Debian's libc6 contains this library. On a distribution without it, this test shows nothing.
        let Some(compat) = Source::load("compat").unwrap() else { return };
        assert!(compat.has_group(c"root").unwrap());
        assert!(!compat.has_group(c"no-such-group").unwrap());
        assert_eq!(compat.gids_of(c"no such user", 0).unwrap(), []);
    }
}
