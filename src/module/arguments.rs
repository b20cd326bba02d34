//! The arguments of the PAM line. A mistake is an error, never a default.

use std::ffi::CStr;
use std::fmt;
use std::path::Path;

use twostep_core::fault::Fault;
use twostep_core::login::audit::Value;
use twostep_core::login::auth_phase::{FirstFactor, LineOptions, LineQuestion};
use twostep_core::os::root::Root;
use twostep_core::policy::METHODS;

/// The arguments of one PAM line.
pub(crate) enum Arguments {
    /// The line asks for a second step.
    Step {
        /// `root=DIR`: the directory below which all files are; without it, the machine's own root.
        root: Root,
        /// `first_factor=METHOD`: the method that sshd must have accepted before. `forward_pass`: one question for
        /// password and code. `awaiting_keep`: a text for users of a change that waits.
        options: LineOptions,
    },
    /// `sshd_accepted=METHOD`: the line asks nobody, and returns whether sshd has accepted this method.
    SshdAccepted(String),
}

/// What is wrong with the arguments of a PAM line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ArgumentError {
    /// This word is not an argument of the module.
    Unknown(String),
    /// This argument is given twice.
    Twice(String),
    /// `root=` names a folder that cannot be used.
    Root(Fault),
    /// `first_factor=` is neither `any` nor a method of sshd.
    FirstFactor(String),
    /// `sshd_accepted=` is no method of sshd.
    SshdAccepted(String),
    /// `sshd_accepted=` is beside another argument.
    NotAlone,
    /// `sshd_accepted=` is in an account line.
    AuthAlone,
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(argument) => {
                write!(f, "unknown module argument {}: run 'twostep doctor'", Value(argument))
            }
            Self::Twice(key) => write!(f, "module argument {key} is given twice"),
            Self::Root(fault) => write!(f, "root={fault}"),
            Self::FirstFactor(value) => {
                write!(f, "first_factor must be any or one of {}, not {}", METHODS.join(", "), Value(value))
            }
            Self::SshdAccepted(value) => {
                write!(f, "sshd_accepted must be one of {}, not {}", METHODS.join(", "), Value(value))
            }
            Self::NotAlone => f.write_str("sshd_accepted allows no other argument"),
            Self::AuthAlone => f.write_str("sshd_accepted is for auth lines alone"),
        }
    }
}

impl std::error::Error for ArgumentError {}

impl Arguments {
    /// Parses the arguments of the PAM line.
    pub(crate) fn parse(args: &[&CStr]) -> Result<Self, ArgumentError> {
        let (mut root, mut first_factor, mut question, mut awaits_keep) = (None, None, None, false);
        for arg in args {
            let unknown = || ArgumentError::Unknown(arg.to_string_lossy().into_owned());
            let text = arg.to_str().map_err(|_| unknown())?;
            let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
            match (key, value) {
                ("root", Some(value)) if root.is_none() => {
                    root = Some(Root::at(Path::new(value)).map_err(ArgumentError::Root)?);
                }
                ("first_factor", Some(value)) if first_factor.is_none() => {
                    first_factor = Some(parse_first_factor(value)?);
                }
                ("forward_pass", None) if question.is_none() => {
                    question = Some(LineQuestion::PasswordAndCode);
                }
                ("sshd_accepted", Some(method)) => return parse_sshd_accepted(method, args.len()),
                ("awaiting_keep", None) if !awaits_keep => awaits_keep = true,
                ("root" | "first_factor", Some(_)) | ("forward_pass" | "awaiting_keep", None) => {
                    return Err(ArgumentError::Twice(key.to_owned()));
                }
                _ => return Err(unknown()),
            }
        }
        let options = LineOptions {
            first_factor: first_factor.unwrap_or_default(),
            question: question.unwrap_or_default(),
            awaits_keep,
        };
        Ok(Self::Step { root: root.unwrap_or(Root::SYSTEM), options })
    }
}

/// `arguments` is how many the line has.
fn parse_sshd_accepted(method: &str, arguments: usize) -> Result<Arguments, ArgumentError> {
    if arguments > 1 {
        return Err(ArgumentError::NotAlone);
    }
    if !METHODS.contains(&method) {
        return Err(ArgumentError::SshdAccepted(method.to_owned()));
    }
    Ok(Arguments::SshdAccepted(method.to_owned()))
}

fn parse_first_factor(value: &str) -> Result<FirstFactor, ArgumentError> {
    if value == "any" {
        return Ok(FirstFactor::Any);
    }
    if METHODS.contains(&value) {
        return Ok(FirstFactor::Method(value.to_owned()));
    }
    Err(ArgumentError::FirstFactor(value.to_owned()))
}
