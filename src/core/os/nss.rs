//! The sources of the name service (nsswitch.conf(5)), each asked by itself.
//!
//! glibc gives the answer of the last source. If an earlier one is away, or its library cannot be loaded, that answer is "not
//! found", and no error. Only the source itself can tell: by the interface between glibc and its libraries (The GNU C Library
//! Reference Manual, "NSS Modules Interface").

use std::env::consts::ARCH;
use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::fs;
use std::io::ErrorKind;
use std::mem::{MaybeUninit, transmute};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::errno::Errno;

use crate::fault::{Fault, NamesProblem, Operation};

const SWITCH: &str = "/etc/nsswitch.conf";
/// The source that glibc has built in, which reads local files. It is what counts where [`SWITCH`] names none.
const FILES: &str = "files";
/// The libraries that the dynamic linker knows of (ld.so(8)), beside those in its own folders.
const LINKER_CACHE: &str = "/etc/ld.so.cache";
const LINKER_DIRS: [&str; 4] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];
/// What some sources are set up by. Distributions name them in nsswitch.conf on machines that have none of it: then they are
/// "unavailable", and have nobody.
const SETUPS: [(&str, &[&str]); 4] = [
    (SSS, &["/etc/sssd/sssd.conf", "/etc/sssd/conf.d"]),
    ("db", &["/var/lib/misc/group.db", "/var/db/group.db"]),
    ("extrausers", &["/var/lib/extrausers/group"]),
    ("cache", &["/etc/group.cache"]),
];
/// Bytes for one group. Of one that needs more it is known that it exists.
const GROUP_BUFFER: usize = 16 * 1024;
/// Room for so many groups of a user, at first: the library takes more.
const GROUPS: usize = 64;

/// `enum nss_status` of nss.h.
const TRYAGAIN: c_int = -2;
const UNAVAIL: c_int = -1;
const NOTFOUND: c_int = 0;
const SUCCESS: c_int = 1;
/// Variables with which the libraries of SSSD (sss_client/common.c) and Samba (nsswitch/wb_common.c) say "not found" and ask
/// nobody. They heed them in set-uid programs, too, whose caller can set them.
const SILENCERS: [&str; 2] = ["_SSS_LOOPS", "_NO_WINBINDD"];
/// SSSD's, and where its daemon listens.
const SSS: &str = "sss";
const SSS_SOCKET: &str = "/var/lib/sss/pipes/nss";
/// The one whose answers need no directory.
const SYSTEMD: &str = "systemd";
/// With this error nss-systemd says that no service of systemd's has users or groups, as where systemd does not run.
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

/// A source beside the local files, with its library loaded. That stays loaded, as it does when glibc loads it.
pub(super) struct Source {
    name: String,
    library: *mut c_void,
}

/// What the machine asks for groups, and for the groups of a user; without the local files.
pub(super) struct GroupSources {
    pub groups: Vec<Source>,
    /// Those of the line `initgroups`, if there is one.
    pub memberships: Vec<Source>,
}

impl GroupSources {
    /// Loads them. Fails if one that is installed cannot be loaded, or is told by the environment to answer nothing.
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
}

#[expect(
    clippy::disallowed_methods,
    reason = "that it is set at all makes a verdict stricter, whoever has set it"
)]
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// The sources of one database that are asked as long as each says "not found", without the local files. Of several lines glibc
/// takes one, which one depends on its version: here all count.
fn database(switch: &str, name: &str) -> Option<Vec<String>> {
    let lines =
        switch.lines().map(|line| line.split_once('#').map_or(line, |(before, _)| before).trim_start());
    let is_end = |c: char| c == ':' || c.is_whitespace();
    let databases = lines.filter_map(|line| line.split_once(is_end));
    let mut lists = databases.filter(|(database, _)| *database == name).map(|(_, rest)| sources_of(rest));
    let mut all = lists.next()?;
    for source in lists.flatten() {
        if !all.contains(&source) {
            all.push(source);
        }
    }
    Some(all)
}

/// The sources of one line, up to one whose "not found" is final.
fn sources_of(mut rest: &str) -> Vec<String> {
    let mut sources = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c == ':' || c.is_whitespace());
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

/// Whether these actions end the search where the source before them says "not found": `NOTFOUND=return` or, say,
/// `!SUCCESS=return`. The last one that is about it counts.
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

/// Those of `names` that are installed and set up. glibc passes over the others.
fn loaded(names: &[String]) -> Result<Vec<Source>, Fault> {
    names.iter().filter(|name| is_set_up(name)).filter_map(|name| Source::load(name).transpose()).collect()
}

/// Whether there may be something by which the source is set up.
fn is_set_up(name: &str) -> bool {
    let setup = SETUPS.iter().find(|(source, _)| *source == name);
    setup.is_none_or(|(_, places)| places.iter().any(|place| is_there(place)))
}

/// Whether a path is a file, a folder with something in it, or cannot be looked at.
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
        // SAFETY: the string ends with a zero byte. The library is one that root has named in nsswitch.conf, and that glibc loads.
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

    /// Whether this source knows a group of that name. Not knowing, for whatever reason, is an error.
    pub(super) fn has_group(&self, name: &CStr) -> Result<bool, Fault> {
        let Some(function) = self.function("getgrnam_r")? else { return Ok(false) };
        // SAFETY: the function of this name has this type in every such library.
        let ask = unsafe { transmute::<*mut c_void, GroupByName>(function) };
        let (mut group, mut error) = (MaybeUninit::<libc::group>::uninit(), 0);
        let mut buffer = vec![0 as c_char; GROUP_BUFFER];
        // SAFETY: the string ends with a zero byte; the others are valid to write to, and the buffer has the length that is given.
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

    /// The groups that `user`, whose primary group is `gid`, has by this source.
    pub(super) fn gids_of(&self, user: &CStr, gid: libc::gid_t) -> Result<Vec<libc::gid_t>, Fault> {
        let Some(function) = self.function("initgroups_dyn")? else { return Ok(Vec::new()) };
        // SAFETY: the function of this name has this type in every such library.
        let ask = unsafe { transmute::<*mut c_void, GroupsOfUser>(function) };
        let mut list = GidList::new(&self.name)?;
        let mut error = 0;
        let GidList { gids, count, room } = &mut list;
        // SAFETY: the string ends with a zero byte; `gids` is from malloc(3) with `room` places, and is the library's to enlarge by
        // realloc(3), which keeps all three in step; no limit is given.
        let status = unsafe {
            ask(user.as_ptr(), gid, &raw mut *count, &raw mut *room, &raw mut *gids, -1, &raw mut error)
        };
        match (status, Errno::from_raw(error)) {
            (SUCCESS | NOTFOUND, _) => Ok(list.to_vec()),
            (UNAVAIL, NOBODY_THERE) if self.name == SYSTEMD => Ok(Vec::new()),
            (_, error) => Err(self.away(error)),
        }
    }

    /// The library's function of this name; none if it does not have it.
    fn function(&self, name: &str) -> Result<Option<*mut c_void>, Fault> {
        let symbol = format!("_nss_{}_{name}", self.name);
        let symbol = CString::new(symbol).map_err(|_| NamesProblem::OddSource(self.name.clone()))?;
        // SAFETY: the handle is one that dlopen returned and nobody closes; the string ends with a zero byte.
        let function = unsafe { libc::dlsym(self.library, symbol.as_ptr()) };
        Ok((!function.is_null()).then_some(function))
    }

    fn away(&self, error: Errno) -> Fault {
        NamesProblem::Away(self.name.clone(), error.into()).into()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether its users and groups are those of a directory, which may be away.
    pub(super) fn is_directory(&self) -> bool {
        self.name != SYSTEMD && self.name != "compat"
    }
}

/// Group ids in memory of malloc(3): the library enlarges it.
struct GidList {
    gids: *mut libc::gid_t,
    count: c_long,
    room: c_long,
}

impl GidList {
    fn new(source: &str) -> Result<Self, Fault> {
        // SAFETY: takes two numbers; the memory is all zeros, which is a valid list of ids.
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
        // SAFETY: there are `room` places, of which the library has written the first `count`.
        unsafe { std::slice::from_raw_parts(self.gids, count) }.to_vec()
    }
}

impl Drop for GidList {
    fn drop(&mut self) {
        // SAFETY: the memory is from calloc or realloc, and nobody else has it.
        unsafe { libc::free(self.gids.cast()) };
    }
}

/// Fails where nobody answers for SSSD. As Fedora builds it, its library then says "not found".
fn check_answers(source: &str) -> Result<(), Fault> {
    if source != SSS {
        return Ok(());
    }
    let connected = UnixStream::connect(SSS_SOCKET).map(drop);
    connected.map_err(|error| Fault::of(SSS_SOCKET, Operation::Connect, error))
}

/// Whether the dynamic linker could know a library of this name.
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
    fn asks_sources_up_to_one_whose_no_is_final() {
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
    fn file_and_filled_folder_are_a_setup() {
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
    fn source_answers_for_itself() {
        // libc6 of Debian brings this one; a distribution without it shows nothing here.
        let Some(compat) = Source::load("compat").unwrap() else { return };
        assert!(compat.has_group(c"root").unwrap());
        assert!(!compat.has_group(c"no-such-group").unwrap());
        assert_eq!(compat.gids_of(c"no such user", 0).unwrap(), []);
    }
}
