//! `twostep enroll`: a new secret. It is shown once, and stored after two consecutive codes; with --json, which is for root and
//! scripts, it is stored at once.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twostep_core::dialogue::enroll::IssuedEnrollment;
use twostep_core::dialogue::qr;
use twostep_core::manage::request::ManageRequest;

use crate::administrator::Administrator;
use crate::caller::{Caller, named};
use crate::failure::Failure;
use crate::naming::OneUser;
use crate::terminal::{Terminal, say};
use crate::words::enroll as words;
use crate::words::naming::which_user_then;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    user: OneUser,
    /// A name for this phone or app
    #[arg(long, value_name = "LABEL", default_value = "phone")]
    label: String,
    /// Show no QR code, only text
    #[arg(long, conflicts_with = "json")]
    text: bool,
    /// For root and scripts: ask nothing, enroll at once,
    /// print URI, key and recovery codes as JSON
    #[arg(long, verbatim_doc_comment)]
    json: bool,
    /// With --json: write the QR code to a new file, an SVG
    /// that only root can read, instead of URI and key
    #[arg(long, value_name = "FILE", requires = "json", verbatim_doc_comment)]
    qr: Option<PathBuf>,
}

/// What is printed. The names of the fields are those of the JSON.
#[derive(Serialize)]
struct HandedOver<'a> {
    user: &'a str,
    authenticator: &'a str,
    uri: Option<&'a str>,
    key: Option<&'a str>,
    qr: Option<&'a Path>,
    recovery_codes: Vec<&'a str>,
}

pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.json {
        let Caller::Administrator(administrator) = caller else {
            return Err(Failure::refused(
                words::ONLY_ROOT_WITHOUT_DIALOGUE,
                words::ONLY_ROOT_WITHOUT_DIALOGUE_THEN,
            ));
        };
        return issue(administrator, arguments);
    }
    let screen = Terminal::screen(arguments.text);
    let user = arguments.user.name()?;
    caller.run("enroll", user, ManageRequest::Enroll(arguments.label.clone(), screen))
}

/// The QR code is written and the JSON printed before the secret is stored: a secret that was not shown enrolls no user.
fn issue(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let user = named(arguments.user.name()?, which_user_then("enroll"))?;
    let account = administrator.account(user)?;
    let mut picture = None;
    administrator.with_context(&account, |context, frontend| {
        context.issue(frontend, &arguments.label, |issued| {
            picture = arguments.qr.as_deref().map(|file| Picture::write(file, &issued.uri)).transpose()?;
            say(&json(user, arguments, issued)?)
        })
    })?;
    picture.into_iter().for_each(Picture::keep);
    Ok(())
}

fn json(user: &str, arguments: &Arguments, issued: &IssuedEnrollment) -> Result<String, Failure> {
    let without_picture = arguments.qr.is_none();
    let handed_over = HandedOver {
        user,
        authenticator: &arguments.label,
        uri: without_picture.then_some(issued.uri.as_str()),
        key: without_picture.then_some(issued.key.as_str()),
        qr: arguments.qr.as_deref(),
        recovery_codes: issued.recovery_codes.iter().map(|code| code.as_str()).collect(),
    };
    serde_json::to_string_pretty(&handed_over).map_err(|error| Failure::unavailable(error.to_string(), ""))
}

/// A file with the QR code. It is removed if no user was enrolled.
struct Picture<'a> {
    file: &'a Path,
    kept: bool,
}

impl<'a> Picture<'a> {
    /// Writes a file that did not exist before, so that no other program has it open and no link leads elsewhere.
    fn write(file: &'a Path, uri: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::refused(words::picture_failed(file.display(), error), words::PICTURE_FAILED_THEN)
        };
        let svg = qr::svg(uri).ok_or_else(|| Failure::unavailable(words::URI_TOO_LONG, ""))?;
        let mut new =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
        let picture = Self { file, kept: false };
        new.write_all(svg.as_bytes()).and_then(|()| new.sync_all()).map_err(failed)?;
        Ok(picture)
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Picture<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(self.file); // its key is worth nothing
        }
    }
}
