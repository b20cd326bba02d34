//! After a login the memory of the host has no secret and no code. The tests search all writable memory of the process from
//! outside. The process runs `pamquiet`, which keeps no copy itself.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use twostep_tests::drive::pamdrive;
use twostep_tests::pam::*;
use twostep_tests::paper::{base32, long_code, recovery_bytes, recovery_code};
use twostep_tests::{Generator, NOW, SECRET, World};

/// The answer that makes `pamquiet` hang up.
const HANGS_UP: &str = "\x04";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A login in a separate process, whose memory can be read.
struct LoginSession {
    child: Child,
    keyboard: ChildStdin,
    screen: BufReader<ChildStdout>,
}

impl LoginSession {
    fn new(world: &World) -> Self {
        let mut child = Command::new(pamdrive().with_file_name("pamquiet"))
            .arg(world.confdir())
            .args(["login", "games", &NOW.to_string()])
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keyboard, screen) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, keyboard, screen }
    }

    /// The next text.
    fn read(&mut self) -> String {
        let mut text = Vec::new();
        self.screen.read_until(0, &mut text).unwrap();
        String::from_utf8(text).unwrap().trim_end_matches('\0').into()
    }

    fn answer(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    /// Reads all texts until the end of the login. Returns PAM's code.
    fn end(&mut self) -> i32 {
        loop {
            if let Some(code) = self.read().strip_prefix("code ") {
                return code.parse().unwrap();
            }
        }
    }

    /// The names of the `words` that are in the memory.
    fn found<'a>(&self, words: &'a [(String, Vec<u8>)]) -> Vec<&'a str> {
        let memory = memory(self.child.id());
        assert!(memory.iter().any(|part| contains(part, b"pamquiet")), "the memory can be read");
        let is_found = |word: &[u8]| memory.iter().any(|part| contains(part, word));
        words.iter().filter(|(_, word)| is_found(word)).map(|(name, _)| name.as_str()).collect()
    }
}

impl Drop for LoginSession {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// All writable memory of a process.
fn memory(pid: u32) -> Vec<Vec<u8>> {
    let file = File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let parts = maps.lines().filter(|line| line.split(' ').nth(1).unwrap().starts_with("rw"));
    parts
        .map(|line| {
            let (range, _) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
            let mut bytes = vec![0; (end - start) as usize];
            file.read_exact_at(&mut bytes, start).unwrap();
            bytes
        })
        .collect()
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn word(text: &str) -> (String, Vec<u8>) {
    (text.into(), text.into())
}

/// Ten bytes of a key or code: plain, and masked with 0x36 and 0x5c as HMAC does (RFC 2104).
fn forms_of_bytes(bytes: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
    [0, 0x36, 0x5c].into_iter().map(move |mask| {
        let masked: Vec<u8> = bytes.iter().map(|byte| byte ^ mask).collect();
        (format!("bytes {bytes:02x?}, masked with {mask:#x}"), masked)
    })
}

/// A key as stored, as shown, and as bytes.
fn forms_of_key(key: &str) -> Vec<(String, Vec<u8>)> {
    let groups: Vec<&str> = (0..16).step_by(4).map(|at| &key[at..at + 4]).collect();
    let texts = [word(&key[..16]), word(&key[16..]), word(&groups.join(" "))];
    base32(key, BASE32).chunks(10).flat_map(forms_of_bytes).chain(texts).collect()
}

fn forms_of_recovery_code(code: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    forms_of_bytes(bytes).chain([word(code), word(&code.replace('-', ""))]).collect()
}

#[test]
fn wipes_secret_and_code_after_login() {
    let app = Generator::default();
    for (answer, granted) in [(app.at(NOW), true), ("271828".to_owned(), false)] {
        let world = World::newcomers("");
        world.enroll("games", SECRET);
        let mut words = forms_of_key(SECRET);
        words.extend([-30, 0, 30].map(|offset| word(&app.at(NOW + offset))));
        words.push(word(&answer));
        let mut session = LoginSession::new(&world);
        assert_eq!(session.read(), "Verification code: ");
        assert_eq!(session.found(&words), Vec::<&str>::new(), "nothing is read before the prompt");
        session.answer(&answer);
        assert_eq!(session.end() == PAM_SUCCESS, granted);
        assert_eq!(session.found(&words), Vec::<&str>::new(), "granted: {granted}");
    }
}

/// libpam itself wipes PAM_AUTHTOK at the end of the auth phase.
#[test]
fn wipes_code_and_password_of_forward_pass() {
    let app = Generator::default();
    for (code, granted) in [(app.at(NOW), true), ("271828".to_owned(), false), (String::new(), false)] {
        let world = World::newcomers("");
        let line = "auth required MODULE root=ROOT forward_pass\naccount required MODULE root=ROOT\n";
        world.enroll("games", SECRET).service("login", &format!("{line}account required pam_permit.so\n"));
        let mut words = forms_of_key(SECRET);
        words.push(word("orrect horse battery stapl"));
        words.extend((!code.is_empty()).then(|| word(&code)));
        let mut session = LoginSession::new(&world);
        assert_eq!(session.read(), "Password and verification code: ");
        session.answer(&format!("correct horse battery staple{code}"));
        assert_eq!(session.end() == PAM_SUCCESS, granted);
        assert_eq!(session.found(&words), Vec::<&str>::new(), "granted: {granted}");
    }
}

#[test]
fn wipes_recovery_code_and_secret_after_login() {
    for (typed, granted) in [(recovery_code(1), true), (long_code(&[7; 10]), false)] {
        let world = World::newcomers("");
        world.enroll("games", SECRET);
        world.state("games", &world.state_of("games").with_recovery_codes(1));
        let bytes = if granted { recovery_bytes(1) } else { vec![7; 10] };
        let mut words = forms_of_key(SECRET);
        words.extend(forms_of_recovery_code(&typed, &bytes));
        let mut session = LoginSession::new(&world);
        session.read();
        session.answer(&typed);
        assert_eq!(session.end() == PAM_SUCCESS, granted);
        assert_eq!(session.found(&words), Vec::<&str>::new(), "granted: {granted}");
    }
}

/// The key on a screen, in groups of four.
fn key_on(screen: &str) -> String {
    let key = screen.lines().find_map(|line| line.strip_prefix("Key: ")).unwrap().replace(' ', "");
    assert_eq!(key.len(), 32, "{screen}");
    key
}

/// The recovery codes on a screen, with their numbers.
fn recovery_codes_on(screen: &str) -> Vec<(&str, &str)> {
    let words: Vec<&str> = screen.split_whitespace().collect();
    let codes = words.windows(2).filter(|pair| pair[1].len() == 19 && pair[1].matches('-').count() == 3);
    let codes: Vec<_> = codes.map(|pair| (pair[0].trim_end_matches('.'), pair[1])).collect();
    assert_eq!(codes.len(), 8, "{screen}");
    codes
}

fn bytes_of(recovery_code: &str) -> Vec<u8> {
    base32(&recovery_code.replace('-', ""), "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
}

/// The point at which the user stops.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    FirstCode,
    RecoveryCodes,
    End,
}

#[test]
fn wipes_key_and_codes_after_enrollment() {
    for until in [Until::FirstCode, Until::RecoveryCodes, Until::End] {
        let world = World::newcomers("");
        let mut session = LoginSession::new(&world);
        let key = key_on(&session.read());
        let mut words = forms_of_key(&key);
        let shown = session.found(&words);
        assert_eq!(shown.len(), 3, "the search finds both halves and the shown text: {shown:?}");
        let codes = [NOW, NOW + 30].map(|at| Generator::new(&key).at(at));
        let by_chance: Vec<String> =
            session.found(&codes.clone().map(|code| word(&code))).into_iter().map(str::to_owned).collect();
        words.extend(codes.iter().filter(|code| !by_chance.contains(code)).map(|code| word(code)));
        if until != Until::FirstCode {
            session.answer(&codes[0]);
            session.read();
            session.answer(&codes[1]);
            let screen = session.read();
            let recovery = recovery_codes_on(&screen);
            let forms = recovery.iter().flat_map(|(_, code)| forms_of_recovery_code(code, &bytes_of(code)));
            words.extend(forms);
            assert!(session.found(&words).contains(&recovery[0].1));
            let asked = screen.trim_end_matches(": ").rsplit(' ').next().unwrap();
            let (_, code) = recovery.iter().find(|(number, _)| *number == asked).unwrap();
            session.answer(if until == Until::End { &code[15..] } else { HANGS_UP });
        } else {
            session.answer(HANGS_UP);
        }
        assert_eq!(session.end() == PAM_SUCCESS, until == Until::End, "{until:?}");
        assert_eq!(world.secret_path("games").exists(), until == Until::End);
        assert_eq!(session.found(&words), Vec::<&str>::new(), "{until:?}");
    }
}
