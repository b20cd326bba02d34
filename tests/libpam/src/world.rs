//! The files of a machine, in a temporary folder.

use std::ffi::CString;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::ptr;

use crate::{Format, Login, NOW, SECRET, State, Temp, drive, interpose};

/// Every user needs a code and has one try, so the PAM code of that try is the one of the login.
const POLICY: &str = "version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\n";
const SERVICE: &str = "test";
const LOGIN: &str = "auth required MODULE root=ROOT first_factor=any\n\
                     account required MODULE root=ROOT\naccount required pam_permit.so\n";
const STACK: &str = "auth required MODULE root=ROOT\naccount required MODULE root=ROOT\n\
                     session required MODULE root=ROOT\npassword required MODULE root=ROOT\n";

/// The policy, the users and the service files of one test.
pub struct World {
    temp: Temp,
}

impl World {
    /// A world without users. The policy is `mandatory` with one try. The service `test` has only the module in each stack.
    pub fn new() -> Self {
        let world = Self { temp: Temp::new() };
        let open = ["pam.d", "root", "root/etc", "root/etc/twostep", "root/var", "root/var/lib"];
        open.iter().for_each(|path| world.folder(path, 0o755));
        let closed = ["", "/users", "/state"];
        closed.iter().for_each(|path| world.folder(&format!("root/var/lib/twostep{path}"), 0o700));
        symlink("../../pam.d", world.root().join("etc/pam.d")).unwrap();
        if Format::of_run() == Format::Two {
            plant(&world.format_path(), 0o600, b"2\n");
        }
        world.policy(POLICY).service(SERVICE, STACK);
        world
    }

    /// A world in which the second step is mandatory, no user is enrolled, and the service `login` enrolls users. Its
    /// account stack ends with `pam_permit`, because the module itself returns PAM_IGNORE there.
    pub fn newcomers(enrollment: &str) -> Self {
        let world = Self::new();
        let policy = format!(
            "version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\n[enrollment]\n{enrollment}"
        );
        world.policy(&policy).service("login", LOGIN);
        world
    }

    /// The same world with a password before the code: the services `test` and `login` come to the module only after
    /// `pam_unix.so` has accepted. Here that is `pam_permit.so` by another name.
    pub fn after_password(self) -> Self {
        let password = self.temp.join("pam_unix.so");
        symlink(modules().join("pam_permit.so"), &password).unwrap();
        let auth =
            format!("auth [success=1 default=ignore] {}\nauth requisite pam_deny.so\n", password.display());
        self.service(SERVICE, &format!("{auth}{STACK}")).service("login", &format!("{auth}{LOGIN}"));
        self
    }

    /// A login through all phases of the service `login`, with the randomness of user 0 of [`crate::paper`].
    pub fn newcomer(&self, user: &str) -> Login {
        self.login(user).service("login").at(NOW).randomness_of(0).whole()
    }

    /// The folder of the module's argument `root=`.
    pub fn root(&self) -> PathBuf {
        self.temp.join("root")
    }

    /// The folder with the service files.
    pub fn confdir(&self) -> PathBuf {
        self.temp.join("pam.d")
    }

    /// `/etc/twostep/policy.toml` below the root.
    pub fn policy_path(&self) -> PathBuf {
        self.root().join("etc/twostep/policy.toml")
    }

    /// The user's secret file.
    pub fn secret_path(&self, user: &str) -> PathBuf {
        self.root().join(format!("var/lib/twostep/users/{}.toml", uid(user)))
    }

    /// The user's state file.
    pub fn state_path(&self, user: &str) -> PathBuf {
        self.root().join(format!("var/lib/twostep/state/{}", uid(user)))
    }

    /// Replaces the policy.
    pub fn policy(&self, text: &str) -> &Self {
        plant(&self.policy_path(), 0o644, text.as_bytes());
        self
    }

    /// Replaces a service file. `MODULE` and `ROOT` are replaced by their paths.
    pub fn service(&self, name: &str, stack: &str) -> &Self {
        let module = build_dir().join("libpam_twostep.so");
        let stack =
            stack.replace("MODULE", module.to_str().unwrap()).replace("ROOT", self.root().to_str().unwrap());
        plant(&self.confdir().join(name), 0o644, stack.as_bytes());
        self
    }

    /// Enrolls the user with one authenticator, `phone`, and a state with nothing used up.
    pub fn enroll(&self, user: &str, secret: &str) -> &Self {
        self.enroll_with(user, &format!("[[authenticator]]\nlabel = \"phone\"\nsecret = \"{secret}\"\n"))
    }

    /// Enrolls the user with these `[[authenticator]]` tables.
    pub fn enroll_with(&self, user: &str, authenticators: &str) -> &Self {
        self.secret(user, authenticators).state(user, &State::new(uid(user), user))
    }

    /// Writes only the secret file.
    pub fn secret(&self, user: &str, authenticators: &str) -> &Self {
        let text = format!("version = 1\nuid = {}\nname = \"{user}\"\n\n{authenticators}", uid(user));
        plant(&self.secret_path(user), 0o600, text.as_bytes());
        self
    }

    /// Writes only the state file.
    pub fn state(&self, user: &str, state: &State) -> &Self {
        plant(&self.state_path(user), 0o600, &state.file());
        self
    }

    /// The newest valid state of the user.
    #[track_caller]
    pub fn state_of(&self, user: &str) -> State {
        State::parse(&fs::read(self.state_path(user)).unwrap()).expect("a valid slot")
    }

    /// The file that says which format new states have.
    pub fn format_path(&self) -> PathBuf {
        self.root().join("var/lib/twostep/format")
    }

    /// A login through the service `test`.
    pub fn login(&self, user: &str) -> Login {
        Login::new(self.confdir(), SERVICE, user)
    }

    /// Runs the real `twostep` command on these files.
    pub fn command(&self, arguments: &[&str]) -> Output {
        self.command_with(arguments).output().unwrap()
    }

    /// Runs the command with this clock and the randomness of this user. `typed` are the lines on its standard input.
    pub fn command_at(&self, now: i64, user: u8, arguments: &[&str], typed: &[String]) -> Output {
        let mut command = self.command_with(arguments);
        command
            .env("LD_PRELOAD", drive::preload())
            .env(interpose::CLOCK_VARIABLE, now.to_string())
            .env(interpose::USER_VARIABLE, user.to_string());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines: String = typed.iter().map(|line| format!("{line}\n")).collect();
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes()); // fails if the command ends before it asks
        child.wait_with_output().unwrap()
    }

    fn command_with(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(build_dir().join("twostep"));
        command.arg("--root").arg(self.root()).args(arguments);
        command
    }

    /// The paths and contents of the files in the folders `users` and `state`.
    pub fn files_of_store(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.root().join("var/lib/twostep"), &mut files);
        files
    }

    /// The paths and contents of all files below the root, sorted.
    pub fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.root(), &mut files);
        files.sort();
        files
    }

    fn folder(&self, path: &str, mode: u32) {
        let path = self.temp.join(path);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
}

impl Default for World {
    /// A world with one user, `games`, enrolled with [`SECRET`].
    fn default() -> Self {
        let world = Self::new();
        world.enroll("games", SECRET);
        world
    }
}

/// The folder of libpam's modules.
fn modules() -> PathBuf {
    let libraries = ["/usr/lib", "/usr/lib64", "/lib", "/lib64"].map(PathBuf::from);
    let below =
        |folder: &PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = libraries.iter().flat_map(|folder| below(folder).chain([folder.clone()]));
    let mut security = folders.map(|folder| folder.join("security"));
    security.find(|folder| folder.join("pam_permit.so").exists()).expect("libpam's modules")
}

/// The folder of the module and the command under test: the variable TWOSTEP_BUILD, or the workspace's release build.
pub fn build_dir() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "set by the user who runs the tests; nothing here is privileged"
    )]
    let dir =
        std::env::var_os("TWOSTEP_BUILD").map_or_else(|| workspace().join("target/release"), PathBuf::from);
    assert!(dir.join("libpam_twostep.so").exists(), "no module in {}: run `make build` first", dir.display());
    dir
}

/// The folder of the workspace's Cargo.toml.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().into()
}

/// The uid of an account.
pub fn uid(user: &str) -> u32 {
    let name = CString::new(user).unwrap();
    let mut entry = MaybeUninit::zeroed();
    let mut buffer = vec![0; 200 * 1024];
    let mut found = ptr::null_mut();
    // SAFETY: all pointers are valid, and the buffer has the given length.
    unsafe {
        interpose::getpwnam_r(
            name.as_ptr(),
            entry.as_mut_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut found,
        );
    }
    assert!(!found.is_null(), "the account {user} is needed");
    // SAFETY: `found` is not null, so it points to the entry that was filled in above.
    unsafe { (*found).pw_uid }
}

/// Writes a file with these contents at `path`, and replaces an existing one.
pub fn plant(path: &Path, mode: u32, contents: &[u8]) {
    // A new file, because ext4 flushes a file that is truncated and rewritten, which would slow the long sweeps down.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).unwrap();
    file.set_permissions(Permissions::from_mode(mode)).unwrap();
    file.write_all(contents).unwrap();
}

fn collect(dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
}
